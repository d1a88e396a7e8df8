//! `Heartbeat`: stay in a classic group.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    Heartbeat: HeartbeatRequest -> HeartbeatResponse,
    0..=4, flexible 4
}

wire! {
    struct HeartbeatRequest {
        [0..]           group_id: Str,
        [0..]           generation_id: i32,
        [0..]           member_id: Str,
        [3.., null 3..] group_instance_id: Option<Str>,
    }

    struct HeartbeatResponse {
        [1.., ignorable] throttle_time_ms: i32,
        [0..]            error_code: ErrorCode,
    }
}
