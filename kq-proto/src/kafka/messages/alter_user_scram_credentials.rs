//! `AlterUserScramCredentials` (KIP-554).

use bytes::Bytes;

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    AlterUserScramCredentials: AlterUserScramCredentialsRequest -> AlterUserScramCredentialsResponse,
    0..=0, flexible 0
}

wire! {
    struct AlterUserScramCredentialsRequest {
        [0..] deletions: Vec<ScramCredentialDeletion>,
        [0..] upsertions: Vec<ScramCredentialUpsertion>,
    }

    struct ScramCredentialDeletion {
        [0..] name: Str,
        [0..] mechanism: i8,
    }

    struct ScramCredentialUpsertion {
        [0..] name: Str,
        [0..] mechanism: i8,
        [0..] iterations: i32,
        [0..] salt: Bytes,
        [0..] salted_password: Bytes,
    }

    struct AlterUserScramCredentialsResponse {
        [0..] throttle_time_ms: i32,
        [0..] results: Vec<AlterUserScramCredentialsResult>,
    }

    struct AlterUserScramCredentialsResult {
        [0..]           user: Str,
        [0..]           error_code: ErrorCode,
        [0.., null 0..] error_message: Option<Str> = Some(Str::EMPTY),
    }
}
