//! An append-only log of numbered entries, for what must be replayed after a restart.
//!
//! Entries are opaque bytes with consecutive indexes, kept in files of limited size:
//!
//! ```text
//!   00000000000000000001.journal   [ 1 2 3 4 5 ]
//!   00000000000000000006.journal   [ 6 7 8 9 ]          <- active: appended to, synced
//!            ^ purge_before drops whole files    ^ truncate_after cuts entries
//! ```
//!
//! An entry counts once [`Journal::sync`] has returned. After a crash every synced entry is there;
//! of later ones a prefix. A torn tail is cut; damage in what was synced is refused with its file
//! and offset. After a failed write or sync the journal refuses all further changes.

use std::io::ErrorKind;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::canary;
use crate::file_error::FileError;
use crate::vfs::{OpenMode, Vfs, create_dir_durable, sync_dir};

mod frame;
mod open;
mod scan;
mod segment;
#[cfg(test)]
mod tests;

use frame::{FRAME_BYTES, FileHeader};
use segment::{Active, Segment};

/// The sizes of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalOptions {
    /// A file of this size is followed by a new one.
    pub segment_bytes: u64,
    /// The largest entry that is accepted.
    pub entry_bytes_max: usize,
    /// Zeros are written ahead in steps of this size; 0 for none.
    pub allocate_bytes: u64,
    /// Zeros that stay ahead of the last entry as long as the disk has room for them. On a full one
    /// entries go into them, so that their owner can still write what makes room. Needs steps to
    /// write zeros in.
    pub reserve_bytes: u64,
}

impl Default for JournalOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 8 * 1024 * 1024,
            entry_bytes_max: 64 * 1024 * 1024,
            allocate_bytes: 256 * 1024,
            reserve_bytes: 0,
        }
    }
}

/// What opening a journal found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JournalRecovered {
    /// The last stop was in order: everything had been synced.
    pub is_clean: bool,
    /// Bytes of a torn tail that were cut.
    pub torn_bytes: u64,
    /// Files that were removed: unborn ones, and those before a fresh start.
    pub removed_files: usize,
}

/// Why the journal did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// A file could not be read or written, or is damaged.
    #[error(transparent)]
    File(#[from] FileError),
    /// The entries are not consecutive.
    #[error("journal entry {found} is out of order: {next} comes next")]
    OutOfOrder {
        /// The index that was given.
        found: u64,
        /// The index that would follow.
        next: u64,
    },
    /// The entry is larger than the limit.
    #[error("journal entry {index} has {bytes} bytes, more than {bytes_max}")]
    TooLarge {
        /// Which entry.
        index: u64,
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Entries were asked for that are not there.
    #[error("journal entries {}..{} asked for, {}..{} are there", .wanted.start, .wanted.end,
        .held.start, .held.end)]
    OutOfRange {
        /// What was asked for.
        wanted: Range<u64>,
        /// What the journal holds.
        held: Range<u64>,
    },
    /// An earlier write or sync failed: what is on disk is unknown until the next start.
    #[error("journal {} is offline since a write or sync failed", .0.display())]
    Offline(PathBuf),
}

/// An open journal. One owner writes and reads it.
#[derive(Debug)]
pub struct Journal {
    fs: Arc<dyn Vfs>,
    dir: PathBuf,
    options: JournalOptions,
    /// Oldest first.
    sealed: Vec<Segment>,
    /// `None` until the first entry tells where the journal begins.
    active: Option<Active>,
    is_offline: bool,
}

impl Journal {
    /// Opens the journal in `dir`, which is made if need be, and repairs what a crash left.
    pub fn open(
        fs: Arc<dyn Vfs>,
        dir: PathBuf,
        options: JournalOptions,
    ) -> Result<(Self, JournalRecovered), JournalError> {
        create_dir_durable(fs.as_ref(), &dir).map_err(FileError::io("create", &dir))?;
        let (sealed, active, recovered) = open::open_files(fs.as_ref(), &dir)?;
        Ok((Self { fs, dir, options, sealed, active, is_offline: false }, recovered))
    }

    /// Index of the oldest entry, or of the next if there is none; `None` in a journal that never
    /// had one.
    pub fn first_index(&self) -> Option<u64> {
        let active = self.active.as_ref().map(|active| &active.segment);
        self.sealed.first().or(active).map(|segment| segment.header.base)
    }

    /// Index of the newest entry, if there is one.
    pub fn last_index(&self) -> Option<u64> {
        let next = self.next_index()?;
        (self.first_index()? < next).then(|| next - 1)
    }

    /// Index that the next entry must have; `None` if any will do.
    pub fn next_index(&self) -> Option<u64> {
        self.active.as_ref().map(|active| active.segment.next_index())
    }

    /// Appends consecutive entries: all of them, or none if it fails. They count after a sync.
    pub fn append(&mut self, entries: &[(u64, &[u8])]) -> Result<(), JournalError> {
        self.check_online()?;
        let Some((first, _)) = entries.first() else { return Ok(()) };
        let next = self.next_index().unwrap_or(*first);
        for ((index, payload), next) in entries.iter().zip(next..) {
            self.check_entry(*index, payload.len(), next)?;
        }
        if self.active.is_none() {
            self.start(*first, true)?;
        }
        let appended = self.append_checked(entries);
        if let Err(JournalError::File(FileError::Io { source, .. })) = &appended {
            // Only a full disk is known to have done nothing else.
            let undone = source.kind() == ErrorKind::StorageFull && self.undo_append(next).is_ok();
            self.is_offline = !undone;
        }
        appended
    }

    /// Bytes of frames that the newest file takes without more room on the disk, as long as its file
    /// system writes in place.
    pub fn room(&self) -> u64 {
        self.active.as_ref().filter(|_| !self.is_offline).map_or(0, Active::room)
    }

    /// Writes zeros ahead for so many bytes, if the disk has room for them; tells what is there.
    pub fn make_room(&mut self, bytes: u64) -> u64 {
        if let Some(active) = self.active.as_mut().filter(|_| !self.is_offline) {
            active.allocate(active.end().saturating_add(bytes), self.options.allocate_bytes);
        }
        self.room()
    }

    /// Makes all entries stable. After a failure the journal stays offline.
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.check_online()?;
        let Some(active) = self.active.as_mut().filter(|active| active.is_dirty()) else {
            return Ok(());
        };
        let synced = active.sync().map_err(FileError::io("sync", &active.segment.path));
        self.or_offline(synced)
    }

    /// Drops all entries after `index`, for good when this returns.
    pub fn truncate_after(&mut self, index: u64) -> Result<(), JournalError> {
        self.check_online()?;
        let (Some(first), Some(next)) = (self.first_index(), self.next_index()) else {
            return Ok(());
        };
        let from = index.saturating_add(1);
        if from < first {
            return Err(JournalError::OutOfRange { wanted: from..next, held: first..next });
        }
        let cut = if from < next { self.cut_from(from) } else { Ok(()) };
        self.or_offline(cut)
    }

    /// Drops whole files that hold only entries before `index`.
    ///
    /// With an index beyond the next one the journal becomes empty and begins at `index`.
    pub fn purge_before(&mut self, index: u64) -> Result<(), JournalError> {
        self.check_online()?;
        let is_beyond = self.next_index().is_none_or(|next| next < index);
        let purged = if is_beyond { self.start_afresh(index) } else { self.purge_files(index) };
        self.or_offline(purged)
    }

    /// The entries of `range`, all of which must be there.
    pub fn read(&self, range: Range<u64>) -> Result<Vec<(u64, Bytes)>, JournalError> {
        let held = self.first_index().unwrap_or(0)..self.next_index().unwrap_or(0);
        if range.is_empty() {
            return Ok(Vec::new());
        }
        if range.start < held.start || held.end < range.end {
            return Err(JournalError::OutOfRange { wanted: range, held });
        }
        let mut entries = Vec::new();
        let first = self.sealed.partition_point(|segment| segment.next_index() <= range.start);
        let in_range = |segment: &&Segment| segment.header.base < range.end;
        for segment in self.sealed.iter().skip(first).take_while(in_range) {
            let opened = self.fs.open(&segment.path, OpenMode::Read);
            let file = opened.map_err(FileError::io("open", &segment.path))?;
            segment.read(file.as_ref(), range.clone(), &mut entries)?;
        }
        if let Some(active) = &self.active {
            active.segment.read(active.file(), range, &mut entries)?;
        }
        Ok(entries)
    }

    /// Syncs and leaves a mark, so that the next open finds every damage to the last entries too.
    pub fn close(mut self) -> Result<(), JournalError> {
        self.sync()?;
        let Some(active) = self.active.as_mut() else { return Ok(()) };
        // The mark was written after the sync of the entries: this sync is for the mark.
        let synced = active.sync().map_err(FileError::io("sync", &active.segment.path));
        self.or_offline(synced)
    }

    fn check_online(&self) -> Result<(), JournalError> {
        if self.is_offline { Err(JournalError::Offline(self.dir.clone())) } else { Ok(()) }
    }

    fn or_offline(&mut self, outcome: Result<(), FileError>) -> Result<(), JournalError> {
        if outcome.is_err() && !canary::is("retry_after_eio") {
            self.is_offline = true;
        }
        Ok(outcome?)
    }

    fn check_entry(&self, index: u64, bytes: usize, next: u64) -> Result<(), JournalError> {
        let bytes_max = self.options.entry_bytes_max;
        if index != next {
            return Err(JournalError::OutOfOrder { found: index, next });
        }
        if bytes_max < bytes {
            return Err(JournalError::TooLarge { index, bytes, bytes_max });
        }
        Ok(())
    }

    fn append_checked(&mut self, entries: &[(u64, &[u8])]) -> Result<(), JournalError> {
        let mut rest = entries;
        while let Some((base, _)) = rest.first() {
            let fits = self.make_way(*base, rest)?;
            let Some(active) = self.active.as_mut() else { break };
            let (now, later) = rest.split_at(fits);
            let path = active.segment.path.clone();
            active.append(now, self.options).map_err(FileError::io("append to", &path))?;
            rest = later;
        }
        Ok(())
    }

    /// How many of the entries go into the active file, one at least; begins a new one when it is full.
    fn make_way(&mut self, base: u64, entries: &[(u64, &[u8])]) -> Result<usize, FileError> {
        let Some(active) = &self.active else { return Ok(entries.len()) };
        let fits = |room| fitting_entries(entries, room);
        let now = fits(self.options.segment_bytes.saturating_sub(active.end()));
        if now > 0 || active.segment.is_empty() {
            // An entry larger than a file gets a file of its own.
            return Ok(now.max(1));
        }
        let in_reserve = fits(active.room());
        match self.roll(base) {
            Ok(()) => self.make_way(base, entries),
            // Without room for another file this one grows beyond its size.
            Err(FileError::Io { source, .. })
                if source.kind() == ErrorKind::StorageFull && in_reserve > 0 =>
            {
                Ok(in_reserve)
            }
            Err(err) => Err(err),
        }
    }

    /// Takes back what an append has written before the disk was full.
    fn undo_append(&mut self, next: u64) -> Result<(), FileError> {
        let untouched = |active: &Active| active.segment.next_index() == next && !active.is_torn();
        if self.active.as_ref().is_some_and(untouched) {
            return Ok(());
        }
        self.cut_from(next)?;
        self.make_room(self.options.reserve_bytes);
        Ok(())
    }

    /// Seals the active file and makes the next one.
    fn roll(&mut self, base: u64) -> Result<(), FileError> {
        if let Some(active) = self.active.as_mut() {
            active.sync().map_err(FileError::io("sync", &active.segment.path))?;
        }
        let old = self.active.take();
        let created = self.create_with_reserve(base);
        match created {
            Ok(new) => {
                self.sealed.extend(old.map(Active::seal_trimmed));
                self.active = Some(new);
                Ok(())
            }
            Err(err) => {
                self.active = old;
                Err(err)
            }
        }
    }

    /// A new file must not cost the reserve that the old one has.
    fn create_with_reserve(&self, base: u64) -> Result<Active, FileError> {
        let (fs, reserve) = (self.fs.as_ref(), self.options.reserve_bytes);
        let mut new = Active::create(fs, &self.dir, header_of(base, false))?;
        new.allocate(new.end().saturating_add(reserve), self.options.allocate_bytes);
        if new.room() >= reserve { Ok(new) } else { Err(new.discard(fs)) }
    }

    fn start(&mut self, base: u64, starts_afresh: bool) -> Result<(), FileError> {
        let created = Active::create(self.fs.as_ref(), &self.dir, header_of(base, starts_afresh))?;
        self.active = Some(created);
        Ok(())
    }

    /// Drops entries file by file from the newest, each step stable before the next: a crash
    /// between them leaves a prefix.
    fn cut_from(&mut self, from: u64) -> Result<(), FileError> {
        while let Some(active) = self.active.as_ref().filter(|act| from < act.segment.header.base) {
            let path = active.segment.path.clone();
            let Some(segment) = self.sealed.pop() else { break };
            self.fs.remove_file(&path).map_err(FileError::io("remove", &path))?;
            sync_dir(self.fs.as_ref(), &self.dir).map_err(FileError::io("sync", &self.dir))?;
            self.active = Some(open::reopen(self.fs.as_ref(), segment)?);
        }
        let Some(active) = self.active.as_mut() else { return Ok(()) };
        active.truncate_from(from).map_err(FileError::io("cut", &active.segment.path))
    }

    fn purge_files(&mut self, index: u64) -> Result<(), FileError> {
        while self.sealed.first().is_some_and(|segment| segment.next_index() <= index) {
            let segment = self.sealed.remove(0);
            self.remove_oldest(&segment)?;
        }
        Ok(())
    }

    fn start_afresh(&mut self, base: u64) -> Result<(), FileError> {
        let mut old = std::mem::take(&mut self.sealed);
        old.extend(self.active.take().map(Active::seal));
        self.start(base, true)?;
        old.iter().try_for_each(|segment| self.remove_oldest(segment))
    }

    /// One file at a time, so that a crash leaves no gap.
    fn remove_oldest(&self, segment: &Segment) -> Result<(), FileError> {
        let removed = self.fs.remove_file(&segment.path);
        removed.map_err(FileError::io("remove", &segment.path))?;
        sync_dir(self.fs.as_ref(), &self.dir).map_err(FileError::io("sync", &self.dir))
    }
}

const fn header_of(base: u64, starts_afresh: bool) -> FileHeader {
    FileHeader { base, starts_afresh }
}

/// How many of the entries fit into so many bytes.
fn fitting_entries(entries: &[(u64, &[u8])], room: u64) -> usize {
    let mut left = room;
    let mut count = 0;
    for (_, payload) in entries {
        let frame_bytes = (FRAME_BYTES + payload.len()) as u64;
        if left < frame_bytes {
            break;
        }
        left -= frame_bytes;
        count += 1;
    }
    count
}
