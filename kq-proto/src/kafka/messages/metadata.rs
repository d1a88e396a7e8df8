//! `Metadata`: brokers, topics, and who leads which partition.

use uuid::Uuid;

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    Metadata: MetadataRequest -> MetadataResponse,
    0..=13, flexible 9
}

wire! {
    struct MetadataRequest {
        [0.., null 1..] topics: Option<Vec<MetadataRequestTopic>> = Some(Vec::new()),
        [4..]           allow_auto_topic_creation: bool = true,
        [8..=10]        include_cluster_authorized_operations: bool,
        [8..]           include_topic_authorized_operations: bool,
    }

    struct MetadataRequestTopic {
        [10.., ignorable] topic_id: Uuid,
        [0.., null 10..]  name: Option<Str> = Some(Str::EMPTY),
    }

    struct MetadataResponse {
        [3.., ignorable]           throttle_time_ms: i32,
        [0..]                      brokers: Vec<MetadataResponseBroker>,
        [2.., null 2.., ignorable] cluster_id: Option<Str>,
        [1.., ignorable]           controller_id: i32 = -1,
        [0..]                      topics: Vec<MetadataResponseTopic>,
        [8..=10]                   cluster_authorized_operations: i32 = i32::MIN,
        [13.., ignorable]          error_code: ErrorCode,
    }

    struct MetadataResponseBroker {
        [0..]                      node_id: i32,
        [0..]                      host: Str,
        [0..]                      port: i32,
        [1.., null 1.., ignorable] rack: Option<Str>,
    }

    struct MetadataResponseTopic {
        [0..]             error_code: ErrorCode,
        [0.., null 12..]  name: Option<Str> = Some(Str::EMPTY),
        [10.., ignorable] topic_id: Uuid,
        [1.., ignorable]  is_internal: bool,
        [0..]             partitions: Vec<MetadataResponsePartition>,
        [8..]             topic_authorized_operations: i32 = i32::MIN,
    }

    struct MetadataResponsePartition {
        [0..]            error_code: ErrorCode,
        [0..]            partition_index: i32,
        [0..]            leader_id: i32,
        [7.., ignorable] leader_epoch: i32 = -1,
        [0..]            replica_nodes: Vec<i32>,
        [0..]            isr_nodes: Vec<i32>,
        [5.., ignorable] offline_replicas: Vec<i32>,
    }
}
