//! `DescribeConfigs`: configuration with sources and synonyms.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    DescribeConfigs: DescribeConfigsRequest -> DescribeConfigsResponse,
    1..=4, flexible 4
}

wire! {
    struct DescribeConfigsRequest {
        [1..] resources: Vec<DescribeConfigsResource>,
        [1..] include_synonyms: bool,
        [3..] include_documentation: bool,
    }

    struct DescribeConfigsResource {
        [1..]           resource_type: i8,
        [1..]           resource_name: Str,
        [1.., null 1..] configuration_keys: Option<Vec<Str>> = Some(Vec::new()),
    }

    struct DescribeConfigsResponse {
        [1..] throttle_time_ms: i32,
        [1..] results: Vec<DescribeConfigsResult>,
    }

    struct DescribeConfigsResult {
        [1..]           error_code: ErrorCode,
        [1.., null 1..] error_message: Option<Str> = Some(Str::EMPTY),
        [1..]           resource_type: i8,
        [1..]           resource_name: Str,
        [1..]           configs: Vec<DescribeConfigsResourceResult>,
    }

    struct DescribeConfigsResourceResult {
        [1..]                      name: Str,
        [1.., null 1..]            value: Option<Str> = Some(Str::EMPTY),
        [1..]                      read_only: bool,
        [1.., ignorable]           config_source: i8 = -1,
        [1..]                      is_sensitive: bool,
        [1.., ignorable]           synonyms: Vec<DescribeConfigsSynonym>,
        [3.., ignorable]           config_type: i8,
        [3.., null 3.., ignorable] documentation: Option<Str> = Some(Str::EMPTY),
    }

    struct DescribeConfigsSynonym {
        [1..]           name: Str,
        [1.., null 1..] value: Option<Str> = Some(Str::EMPTY),
        [1..]           source: i8,
    }
}
