//! `AlterConfigs`: replace the configuration of a resource.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    AlterConfigs: AlterConfigsRequest -> AlterConfigsResponse,
    0..=2, flexible 2
}

wire! {
    struct AlterConfigsRequest {
        [0..] resources: Vec<AlterConfigsResource>,
        [0..] validate_only: bool,
    }

    struct AlterConfigsResource {
        [0..] resource_type: i8,
        [0..] resource_name: Str,
        [0..] configs: Vec<AlterableConfig>,
    }

    struct AlterableConfig {
        [0..]           name: Str,
        [0.., null 0..] value: Option<Str> = Some(Str::EMPTY),
    }

    struct AlterConfigsResponse {
        [0..] throttle_time_ms: i32,
        [0..] responses: Vec<AlterConfigsResourceResponse>,
    }

    struct AlterConfigsResourceResponse {
        [0..]           error_code: ErrorCode,
        [0.., null 0..] error_message: Option<Str> = Some(Str::EMPTY),
        [0..]           resource_type: i8,
        [0..]           resource_name: Str,
    }
}
