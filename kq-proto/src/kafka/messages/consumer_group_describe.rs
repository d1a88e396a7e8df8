//! `ConsumerGroupDescribe` (KIP-848).

use uuid::Uuid;

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    ConsumerGroupDescribe: ConsumerGroupDescribeRequest -> ConsumerGroupDescribeResponse,
    0..=1, flexible 0
}

wire! {
    struct ConsumerGroupDescribeRequest {
        [0..] group_ids: Vec<Str>,
        [0..] include_authorized_operations: bool,
    }

    struct ConsumerGroupDescribeResponse {
        [0..] throttle_time_ms: i32,
        [0..] groups: Vec<DescribedGroup>,
    }

    struct DescribedGroup {
        [0..]           error_code: ErrorCode,
        [0.., null 0..] error_message: Option<Str>,
        [0..]           group_id: Str,
        [0..]           group_state: Str,
        [0..]           group_epoch: i32,
        [0..]           assignment_epoch: i32,
        [0..]           assignor_name: Str,
        [0..]           members: Vec<Member>,
        [0..]           authorized_operations: i32 = i32::MIN,
    }

    struct Member {
        [0..]            member_id: Str,
        [0.., null 0..]  instance_id: Option<Str>,
        [0.., null 0..]  rack_id: Option<Str>,
        [0..]            member_epoch: i32,
        [0..]            client_id: Str,
        [0..]            client_host: Str,
        [0..]            subscribed_topic_names: Vec<Str>,
        [0.., null 0..]  subscribed_topic_regex: Option<Str>,
        [0..]            assignment: Assignment,
        [0..]            target_assignment: Assignment,
        [1.., ignorable] member_type: i8 = -1,
    }

    struct TopicPartitions {
        [0..] topic_id: Uuid,
        [0..] topic_name: Str,
        [0..] partitions: Vec<i32>,
    }

    struct Assignment {
        [0..] topic_partitions: Vec<TopicPartitions>,
    }
}
