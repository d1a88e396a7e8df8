//! `Fetch`: read batches, as a consumer or as a follower.

use uuid::Uuid;

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Records, Str};

api! {
    Fetch: FetchRequest -> FetchResponse,
    4..=18, flexible 12
}

wire! {
    struct FetchRequest {
        [4..=14]          replica_id: i32 = -1,
        [4..]             max_wait_ms: i32,
        [4..]             min_bytes: i32,
        [4.., ignorable]  max_bytes: i32 = i32::MAX,
        [4.., ignorable]  isolation_level: i8,
        [7.., ignorable]  session_id: i32,
        [7.., ignorable]  session_epoch: i32 = -1,
        [4..]             topics: Vec<FetchTopic>,
        [7..]             forgotten_topics_data: Vec<ForgottenTopic>,
        [11.., ignorable] rack_id: Str,
    }
    tagged {
        0 [12.., null 12.., ignorable] cluster_id: Option<Str>,
        1 [15..]                       replica_state: ReplicaState,
    }

    struct ReplicaState {
        [15..] replica_id: i32 = -1,
        [15..] replica_epoch: i64 = -1,
    }

    struct FetchTopic {
        [4..=12, ignorable] topic: Str,
        [13.., ignorable]   topic_id: Uuid,
        [4..]               partitions: Vec<FetchPartition>,
    }

    struct FetchPartition {
        [4..]            partition: i32,
        [9.., ignorable] current_leader_epoch: i32 = -1,
        [4..]            fetch_offset: i64,
        [12..]           last_fetched_epoch: i32 = -1,
        [5.., ignorable] log_start_offset: i64 = -1,
        [4..]            partition_max_bytes: i32,
    }
    tagged {
        0 [17.., ignorable] replica_directory_id: Uuid,
        1 [18.., ignorable] high_watermark: i64 = i64::MAX,
        // Ours, out of the way of Kafka's own tags: what a follower has on stable storage.
        10_000 [15.., ignorable] synced_end: i64 = -1,
    }

    struct ForgottenTopic {
        [7..=12, ignorable] topic: Str,
        [13.., ignorable]   topic_id: Uuid,
        [7..]               partitions: Vec<i32>,
    }

    struct FetchResponse {
        [4.., ignorable] throttle_time_ms: i32,
        [7.., ignorable] error_code: ErrorCode,
        [7..]            session_id: i32,
        [4..]            responses: Vec<FetchableTopicResponse>,
    }
    tagged {
        0 [16..] node_endpoints: Vec<NodeEndpoint>,
    }

    struct FetchableTopicResponse {
        [4..=12, ignorable] topic: Str,
        [13.., ignorable]   topic_id: Uuid,
        [4..]               partitions: Vec<PartitionData>,
    }

    struct PartitionData {
        [4..]                      partition_index: i32,
        [4..]                      error_code: ErrorCode,
        [4..]                      high_watermark: i64,
        [4.., ignorable]           last_stable_offset: i64 = -1,
        [5.., ignorable]           log_start_offset: i64 = -1,
        [4.., null 4.., ignorable] aborted_transactions: Option<Vec<AbortedTransaction>> = Some(Vec::new()),
        [11..]                     preferred_read_replica: i32 = -1,
        [4.., null 4..]            records: Option<Records>,
    }
    tagged {
        0 [12..] diverging_epoch: EpochEndOffset,
        1 [12..] current_leader: LeaderIdAndEpoch,
        2 [12..] snapshot_id: SnapshotId,
    }

    struct EpochEndOffset {
        [12..] epoch: i32 = -1,
        [12..] end_offset: i64 = -1,
    }

    struct LeaderIdAndEpoch {
        [12..] leader_id: i32 = -1,
        [12..] leader_epoch: i32 = -1,
    }

    struct SnapshotId {
        [4..] end_offset: i64 = -1,
        [4..] epoch: i32 = -1,
    }

    struct AbortedTransaction {
        [4..] producer_id: i64,
        [4..] first_offset: i64,
    }

    struct NodeEndpoint {
        [16..]            node_id: i32,
        [16..]            host: Str,
        [16..]            port: i32,
        [16.., null 16..] rack: Option<Str>,
    }
}
