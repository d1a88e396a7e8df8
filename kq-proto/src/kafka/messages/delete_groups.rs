//! `DeleteGroups`.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    DeleteGroups: DeleteGroupsRequest -> DeleteGroupsResponse,
    0..=2, flexible 2
}

wire! {
    struct DeleteGroupsRequest {
        [0..] groups_names: Vec<Str>,
    }

    struct DeleteGroupsResponse {
        [0..] throttle_time_ms: i32,
        [0..] results: Vec<DeletableGroupResult>,
    }

    struct DeletableGroupResult {
        [0..] group_id: Str,
        [0..] error_code: ErrorCode,
    }
}
