//! One segment: a file of batches, and the two indexes beside it.
//!
//! ```text
//!   00000000000000000000.log         batches, one after another, nothing else
//!   00000000000000000000.index       offset -> position, every few KiB
//!   00000000000000000000.timeindex   greatest timestamp so far -> offset
//!   00000000000000000000.snapshot    producers' state as of the segment's base offset
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::open_files::{OpenFiles, PooledFile};
use crate::vfs::VfsFile;
use crate::{Offset, StorageError, TimestampMs};

mod index;
mod indexer;
mod ranges;
mod scan;

pub(crate) use index::{Damaged, Entry, IndexView, OffsetEntry, TimeEntry, parse_entries};
pub(crate) use indexer::Indexer;
pub(crate) use ranges::Ranges;
pub(crate) use scan::{HeaderScan, PASS_CHUNK_BYTES, SEEK_CHUNK_BYTES, ScanError};

/// The greatest timestamp of a segment and the last offset of the batch that has it.
pub(crate) type MaxTimestamp = Option<(TimestampMs, Offset)>;

/// A segment as the log keeps it in memory: small, for there are many.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Offset of its first record.
    pub(crate) base: Offset,
    /// Bytes of whole batches; the file may be longer only while a write fails.
    pub(crate) size: u64,
    /// When it was sealed; for retention where records carry no time.
    pub(crate) sealed_at: TimestampMs,
    /// Its greatest timestamp, once it was asked for.
    pub(crate) max: Option<MaxTimestamp>,
    /// Bytes that this process wrote or has verified.
    pub(crate) trusted: Ranges,
    file: Option<Arc<PooledFile>>,
    indexes: Option<Box<[Arc<PooledFile>; 2]>>,
}

impl Segment {
    /// A segment that exists.
    pub(crate) const fn existing(base: Offset, size: u64) -> Self {
        Self {
            base,
            size,
            sealed_at: TimestampMs(0),
            max: None,
            trusted: Ranges::new(),
            file: None,
            indexes: None,
        }
    }

    /// A segment whose file was just created.
    pub(crate) fn created(base: Offset, file: Arc<PooledFile>) -> Self {
        let mut segment = Self::existing(base, 0);
        segment.file = Some(file);
        segment.max = Some(None);
        segment
    }

    /// The file of batches.
    pub(crate) fn file(&mut self, files: &Arc<OpenFiles>, dir: &Path) -> &Arc<PooledFile> {
        let base = self.base;
        self.file.get_or_insert_with(|| files.existing(log_path(dir, base)))
    }

    /// An open handle on the file of batches.
    pub(crate) fn handle(
        &mut self,
        files: &Arc<OpenFiles>,
        dir: &Path,
    ) -> Result<Arc<dyn VfsFile>, StorageError> {
        let base = self.base;
        self.file(files, dir)
            .handle()
            .map_err(|err| StorageError::io("opening", &log_path(dir, base), err))
    }

    /// The offset index and the time index, as files of the pool.
    pub(crate) fn indexes(&mut self, files: &Arc<OpenFiles>, dir: &Path) -> &[Arc<PooledFile>; 2] {
        let base = self.base;
        self.indexes.get_or_insert_with(|| {
            let index = files.existing(index_path(dir, base));
            Box::new([index, files.existing(time_index_path(dir, base))])
        })
    }

    /// Forgets the index files' handles: they are about to be written anew.
    pub(crate) fn close_indexes(&mut self) {
        self.indexes = None;
    }

    /// Lets go of everything that can be had again.
    pub(crate) fn release(&mut self) {
        self.indexes = None;
        if self.file.as_ref().is_some_and(|file| !file.is_dirty()) {
            self.file = None;
        }
    }
}

/// What a file in a log's directory is, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileKind {
    Log,
    Index,
    TimeIndex,
    Snapshot,
}

/// Takes a name like `00000000000000000042.log` apart.
pub(crate) fn parse_name(name: &str) -> Option<(Offset, FileKind)> {
    let (digits, suffix) = name.split_once('.')?;
    if digits.len() != 20 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let kind = match suffix {
        "log" => FileKind::Log,
        "index" => FileKind::Index,
        "timeindex" => FileKind::TimeIndex,
        "snapshot" => FileKind::Snapshot,
        _ => return None,
    };
    Some((Offset(digits.parse().ok()?), kind))
}

pub(crate) fn log_path(dir: &Path, base: Offset) -> PathBuf {
    dir.join(format!("{:020}.log", base.0))
}

pub(crate) fn index_path(dir: &Path, base: Offset) -> PathBuf {
    dir.join(format!("{:020}.index", base.0))
}

pub(crate) fn time_index_path(dir: &Path, base: Offset) -> PathBuf {
    dir.join(format!("{:020}.timeindex", base.0))
}

pub(crate) fn snapshot_path(dir: &Path, offset: Offset) -> PathBuf {
    dir.join(format!("{:020}.snapshot", offset.0))
}
