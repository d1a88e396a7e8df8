//! One segment: a file of batches, and the two indexes beside it.
//!
//! ```text
//!   00000000000000000000.log         batches, one after another, nothing else
//!   00000000000000000000.index       offset -> position, every few KiB
//!   00000000000000000000.timeindex   greatest timestamp so far -> offset
//!   00000000000000000000.snapshot    producers' state as of the segment's base offset
//! ```
//! A segment that compaction wrote has a longer name: see [`SegmentName`].

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::open_files::{OpenFiles, PooledFile};
use crate::vfs::VfsFile;
use crate::{Offset, StorageError, TimestampMs};

mod index;
mod indexer;
mod name;
mod ranges;
mod scan;

pub(crate) use index::{Damaged, Entry, IndexView, OffsetEntry, TimeEntry, parse_entries};
pub(crate) use indexer::Indexer;
pub(crate) use name::{SegmentName, superseded};
pub(crate) use ranges::Ranges;
pub(crate) use scan::{HeaderScan, PASS_CHUNK_BYTES, SEEK_CHUNK_BYTES, ScanError};

/// The greatest timestamp of a segment and the last offset of the batch that has it.
pub(crate) type MaxTimestamp = Option<(TimestampMs, Offset)>;

/// The time of a segment's first batch.
pub(crate) type FirstTimestamp = Option<TimestampMs>;

/// A segment as the log keeps it in memory: small, for there are many.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Offset of its first record.
    pub(crate) base: Offset,
    /// What its files are called.
    pub(crate) name: SegmentName,
    /// Bytes of whole batches; the file may be longer only while a write fails.
    pub(crate) size: u64,
    /// When it was sealed; for retention where records carry no time.
    pub(crate) sealed_at: TimestampMs,
    /// Its greatest timestamp, once it was asked for.
    pub(crate) max: Option<MaxTimestamp>,
    /// Max timestamp of its first batch, once it was asked for.
    pub(crate) first: Option<FirstTimestamp>,
    /// Bytes that this process wrote or has verified.
    pub(crate) trusted: Ranges,
    file: Option<Arc<PooledFile>>,
    indexes: Option<Box<[Arc<PooledFile>; 2]>>,
}

impl Segment {
    /// A segment that exists.
    pub(crate) const fn existing(name: SegmentName, size: u64) -> Self {
        Self {
            base: name.base,
            name,
            size,
            sealed_at: TimestampMs(0),
            max: None,
            first: None,
            trusted: Ranges::new(),
            file: None,
            indexes: None,
        }
    }

    /// A segment whose file was just created for appends.
    pub(crate) fn created(base: Offset, file: Arc<PooledFile>) -> Self {
        let mut segment = Self::existing(SegmentName::plain(base), 0);
        segment.file = Some(file);
        segment.max = Some(None);
        segment
    }

    /// The file of batches.
    pub(crate) fn file(&mut self, files: &Arc<OpenFiles>, dir: &Path) -> &Arc<PooledFile> {
        let name = self.name;
        self.file.get_or_insert_with(|| files.existing(name.log_path(dir)))
    }

    /// An open handle on the file of batches.
    pub(crate) fn handle(
        &mut self,
        files: &Arc<OpenFiles>,
        dir: &Path,
    ) -> Result<Arc<dyn VfsFile>, StorageError> {
        let name = self.name;
        self.file(files, dir)
            .handle()
            .map_err(|err| StorageError::io("opening", &name.log_path(dir), err))
    }

    /// The offset index and the time index, as files of the pool.
    pub(crate) fn indexes(&mut self, files: &Arc<OpenFiles>, dir: &Path) -> &[Arc<PooledFile>; 2] {
        let name = self.name;
        self.indexes.get_or_insert_with(|| {
            let index = files.existing(name.index_path(dir));
            Box::new([index, files.existing(name.time_index_path(dir))])
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
pub(crate) fn parse_name(name: &str) -> Option<(SegmentName, FileKind)> {
    let (stem, suffix) = name.split_once('.')?;
    let name = SegmentName::parse(stem)?;
    let kind = match suffix {
        "log" => FileKind::Log,
        "index" => FileKind::Index,
        "timeindex" => FileKind::TimeIndex,
        // Of an offset, not of a segment.
        "snapshot" if name.rewritten.is_none() => FileKind::Snapshot,
        _ => return None,
    };
    Some((name, kind))
}

pub(crate) fn snapshot_path(dir: &Path, offset: Offset) -> PathBuf {
    dir.join(format!("{:020}.snapshot", offset.0))
}
