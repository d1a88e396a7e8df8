//! `OffsetDelete`: forget offsets of a group (KIP-496).

use crate::kafka::message::{NEVER_FLEXIBLE, api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    OffsetDelete: OffsetDeleteRequest -> OffsetDeleteResponse,
    0..=0, flexible NEVER_FLEXIBLE
}

wire! {
    struct OffsetDeleteRequest {
        [0..] group_id: Str,
        [0..] topics: Vec<OffsetDeleteRequestTopic>,
    }

    struct OffsetDeleteRequestTopic {
        [0..] name: Str,
        [0..] partitions: Vec<OffsetDeleteRequestPartition>,
    }

    struct OffsetDeleteRequestPartition {
        [0..] partition_index: i32,
    }

    struct OffsetDeleteResponse {
        [0..]            error_code: ErrorCode,
        [0.., ignorable] throttle_time_ms: i32,
        [0..]            topics: Vec<OffsetDeleteResponseTopic>,
    }

    struct OffsetDeleteResponseTopic {
        [0..] name: Str,
        [0..] partitions: Vec<OffsetDeleteResponsePartition>,
    }

    struct OffsetDeleteResponsePartition {
        [0..] partition_index: i32,
        [0..] error_code: ErrorCode,
    }
}
