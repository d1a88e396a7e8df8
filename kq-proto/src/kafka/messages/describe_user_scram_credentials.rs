//! `DescribeUserScramCredentials` (KIP-554).

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    DescribeUserScramCredentials: DescribeUserScramCredentialsRequest -> DescribeUserScramCredentialsResponse,
    0..=0, flexible 0
}

wire! {
    struct DescribeUserScramCredentialsRequest {
        [0.., null 0..] users: Option<Vec<UserName>> = Some(Vec::new()),
    }

    struct UserName {
        [0..] name: Str,
    }

    struct DescribeUserScramCredentialsResponse {
        [0..]           throttle_time_ms: i32,
        [0..]           error_code: ErrorCode,
        [0.., null 0..] error_message: Option<Str> = Some(Str::EMPTY),
        [0..]           results: Vec<DescribeUserScramCredentialsResult>,
    }

    struct DescribeUserScramCredentialsResult {
        [0..]           user: Str,
        [0..]           error_code: ErrorCode,
        [0.., null 0..] error_message: Option<Str> = Some(Str::EMPTY),
        [0..]           credential_infos: Vec<CredentialInfo>,
    }

    struct CredentialInfo {
        [0..] mechanism: i8,
        [0..] iterations: i32,
    }
}
