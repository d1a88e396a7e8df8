//! `Produce`: append batches to partitions.

use uuid::Uuid;

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Records, Str};

api! {
    Produce: ProduceRequest -> ProduceResponse,
    3..=13, flexible 9
}

wire! {
    struct ProduceRequest {
        [3.., null 3..] transactional_id: Option<Str>,
        [3..]           acks: i16,
        [3..]           timeout_ms: i32,
        [3..]           topic_data: Vec<TopicProduceData>,
    }

    struct TopicProduceData {
        [3..=12, ignorable] name: Str,
        [13.., ignorable]   topic_id: Uuid,
        [3..]               partition_data: Vec<PartitionProduceData>,
    }

    struct PartitionProduceData {
        [3..]           index: i32,
        [3.., null 3..] records: Option<Records>,
    }

    struct ProduceResponse {
        [3..]            responses: Vec<TopicProduceResponse>,
        [3.., ignorable] throttle_time_ms: i32,
    }
    tagged {
        0 [10..] node_endpoints: Vec<NodeEndpoint>,
    }

    struct TopicProduceResponse {
        [3..=12, ignorable] name: Str,
        [13.., ignorable]   topic_id: Uuid,
        [3..]               partition_responses: Vec<PartitionProduceResponse>,
    }

    struct PartitionProduceResponse {
        [3..]                      index: i32,
        [3..]                      error_code: ErrorCode,
        [3..]                      base_offset: i64,
        [3.., ignorable]           log_append_time_ms: i64 = -1,
        [5.., ignorable]           log_start_offset: i64 = -1,
        [8.., ignorable]           record_errors: Vec<BatchIndexAndErrorMessage>,
        [8.., null 8.., ignorable] error_message: Option<Str>,
    }
    tagged {
        0 [10..] current_leader: LeaderIdAndEpoch,
    }

    struct BatchIndexAndErrorMessage {
        [8..]           batch_index: i32,
        [8.., null 8..] batch_index_error_message: Option<Str>,
    }

    struct LeaderIdAndEpoch {
        [10..] leader_id: i32 = -1,
        [10..] leader_epoch: i32 = -1,
    }

    struct NodeEndpoint {
        [10..]            node_id: i32,
        [10..]            host: Str,
        [10..]            port: i32,
        [10.., null 10..] rack: Option<Str>,
    }
}
