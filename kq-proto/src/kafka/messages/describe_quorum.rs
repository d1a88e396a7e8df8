//! `DescribeQuorum`: voters and observers of the metadata log.

use uuid::Uuid;

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    DescribeQuorum: DescribeQuorumRequest -> DescribeQuorumResponse,
    0..=2, flexible 0
}

wire! {
    struct DescribeQuorumRequest {
        [0..] topics: Vec<RequestTopicData>,
    }

    struct RequestTopicData {
        [0..] topic_name: Str,
        [0..] partitions: Vec<RequestPartitionData>,
    }

    struct RequestPartitionData {
        [0..] partition_index: i32,
    }

    struct DescribeQuorumResponse {
        [0..]                      error_code: ErrorCode,
        [2.., null 2.., ignorable] error_message: Option<Str> = Some(Str::EMPTY),
        [0..]                      topics: Vec<ResponseTopicData>,
        [2..]                      nodes: Vec<Node>,
    }

    struct ResponseTopicData {
        [0..] topic_name: Str,
        [0..] partitions: Vec<ResponsePartitionData>,
    }

    struct ResponsePartitionData {
        [0..]                      partition_index: i32,
        [0..]                      error_code: ErrorCode,
        [2.., null 2.., ignorable] error_message: Option<Str> = Some(Str::EMPTY),
        [0..]                      leader_id: i32,
        [0..]                      leader_epoch: i32,
        [0..]                      high_watermark: i64,
        [0..]                      current_voters: Vec<ReplicaState>,
        [0..]                      observers: Vec<ReplicaState>,
    }

    struct Node {
        [2..] node_id: i32,
        [2..] listeners: Vec<Listener>,
    }

    struct Listener {
        [2..] name: Str,
        [2..] host: Str,
        [2..] port: u16,
    }

    struct ReplicaState {
        [0..]            replica_id: i32,
        [2..]            replica_directory_id: Uuid,
        [0..]            log_end_offset: i64,
        [1.., ignorable] last_fetch_timestamp: i64 = -1,
        [1.., ignorable] last_caught_up_timestamp: i64 = -1,
    }
}
