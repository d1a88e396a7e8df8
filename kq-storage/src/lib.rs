//! The segmented log on disk.
//!
//! Knows files, records and positions; knows nothing of replicas, clients or time of day.

mod atomic_file;
pub mod batch;
mod canary;
mod checkpoint;
mod compact;
mod config;
mod dir_lock;
mod epochs;
mod error;
mod file_error;
mod format;
mod identity;
pub mod inspect;
mod journal;
mod log;
mod offset;
mod open_files;
pub mod producers;
pub mod retention;
mod segment;
pub mod sim;
pub mod vfs;

pub use atomic_file::AtomicFile;
pub use compact::{
    CompactedGroup, Compaction, CompactionError, CompactionRules, Dirtiness, Stepped,
    Tally as CompactionTally,
};
pub use config::{LogConfig, TimestampType};
pub use dir_lock::{DirLock, DirLockError, LOCK_FILE};
pub use epochs::{EpochHistory, EpochStart};
pub use error::{
    AppendError, LogDirOffline, ReadError, RecordAt, StorageError, SyncError, TimedOffset,
};
pub use file_error::FileError;
pub use identity::{IDENTITY_FILE, LogIdentity, read_identity};
pub use journal::{Journal, JournalError, JournalOptions, JournalRecovered};
pub use log::{
    Appended, CompactionRequest, Cut, DELETED_SUFFIX, DeletedSegment, FileRegion, Log, Precision,
    Published, PublishedStable, ReadPlan, Recovered, Replaced, SyncWork, Synced, remove_log,
};
pub use offset::{
    HighWatermark, LastStableOffset, LeaderEpoch, LogEndOffset, LogOffsets, LogStartOffset, Offset,
    OffsetsError, ProducerEpoch, ProducerId, TimestampMs,
};
pub use open_files::{OpenFiles, PooledFile};
