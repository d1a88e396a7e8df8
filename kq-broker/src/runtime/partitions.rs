//! All partitions that this broker holds, and the directories they live in.

mod open;

pub(super) use open::Order;
pub use open::StoreParts;

use std::collections::BTreeMap;
#[expect(
    clippy::disallowed_types,
    reason = "looked up on every request, never iterated for order"
)]
use std::collections::HashMap;
use std::sync::Arc;

use kq_storage::OpenFiles;
use kq_storage::vfs::Vfs;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use super::inventory::Inventory;
use super::parallel::in_parallel_by;
use super::stray::Found;
use super::syncer::Syncer;
use super::topic_meter::{TopicCounts, TopicMeter};
use super::wishes::Wishes;
use super::{CleanerBoard, Clock, Follows, Hearing, LogDir, Partition, PartitionError, Stalled};
use crate::catalogue::StaticConfig;
use crate::config::BrokerConfig;
use crate::env;
use crate::ids::{BrokerId, PartitionId, TopicId};
use crate::metadata::{MetadataImage, TimestampMs};
use crate::replica::{CutOff, Input};

/// A log that is due for so long and is not compacted is stalled.
const STALL_MS: i64 = 15 * 60 * 1_000;

/// What this broker has of a partition that the metadata gives it.
#[derive(Debug, Clone)]
pub(super) enum Slot {
    /// It is served.
    Serving(Arc<Partition>),
    /// It is not: its files are lost, damaged, or could not be made.
    Failed(PartitionError),
}

/// A topic's name with its counters.
type NamedMeter = (Arc<str>, Arc<TopicMeter>);

/// The partitions of one broker.
#[derive(Debug)]
pub struct Partitions {
    #[expect(clippy::disallowed_types, reason = "looked up on every request, sorted where shown")]
    pub(super) slots: RwLock<HashMap<PartitionId, Slot>>,
    pub(super) dirs: Vec<Arc<LogDir>>,
    pub(super) files: Arc<OpenFiles>,
    pub(super) fs: Arc<dyn Vfs>,
    pub(super) config: Arc<BrokerConfig>,
    pub(super) fixed: StaticConfig,
    pub(super) clock: Clock,
    pub(super) broker: BrokerId,
    pub(super) meters: Mutex<BTreeMap<TopicId, NamedMeter>>,
    pub(super) inventory: Mutex<Inventory>,
    /// Directories that were there at the start; each is taken once, when its partition opens.
    pub(super) found: Mutex<Found>,
    pub(super) syncers: Mutex<Vec<Syncer>>,
    /// The image that stands in files; locked while the next one is brought there.
    pub(super) image: Mutex<Arc<MetadataImage>>,
    pub(super) applied: watch::Sender<u64>,
    pub(super) follows: Follows,
    pub(super) wishes: Arc<Wishes>,
    pub(super) hearing: Arc<Hearing>,
    pub(super) cleaner: Arc<CleanerBoard>,
}

impl Partitions {
    /// The partition, if this broker leads it.
    pub fn get(&self, id: PartitionId) -> Result<Arc<Partition>, PartitionError> {
        match self.slots.read().get(&id) {
            Some(Slot::Serving(partition)) if partition.is_hidden() => Err(PartitionError::Unknown),
            Some(Slot::Serving(partition)) if partition.leads() => Ok(Arc::clone(partition)),
            Some(Slot::Serving(_)) => Err(PartitionError::NotLeader),
            Some(Slot::Failed(why)) => Err(why.clone()),
            None => Err(PartitionError::Unknown),
        }
    }

    /// This broker's replica of the partition, whatever its role, also while its topic is hidden.
    pub fn replica(&self, id: PartitionId) -> Result<Arc<Partition>, PartitionError> {
        match self.slots.read().get(&id) {
            Some(Slot::Serving(partition)) => Ok(Arc::clone(partition)),
            Some(Slot::Failed(why)) => Err(why.clone()),
            None => Err(PartitionError::Unknown),
        }
    }

    /// What this broker follows, and from whom.
    pub fn follows(&self) -> &Follows {
        &self.follows
    }

    /// What is known of compaction, and asked of it.
    pub fn cleaner(&self) -> &CleanerBoard {
        &self.cleaner
    }

    /// Logs that are due for compaction, and have been for long, or that cannot be compacted.
    pub fn stalled_compactions(&self) -> Vec<Stalled> {
        let before = TimestampMs(self.clock.now().0.saturating_sub(STALL_MS));
        self.cleaner.stalled(before, !self.config.cleaner_enable)
    }

    /// The time of day, as this broker has it.
    pub fn now(&self) -> TimestampMs {
        self.clock.now()
    }

    /// Whom this broker hears.
    pub fn hearing(&self) -> &Hearing {
        &self.hearing
    }

    /// Takes over what this broker takes itself for, and tells all who wait at partitions that others
    /// may lead now; true if that is news.
    pub(crate) fn conclude(&self, verdict: Option<CutOff>) -> bool {
        let is_news = self.hearing.conclude(verdict);
        if is_news {
            self.all().iter().for_each(|partition| partition.leave_if_cut_off());
        }
        is_news
    }

    pub(super) fn wishes(&self) -> &Wishes {
        &self.wishes
    }

    /// Tells a leading replica of something; one that leads no longer does not care.
    pub(super) fn tell(&self, id: PartitionId, input: Input) {
        if let Ok(partition) = self.replica(id) {
            partition.tell(input);
        }
    }

    /// Time has passed for a leading replica.
    pub(super) fn tick(&self, id: PartitionId) {
        if let Ok(partition) = self.replica(id) {
            partition.tick();
        }
    }

    /// All that are served, led and followed, in the order of their ids.
    pub fn all(&self) -> Vec<Arc<Partition>> {
        let slots = self.slots.read();
        let serving = slots.values().filter_map(|slot| match slot {
            Slot::Serving(partition) => Some(Arc::clone(partition)),
            Slot::Failed(_) => None,
        });
        let mut all: Vec<_> = serving.collect();
        drop(slots);
        all.sort_unstable_by_key(|partition| partition.id());
        all
    }

    /// Partitions that the metadata gives this broker and that it cannot serve, with the reasons.
    pub fn failed(&self) -> Vec<(PartitionId, PartitionError)> {
        let slots = self.slots.read();
        let failed = slots.iter().filter_map(|(id, slot)| match slot {
            Slot::Serving(_) => None,
            Slot::Failed(why) => Some((*id, why.clone())),
        });
        let mut all: Vec<_> = failed.collect();
        drop(slots);
        all.sort_unstable_by_key(|(id, _)| *id);
        all
    }

    /// The directories, in the order of the configuration.
    pub fn log_dirs(&self) -> &[Arc<LogDir>] {
        &self.dirs
    }

    /// Waits until the metadata of this raft index stands in files and is served.
    pub async fn wait_applied(&self, index: u64) {
        let mut applied = self.applied.subscribe();
        // It ends only with the broker, and then nobody is left to be answered.
        let _ = applied.wait_for(|it| index <= *it).await;
    }

    /// Tells of each raft index up to which the metadata stands in files and roles.
    pub(super) fn subscribe_applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    /// The raft index up to which the metadata stands in files.
    pub fn applied(&self) -> u64 {
        *self.applied.borrow()
    }

    /// The topics that were written or read, with their counters, in the order of their ids.
    pub fn meters(&self) -> Vec<NamedMeter> {
        self.meters.lock().values().cloned().collect()
    }

    /// Ends service: what waits is told so, every log is synced and left clean. True if all were.
    pub async fn shutdown(self: &Arc<Self>) -> bool {
        let this = Arc::clone(self);
        env::spawn_blocking(move || this.close_all()).await.unwrap_or(false)
    }

    fn close_all(&self) -> bool {
        for syncer in self.syncers.lock().drain(..) {
            syncer.stop();
        }
        let close = |partition: Arc<Partition>| match partition.close() {
            Ok(()) => true,
            Err(err) => {
                tracing::error!(?partition, %err, "partition was not left clean");
                false
            }
        };
        let dir = |partition: &Arc<Partition>| partition.log_dir().path().to_owned();
        in_parallel_by(self.threads(), self.all(), dir, close).into_iter().all(|clean| clean)
    }

    /// Threads for opening and closing many partitions of one directory at once.
    pub(super) fn threads(&self) -> usize {
        match self.config.recovery_threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            count => count,
        }
    }

    /// What was counted of each topic that is held here, in the order of their ids.
    pub fn topic_counts(&self) -> Vec<(TopicId, TopicCounts)> {
        self.meters.lock().iter().map(|(id, (_, meter))| (*id, meter.counts())).collect()
    }

    pub(super) fn meter_of(&self, topic: TopicId, name: &Arc<str>) -> Arc<TopicMeter> {
        let mut meters = self.meters.lock();
        let (_, meter) = meters.entry(topic).or_insert_with(|| (name.clone(), Arc::default()));
        Arc::clone(meter)
    }
}
