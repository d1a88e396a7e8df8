//! `DescribeTopicPartitions`: topics page by page (KIP-966).

use uuid::Uuid;

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    DescribeTopicPartitions: DescribeTopicPartitionsRequest -> DescribeTopicPartitionsResponse,
    0..=0, flexible 0
}

wire! {
    struct DescribeTopicPartitionsRequest {
        [0..]           topics: Vec<TopicRequest>,
        [0..]           response_partition_limit: i32 = 2000,
        [0.., null 0..] cursor: Option<Cursor>,
    }

    struct TopicRequest {
        [0..] name: Str,
    }

    struct Cursor {
        [0..] topic_name: Str,
        [0..] partition_index: i32,
    }

    struct DescribeTopicPartitionsResponse {
        [0.., ignorable] throttle_time_ms: i32,
        [0..]            topics: Vec<DescribeTopicPartitionsResponseTopic>,
        [0.., null 0..]  next_cursor: Option<Cursor>,
    }

    struct DescribeTopicPartitionsResponseTopic {
        [0..]            error_code: ErrorCode,
        [0.., null 0..]  name: Option<Str> = Some(Str::EMPTY),
        [0.., ignorable] topic_id: Uuid,
        [0.., ignorable] is_internal: bool,
        [0..]            partitions: Vec<DescribeTopicPartitionsResponsePartition>,
        [0..]            topic_authorized_operations: i32 = i32::MIN,
    }

    struct DescribeTopicPartitionsResponsePartition {
        [0..]            error_code: ErrorCode,
        [0..]            partition_index: i32,
        [0..]            leader_id: i32,
        [0.., ignorable] leader_epoch: i32 = -1,
        [0..]            replica_nodes: Vec<i32>,
        [0..]            isr_nodes: Vec<i32>,
        [0.., null 0..]  eligible_leader_replicas: Option<Vec<i32>>,
        [0.., null 0..]  last_known_elr: Option<Vec<i32>>,
        [0.., ignorable] offline_replicas: Vec<i32>,
    }
}
