//! `CreateTopics`.

use uuid::Uuid;

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    CreateTopics: CreateTopicsRequest -> CreateTopicsResponse,
    2..=7, flexible 5
}

wire! {
    struct CreateTopicsRequest {
        [2..] topics: Vec<CreatableTopic>,
        [2..] timeout_ms: i32 = 60000,
        [2..] validate_only: bool,
    }

    struct CreatableTopic {
        [2..] name: Str,
        [2..] num_partitions: i32,
        [2..] replication_factor: i16,
        [2..] assignments: Vec<CreatableReplicaAssignment>,
        [2..] configs: Vec<CreatableTopicConfig>,
    }

    struct CreatableReplicaAssignment {
        [2..] partition_index: i32,
        [2..] broker_ids: Vec<i32>,
    }

    struct CreatableTopicConfig {
        [2..]           name: Str,
        [2.., null 2..] value: Option<Str> = Some(Str::EMPTY),
    }

    struct CreateTopicsResponse {
        [2.., ignorable] throttle_time_ms: i32,
        [2..]            topics: Vec<CreatableTopicResult>,
    }

    struct CreatableTopicResult {
        [2..]                      name: Str,
        [7.., ignorable]           topic_id: Uuid,
        [2..]                      error_code: ErrorCode,
        [2.., null 2.., ignorable] error_message: Option<Str> = Some(Str::EMPTY),
        [5.., ignorable]           num_partitions: i32 = -1,
        [5.., ignorable]           replication_factor: i16 = -1,
        [5.., null 5.., ignorable] configs: Option<Vec<CreatableTopicConfigs>> = Some(Vec::new()),
    }
    tagged {
        0 [5.., ignorable] topic_config_error_code: ErrorCode,
    }

    struct CreatableTopicConfigs {
        [5..]            name: Str,
        [5.., null 5..]  value: Option<Str> = Some(Str::EMPTY),
        [5..]            read_only: bool,
        [5.., ignorable] config_source: i8 = -1,
        [5..]            is_sensitive: bool,
    }
}
