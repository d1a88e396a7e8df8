//! What can go wrong between a log and its world.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::batch::{BatchError, InvalidBatch, Refusal};
use crate::producers::SequenceError;
use crate::{LeaderEpoch, LogEndOffset, LogStartOffset, Offset, TimestampMs};

/// The disk, or what it holds, is not as it must be.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A call to the file system failed.
    #[error("{doing} {path}: {source}", path = path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file holds what nobody wrote there.
    #[error("{path} is corrupt at byte {position}: {reason}", path = path.display())]
    Corrupt {
        /// Which file.
        path: PathBuf,
        /// Where in it.
        position: u64,
        /// What is wrong.
        reason: String,
    },
    /// A file of a later version of this software.
    #[error("{path} has format version {found}, but this build reads version {known}", path = path.display())]
    UnknownVersion {
        /// Which file.
        path: PathBuf,
        /// The version it names.
        found: u16,
        /// The version this build reads.
        known: u16,
    },
    /// A file that must be there is not.
    #[error("{path} is missing: {reason}", path = path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
        /// Why it must be there.
        reason: String,
    },
    /// An earlier failure took the log out of service until the process is started anew.
    #[error("offline since an earlier failure: {0}")]
    Offline(Arc<str>),
}

impl StorageError {
    pub(crate) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { doing, path: path.to_path_buf(), source }
    }

    pub(crate) fn corrupt(path: &Path, position: u64, reason: impl ToString) -> Self {
        Self::Corrupt { path: path.to_path_buf(), position, reason: reason.to_string() }
    }

    /// Whether the volume is full: nothing was changed, and the call can succeed once there is room.
    pub fn is_no_space(&self) -> bool {
        match self {
            Self::Io { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::FileTooLarge
            ),
            Self::Corrupt { .. }
            | Self::UnknownVersion { .. }
            | Self::Missing { .. }
            | Self::Offline(_) => false,
        }
    }
}

/// Why a batch was not appended. Nothing of it is in the log.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Its bytes are damaged, cut or of a format that is not held.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// It is well-formed but must not be appended.
    #[error(transparent)]
    Invalid(#[from] InvalidBatch),
    /// It is larger than the topic allows.
    #[error("batch of {size} bytes is larger than max.message.bytes, {max}")]
    TooLarge {
        /// Bytes of the batch.
        size: usize,
        /// The topic's limit.
        max: usize,
    },
    /// It does not fit into one segment.
    #[error("batch of {size} bytes is larger than segment.bytes, {max}")]
    LargerThanSegment {
        /// Bytes of the batch.
        size: usize,
        /// The topic's limit.
        max: u64,
    },
    /// A record's timestamp is too far from now, or stamped as the log's own.
    #[error("{0}")]
    Timestamp(String),
    /// Transactions are not served.
    #[error("transactional batches are not served by this version")]
    Transactional,
    /// An idempotent producer's sequence or epoch does not fit.
    #[error(transparent)]
    Sequence(#[from] SequenceError),
    /// A batch with assigned offsets does not follow the log's end.
    #[error("batch starts at {found}, but the log ends at {expected}")]
    OffsetGap {
        /// The log end.
        expected: LogEndOffset,
        /// Base offset of the batch.
        found: Offset,
    },
    /// A batch of an earlier epoch than the log's last one, or of none.
    #[error("batch of leader epoch {found:?} after epoch {last:?}")]
    EpochBackwards {
        /// The log's last epoch.
        last: Option<LeaderEpoch>,
        /// The batch's.
        found: Option<LeaderEpoch>,
    },
    /// The disk failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<Refusal> for AppendError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Batch(err) => Self::Batch(err),
            Refusal::Invalid(err) => Self::Invalid(err),
            Refusal::TooLarge { size, max } => Self::TooLarge { size, max },
            Refusal::Transactional => Self::Transactional,
            Refusal::Timestamp { .. } | Refusal::LogAppendTime => {
                Self::Timestamp(refusal.to_string())
            }
        }
    }
}

/// Why nothing can be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The log does not hold that offset.
    #[error("offset {from} is outside {start}..{end}")]
    OutOfRange {
        /// What was asked for.
        from: Offset,
        /// The first offset held.
        start: LogStartOffset,
        /// The offset after the last one held.
        end: LogEndOffset,
    },
    /// The disk failed, or holds something else than was written.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A sync failed: what was not synced before must be taken as lost.
#[derive(Debug, thiserror::Error)]
#[error("{doing} {path}: {source}", path = path.display())]
pub struct SyncError {
    /// What was being done.
    pub doing: &'static str,
    /// To which file or directory.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// The log is out of service for the rest of this process.
#[derive(Debug, Clone, thiserror::Error)]
#[error("log {dir} is offline: {reason}", dir = dir.display())]
pub struct LogDirOffline {
    /// The log's directory.
    pub dir: PathBuf,
    /// The failure that took it offline.
    pub reason: Arc<str>,
}

/// A record that a look-up by offset found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordAt {
    /// The record's offset.
    pub offset: Offset,
    /// The record's timestamp, if it carries one.
    pub timestamp: Option<TimestampMs>,
}

/// A moment a look-up by time found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimedOffset {
    /// The record's timestamp.
    pub timestamp: TimestampMs,
    /// The record's offset.
    pub offset: Offset,
    /// The epoch under which it was appended, if known.
    pub leader_epoch: Option<LeaderEpoch>,
}
