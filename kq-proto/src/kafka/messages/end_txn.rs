//! `EndTxn`: commit or abort.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    EndTxn: EndTxnRequest -> EndTxnResponse,
    0..=5, flexible 3
}

wire! {
    struct EndTxnRequest {
        [0..] transactional_id: Str,
        [0..] producer_id: i64,
        [0..] producer_epoch: i16,
        [0..] committed: bool,
    }

    struct EndTxnResponse {
        [0..]            throttle_time_ms: i32,
        [0..]            error_code: ErrorCode,
        [5.., ignorable] producer_id: i64 = -1,
        [5.., ignorable] producer_epoch: i16 = -1,
    }
}
