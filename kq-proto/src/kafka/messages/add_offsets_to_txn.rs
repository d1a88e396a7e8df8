//! `AddOffsetsToTxn`.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    AddOffsetsToTxn: AddOffsetsToTxnRequest -> AddOffsetsToTxnResponse,
    0..=4, flexible 3
}

wire! {
    struct AddOffsetsToTxnRequest {
        [0..] transactional_id: Str,
        [0..] producer_id: i64,
        [0..] producer_epoch: i16,
        [0..] group_id: Str,
    }

    struct AddOffsetsToTxnResponse {
        [0..] throttle_time_ms: i32,
        [0..] error_code: ErrorCode,
    }
}
