//! `DescribeProducers`: producers active on partitions (KIP-664).

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    DescribeProducers: DescribeProducersRequest -> DescribeProducersResponse,
    0..=0, flexible 0
}

wire! {
    struct DescribeProducersRequest {
        [0..] topics: Vec<TopicRequest>,
    }

    struct TopicRequest {
        [0..] name: Str,
        [0..] partition_indexes: Vec<i32>,
    }

    struct DescribeProducersResponse {
        [0..] throttle_time_ms: i32,
        [0..] topics: Vec<TopicResponse>,
    }

    struct TopicResponse {
        [0..] name: Str,
        [0..] partitions: Vec<PartitionResponse>,
    }

    struct PartitionResponse {
        [0..]           partition_index: i32,
        [0..]           error_code: ErrorCode,
        [0.., null 0..] error_message: Option<Str>,
        [0..]           active_producers: Vec<ProducerState>,
    }

    struct ProducerState {
        [0..] producer_id: i64,
        [0..] producer_epoch: i32,
        [0..] last_sequence: i32 = -1,
        [0..] last_timestamp: i64 = -1,
        [0..] coordinator_epoch: i32,
        [0..] current_txn_start_offset: i64 = -1,
    }
}
