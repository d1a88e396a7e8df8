//! `ApiVersions`: which versions of which APIs a broker serves.

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    ApiVersions: ApiVersionsRequest -> ApiVersionsResponse,
    0..=4, flexible 3
}

wire! {
    struct ApiVersionsRequest {
        [3.., ignorable] client_software_name: Str,
        [3.., ignorable] client_software_version: Str,
    }

    struct ApiVersionsResponse {
        [0..]            error_code: ErrorCode,
        [0..]            api_keys: Vec<ApiVersion>,
        [1.., ignorable] throttle_time_ms: i32,
    }
    tagged {
        0 [3.., ignorable] supported_features: Vec<SupportedFeatureKey>,
        1 [3.., ignorable] finalized_features_epoch: i64 = -1,
        2 [3.., ignorable] finalized_features: Vec<FinalizedFeatureKey>,
        3 [3.., ignorable] zk_migration_ready: bool,
    }

    struct ApiVersion {
        [0..] api_key: i16,
        [0..] min_version: i16,
        [0..] max_version: i16,
    }

    struct SupportedFeatureKey {
        [3..] name: Str,
        [3..] min_version: i16,
        [3..] max_version: i16,
    }

    struct FinalizedFeatureKey {
        [3..] name: Str,
        [3..] max_version_level: i16,
        [3..] min_version_level: i16,
    }
}
