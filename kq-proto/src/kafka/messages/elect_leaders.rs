//! `ElectLeaders`: preferred or unclean election.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    ElectLeaders: ElectLeadersRequest -> ElectLeadersResponse,
    0..=2, flexible 2
}

wire! {
    struct ElectLeadersRequest {
        [1..]           election_type: i8,
        [0.., null 0..] topic_partitions: Option<Vec<TopicPartitions>> = Some(Vec::new()),
        [0..]           timeout_ms: i32 = 60000,
    }

    struct TopicPartitions {
        [0..] topic: Str,
        [0..] partitions: Vec<i32>,
    }

    struct ElectLeadersResponse {
        [0..] throttle_time_ms: i32,
        [1..] error_code: ErrorCode,
        [0..] replica_election_results: Vec<ReplicaElectionResult>,
    }

    struct ReplicaElectionResult {
        [0..] topic: Str,
        [0..] partition_result: Vec<PartitionResult>,
    }

    struct PartitionResult {
        [0..]           partition_id: i32,
        [0..]           error_code: ErrorCode,
        [0.., null 0..] error_message: Option<Str> = Some(Str::EMPTY),
    }
}
