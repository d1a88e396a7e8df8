//! `ConsumerGroupHeartbeat` (KIP-848).

use uuid::Uuid;

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    ConsumerGroupHeartbeat: ConsumerGroupHeartbeatRequest -> ConsumerGroupHeartbeatResponse,
    0..=1, flexible 0
}

wire! {
    struct ConsumerGroupHeartbeatRequest {
        [0..]           group_id: Str,
        [0..]           member_id: Str,
        [0..]           member_epoch: i32,
        [0.., null 0..] instance_id: Option<Str>,
        [0.., null 0..] rack_id: Option<Str>,
        [0..]           rebalance_timeout_ms: i32 = -1,
        [0.., null 0..] subscribed_topic_names: Option<Vec<Str>>,
        [1.., null 1..] subscribed_topic_regex: Option<Str>,
        [0.., null 0..] server_assignor: Option<Str>,
        [0.., null 0..] topic_partitions: Option<Vec<TopicPartitions>>,
    }

    struct TopicPartitions {
        [0..] topic_id: Uuid,
        [0..] partitions: Vec<i32>,
    }

    struct ConsumerGroupHeartbeatResponse {
        [0..]           throttle_time_ms: i32,
        [0..]           error_code: ErrorCode,
        [0.., null 0..] error_message: Option<Str>,
        [0.., null 0..] member_id: Option<Str>,
        [0..]           member_epoch: i32,
        [0..]           heartbeat_interval_ms: i32,
        [0.., null 0..] assignment: Option<Assignment>,
    }

    struct Assignment {
        [0..] topic_partitions: Vec<TopicPartitions>,
    }
}
