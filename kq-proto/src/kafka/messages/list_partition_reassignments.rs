//! `ListPartitionReassignments`: moves in progress (KIP-455).

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    ListPartitionReassignments: ListPartitionReassignmentsRequest -> ListPartitionReassignmentsResponse,
    0..=0, flexible 0
}

wire! {
    struct ListPartitionReassignmentsRequest {
        [0..]           timeout_ms: i32 = 60000,
        [0.., null 0..] topics: Option<Vec<ListPartitionReassignmentsTopics>>,
    }

    struct ListPartitionReassignmentsTopics {
        [0..] name: Str,
        [0..] partition_indexes: Vec<i32>,
    }

    struct ListPartitionReassignmentsResponse {
        [0..]           throttle_time_ms: i32,
        [0..]           error_code: ErrorCode,
        [0.., null 0..] error_message: Option<Str> = Some(Str::EMPTY),
        [0..]           topics: Vec<OngoingTopicReassignment>,
    }

    struct OngoingTopicReassignment {
        [0..] name: Str,
        [0..] partitions: Vec<OngoingPartitionReassignment>,
    }

    struct OngoingPartitionReassignment {
        [0..] partition_index: i32,
        [0..] replicas: Vec<i32>,
        [0..] adding_replicas: Vec<i32>,
        [0..] removing_replicas: Vec<i32>,
    }
}
