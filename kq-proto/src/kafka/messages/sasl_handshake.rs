//! `SaslHandshake`: choose a mechanism.

use crate::kafka::message::{NEVER_FLEXIBLE, api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    SaslHandshake: SaslHandshakeRequest -> SaslHandshakeResponse,
    0..=1, flexible NEVER_FLEXIBLE
}

wire! {
    struct SaslHandshakeRequest {
        [0..] mechanism: Str,
    }

    struct SaslHandshakeResponse {
        [0..] error_code: ErrorCode,
        [0..] mechanisms: Vec<Str>,
    }
}
