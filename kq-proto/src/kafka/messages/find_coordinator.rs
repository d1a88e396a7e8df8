//! `FindCoordinator`: which broker coordinates a group or transactional id.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    FindCoordinator: FindCoordinatorRequest -> FindCoordinatorResponse,
    0..=6, flexible 3
}

wire! {
    struct FindCoordinatorRequest {
        [..=3] key: Str,
        [1..]  key_type: i8,
        [4..]  coordinator_keys: Vec<Str>,
    }

    struct FindCoordinatorResponse {
        [1.., ignorable]               throttle_time_ms: i32,
        [..=3]                         error_code: ErrorCode,
        [1..=3, null 1..=3, ignorable] error_message: Option<Str> = Some(Str::EMPTY),
        [..=3]                         node_id: i32,
        [..=3]                         host: Str,
        [..=3]                         port: i32,
        [4..]                          coordinators: Vec<Coordinator>,
    }

    struct Coordinator {
        [4..]                      key: Str,
        [4..]                      node_id: i32,
        [4..]                      host: Str,
        [4..]                      port: i32,
        [4..]                      error_code: ErrorCode,
        [4.., null 4.., ignorable] error_message: Option<Str> = Some(Str::EMPTY),
    }
}
