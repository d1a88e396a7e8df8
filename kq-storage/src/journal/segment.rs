//! One file of the journal.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::JournalOptions;
use super::frame::{FRAME_BYTES, FileHeader, Frame, HEADER_BYTES};
use super::scan::{Scanned, scan};
use crate::canary;
use crate::file_error::FileError;
use crate::vfs::{OpenMode, Vfs, VfsFile, read_all, sync_parent};

const NAME_DIGITS: usize = 20;
const NAME_SUFFIX: &str = ".journal";
/// What a file holds when it is made: the header and a mark.
const NEW_FILE_BYTES: usize = HEADER_BYTES + FRAME_BYTES;

/// Where the entries of one file are.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) path: PathBuf,
    pub(super) header: FileHeader,
    positions: Vec<u32>,
    end: u32,
}

/// The last segment: the one that is written.
#[derive(Debug)]
pub(super) struct Active {
    pub(super) segment: Segment,
    file: Arc<dyn VfsFile>,
    synced: u32,
    /// Where the zeros end that were written ahead.
    allocated: u64,
    /// A write failed: bytes of no entry may stand behind the end.
    is_torn: bool,
}

/// What a file turned out to be when the journal was opened.
pub(super) enum Found {
    Segment(Segment, Scanned),
    /// Its creation was cut short: it cannot hold an entry.
    Unborn,
}

pub(super) fn file_name(base: u64) -> String {
    format!("{base:0NAME_DIGITS$}{NAME_SUFFIX}")
}

/// The base index in a file's name; `None` if it is no journal file.
pub(super) fn base_in_name(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(NAME_SUFFIX)?;
    let is_exact = digits.len() == NAME_DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_exact { digits.parse().ok() } else { None }
}

impl Segment {
    pub(super) fn next_index(&self) -> u64 {
        self.header.base + self.positions.len() as u64
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Reads a whole file and says what it holds.
    pub(super) fn load(fs: &dyn Vfs, path: PathBuf, base: u64) -> Result<Found, FileError> {
        let file = fs.open(&path, OpenMode::Read).map_err(FileError::io("open", &path))?;
        let bytes = read_all(file.as_ref()).map_err(FileError::io("read", &path))?;
        let header = match FileHeader::decode(&path, &bytes) {
            Err(FileError::Damaged { .. } | FileError::WrongMagic { .. })
                if bytes.len() <= NEW_FILE_BYTES =>
            {
                return Ok(Found::Unborn);
            }
            decoded => decoded?,
        };
        if header.base != base {
            return Err(FileError::damaged(&path, 8, "its base index is not that of its name"));
        }
        let mut scanned = scan(&path, &bytes, header)?;
        let positions = std::mem::take(&mut scanned.positions);
        Ok(Found::Segment(Self { path, header, positions, end: scanned.end }, scanned))
    }

    /// Appends the entries `from..until`, as far as this file has them, to `out`.
    ///
    /// Each checksum is verified again: what decayed since the journal was opened is not served.
    pub(super) fn read(
        &self,
        file: &dyn VfsFile,
        range: std::ops::Range<u64>,
        out: &mut Vec<(u64, Bytes)>,
    ) -> Result<(), FileError> {
        let from = range.start.max(self.header.base);
        let until = range.end.min(self.next_index());
        if until <= from {
            return Ok(());
        }
        let (start, end) = (self.position(from), self.position(until));
        let len = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; len];
        file.read_exact_at(&mut bytes, start).map_err(FileError::io("read", &self.path))?;
        let bytes = Bytes::from(bytes);
        let mut at = 0;
        for index in from..until {
            let frame = Frame::decode(&bytes, at)
                .filter(|frame| frame.index == index && !frame.is_mark)
                .ok_or_else(|| {
                    let offset = start + at as u64;
                    FileError::damaged(&self.path, offset, "an entry is not as it was written")
                })?;
            out.push((index, bytes.slice(at + FRAME_BYTES..at + frame.len())));
            at += frame.len();
        }
        Ok(())
    }

    /// Where the frame of `index` begins; the end for the next index.
    fn position(&self, index: u64) -> u64 {
        let nth = usize::try_from(index.saturating_sub(self.header.base)).unwrap_or(usize::MAX);
        u64::from(self.positions.get(nth).copied().unwrap_or(self.end))
    }
}

impl Active {
    /// Makes a new file, stable with its name before the first entry goes into it.
    pub(super) fn create(fs: &dyn Vfs, dir: &Path, header: FileHeader) -> Result<Self, FileError> {
        let path = dir.join(file_name(header.base));
        // A file of that name is a left-over without entries: see `Found::Unborn`.
        let file =
            fs.open(&path, OpenMode::CreateOrOpen).map_err(FileError::io("create", &path))?;
        let write = || {
            file.truncate(0)?;
            file.write_all_at(&header.encode(), 0)?;
            file.sync_data()?;
            sync_parent(fs, &path)
        };
        if let Err(source) = write() {
            return Err(undo_create(fs, path, source));
        }
        let end = u32::try_from(HEADER_BYTES).unwrap_or(u32::MAX);
        let segment = Segment { path, header, positions: Vec::new(), end };
        let active = Self { segment, file, synced: end, allocated: 0, is_torn: false };
        active.mark();
        Ok(active)
    }

    /// Opens the last file for writing and makes all that it holds stable.
    pub(super) fn resume(
        fs: &dyn Vfs,
        segment: Segment,
        scanned: &Scanned,
    ) -> Result<Self, FileError> {
        let opened = fs.open(&segment.path, OpenMode::ReadWrite);
        let file = opened.map_err(FileError::io("open", &segment.path))?;
        let allocated = file.len().map_err(FileError::io("measure", &segment.path))?;
        let mut active = Self { file, synced: segment.end, allocated, is_torn: false, segment };
        if !scanned.is_clean {
            let repaired = active.settle(scanned.proven).and_then(|()| active.cut());
            repaired.map_err(FileError::io("repair", &active.segment.path))?;
        }
        Ok(active)
    }

    /// Writes again what is not proven to be stable.
    ///
    /// After a failed sync the page cache may show bytes as clean that the disk never got. A
    /// process that starts on such a cache would believe them, and its sync would not write them.
    fn settle(&self, proven: u32) -> io::Result<()> {
        if canary::is("page_cache_believed") {
            return Ok(());
        }
        let from = proven.min(self.segment.end);
        let mut bytes = vec![0; usize::try_from(self.segment.end - from).unwrap_or(0)];
        self.file.read_exact_at(&mut bytes, u64::from(from))?;
        self.file.write_all_at(&bytes, u64::from(from))
    }

    pub(super) fn file(&self) -> &dyn VfsFile {
        self.file.as_ref()
    }

    /// Bytes in use, without what was allocated ahead.
    pub(super) fn end(&self) -> u64 {
        u64::from(self.segment.end)
    }

    /// Writes entries one after another; all of them or none are in the journal afterwards.
    pub(super) fn append(
        &mut self,
        entries: &[(u64, &[u8])],
        options: JournalOptions,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        let mut positions = Vec::with_capacity(entries.len());
        for (index, payload) in entries {
            positions.push(self.position_after(bytes.len())?);
            Frame::encode(&mut bytes, *index, self.synced, payload);
        }
        let end = self.position_after(bytes.len())?;
        self.allocate(u64::from(end) + options.reserve_bytes, options.allocate_bytes);
        if options.reserve_bytes > 0 && self.room() < bytes.len() as u64 {
            // Nothing was written, so nothing has to be cut, and the reserve with it.
            return Err(io::ErrorKind::StorageFull.into());
        }
        if let Err(err) = self.file.write_all_at(&bytes, self.end()) {
            self.is_torn = true;
            return Err(err);
        }
        self.segment.positions.append(&mut positions);
        self.segment.end = end;
        Ok(())
    }

    /// Makes all entries stable through the descriptor that wrote them.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if !canary::is("skip_fsync") {
            self.file.sync_data()?;
        }
        self.synced = self.segment.end;
        self.mark();
        Ok(())
    }

    /// Writes after the last entry that all is stable. Never before that is true.
    fn mark(&self) {
        let mut mark = Vec::new();
        Frame::encode_mark(&mut mark, self.segment.next_index(), self.synced);
        // Only an aid that tells damage from a torn write; the next append hears of a bad disk.
        let _ = self.file.write_all_at(&mark, self.end());
    }

    /// Whether entries were written since the last sync.
    pub(super) const fn is_dirty(&self) -> bool {
        self.synced < self.segment.end
    }

    /// Drops all entries from `index` on, for good.
    pub(super) fn truncate_from(&mut self, index: u64) -> io::Result<()> {
        self.segment.end = u32::try_from(self.segment.position(index)).map_err(io::Error::other)?;
        let kept = index.saturating_sub(self.segment.header.base);
        self.segment.positions.truncate(usize::try_from(kept).unwrap_or(usize::MAX));
        self.cut()
    }

    /// Bytes ahead of the end that are written as zeros.
    pub(super) fn room(&self) -> u64 {
        self.allocated.saturating_sub(self.end())
    }

    /// Whether bytes of no entry may stand behind the end.
    pub(super) const fn is_torn(&self) -> bool {
        self.is_torn
    }

    /// Removes a file that was just made; tells that the disk is full, or what else went wrong.
    pub(super) fn discard(self, fs: &dyn Vfs) -> FileError {
        undo_create(fs, self.segment.path, io::ErrorKind::StorageFull.into())
    }

    /// Makes a read segment of it, without the room ahead; synced beforehand.
    pub(super) fn seal_trimmed(self) -> Segment {
        // Zeros behind the last entry only cost room.
        let _ = self.file.truncate(self.end());
        self.segment
    }

    /// Makes a read segment of it; synced beforehand.
    pub(super) fn seal(self) -> Segment {
        self.segment
    }

    fn cut(&mut self) -> io::Result<()> {
        self.file.truncate(self.end())?;
        self.allocated = self.end();
        self.is_torn = false;
        if canary::is("truncate_unsynced") {
            self.synced = self.segment.end;
            return Ok(());
        }
        self.sync()
    }

    fn position_after(&self, bytes: usize) -> io::Result<u32> {
        let at = self.end() + bytes as u64;
        u32::try_from(at).map_err(|_| io::ErrorKind::FileTooLarge.into())
    }

    /// Writes zeros ahead up to `end` at least, as far as there is room: a sync that changes no
    /// length costs the file system less, and what they take is there when the disk is full.
    pub(super) fn allocate(&mut self, end: u64, allocate_bytes: u64) {
        if allocate_bytes == 0 || end <= self.allocated {
            return;
        }
        let until = end.next_multiple_of(allocate_bytes);
        // Behind all that is there, the mark among it.
        let Ok(from) = self.file.len() else { return };
        let zeros = vec![0; usize::try_from(until.saturating_sub(from)).unwrap_or(0)];
        // Without room for all of them there may still be room for some, or for entries.
        let _ = self.file.write_all_at(&zeros, from);
        self.allocated = self.file.len().unwrap_or(from);
    }
}

/// Takes a new file back: left there, it would claim that the entries before it end at its base.
fn undo_create(fs: &dyn Vfs, path: PathBuf, source: io::Error) -> FileError {
    let undo = || fs.remove_file(&path).and_then(|()| sync_parent(fs, &path));
    let source = undo().map_or_else(io::Error::other, |()| source);
    FileError::Io { action: "create", path, source }
}
