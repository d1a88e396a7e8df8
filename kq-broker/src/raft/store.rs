//! openraft's log on disk: turns its calls into tasks for the disk's thread.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kq_storage::vfs::Vfs;
use openraft::entry::RaftEntry;
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::{LogState, OptionalSend, RaftLogReader};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::disk::{Disk, KnownEnd, Task};
use super::disk_thread::{self, DiskThread, Tasks};
use super::entry::encode_entry;
use super::types::{Entry, LogId, Types, Vote, store_error};
use crate::metadata::Change;

/// What a directory without a log begins with.
#[derive(Debug)]
pub(super) enum Begin<'a> {
    /// A cluster of this one voter.
    Cluster { first: &'a Change, voter: (u64, &'a str) },
    /// Nothing: the others will send the log.
    FromOthers,
    /// There has been a log.
    Again,
}

/// The files, open.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) store: Store,
    /// The newest snapshot.
    pub(super) snapshot: Option<Vec<u8>>,
    /// The members of the quorum, as far as its log says.
    pub(super) members: BTreeSet<u64>,
    pub(super) thread: DiskThread,
}

/// The store of one voter; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    fs: Arc<dyn Vfs>,
    dir: PathBuf,
    tasks: Tasks,
    known: Mutex<Known>,
    /// Bytes appended since the last snapshot was taken.
    appended_bytes: AtomicU64,
    /// Bytes that entries still find in the log when the disk is full.
    room: Arc<AtomicU64>,
    /// Set when nothing is to wait for room any more.
    stopping: Arc<AtomicBool>,
}

/// What the store answers without asking the disk.
#[derive(Debug, Clone)]
struct Known {
    vote: Option<Vote>,
    purged: Option<LogId>,
    last: Option<LogId>,
}

impl Store {
    /// Opens the files and starts their thread.
    pub(super) fn open(
        fs: Arc<dyn Vfs>,
        dir: PathBuf,
        begin: &Begin<'_>,
        known_end: Option<&KnownEnd>,
    ) -> io::Result<Opened> {
        let mut disk = Disk::open(fs.clone(), dir.clone())?;
        known_end.map_or(Ok(()), |end| disk.verify_reaches(end))?;
        match begin {
            Begin::Cluster { first, voter } => disk.bootstrap(first, *voter)?,
            Begin::FromOthers => {}
            Begin::Again => disk.verify_log()?,
        }
        let members = disk.members()?;
        let hard = disk.hard_state().clone();
        let last = disk.last_id()?;
        let snapshot = disk.read_snapshot()?;
        let room = disk.room();
        let (tasks, thread) = disk_thread::start(disk)?;
        let known = Mutex::new(Known { vote: hard.vote, purged: hard.purged, last });
        let (appended_bytes, stopping) = (AtomicU64::new(0), Arc::default());
        let shared = Shared { fs, dir, tasks, known, appended_bytes, room, stopping };
        Ok(Opened { store: Self { shared: Arc::new(shared) }, snapshot, members, thread })
    }

    async fn ask<T>(
        &self,
        task: impl FnOnce(oneshot::Sender<io::Result<T>>) -> Task,
    ) -> io::Result<T> {
        let (answer, answered) = oneshot::channel();
        self.shared.tasks.send(task(answer)).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }

    pub(super) async fn save_snapshot(&self, bytes: Vec<u8>) -> io::Result<()> {
        self.ask(|answer| Task::SaveSnapshot { bytes, answer }).await?;
        self.shared.appended_bytes.store(0, Ordering::Relaxed);
        Ok(())
    }

    pub(super) async fn read_snapshot(&self) -> io::Result<Option<Vec<u8>>> {
        self.ask(|answer| Task::ReadSnapshot { answer }).await
    }

    /// To be set when nothing is to wait for room any more. Holding it does not keep the store.
    pub(super) fn stopping(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.shared.stopping)
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.shared.stopping.load(Ordering::Relaxed)
    }

    /// Bytes that can still be written where the log is; none if the system does not tell.
    pub(super) fn free_bytes(&self) -> Option<u64> {
        self.shared.fs.space(&self.shared.dir).ok().map(|space| space.free_bytes)
    }

    /// Bytes that entries find in the log even when the disk is full. Sees to it that there are so
    /// many, where the disk has room for them.
    pub(super) async fn room(&self, wanted: u64) -> u64 {
        let room = self.shared.room.load(Ordering::Relaxed);
        if wanted <= room {
            return room;
        }
        // The thread of the files is gone only where nothing is written any more.
        self.ask(|answer| Task::MakeRoom { bytes: wanted, answer }).await.unwrap_or(0)
    }

    /// Bytes of entries that no snapshot of this process holds yet.
    pub(super) fn appended_bytes(&self) -> u64 {
        self.shared.appended_bytes.load(Ordering::Relaxed)
    }
}

impl RaftLogReader<Types> for Store {
    async fn try_get_log_entries<R: RangeBounds<u64> + Clone + Debug + OptionalSend>(
        &mut self,
        range: R,
    ) -> io::Result<Vec<Entry>> {
        let first = match range.start_bound() {
            Bound::Included(index) => *index,
            Bound::Excluded(index) => index + 1,
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(index) => index.saturating_add(1),
            Bound::Excluded(index) => *index,
            Bound::Unbounded => u64::MAX,
        };
        self.ask(|answer| Task::Read { first, end, answer }).await
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        Ok(self.shared.known.lock().vote)
    }
}

impl RaftLogStorage<Types> for Store {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let known = self.shared.known.lock();
        Ok(LogState { last_purged_log_id: known.purged, last_log_id: known.last })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let vote = *vote;
        self.ask(|answer| Task::SaveVote { vote, answer }).await?;
        self.shared.known.lock().vote = Some(vote);
        Ok(())
    }

    async fn append<I>(&mut self, entries: I, done: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut encoded = Vec::new();
        let mut ids = Vec::new();
        for entry in entries {
            ids.push(entry.log_id());
            encoded.push(encode_entry(&entry));
        }
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else {
            done.io_completed(Ok(()));
            return Ok(());
        };
        let bytes: usize = encoded.iter().map(Vec::len).sum();
        self.shared.appended_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.shared.known.lock().last = Some(*last);
        let task = Task::Append { first: first.index, entries: encoded, done };
        self.shared.tasks.send(task).map_err(|_| gone())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        let after = last.map(|id| id.index);
        self.ask(|answer| Task::Truncate { after, answer }).await?;
        self.shared.known.lock().last = last;
        Ok(())
    }

    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        self.ask(|answer| Task::Purge { upto, answer }).await?;
        let mut known = self.shared.known.lock();
        known.purged = Some(upto);
        known.last = known.last.max(Some(upto));
        Ok(())
    }
}

fn gone() -> io::Error {
    store_error("the thread of the metadata log is gone")
}
