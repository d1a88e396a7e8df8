//! `DeleteAcls`.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    DeleteAcls: DeleteAclsRequest -> DeleteAclsResponse,
    1..=3, flexible 2
}

wire! {
    struct DeleteAclsRequest {
        [1..] filters: Vec<DeleteAclsFilter>,
    }

    struct DeleteAclsFilter {
        [1..]           resource_type_filter: i8,
        [1.., null 1..] resource_name_filter: Option<Str> = Some(Str::EMPTY),
        [1..]           pattern_type_filter: i8 = 3,
        [1.., null 1..] principal_filter: Option<Str> = Some(Str::EMPTY),
        [1.., null 1..] host_filter: Option<Str> = Some(Str::EMPTY),
        [1..]           operation: i8,
        [1..]           permission_type: i8,
    }

    struct DeleteAclsResponse {
        [1..] throttle_time_ms: i32,
        [1..] filter_results: Vec<DeleteAclsFilterResult>,
    }

    struct DeleteAclsFilterResult {
        [1..]           error_code: ErrorCode,
        [1.., null 1..] error_message: Option<Str> = Some(Str::EMPTY),
        [1..]           matching_acls: Vec<DeleteAclsMatchingAcl>,
    }

    struct DeleteAclsMatchingAcl {
        [1..]           error_code: ErrorCode,
        [1.., null 1..] error_message: Option<Str> = Some(Str::EMPTY),
        [1..]           resource_type: i8,
        [1..]           resource_name: Str,
        [1..]           pattern_type: i8 = 3,
        [1..]           principal: Str,
        [1..]           host: Str,
        [1..]           operation: i8,
        [1..]           permission_type: i8,
    }
}
