//! The log of one partition: batches in segments, in one directory.
//!
//! ```text
//!   log start            synced end           log end
//!       |  sealed segments   |     active segment   |
//!       v                    v                      v
//!   [ a b c d | e f g h | i j k l m n ]
//!                         ^ recovery point: a crash never needs to look below it
//! ```
//! Not thread-safe and without threads: its owner locks it. Slow work (a sync) is taken out as a
//! value, run without the lock, and its outcome handed back. Time is an argument.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checkpoint::CheckpointFile;
use crate::config::LogConfig;
use crate::epochs::{EpochHistory, EpochStart};
use crate::open_files::OpenFiles;
use crate::producers::Producers;
use crate::segment::{Indexer, Segment};
use crate::vfs::{Vfs, VfsFile};
use crate::{LeaderEpoch, LogEndOffset, LogStartOffset, Offset, StorageError, TimestampMs};

mod append;
mod at;
mod cleaned;
mod compact;
mod hints;
mod names;
mod open;
mod progress;
mod read;
mod recovery;
mod retain;
mod seek;
mod sync;
mod time;
mod truncate;

#[cfg(test)]
mod tests;

pub use at::Precision;
pub(crate) use cleaned::{CLEANED_FILE, Cleaned};
use compact::CompactionState;
pub use compact::{CompactionRequest, Published, PublishedStable, Replaced};
use hints::Hints;
pub use open::{Cut, DELETED_SUFFIX, Recovered, remove_log};
pub use retain::DeletedSegment;
use sync::SyncState;
pub use sync::{SyncWork, Synced};

/// The log of one partition.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "log start and log end are the field's own words")]
pub struct Log {
    files: Arc<OpenFiles>,
    dir: PathBuf,
    config: LogConfig,
    /// Oldest first; the last is the active one. Never empty.
    segments: Vec<Segment>,
    /// Indexes of the active segment, once it is written to or searched.
    indexer: Option<Indexer>,
    /// When the active segment began: by its first record, or by the clock at its creation.
    active_began: ActiveBegan,
    log_start: LogStartOffset,
    log_end: LogEndOffset,
    synced_end: LogEndOffset,
    epochs: EpochHistory,
    /// The epochs' file lags behind memory.
    epochs_dirty: bool,
    producers: Producers,
    sync: SyncState,
    checkpoint: CheckpointFile,
    compaction: CompactionState,
    hints: Hints,
    opened: TimestampMs,
    offline: Option<Arc<str>>,
}

/// The clock that the active segment's age counts from.
#[derive(Debug, Clone, Copy, Default)]
struct ActiveBegan {
    /// Max timestamp of its first batch, once known.
    first_record: Option<TimestampMs>,
    /// When it was created or, after a restart, opened.
    created: TimestampMs,
}

/// What became of an appended batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Offset of its first record.
    pub base_offset: Offset,
    /// Offset of its last record.
    pub last_offset: Offset,
    /// The time the log stamped it with, if it stamps.
    pub log_append_time: Option<TimestampMs>,
    /// The log start at that moment.
    pub log_start: LogStartOffset,
    /// It stands in the log since an earlier attempt; nothing was appended now.
    pub duplicate: bool,
    /// Bytes written.
    pub bytes: usize,
    /// Records written.
    pub records: u64,
}

/// A part of a segment file, to be sent as it is.
#[derive(Debug, Clone)]
pub struct FileRegion {
    /// The open file; it stays readable when the segment is deleted.
    pub file: Arc<dyn VfsFile>,
    /// Where the region begins.
    pub position: u64,
    /// Bytes in it.
    pub len: usize,
}

/// What to send for one read: whole batches, in order.
#[derive(Debug, Clone)]
pub struct ReadPlan {
    /// The regions, in order.
    pub regions: Vec<FileRegion>,
    /// Bytes of all regions.
    pub bytes: usize,
    /// The offset to go on from.
    pub next_offset: Offset,
}

impl ReadPlan {
    const fn empty(from: Offset) -> Self {
        Self { regions: Vec::new(), bytes: 0, next_offset: from }
    }

    /// Copies all regions out, for callers that do not send them as files.
    pub fn copy_out(&self) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; self.bytes];
        let mut rest = bytes.as_mut_slice();
        for region in &self.regions {
            let Some((part, after)) = rest.split_at_mut_checked(region.len) else { break };
            region.file.read_exact_at(part, region.position)?;
            rest = after;
        }
        Ok(bytes)
    }
}

impl Log {
    /// Where the log lives.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The oldest record still kept.
    pub const fn log_start(&self) -> LogStartOffset {
        self.log_start
    }

    /// Where the next record goes.
    pub const fn log_end(&self) -> LogEndOffset {
        self.log_end
    }

    /// Below it every record survives a power cut.
    pub const fn synced_end(&self) -> LogEndOffset {
        self.synced_end
    }

    /// Bytes of all segments.
    pub fn size_bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.size).sum()
    }

    /// How many segments there are.
    pub const fn segment_count(&self) -> usize {
        self.segments.len()
    }

    /// The settings in force.
    pub const fn config(&self) -> &LogConfig {
        &self.config
    }

    /// Takes new settings; they hold from the next append on.
    pub fn reconfigure(&mut self, config: LogConfig) {
        self.config = config;
    }

    /// The epoch of the last record, or the one noted since.
    pub fn latest_epoch(&self) -> Option<LeaderEpoch> {
        self.epochs.latest()
    }

    /// From which offsets on which epochs' records stand.
    pub fn epochs(&self) -> &[EpochStart] {
        self.epochs.entries()
    }

    /// Notes that what is appended from here on is of `epoch`.
    pub fn begin_epoch(&mut self, epoch: LeaderEpoch) {
        self.epochs_dirty |= self.epochs.note(epoch, self.log_end.offset());
    }

    /// Forgets epochs that began at the log's end and have no record: another history may go on here.
    pub fn forget_empty_epochs(&mut self) {
        self.epochs_dirty |= self.epochs.truncate_end(self.log_end.offset());
    }

    /// The greatest epoch not above `asked` and the offset where it ends; `None` if not known.
    pub fn epoch_end_offset(&self, asked: LeaderEpoch) -> Option<(LeaderEpoch, Offset)> {
        self.epochs.end_of(asked, self.log_end)
    }

    /// The epoch of the record at `offset`.
    pub fn epoch_at(&self, offset: Offset) -> Option<LeaderEpoch> {
        self.epochs.epoch_at(offset)
    }

    /// What idempotent producers wrote last.
    pub const fn active_producers(&self) -> &Producers {
        &self.producers
    }

    /// Forgets producers unheard of for `producer.id.expiration.ms`.
    pub fn expire_producers(&mut self, now: TimestampMs) {
        self.producers.expire(now, self.config.producer_id_expiration_ms);
    }

    /// Why the log is out of service, if it is.
    pub fn offline_reason(&self) -> Option<&Arc<str>> {
        self.offline.as_ref()
    }

    /// Lets go of memory and files that an idle log does not need.
    pub fn release(&mut self) {
        if self.flush_indexes().is_ok()
            && let Some(indexer) = self.indexer.take()
        {
            last_of(&mut self.segments).max = Some(indexer.max);
        }
        self.segments.iter_mut().for_each(Segment::release);
        self.segments.shrink_to_fit();
    }

    fn fs(&self) -> &Arc<dyn Vfs> {
        self.files.fs()
    }

    fn refuse_offline(&self) -> Result<(), StorageError> {
        self.offline.as_ref().map_or(Ok(()), |why| Err(StorageError::Offline(Arc::clone(why))))
    }

    /// Notes a failure of the disk: all but a full volume takes the log out of service.
    fn failed(&mut self, err: StorageError) -> StorageError {
        if !err.is_no_space() && self.offline.is_none() {
            self.offline = Some(err.to_string().into());
        }
        err
    }

    /// Which segment the record at `offset` is in.
    fn segment_of(&self, offset: Offset) -> usize {
        self.segments.partition_point(|segment| segment.base <= offset).saturating_sub(1)
    }

    /// The offset after the last record of a segment.
    fn segment_end(&self, at: usize) -> Offset {
        self.segments.get(at + 1).map_or(self.log_end.offset(), |next| next.base)
    }
}

/// The active segment. Takes the field alone, so that others can be borrowed beside it.
#[expect(clippy::expect_used, reason = "a log has a segment from its opening on, and keeps one")]
fn last_of(segments: &mut [Segment]) -> &mut Segment {
    segments.last_mut().expect("a log has at least one segment")
}
