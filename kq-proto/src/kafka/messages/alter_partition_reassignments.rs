//! `AlterPartitionReassignments`: start or cancel moves (KIP-455).

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    AlterPartitionReassignments: AlterPartitionReassignmentsRequest -> AlterPartitionReassignmentsResponse,
    0..=1, flexible 0
}

wire! {
    struct AlterPartitionReassignmentsRequest {
        [0..] timeout_ms: i32 = 60000,
        [1..] allow_replication_factor_change: bool = true,
        [0..] topics: Vec<ReassignableTopic>,
    }

    struct ReassignableTopic {
        [0..] name: Str,
        [0..] partitions: Vec<ReassignablePartition>,
    }

    struct ReassignablePartition {
        [0..]           partition_index: i32,
        [0.., null 0..] replicas: Option<Vec<i32>>,
    }

    struct AlterPartitionReassignmentsResponse {
        [0..]            throttle_time_ms: i32,
        [1.., ignorable] allow_replication_factor_change: bool = true,
        [0..]            error_code: ErrorCode,
        [0.., null 0..]  error_message: Option<Str> = Some(Str::EMPTY),
        [0..]            responses: Vec<ReassignableTopicResponse>,
    }

    struct ReassignableTopicResponse {
        [0..] name: Str,
        [0..] partitions: Vec<ReassignablePartitionResponse>,
    }

    struct ReassignablePartitionResponse {
        [0..]           partition_index: i32,
        [0..]           error_code: ErrorCode,
        [0.., null 0..] error_message: Option<Str> = Some(Str::EMPTY),
    }
}
