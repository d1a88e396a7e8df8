//! `UnregisterBroker`.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    UnregisterBroker: UnregisterBrokerRequest -> UnregisterBrokerResponse,
    0..=0, flexible 0
}

wire! {
    struct UnregisterBrokerRequest {
        [0..] broker_id: i32,
    }

    struct UnregisterBrokerResponse {
        [0..]           throttle_time_ms: i32,
        [0..]           error_code: ErrorCode,
        [0.., null 0..] error_message: Option<Str> = Some(Str::EMPTY),
    }
}
