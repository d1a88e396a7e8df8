//! `DeleteTopics`: by name or by id.

use uuid::Uuid;

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    DeleteTopics: DeleteTopicsRequest -> DeleteTopicsResponse,
    1..=6, flexible 4
}

wire! {
    struct DeleteTopicsRequest {
        [6..]              topics: Vec<DeleteTopicState>,
        [1..=5, ignorable] topic_names: Vec<Str>,
        [1..]              timeout_ms: i32,
    }

    struct DeleteTopicState {
        [6.., null 6..] name: Option<Str>,
        [6..]           topic_id: Uuid,
    }

    struct DeleteTopicsResponse {
        [1.., ignorable] throttle_time_ms: i32,
        [1..]            responses: Vec<DeletableTopicResult>,
    }

    struct DeletableTopicResult {
        [1.., null 6..]            name: Option<Str> = Some(Str::EMPTY),
        [6.., ignorable]           topic_id: Uuid,
        [1..]                      error_code: ErrorCode,
        [5.., null 5.., ignorable] error_message: Option<Str>,
    }
}
