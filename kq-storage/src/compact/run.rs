//! One pass over a log's sealed segments, in steps of a few MiB, without the log's lock.
//!
//! ```text
//!   map      the dirty segments: the latest offset of each key, as far as there is room
//!   filter   all segments from the log start on, in groups that become one segment each
//! ```
//! Groups come low to high: an older value is gone before the tombstone that hides it may go. A group
//! in which nothing changes is left as it is, without a byte written.

use std::path::PathBuf;
use std::sync::Arc;

use super::filling::{Filling, Pass};
use super::filter::{Filter, FilterRules, Tally, is_kept_whole};
use super::keys::Keys;
use super::last_batches::LastBatches;
use super::output::Temporary;
use super::reader::{BatchReader, Source};
use crate::batch::{Codec, DecompressLimits};
use crate::epochs::EpochHistory;
use crate::segment::{MaxTimestamp, SegmentName};
use crate::vfs::Vfs;
use crate::{Offset, StorageError, TimestampMs};

/// Why a pass cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum CompactionError {
    /// What is to be compacted cannot be read, or is not what was written.
    #[error(transparent)]
    Source(StorageError),
    /// What is compacted cannot be written.
    #[error(transparent)]
    Output(StorageError),
    /// The volume has too little room to write the group before it replaces its sources.
    #[error("compaction needs {needed_bytes} bytes free, but there are {free_bytes}")]
    NoRoom {
        /// Bytes that must be free.
        needed_bytes: u64,
        /// Bytes that are.
        free_bytes: u64,
    },
}

/// What a step came to.
#[derive(Debug)]
pub enum Stepped {
    /// There is more to do.
    Going,
    /// A segment is written and stable, and waits to be put in the place of its sources.
    Group(Box<CompactedGroup>),
    /// All that was to be looked at was.
    Done,
}

/// What holds for a whole pass.
#[derive(Debug)]
pub(crate) struct PassRules {
    pub(crate) fs: Arc<dyn Vfs>,
    pub(crate) dir: PathBuf,
    pub(crate) epochs: EpochHistory,
    /// Keys are mapped from here on; below it was done before.
    pub(crate) map_from: Offset,
    pub(crate) log_start: Offset,
    pub(crate) now: TimestampMs,
    pub(crate) delete_retention_ms: u64,
    pub(crate) keeps_tombstones: bool,
    pub(crate) last_of_producers: LastBatches,
    pub(crate) limits: DecompressLimits,
    pub(crate) codec: Option<Codec>,
    pub(crate) segment_bytes: u64,
    pub(crate) index_interval_bytes: u64,
    /// Bytes that must stay free beside what is written.
    pub(crate) spare_bytes: u64,
    /// The log's count of changes that call a pass off, when this one began.
    pub(crate) rewrites: u64,
}

impl PassRules {
    pub(crate) const fn filter<'a>(&'a self, keys: &'a Keys) -> FilterRules<'a> {
        FilterRules {
            keys,
            log_start: self.log_start,
            now: self.now,
            delete_retention_ms: self.delete_retention_ms,
            keeps_tombstones: self.keeps_tombstones,
            last_of_producers: &self.last_of_producers,
            limits: self.limits,
            codec: self.codec,
        }
    }
}

/// A segment that can take the place of its sources. What is not published leaves nothing behind.
#[derive(Debug)]
pub struct CompactedGroup {
    pub(crate) name: SegmentName,
    pub(crate) sources: Vec<SegmentName>,
    pub(crate) temporary: Temporary,
    pub(crate) size: u64,
    pub(crate) max: MaxTimestamp,
    pub(crate) sealed_at: TimestampMs,
    pub(crate) rewrites: u64,
    pub(crate) tombstones_removed: u64,
}

/// A pass: what is left to do of it, and what it did.
#[derive(Debug)]
pub struct Compaction {
    rules: PassRules,
    sources: Vec<Source>,
    keys: Keys,
    stage: Stage,
    filter: Filter,
    read_bytes: u64,
    written_bytes: u64,
}

#[derive(Debug)]
enum Stage {
    /// At the source of that number.
    Mapping(usize, Option<Mapping>),
    /// The group that begins with the source of that number.
    Filtering(usize, Option<Box<Filling>>),
    Done,
}

/// A source whose keys are being mapped.
#[derive(Debug)]
struct Mapping {
    reader: BatchReader,
    /// Records so far, unless a batch was met that the filter has to see.
    plain_records: Option<u64>,
}

/// Bytes that were moved.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Moved {
    pub(crate) read: u64,
    pub(crate) written: u64,
}

impl Compaction {
    /// A pass over `sources`, oldest first and without a gap.
    pub(crate) fn new(rules: PassRules, sources: Vec<Source>, keys: Keys) -> Self {
        let first = sources.partition_point(|source| source.end <= rules.map_from);
        Self {
            rules,
            sources,
            keys,
            stage: Stage::Mapping(first, None),
            filter: Filter::default(),
            read_bytes: 0,
            written_bytes: 0,
        }
    }

    /// Goes on until about `bytes_max` bytes are moved, or a group is written.
    pub fn step(&mut self, bytes_max: u64) -> Result<Stepped, CompactionError> {
        let enough = self.moved_bytes().saturating_add(bytes_max);
        while self.moved_bytes() < enough {
            match &mut self.stage {
                Stage::Mapping(..) => self.map_batch().map_err(CompactionError::Source)?,
                Stage::Filtering(..) => {
                    if let Some(group) = self.filter_batch()? {
                        return Ok(Stepped::Group(Box::new(group)));
                    }
                }
                Stage::Done => return Ok(Stepped::Done),
            }
        }
        Ok(Stepped::Going)
    }

    /// Bytes read and written so far.
    pub const fn moved_bytes(&self) -> u64 {
        self.read_bytes + self.written_bytes
    }

    /// Bytes read so far.
    pub const fn read_bytes(&self) -> u64 {
        self.read_bytes
    }

    /// Bytes written so far.
    pub const fn written_bytes(&self) -> u64 {
        self.written_bytes
    }

    /// What the pass decided over records.
    pub const fn tally(&self) -> &Tally {
        &self.filter.tally
    }

    /// Below it all is compacted once the pass is done.
    pub fn until(&self) -> Offset {
        self.keys.until()
    }

    /// Whether the map was full before the end: another pass has to go on at [`Self::until`].
    pub fn is_partial(&self) -> bool {
        self.sources.last().is_some_and(|last| self.keys.until() < last.end)
    }

    /// Segments that are yet to be read, or read again.
    pub(crate) fn names_ahead(&self) -> impl Iterator<Item = SegmentName> {
        let from = match &self.stage {
            Stage::Mapping(..) => 0,
            Stage::Filtering(first, _) => *first,
            Stage::Done => self.sources.len(),
        };
        self.sources.iter().skip(from).map(|source| source.name)
    }

    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    pub(crate) const fn rewrites(&self) -> u64 {
        self.rules.rewrites
    }

    /// Notes the keys of one more batch.
    fn map_batch(&mut self) -> Result<(), StorageError> {
        let Stage::Mapping(at, mapping) = &mut self.stage else { return Ok(()) };
        let rules = &self.rules;
        let Some(source) = self.sources.get_mut(*at) else {
            self.keys.finish();
            self.stage = Stage::Filtering(0, None);
            return Ok(());
        };
        let mapping = match mapping {
            Some(mapping) => mapping,
            None => mapping.insert(Mapping {
                reader: BatchReader::open(rules.fs.as_ref(), &rules.dir, *source)?,
                plain_records: (source.name.base >= rules.map_from).then_some(0),
            }),
        };
        let Some((header, batch)) = mapping.reader.next(&rules.epochs)? else {
            source.plain_records = mapping.plain_records;
            self.stage = Stage::Mapping(*at + 1, None);
            return Ok(());
        };
        self.read_bytes += header.size as u64;
        let is_plain = header.record_count > 0 && !is_kept_whole(&header);
        let records = mapping.plain_records.filter(|_| is_plain);
        mapping.plain_records = records.map(|records| records + u64::from(header.record_count));
        if !self.keys.take(batch, &header, rules.limits) {
            self.stage = Stage::Filtering(0, None);
        }
        Ok(())
    }

    /// Decides over one more batch; a group when its last one is written.
    fn filter_batch(&mut self) -> Result<Option<CompactedGroup>, CompactionError> {
        let until = self.keys.until();
        let count = self.sources.partition_point(|source| source.name.base < until);
        let sources = self.sources.get(..count).unwrap_or_default();
        let pass = Pass { rules: &self.rules, sources, keys: &self.keys };
        let Stage::Filtering(first, filling) = &mut self.stage else { return Ok(None) };
        if *first >= sources.len() {
            self.stage = Stage::Done;
            return Ok(None);
        }
        let filling = if let Some(filling) = filling {
            filling
        } else {
            let begun = Filling::begin(pass, *first, &mut self.filter.tally)?;
            filling.insert(Box::new(begun))
        };
        let filled = filling.go_on(pass, &mut self.filter);
        let moved = filling.take_moved();
        self.read_bytes += moved.read;
        self.written_bytes += moved.written;
        if !filled? {
            return Ok(None);
        }
        let next = filling.next_source();
        let Stage::Filtering(_, Some(filling)) =
            std::mem::replace(&mut self.stage, Stage::Filtering(next, None))
        else {
            return Ok(None);
        };
        let before = filling.written_bytes();
        let group = filling.finish(pass, &self.filter.tally)?;
        self.written_bytes += group.as_ref().map_or(0, |group| group.size.saturating_sub(before));
        Ok(group)
    }
}
