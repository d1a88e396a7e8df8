//! One partition as this broker holds it: its log, its replica core and those who wait for it,
//! behind one lock that is held for short.

mod append;
mod compact;
mod follow;
mod intake;
mod life;
mod look_up;
mod read;
mod replicate;
mod role;
mod state;
mod sync;
#[cfg(test)]
mod sync_test;
mod wait;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kq_storage::Log;
use parking_lot::Mutex;

use self::role::Standing;
use self::state::{Desk, State};
use super::topic_meter::TopicMeter;
use super::wishes::Wishes;
use super::{Clock, Hearing, LogDir};
use crate::ids::{BrokerId, PartitionId, PartitionIndex};
use crate::metadata::PartitionImage;
use crate::replica::Rules;

pub use self::append::producer_of;
pub use self::compact::CompactionStanding;
pub(super) use self::compact::{PassFailed, Placed};
pub(super) use self::role::{Assigned, Registered};
pub(super) use self::state::SyncRules;

/// A replica of a partition: this broker leads it or follows its leader.
pub struct Partition {
    id: PartitionId,
    me: BrokerId,
    topic: Arc<str>,
    dir: Arc<LogDir>,
    clock: Clock,
    meter: Arc<TopicMeter>,
    /// What the role under the lock is, for those who look without it.
    leads: AtomicBool,
    /// Whether a replica is out of sync that the partition has and is not only being given.
    lacks_replicas: AtomicBool,
    /// Whether any replica is, also one that is only being given.
    awaits_replicas: AtomicBool,
    /// Its topic waits for its purge: it is kept, but nobody finds it.
    hidden: AtomicBool,
    state: Mutex<State>,
}

/// What a partition is made of.
pub(super) struct Parts<'a> {
    pub(super) id: PartitionId,
    pub(super) me: BrokerId,
    pub(super) topic: Arc<str>,
    pub(super) dir: Arc<LogDir>,
    pub(super) clock: Clock,
    pub(super) meter: Arc<TopicMeter>,
    pub(super) wishes: Arc<Wishes>,
    pub(super) hearing: Arc<Hearing>,
    pub(super) log: Log,
    pub(super) image: &'a PartitionImage,
    pub(super) registered: Registered,
    pub(super) rules: Rules,
    pub(super) sync_rules: SyncRules,
}

impl Partition {
    pub(super) fn new(mut parts: Parts<'_>) -> Arc<Self> {
        let Parts { me, image, rules, sync_rules, .. } = parts;
        if image.leader == Some(me) {
            parts.log.begin_epoch(image.leader_epoch);
        }
        let standing = Standing {
            log_start: parts.log.log_start(),
            synced_end: parts.log.synced_end(),
            log_end: parts.log.log_end(),
            high_watermark: None,
        };
        let now = parts.clock.elapsed();
        let role = role::role_of(me, (image, parts.registered), rules, standing, now);
        let desk = Desk { id: parts.id, wishes: parts.wishes, hearing: parts.hearing };
        let state = State::new(parts.log, role, rules, sync_rules, desk);
        Arc::new(Self {
            id: parts.id,
            me,
            topic: parts.topic,
            dir: parts.dir,
            clock: parts.clock,
            meter: parts.meter,
            leads: AtomicBool::new(image.leader == Some(me)),
            lacks_replicas: AtomicBool::new(image.is_under_replicated()),
            awaits_replicas: AtomicBool::new(image.awaits_replicas()),
            hidden: AtomicBool::new(false),
            state: Mutex::new(state),
        })
    }

    /// Which partition of which topic.
    pub fn id(&self) -> PartitionId {
        self.id
    }

    /// Its place in its topic.
    pub fn index(&self) -> PartitionIndex {
        self.id.index
    }

    /// The topic's name.
    pub fn topic(&self) -> &Arc<str> {
        &self.topic
    }

    /// The log directory it lives in.
    pub fn log_dir(&self) -> &Arc<LogDir> {
        &self.dir
    }

    /// Counts what happens to its topic.
    pub fn meter(&self) -> &Arc<TopicMeter> {
        &self.meter
    }

    fn lacks_replicas(&self) -> bool {
        self.lacks_replicas.load(Ordering::Acquire)
    }

    fn awaits_replicas(&self) -> bool {
        self.awaits_replicas.load(Ordering::Acquire)
    }

    pub(super) fn is_hidden(&self) -> bool {
        self.hidden.load(Ordering::Acquire)
    }

    pub(super) fn set_hidden(&self, hidden: bool) {
        self.hidden.store(hidden, Ordering::Release);
        self.state.lock().watchers.interrupt();
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Partition({}-{})", self.topic, self.id.index)
    }
}
