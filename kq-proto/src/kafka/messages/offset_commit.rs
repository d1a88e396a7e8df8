//! `OffsetCommit`: remember how far a group has read.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    OffsetCommit: OffsetCommitRequest -> OffsetCommitResponse,
    2..=9, flexible 8
}

wire! {
    struct OffsetCommitRequest {
        [2..]              group_id: Str,
        [2.., ignorable]   generation_id_or_member_epoch: i32 = -1,
        [2.., ignorable]   member_id: Str,
        [7.., null 7..]    group_instance_id: Option<Str>,
        [2..=4, ignorable] retention_time_ms: i64 = -1,
        [2..]              topics: Vec<OffsetCommitRequestTopic>,
    }

    struct OffsetCommitRequestTopic {
        [2.., ignorable] name: Str,
        [2..]            partitions: Vec<OffsetCommitRequestPartition>,
    }

    struct OffsetCommitRequestPartition {
        [2..]            partition_index: i32,
        [2..]            committed_offset: i64,
        [6.., ignorable] committed_leader_epoch: i32 = -1,
        [2.., null 2..]  committed_metadata: Option<Str> = Some(Str::EMPTY),
    }

    struct OffsetCommitResponse {
        [3.., ignorable] throttle_time_ms: i32,
        [2..]            topics: Vec<OffsetCommitResponseTopic>,
    }

    struct OffsetCommitResponseTopic {
        [2.., ignorable] name: Str,
        [2..]            partitions: Vec<OffsetCommitResponsePartition>,
    }

    struct OffsetCommitResponsePartition {
        [2..] partition_index: i32,
        [2..] error_code: ErrorCode,
    }
}
