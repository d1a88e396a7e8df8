//! `IncrementalAlterConfigs`: change single keys (KIP-339).

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    IncrementalAlterConfigs: IncrementalAlterConfigsRequest -> IncrementalAlterConfigsResponse,
    0..=1, flexible 1
}

wire! {
    struct IncrementalAlterConfigsRequest {
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
        [0..]           config_operation: i8,
        [0.., null 0..] value: Option<Str> = Some(Str::EMPTY),
    }

    struct IncrementalAlterConfigsResponse {
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
