//! `InitProducerId`: get a producer id and epoch.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    InitProducerId: InitProducerIdRequest -> InitProducerIdResponse,
    0..=5, flexible 2
}

wire! {
    struct InitProducerIdRequest {
        [0.., null 0..] transactional_id: Option<Str> = Some(Str::EMPTY),
        [0..]           transaction_timeout_ms: i32,
        [3..]           producer_id: i64 = -1,
        [3..]           producer_epoch: i16 = -1,
    }

    struct InitProducerIdResponse {
        [0.., ignorable] throttle_time_ms: i32,
        [0..]            error_code: ErrorCode,
        [0..]            producer_id: i64 = -1,
        [0..]            producer_epoch: i16,
    }
}
