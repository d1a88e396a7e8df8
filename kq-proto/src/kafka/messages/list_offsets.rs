//! `ListOffsets`: look offsets up by time or by position.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    ListOffsets: ListOffsetsRequest -> ListOffsetsResponse,
    1..=10, flexible 6
}

wire! {
    struct ListOffsetsRequest {
        [1..]             replica_id: i32,
        [2..]             isolation_level: i8,
        [1..]             topics: Vec<ListOffsetsTopic>,
        [10.., ignorable] timeout_ms: i32,
    }

    struct ListOffsetsTopic {
        [1..] name: Str,
        [1..] partitions: Vec<ListOffsetsPartition>,
    }

    struct ListOffsetsPartition {
        [1..]            partition_index: i32,
        [4.., ignorable] current_leader_epoch: i32 = -1,
        [1..]            timestamp: i64,
    }

    struct ListOffsetsResponse {
        [2.., ignorable] throttle_time_ms: i32,
        [1..]            topics: Vec<ListOffsetsTopicResponse>,
    }

    struct ListOffsetsTopicResponse {
        [1..] name: Str,
        [1..] partitions: Vec<ListOffsetsPartitionResponse>,
    }

    struct ListOffsetsPartitionResponse {
        [1..] partition_index: i32,
        [1..] error_code: ErrorCode,
        [1..] timestamp: i64 = -1,
        [1..] offset: i64 = -1,
        [4..] leader_epoch: i32 = -1,
    }
}
