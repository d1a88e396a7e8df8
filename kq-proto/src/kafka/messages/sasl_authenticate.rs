//! `SaslAuthenticate`: one step of the exchange.

use bytes::Bytes;

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    SaslAuthenticate: SaslAuthenticateRequest -> SaslAuthenticateResponse,
    0..=2, flexible 2
}

wire! {
    struct SaslAuthenticateRequest {
        [0..] auth_bytes: Bytes,
    }

    struct SaslAuthenticateResponse {
        [0..]            error_code: ErrorCode,
        [0.., null 0..]  error_message: Option<Str> = Some(Str::EMPTY),
        [0..]            auth_bytes: Bytes,
        [1.., ignorable] session_lifetime_ms: i64,
    }
}
