//! `CreateAcls`.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    CreateAcls: CreateAclsRequest -> CreateAclsResponse,
    1..=3, flexible 2
}

wire! {
    struct CreateAclsRequest {
        [1..] creations: Vec<AclCreation>,
    }

    struct AclCreation {
        [1..] resource_type: i8,
        [1..] resource_name: Str,
        [1..] resource_pattern_type: i8 = 3,
        [1..] principal: Str,
        [1..] host: Str,
        [1..] operation: i8,
        [1..] permission_type: i8,
    }

    struct CreateAclsResponse {
        [1..] throttle_time_ms: i32,
        [1..] results: Vec<AclCreationResult>,
    }

    struct AclCreationResult {
        [1..]           error_code: ErrorCode,
        [1.., null 1..] error_message: Option<Str> = Some(Str::EMPTY),
    }
}
