//! One directory of partitions: its sync threads, and whether it can still be trusted.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use kq_storage::vfs::{Space, Vfs};
use uuid::Uuid;

use super::PartitionError;
use super::partition::Partition;
use super::sync_queue::SyncQueue;
use crate::observe::SyncMeter;

/// A log directory.
pub struct LogDir {
    path: PathBuf,
    id: Uuid,
    fs: Arc<dyn Vfs>,
    queue: SyncQueue<Arc<Partition>>,
    meter: SyncMeter,
    /// Producers that sync on their own threads at this moment.
    here: AtomicUsize,
    /// Partitions that were found or made here since the start.
    homes: AtomicUsize,
    /// Set once, when a sync or a write failed; nothing in here is served from then on.
    offline: OnceLock<Arc<str>>,
    /// Called once, when the directory goes offline.
    on_offline: OnceLock<Box<dyn Fn(PartitionError) + Send + Sync>>,
}

/// Producers that may sync on their own threads at one time: a disk that hangs must not take all
/// threads that serve.
const HERE_MAX: usize = 2;

/// The room that lets a replica follow again which had none as leader: less would be used up at once.
const ROOM_BYTES: u64 = 4 << 20;

/// A producer's turn to sync on its own thread.
#[derive(Debug)]
pub(super) struct TurnHere<'a>(&'a AtomicUsize);

impl Drop for TurnHere<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A log directory as `DescribeLogDirs` shows it.
#[derive(Debug, Clone)]
pub struct LogDirDescription {
    /// Where it is.
    pub path: PathBuf,
    /// Its identity, kept in the directory.
    pub id: Uuid,
    /// Why it is not served, if so.
    pub offline: Option<Arc<str>>,
    /// The room on its volume; none when the system did not tell.
    pub space: Option<Space>,
}

impl LogDir {
    pub(super) fn new(path: PathBuf, id: Uuid, fs: Arc<dyn Vfs>, meter: SyncMeter) -> Arc<Self> {
        Arc::new(Self {
            path,
            id,
            fs,
            queue: SyncQueue::default(),
            meter,
            here: AtomicUsize::new(0),
            homes: AtomicUsize::new(0),
            offline: OnceLock::new(),
            on_offline: OnceLock::new(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its identity, kept in the directory.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Why it is not served, if so.
    pub fn offline(&self) -> Option<&Arc<str>> {
        self.offline.get()
    }

    /// The directory with the room on its volume.
    pub fn describe(&self) -> LogDirDescription {
        LogDirDescription {
            path: self.path.clone(),
            id: self.id,
            offline: self.offline().cloned(),
            space: self.fs.space(&self.path).ok(),
        }
    }

    /// Whether there is room to follow for who had none to lead; so if the system does not tell.
    pub(super) fn has_room(&self) -> bool {
        self.fs.space(&self.path).map_or(true, |it| ROOM_BYTES <= it.free_bytes)
    }

    /// Refuses what comes after the directory went offline; its partitions learn it one by one.
    pub(super) fn verify_online(&self) -> Result<(), PartitionError> {
        self.offline().map_or(Ok(()), |why| Err(PartitionError::Offline(Arc::clone(why))))
    }

    /// How many partitions were found or made here since the start.
    pub(super) fn homes(&self) -> usize {
        self.homes.load(Ordering::Relaxed)
    }

    pub(super) fn add_home(&self) {
        self.homes.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn fs(&self) -> &Arc<dyn Vfs> {
        &self.fs
    }

    pub(super) fn queue(&self) -> &SyncQueue<Arc<Partition>> {
        &self.queue
    }

    /// Allows a producer to sync on its own thread until the turn is dropped; none when enough of
    /// them do.
    pub(super) fn turn_here(&self) -> Option<TurnHere<'_>> {
        let turn = TurnHere(&self.here);
        (self.here.fetch_add(1, Ordering::Relaxed) < HERE_MAX).then_some(turn)
    }

    pub(super) fn meter(&self) -> &SyncMeter {
        &self.meter
    }

    pub(super) fn when_offline(&self, act: impl Fn(PartitionError) + Send + Sync + 'static) {
        // Set once, right after the directory is made.
        let _ = self.on_offline.set(Box::new(act));
    }

    /// Ends service of all partitions in it. Called without any partition locked.
    pub(super) fn take_offline(&self, why: &dyn fmt::Display) {
        let reason: Arc<str> =
            format!("log directory {} is offline: {why}", self.path.display()).into();
        if self.offline.set(Arc::clone(&reason)).is_err() {
            return;
        }
        tracing::error!(dir = %self.path.display(), %why, "log directory taken offline");
        if let Some(act) = self.on_offline.get() {
            act(PartitionError::Offline(reason));
        }
    }
}

impl fmt::Debug for LogDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LogDir").field(&self.path).finish()
    }
}
