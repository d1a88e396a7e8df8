//! `CreatePartitions`: raise the number of partitions.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    CreatePartitions: CreatePartitionsRequest -> CreatePartitionsResponse,
    0..=3, flexible 2
}

wire! {
    struct CreatePartitionsRequest {
        [0..] topics: Vec<CreatePartitionsTopic>,
        [0..] timeout_ms: i32,
        [0..] validate_only: bool,
    }

    struct CreatePartitionsTopic {
        [0..]           name: Str,
        [0..]           count: i32,
        [0.., null 0..] assignments: Option<Vec<CreatePartitionsAssignment>> = Some(Vec::new()),
    }

    struct CreatePartitionsAssignment {
        [0..] broker_ids: Vec<i32>,
    }

    struct CreatePartitionsResponse {
        [0..] throttle_time_ms: i32,
        [0..] results: Vec<CreatePartitionsTopicResult>,
    }

    struct CreatePartitionsTopicResult {
        [0..]           name: Str,
        [0..]           error_code: ErrorCode,
        [0.., null 0..] error_message: Option<Str>,
    }
}
