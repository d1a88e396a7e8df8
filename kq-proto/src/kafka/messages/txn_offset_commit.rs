//! `TxnOffsetCommit`: offsets that become visible with the transaction.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    TxnOffsetCommit: TxnOffsetCommitRequest -> TxnOffsetCommitResponse,
    0..=5, flexible 3
}

wire! {
    struct TxnOffsetCommitRequest {
        [0..]           transactional_id: Str,
        [0..]           group_id: Str,
        [0..]           producer_id: i64,
        [0..]           producer_epoch: i16,
        [3..]           generation_id: i32 = -1,
        [3..]           member_id: Str,
        [3.., null 3..] group_instance_id: Option<Str>,
        [0..]           topics: Vec<TxnOffsetCommitRequestTopic>,
    }

    struct TxnOffsetCommitRequestTopic {
        [0..] name: Str,
        [0..] partitions: Vec<TxnOffsetCommitRequestPartition>,
    }

    struct TxnOffsetCommitRequestPartition {
        [0..]            partition_index: i32,
        [0..]            committed_offset: i64,
        [2.., ignorable] committed_leader_epoch: i32 = -1,
        [0.., null 0..]  committed_metadata: Option<Str> = Some(Str::EMPTY),
    }

    struct TxnOffsetCommitResponse {
        [0..] throttle_time_ms: i32,
        [0..] topics: Vec<TxnOffsetCommitResponseTopic>,
    }

    struct TxnOffsetCommitResponseTopic {
        [0..] name: Str,
        [0..] partitions: Vec<TxnOffsetCommitResponsePartition>,
    }

    struct TxnOffsetCommitResponsePartition {
        [0..] partition_index: i32,
        [0..] error_code: ErrorCode,
    }
}
