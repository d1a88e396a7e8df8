//! `OffsetFetch`: how far a group has read.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    OffsetFetch: OffsetFetchRequest -> OffsetFetchResponse,
    1..=9, flexible 6
}

wire! {
    struct OffsetFetchRequest {
        [1..=7]             group_id: Str,
        [1..=7, null 2..=7] topics: Option<Vec<OffsetFetchRequestTopic>> = Some(Vec::new()),
        [8..]               groups: Vec<OffsetFetchRequestGroup>,
        [7..]               require_stable: bool,
    }

    struct OffsetFetchRequestTopic {
        [1..=7] name: Str,
        [1..=7] partition_indexes: Vec<i32>,
    }

    struct OffsetFetchRequestGroup {
        [8..]                      group_id: Str,
        [9.., null 9.., ignorable] member_id: Option<Str>,
        [9.., ignorable]           member_epoch: i32 = -1,
        [8.., null 8..]            topics: Option<Vec<OffsetFetchRequestTopics>> = Some(Vec::new()),
    }

    struct OffsetFetchRequestTopics {
        [8.., ignorable] name: Str,
        [8..]            partition_indexes: Vec<i32>,
    }

    struct OffsetFetchResponse {
        [3.., ignorable]   throttle_time_ms: i32,
        [1..=7]            topics: Vec<OffsetFetchResponseTopic>,
        [2..=7, ignorable] error_code: ErrorCode,
        [8..]              groups: Vec<OffsetFetchResponseGroup>,
    }

    struct OffsetFetchResponseTopic {
        [1..=7] name: Str,
        [1..=7] partitions: Vec<OffsetFetchResponsePartition>,
    }

    struct OffsetFetchResponsePartition {
        [1..=7]             partition_index: i32,
        [1..=7]             committed_offset: i64,
        [5..=7, ignorable]  committed_leader_epoch: i32 = -1,
        [1..=7, null 1..=7] metadata: Option<Str> = Some(Str::EMPTY),
        [1..=7]             error_code: ErrorCode,
    }

    struct OffsetFetchResponseGroup {
        [8..] group_id: Str,
        [8..] topics: Vec<OffsetFetchResponseTopics>,
        [8..] error_code: ErrorCode,
    }

    struct OffsetFetchResponseTopics {
        [8.., ignorable] name: Str,
        [8..]            partitions: Vec<OffsetFetchResponsePartitions>,
    }

    struct OffsetFetchResponsePartitions {
        [8..]            partition_index: i32,
        [8..]            committed_offset: i64,
        [8.., ignorable] committed_leader_epoch: i32 = -1,
        [8.., null 8..]  metadata: Option<Str> = Some(Str::EMPTY),
        [8..]            error_code: ErrorCode,
    }
}
