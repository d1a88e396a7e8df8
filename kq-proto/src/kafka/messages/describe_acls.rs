//! `DescribeAcls`.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    DescribeAcls: DescribeAclsRequest -> DescribeAclsResponse,
    1..=3, flexible 2
}

wire! {
    struct DescribeAclsRequest {
        [1..]           resource_type_filter: i8,
        [1.., null 1..] resource_name_filter: Option<Str> = Some(Str::EMPTY),
        [1..]           pattern_type_filter: i8 = 3,
        [1.., null 1..] principal_filter: Option<Str> = Some(Str::EMPTY),
        [1.., null 1..] host_filter: Option<Str> = Some(Str::EMPTY),
        [1..]           operation: i8,
        [1..]           permission_type: i8,
    }

    struct DescribeAclsResponse {
        [1..]           throttle_time_ms: i32,
        [1..]           error_code: ErrorCode,
        [1.., null 1..] error_message: Option<Str> = Some(Str::EMPTY),
        [1..]           resources: Vec<DescribeAclsResource>,
    }

    struct DescribeAclsResource {
        [1..] resource_type: i8,
        [1..] resource_name: Str,
        [1..] pattern_type: i8 = 3,
        [1..] acls: Vec<AclDescription>,
    }

    struct AclDescription {
        [1..] principal: Str,
        [1..] host: Str,
        [1..] operation: i8,
        [1..] permission_type: i8,
    }
}
