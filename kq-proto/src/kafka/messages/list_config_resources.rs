//! `ListConfigResources`: which resources have configuration (KIP-1142).

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    ListConfigResources: ListConfigResourcesRequest -> ListConfigResourcesResponse,
    0..=1, flexible 0
}

wire! {
    struct ListConfigResourcesRequest {
        [1..] resource_types: Vec<i8>,
    }

    struct ListConfigResourcesResponse {
        [0..] throttle_time_ms: i32,
        [0..] error_code: ErrorCode,
        [0..] config_resources: Vec<ConfigResource>,
    }

    struct ConfigResource {
        [0..]            resource_name: Str,
        [1.., ignorable] resource_type: i8 = 16,
    }
}
