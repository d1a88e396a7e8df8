//! Putting the store together at start, and opening single partitions.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kq_storage::vfs::Vfs;
use kq_storage::{Log, OpenFiles, Recovered, StorageError, read_identity};
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use uuid::Uuid;

use super::super::inventory::Inventory;
use super::super::parallel::in_parallel_by;
use super::super::partition::{Parts, Registered};
use super::super::stray::Found;
use super::super::syncer::Syncer;
use super::super::topic_rules::TopicRules;
use super::super::{Clock, Follows, Hearing, LogDir, Partition, PartitionError, home};
use super::{Partitions, Slot};
use crate::catalogue::StaticConfig;
use crate::config::BrokerConfig;
use crate::ids::{BrokerId, PartitionId};
use crate::metadata::PartitionImage;
use crate::observe::Metrics;
use crate::raft::KnownEnd;

/// Logs that are opened or made before they are synced; their written files stay open until then.
const OPENED_AT_ONCE_MAX: usize = 500;

/// What the store is made of.
#[derive(Debug)]
pub struct StoreParts {
    /// The file system.
    pub fs: Arc<dyn Vfs>,
    /// The configuration.
    pub config: Arc<BrokerConfig>,
    /// The same, as the catalogue of keys takes it.
    pub fixed: StaticConfig,
    /// The log directories with their identities; they exist.
    pub dirs: Vec<(PathBuf, Uuid)>,
    /// Files that may be open at one time.
    pub open_files_max: usize,
    /// The time.
    pub clock: Clock,
    /// Counters.
    pub metrics: Arc<Metrics>,
}

/// A partition to be opened.
#[derive(Debug, Clone)]
pub(in crate::runtime) struct Order {
    pub(in crate::runtime) id: PartitionId,
    pub(in crate::runtime) topic: Arc<str>,
    pub(in crate::runtime) hidden: bool,
    pub(in crate::runtime) image: Arc<PartitionImage>,
    pub(in crate::runtime) registered: Registered,
    pub(in crate::runtime) rules: TopicRules,
}

impl Partitions {
    /// A store over these directories; partitions come with the first image.
    pub fn start(parts: StoreParts) -> Result<Arc<Self>, String> {
        let StoreParts { fs, config, fixed, dirs, open_files_max, clock, metrics } = parts;
        let inventory = Inventory::open(Arc::clone(&fs), &config.data_dir);
        let inventory = inventory.map_err(|err| err.to_string())?;
        let dirs: Vec<_> = dirs
            .into_iter()
            .map(|(path, id)| {
                let meter = metrics.sync_meter(&path);
                LogDir::new(path, id, Arc::clone(&fs), meter)
            })
            .collect();
        let broker = BrokerId(config.node_id);
        let found = Found::scan(&dirs)?;
        let start = |dir| Syncer::start(dir, config.sync_threads, clock);
        let syncers = dirs.iter().map(start).collect::<Result<Vec<_>, _>>();
        let syncers = syncers.map_err(|err| format!("cannot start the sync threads: {err}"))?;
        let store = Arc::new(Self {
            slots: RwLock::default(),
            files: OpenFiles::new(Arc::clone(&fs), open_files_max),
            fs,
            broker,
            config,
            fixed,
            clock,
            meters: Mutex::default(),
            inventory: Mutex::new(inventory),
            found: Mutex::new(found),
            syncers: Mutex::new(syncers),
            image: Mutex::default(),
            applied: watch::Sender::new(0),
            follows: Follows::default(),
            wishes: Arc::default(),
            hearing: Arc::new(Hearing::new(broker)),
            cleaner: Arc::default(),
            dirs,
        });
        store.tell_when_offline();
        Ok(store)
    }

    /// An entry that the metadata log must reach, as far as the data directory tells.
    pub fn known_end(fs: Arc<dyn Vfs>, data_dir: &Path) -> Result<Option<KnownEnd>, String> {
        let inventory = Inventory::open(fs, data_dir).map_err(|err| err.to_string())?;
        Ok(inventory.known_end())
    }

    /// A directory that goes offline takes its partitions with it.
    fn tell_when_offline(self: &Arc<Self>) {
        for dir in &self.dirs {
            let store = Arc::downgrade(self);
            let path = dir.path().to_owned();
            dir.when_offline(move |why| {
                let Some(store) = store.upgrade() else { return };
                let here = |it: &Arc<Partition>| it.log_dir().path() == path;
                let here: Vec<_> = store.all().into_iter().filter(here).collect();
                store.wishes.fail(here.iter().map(|it| it.id()));
                for partition in here {
                    store.follows.leave(partition.id());
                    // Its log is dropped as it is: what it holds unsynced is not to be trusted.
                    drop(partition.stop(why.clone()));
                }
            });
        }
    }

    /// Opens or makes the logs of these partitions, and puts those that are sound into service.
    ///
    /// First all files are opened or made, then all is synced: the journal of the file system
    /// commits what one sync asks for together with all the rest, so that the syncs of thousands
    /// of new partitions cost few commits.
    pub(in crate::runtime) fn open_slots(&self, orders: &[Order]) -> Vec<(PartitionId, Slot)> {
        let mut slots = Vec::with_capacity(orders.len());
        // A log that was made or recovered has at most two files that wait for its sync.
        let at_once = (self.files.open_max() / 2).clamp(1, OPENED_AT_ONCE_MAX);
        for some in orders.chunks(at_once) {
            let threads = self.threads();
            let open = |order| (order, self.open(order));
            let home = |order: &&Order| self.found.lock().dir_of(order.id);
            let opened = in_parallel_by(threads, some.iter().collect(), home, open);
            let serve = |(order, opened): (&Order, _)| (order.id, self.serve(order, opened));
            slots.extend(in_parallel_by(threads, opened, dir_of_opened, serve));
        }
        slots
    }

    /// Opens or makes a log. What is new of it is not stable yet.
    fn open(&self, order: &Order) -> Result<(Arc<LogDir>, Log), PartitionError> {
        let found = self.found.lock().take(order.id);
        match found {
            Some((dir, path)) => {
                let log = self.open_log(order, &dir, path)?;
                Ok((dir, log))
            }
            None => self.create_log(order),
        }
    }

    /// Makes stable what is not, then serves; a failure takes the partition's place in the store.
    fn serve(&self, order: &Order, opened: Result<(Arc<LogDir>, Log), PartitionError>) -> Slot {
        let synced = opened.and_then(|(dir, mut log)| sync(&mut log, &dir).map(|()| (dir, log)));
        let (dir, log) = match synced {
            Ok(synced) => synced,
            Err(why) => {
                let partition = format!("{}-{}", order.topic, order.id.index);
                tracing::error!(partition, id = %order.id, %why, "partition cannot be served");
                return Slot::Failed(why);
            }
        };
        let partition = Partition::new(Parts {
            id: order.id,
            me: self.broker,
            topic: Arc::clone(&order.topic),
            dir,
            clock: self.clock,
            wishes: Arc::clone(&self.wishes),
            hearing: Arc::clone(&self.hearing),
            meter: self.meter_of(order.id.topic, &order.topic),
            log,
            image: &order.image,
            registered: order.registered.clone(),
            rules: order.rules.replica,
            sync_rules: order.rules.sync,
        });
        partition.set_hidden(order.hidden);
        Slot::Serving(partition)
    }

    /// Opens a log that was there at the start.
    fn open_log(&self, order: &Order, dir: &LogDir, path: PathBuf) -> Result<Log, PartitionError> {
        let config = order.rules.log.clone();
        match read_identity(self.fs.as_ref(), &path).map_err(|err| not_served(&err))? {
            Some(identity) if identity == home::identity(order.id) => {}
            Some(_) => {
                let path = path.display();
                return Err(not_served(&format!("{path} says that it is another partition's")));
            }
            None if self.inventory.lock().contains(order.id) => {
                let path = path.display();
                return Err(lost(&format!("{path} is empty: its records are lost")));
            }
            None => {
                // A crash while it was made: nothing was ever written to it.
                self.fs.remove_dir_all(&path).map_err(|err| cannot_make(&path, &err))?;
                return self.new_log(order, dir, path);
            }
        }
        let opened = Log::open(Arc::clone(&self.files), path, config, self.clock.now());
        let (log, recovered) = opened.map_err(|err| match err {
            StorageError::Corrupt { .. } | StorageError::Missing { .. } => lost(&err),
            StorageError::Io { .. }
            | StorageError::Offline(_)
            | StorageError::UnknownVersion { .. } => not_served(&err),
        })?;
        if recovered != Recovered::default() {
            let index = order.id.index;
            tracing::info!(topic = %order.topic, %index, ?recovered, "log recovered");
        }
        Ok(log)
    }

    fn create_log(&self, order: &Order) -> Result<(Arc<LogDir>, Log), PartitionError> {
        let name = home::dir_name(&order.topic, order.id);
        if self.inventory.lock().contains(order.id) {
            return Err(lost(&format!("directory {name} is missing: its records are lost")));
        }
        let dir = self.least_used_dir()?;
        let log = self.new_log(order, &dir, dir.path().join(name))?;
        dir.add_home();
        Ok((dir, log))
    }

    /// Makes a log; nothing of it is stable before its first sync.
    fn new_log(&self, order: &Order, dir: &LogDir, path: PathBuf) -> Result<Log, PartitionError> {
        let (identity, config) = (home::identity(order.id), order.rules.log.clone());
        let (files, now) = (Arc::clone(&self.files), self.clock.now());
        let made = Log::create(files, path.clone(), identity, config, now);
        made.map_err(|err| {
            // What is left of it must not be in the way of the next try.
            let _ = self.fs.remove_dir_all(&path);
            dir.write_failed(&err)
        })
    }

    fn least_used_dir(&self) -> Result<Arc<LogDir>, PartitionError> {
        let online = self.dirs.iter().filter(|dir| dir.offline().is_none());
        let none = || PartitionError::Offline("all log directories are offline".into());
        online.min_by_key(|dir| dir.homes()).cloned().ok_or_else(none)
    }
}

type Opened<'a> = (&'a Order, Result<(Arc<LogDir>, Log), PartitionError>);

fn dir_of_opened((_, opened): &Opened<'_>) -> Option<PathBuf> {
    opened.as_ref().ok().map(|(dir, _)| dir.path().to_owned())
}

/// Syncs a log that nobody else has yet: one that is new, or one that outlived a crash. What it
/// holds was in the page cache perhaps, and readers have seen it; it is made stable before the
/// first of them comes back.
fn sync(log: &mut Log, dir: &LogDir) -> Result<(), PartitionError> {
    let Some(work) = log.begin_sync() else { return Ok(()) };
    if let Err(offline) = log.finish_sync(work.run()) {
        dir.take_offline(&offline);
        return Err(not_served(&offline));
    }
    log.note_synced();
    Ok(())
}

fn lost(why: &dyn fmt::Display) -> PartitionError {
    PartitionError::Lost(format!("partition is not served: {why}").into())
}

fn not_served(why: &dyn fmt::Display) -> PartitionError {
    PartitionError::Offline(format!("partition is not served: {why}").into())
}

fn cannot_make(path: &Path, why: &dyn fmt::Display) -> PartitionError {
    PartitionError::Storage(format!("cannot make {}: {why}", path.display()).into())
}
