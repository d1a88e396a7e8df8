//! Raft's files, behind one thread of their own: every call here blocks.
//!
//! ```text
//!   <dir>/log/        journal of entries; entry i of raft is entry i + 1 of the journal
//!   <dir>/vote        whom this voter voted for, and where its log begins
//!   <dir>/snapshot    the newest snapshot
//! ```

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kq_storage::vfs::{Vfs, create_dir_durable};
use kq_storage::{AtomicFile, FileError, Journal, JournalOptions};
use openraft::storage::IOFlushed;
use tokio::sync::oneshot;

use super::entry::{
    HardState, decode_entry, decode_snapshot, encode_entry, first_entries, first_vote,
    members_in_entry,
};
use super::types::{Entry, LogId, Types, Vote, store_error};
use crate::canary;
use crate::metadata::Change;

const VOTE_FILE: AtomicFile = AtomicFile { magic: *b"KQRV", version: 1 };
const SNAPSHOT_FILE: AtomicFile = AtomicFile { magic: *b"KQRS", version: 1 };

/// Small, because most logs of metadata are.
const JOURNAL: JournalOptions = JournalOptions {
    segment_bytes: 4 * 1024 * 1024,
    entry_bytes_max: 64 * 1024 * 1024,
    allocate_bytes: 64 * 1024,
    reserve_bytes: RESERVE_BYTES,
};

/// What the log keeps for the commands that make room on a full disk: some thousand of them.
pub(super) const RESERVE_BYTES: u64 = 1024 * 1024;

type Answer<T> = oneshot::Sender<io::Result<T>>;

/// What the store asks of its thread, in order.
pub(super) enum Task {
    /// Appends encoded entries and syncs them before it tells.
    Append { first: u64, entries: Vec<Vec<u8>>, done: IOFlushed<Types> },
    /// Reads the entries from `first` on, at most up to `end`.
    Read { first: u64, end: u64, answer: Answer<Vec<Entry>> },
    /// Replaces the vote.
    SaveVote { vote: Vote, answer: Answer<()> },
    /// Drops all entries after this index; all of them without one.
    Truncate { after: Option<u64>, answer: Answer<()> },
    /// Drops what a snapshot holds.
    Purge { upto: LogId, answer: Answer<()> },
    /// Replaces the snapshot.
    SaveSnapshot { bytes: Vec<u8>, answer: Answer<()> },
    /// Sets so many bytes aside for entries, if the disk has them; tells what is there.
    MakeRoom { bytes: u64, answer: Answer<u64> },
    /// Reads the snapshot.
    ReadSnapshot { answer: Answer<Option<Vec<u8>>> },
}

/// An entry that the log is known to hold, and the file that knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownEnd {
    /// The entry; it was stable when the file was written.
    pub index: u64,
    /// The file.
    pub witness: PathBuf,
}

/// The open files.
#[derive(Debug)]
pub(super) struct Disk {
    fs: Arc<dyn Vfs>,
    dir: PathBuf,
    journal: Journal,
    hard: HardState,
    /// Bytes that entries still find in the journal when the disk is full.
    room: Arc<AtomicU64>,
}

impl Disk {
    pub(super) fn open(fs: Arc<dyn Vfs>, dir: PathBuf) -> io::Result<Self> {
        create_dir_durable(fs.as_ref(), &dir)?;
        let hard = match VOTE_FILE.read(fs.as_ref(), &dir.join("vote")).map_err(store_error)? {
            Some((_, bytes)) => HardState::decode(&bytes)?,
            None => HardState::default(),
        };
        let (mut journal, found) =
            Journal::open(fs.clone(), dir.join("log"), JOURNAL).map_err(store_error)?;
        if found.torn_bytes > 0 {
            tracing::info!(bytes = found.torn_bytes, "cut an unsynced tail of the metadata log");
        }
        if let Some(purged) = &hard.purged
            && journal.next_index().is_some_and(|next| next < purged.index + 2)
        {
            // Stopped between the two steps of taking a snapshot in that goes beyond the log.
            journal.purge_before(purged.index + 2).map_err(store_error)?;
        }
        let room = Arc::new(AtomicU64::new(journal.make_room(RESERVE_BYTES)));
        Ok(Self { fs, dir, journal, hard, room })
    }

    /// Refuses a log that ends before an entry that once stood in it. No crash leaves that: a cut
    /// or an old copy of the files does, and would pass for a torn tail.
    pub(super) fn verify_reaches(&self, end: &KnownEnd) -> io::Result<()> {
        let last = self.last_id()?.map(|id| id.index);
        if last.is_some_and(|last| end.index <= last) {
            return Ok(());
        }
        let found = last.map_or_else(|| "is empty".into(), |last| format!("ends at entry {last}"));
        let (wanted, witness) = (end.index, end.witness.display());
        Err(store_error(format!(
            "its log {found}, but {witness} was written after entry {wanted}: what followed is \
             lost. Stop here and bring the files of this directory back, or remove {witness} to go \
             on without the lost entries: what they changed is gone, and partitions of topics \
             that they made are set aside in directories that end in -stray"
        )))
    }

    /// Makes an empty directory the first voter of a new cluster; any other stays as it is.
    ///
    /// Written here is what openraft would arrive at by many more syncs: a log of two entries, who
    /// votes and which cluster it is, and this voter's own vote for itself, which is all the
    /// votes there are. The log is stable before the vote: a directory with a vote and no log has
    /// lost it, and must not begin anew.
    pub(super) fn bootstrap(&mut self, first: &Change, voter: (u64, &str)) -> io::Result<()> {
        if !self.is_empty() {
            return Ok(());
        }
        if self.hard.vote.is_some() || self.read_snapshot()?.is_some() {
            return Err(log_is_gone());
        }
        let entries = first_entries(voter, first)?;
        self.append(0, &entries.each_ref().map(encode_entry))?;
        self.journal.sync().map_err(store_error)?;
        self.save_hard_state(HardState { vote: Some(first_vote(voter.0)), purged: None })
    }

    /// Refuses a directory that must hold a log and does not: it would take part in votes as if it
    /// had never promised anything.
    pub(super) fn verify_log(&self) -> io::Result<()> {
        if self.is_empty() { Err(log_is_gone()) } else { Ok(()) }
    }

    fn is_empty(&self) -> bool {
        self.journal.last_index().is_none() && self.hard.purged.is_none()
    }

    /// The members of the quorum by the newest entry or snapshot that names them.
    pub(super) fn members(&self) -> io::Result<BTreeSet<u64>> {
        /// Entries that are read at a time.
        const ENTRIES: u64 = 512;
        let first = self.first_kept().max(self.journal.first_index().unwrap_or(0));
        let mut end = self.journal.next_index().unwrap_or(0);
        while first < end {
            let from = end.saturating_sub(ENTRIES).max(first);
            for (_, bytes) in self.journal.read(from..end).map_err(store_error)?.iter().rev() {
                if let Some(members) = members_in_entry(bytes)? {
                    return Ok(members);
                }
            }
            end = from;
        }
        let Some(bytes) = self.read_snapshot()? else { return Ok(BTreeSet::new()) };
        let meta = decode_snapshot(&bytes)?.meta;
        Ok(meta.last_membership.membership().nodes().map(|(id, _)| *id).collect())
    }

    /// Where the room for entries on a full disk is told.
    pub(super) fn room(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.room)
    }

    fn make_room(&mut self, bytes: u64) -> u64 {
        let room = self.journal.make_room(bytes);
        self.room.store(room, Ordering::Relaxed);
        room
    }

    pub(super) fn hard_state(&self) -> &HardState {
        &self.hard
    }

    /// The last entry of the log, be it trimmed or not.
    pub(super) fn last_id(&self) -> io::Result<Option<LogId>> {
        Ok(self.last_entry_id()?.or(self.hard.purged))
    }

    /// The last entry, unless it is behind what was purged.
    fn last_entry_id(&self) -> io::Result<Option<LogId>> {
        let Some(last) = self.journal.last_index() else { return Ok(None) };
        let first = self.first_kept();
        if last < first {
            return Ok(None);
        }
        let entries = self.journal.read(last..last + 1).map_err(store_error)?;
        entries.first().map(|(_, bytes)| decode_entry(bytes).map(|it| it.log_id)).transpose()
    }

    pub(super) fn read_snapshot(&self) -> io::Result<Option<Vec<u8>>> {
        let path = self.dir.join("snapshot");
        let found = SNAPSHOT_FILE.read(self.fs.as_ref(), &path).map_err(store_error)?;
        Ok(found.map(|(_, bytes)| bytes.to_vec()))
    }

    /// The journal's index of the first entry that still counts.
    fn first_kept(&self) -> u64 {
        self.hard.purged.as_ref().map_or(1, |id| id.index + 2)
    }

    fn read(&self, first: u64, end: u64) -> io::Result<Vec<Entry>> {
        let next = self.journal.next_index().unwrap_or(0);
        let from = (first + 1).max(self.first_kept());
        let until = end.saturating_add(1).min(next);
        if from >= until {
            return Ok(Vec::new());
        }
        let entries = self.journal.read(from..until).map_err(store_error)?;
        entries.iter().map(|(_, bytes)| decode_entry(bytes)).collect()
    }

    fn append(&mut self, first: u64, entries: &[Vec<u8>]) -> io::Result<()> {
        let numbered: Vec<(u64, &[u8])> =
            (first + 1..).zip(entries.iter().map(Vec::as_slice)).collect();
        let appended = self.journal.append(&numbered).map_err(store_error);
        self.room.store(self.journal.room(), Ordering::Relaxed);
        appended
    }

    fn save_hard_state(&mut self, hard: HardState) -> io::Result<()> {
        let path = self.dir.join("vote");
        VOTE_FILE.write(self.fs.as_ref(), &path, &hard.encode()).map_err(file_error)?;
        self.hard = hard;
        Ok(())
    }

    fn purge(&mut self, upto: LogId) -> io::Result<()> {
        let first_kept = upto.index + 2;
        // First where the log begins, then the files: in between a crash leaves entries too many,
        // never too few.
        match self.save_hard_state(HardState { purged: Some(upto), ..self.hard.clone() }) {
            // Trimming can wait: the entries stay, and the next snapshot trims them too.
            Err(err) if err.kind() == io::ErrorKind::StorageFull => {
                tracing::warn!(error = %err, "the metadata log is not trimmed");
                Ok(())
            }
            saved => {
                saved?;
                self.journal.purge_before(first_kept).map_err(store_error)
            }
        }
    }

    fn save_snapshot(&self, bytes: &[u8]) -> io::Result<()> {
        let path = self.dir.join("snapshot");
        SNAPSHOT_FILE.write(self.fs.as_ref(), &path, bytes).map_err(file_error)
    }

    /// Closes the log in order and tells its last entry.
    pub(super) fn close(self) -> Option<u64> {
        let last = self.last_id();
        if let Err(err) = self.journal.close() {
            tracing::warn!(error = %err, "the metadata log was not closed in order");
            return None;
        }
        last.ok().flatten().map(|id| id.index)
    }

    /// Writes the appends in front, which then need one sync for all of them.
    pub(super) fn append_row(&mut self, waiting: &mut VecDeque<Task>) -> Vec<IOFlushed<Types>> {
        let mut unsynced = Vec::new();
        let is_append = |task: &mut Task| matches!(task, Task::Append { .. });
        while let Some(Task::Append { first, entries, done }) = waiting.pop_front_if(is_append) {
            match self.append(first, &entries) {
                Ok(()) => unsynced.push(done),
                Err(err) => done.io_completed(Err(err)),
            }
        }
        unsynced
    }

    /// Syncs what was appended and tells those who wait for it.
    pub(super) fn sync(&mut self, unsynced: Vec<IOFlushed<Types>>) {
        if unsynced.is_empty() {
            return;
        }
        let skipped = canary::is("quorum_not_synced");
        let synced = if skipped { Ok(()) } else { self.journal.sync() };
        for done in unsynced {
            let outcome = synced.as_ref().map_err(|err| store_error(err.to_string()));
            done.io_completed(outcome.copied());
        }
    }

    /// Serves a task that is no append.
    pub(super) fn serve_one(&mut self, task: Task) {
        // Who no longer waits for an answer has given up; the work is done all the same.
        match task {
            Task::Append { .. } => unreachable!("appends are served in rows"),
            Task::Read { first, end, answer } => drop(answer.send(self.read(first, end))),
            Task::SaveVote { vote, answer } => {
                let hard = HardState { vote: Some(vote), ..self.hard.clone() };
                drop(answer.send(self.save_hard_state(hard)));
            }
            Task::Truncate { after, answer } => {
                let kept = after.map_or(0, |index| index + 1);
                drop(answer.send(self.journal.truncate_after(kept).map_err(store_error)));
            }
            Task::Purge { upto, answer } => drop(answer.send(self.purge(upto))),
            Task::SaveSnapshot { bytes, answer } => {
                drop(answer.send(self.save_snapshot(&bytes)));
            }
            Task::MakeRoom { bytes, answer } => drop(answer.send(Ok(self.make_room(bytes)))),
            Task::ReadSnapshot { answer } => drop(answer.send(self.read_snapshot())),
        }
    }
}

fn log_is_gone() -> io::Error {
    store_error(
        "its log is gone, though what stands beside it has seen one: bring the log back, or remove \
         the whole directory to begin with an empty one",
    )
}

/// A file's fault with its kind, so that a full disk can be told from a broken one.
fn file_error(err: FileError) -> io::Error {
    let kind =
        if let FileError::Io { source, .. } = &err { source.kind() } else { io::ErrorKind::Other };
    io::Error::new(kind, err)
}
