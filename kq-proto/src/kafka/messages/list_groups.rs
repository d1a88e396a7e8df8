//! `ListGroups`.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    ListGroups: ListGroupsRequest -> ListGroupsResponse,
    0..=5, flexible 3
}

wire! {
    struct ListGroupsRequest {
        [4..] states_filter: Vec<Str>,
        [5..] types_filter: Vec<Str>,
    }

    struct ListGroupsResponse {
        [1.., ignorable] throttle_time_ms: i32,
        [0..]            error_code: ErrorCode,
        [0..]            groups: Vec<ListedGroup>,
    }

    struct ListedGroup {
        [0..]            group_id: Str,
        [0..]            protocol_type: Str,
        [4.., ignorable] group_state: Str,
        [5.., ignorable] group_type: Str,
    }
}
