//! What the log says went wrong, in the words of the partition, and what follows for its directory.

use std::fmt;
use std::sync::Arc;

use kq_proto::kafka::ErrorCode;
use kq_storage::batch::BatchError;
use kq_storage::producers::SequenceError;
use kq_storage::{AppendError, ReadError, StorageError};

use super::{LogDir, PartitionError};

impl LogDir {
    /// A batch was not appended. Call it without the partition locked.
    pub(super) fn append_failed(&self, err: &AppendError) -> PartitionError {
        if let AppendError::Storage(err) = err {
            return self.write_failed(err);
        }
        match code_of(err) {
            Some(code) => PartitionError::Batch { code, message: text(err) },
            None => PartitionError::Storage(text(err)),
        }
    }

    /// A write failed: a full volume can recover, anything else ends the directory's service.
    /// Call it without the partition locked.
    pub(super) fn write_failed(&self, err: &StorageError) -> PartitionError {
        if err.is_no_space() {
            return PartitionError::NoSpace(self.path().display().to_string().into());
        }
        match err {
            StorageError::Io { .. } | StorageError::Offline(_) => {
                self.take_offline(err);
                PartitionError::Offline(text(err))
            }
            // One damaged or missing file says nothing about the others.
            StorageError::Corrupt { .. }
            | StorageError::UnknownVersion { .. }
            | StorageError::Missing { .. } => PartitionError::Storage(text(err)),
        }
    }
}

/// A read failed: it says nothing about what else the directory holds.
pub(super) fn read_failed(err: &ReadError) -> PartitionError {
    match err {
        ReadError::OutOfRange { from, start, end } => {
            PartitionError::OffsetOutOfRange { offset: *from, start: *start, end: *end }
        }
        ReadError::Storage(err) => PartitionError::Storage(text(err)),
    }
}

/// Kafka's name for what is wrong with a batch; none where the batch is not at fault.
fn code_of(err: &AppendError) -> Option<ErrorCode> {
    Some(match err {
        AppendError::Batch(BatchError::Magic(_)) | AppendError::Invalid(_) => {
            ErrorCode::InvalidRecord
        }
        AppendError::Batch(BatchError::Codec(_)) => ErrorCode::UnsupportedCompressionType,
        AppendError::Batch(
            BatchError::Cut { .. }
            | BatchError::Length(_)
            | BatchError::Field { .. }
            | BatchError::Crc { .. },
        ) => ErrorCode::CorruptMessage,
        AppendError::TooLarge { .. } => ErrorCode::MessageTooLarge,
        AppendError::LargerThanSegment { .. } => ErrorCode::RecordListTooLarge,
        AppendError::Timestamp(_) => ErrorCode::InvalidTimestamp,
        AppendError::Transactional => ErrorCode::InvalidTxnState,
        AppendError::Sequence(SequenceError::OldEpoch { .. }) => ErrorCode::InvalidProducerEpoch,
        AppendError::Sequence(SequenceError::OutOfOrder { .. }) => {
            ErrorCode::OutOfOrderSequenceNumber
        }
        AppendError::OffsetGap { .. }
        | AppendError::EpochBackwards { .. }
        | AppendError::Storage(_) => return None,
    })
}

fn text(err: &dyn fmt::Display) -> Arc<str> {
    err.to_string().into()
}
