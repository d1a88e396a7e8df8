//! Why a partition did not do what was asked, and Kafka's code for each reason.

use std::sync::Arc;

use kq_proto::kafka::ErrorCode;
use kq_storage::{LogEndOffset, LogStartOffset, Offset};

use crate::ids::BrokerId;
use crate::replica::{AppendRefused, EpochRefusal, NotEnoughReplicas};

/// A refusal or a failure of one partition.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PartitionError {
    /// No such topic or partition here.
    #[error("this broker has no such partition")]
    Unknown,
    /// The partition exists, and another broker leads it.
    #[error("this broker does not lead the partition")]
    NotLeader,
    /// This broker leads it as far as it knows, and hears too little to know.
    #[error("this broker is cut off from the cluster, and another one may lead the partition")]
    CutOff,
    /// This broker leads the partition, so that there is nobody to fetch it from.
    #[error("this broker does not follow the partition")]
    NotFollower,
    /// Kafka's code says that the follower is to ask again: the metadata here may be behind.
    #[error("broker {0} is no replica of the partition")]
    NotReplica(BrokerId),
    /// The client's leader epoch is not the leader's.
    #[error(transparent)]
    Epoch(#[from] EpochRefusal),
    /// Too few replicas are in sync; nothing was written.
    #[error(transparent)]
    NotEnoughReplicas(#[from] NotEnoughReplicas),
    /// Too few replicas are in sync; the batch is written but not acknowledged.
    #[error("written, but {0}")]
    NotEnoughReplicasAfterAppend(NotEnoughReplicas),
    /// There is no such record to read.
    #[error("offset {offset} is outside {start}..={end}")]
    OffsetOutOfRange {
        /// What was asked for.
        offset: Offset,
        /// The oldest record still kept.
        start: LogStartOffset,
        /// Where the next record goes.
        end: LogEndOffset,
    },
    /// The new leader does not know yet how far records are committed (KIP-207).
    #[error("the high watermark has not reached the end of the leader before")]
    OffsetNotAvailable,
    /// It took too long; it may still happen.
    #[error("{0}")]
    TimedOut(&'static str),
    /// The log refused the batch; nothing was written.
    #[error("{message}")]
    Batch {
        /// Kafka's name for the reason.
        code: ErrorCode,
        /// What is wrong and what is accepted.
        message: Arc<str>,
    },
    /// The disk is full; reading goes on, and writing too once there is room.
    #[error("no space left in log directory {0}")]
    NoSpace(Arc<str>),
    /// The partition cannot be served: its log directory failed, or its data is not there.
    #[error("{0}")]
    Offline(Arc<str>),
    /// The partition's records are gone or damaged here; where others hold them, they can be fetched
    /// anew.
    #[error("{0}")]
    Lost(Arc<str>),
    /// One read or write failed.
    #[error("{0}")]
    Storage(Arc<str>),
    /// The broker is stopping.
    #[error("the broker is stopping")]
    Stopping,
}

impl From<AppendRefused> for PartitionError {
    fn from(refused: AppendRefused) -> Self {
        match refused {
            AppendRefused::NotEnoughReplicas(it) => Self::NotEnoughReplicas(it),
            // Its producer asks for the metadata again until the next leader is there.
            AppendRefused::Draining { .. } => Self::NotLeader,
        }
    }
}

impl PartitionError {
    /// Kafka's code for it.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown => ErrorCode::UnknownTopicOrPartition,
            Self::NotLeader | Self::CutOff | Self::NotFollower | Self::Stopping => {
                ErrorCode::NotLeaderOrFollower
            }
            Self::Epoch(EpochRefusal::Fenced { .. }) => ErrorCode::FencedLeaderEpoch,
            Self::NotReplica(_) | Self::Epoch(EpochRefusal::Unknown { .. }) => {
                ErrorCode::UnknownLeaderEpoch
            }
            Self::NotEnoughReplicas(_) => ErrorCode::NotEnoughReplicas,
            Self::NotEnoughReplicasAfterAppend(_) => ErrorCode::NotEnoughReplicasAfterAppend,
            Self::OffsetOutOfRange { .. } => ErrorCode::OffsetOutOfRange,
            Self::OffsetNotAvailable => ErrorCode::OffsetNotAvailable,
            Self::TimedOut(_) => ErrorCode::RequestTimedOut,
            Self::Batch { code, .. } => *code,
            Self::NoSpace(_) | Self::Offline(_) | Self::Lost(_) | Self::Storage(_) => {
                ErrorCode::KafkaStorageError
            }
        }
    }
}
