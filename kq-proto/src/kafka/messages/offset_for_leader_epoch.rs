//! `OffsetForLeaderEpoch`: where the records of a leader epoch end (KIP-320).

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    OffsetForLeaderEpoch: OffsetForLeaderEpochRequest -> OffsetForLeaderEpochResponse,
    2..=4, flexible 4
}

wire! {
    struct OffsetForLeaderEpochRequest {
        [3.., ignorable] replica_id: i32 = -2,
        [2..]            topics: Vec<OffsetForLeaderTopic>,
    }

    struct OffsetForLeaderTopic {
        [2..] topic: Str,
        [2..] partitions: Vec<OffsetForLeaderPartition>,
    }

    struct OffsetForLeaderPartition {
        [2..]            partition: i32,
        [2.., ignorable] current_leader_epoch: i32 = -1,
        [2..]            leader_epoch: i32,
    }

    struct OffsetForLeaderEpochResponse {
        [2.., ignorable] throttle_time_ms: i32,
        [2..]            topics: Vec<OffsetForLeaderTopicResult>,
    }

    struct OffsetForLeaderTopicResult {
        [2..] topic: Str,
        [2..] partitions: Vec<EpochEndOffset>,
    }

    struct EpochEndOffset {
        [2..]            error_code: ErrorCode,
        [2..]            partition: i32,
        [2.., ignorable] leader_epoch: i32 = -1,
        [2..]            end_offset: i64 = -1,
    }
}
