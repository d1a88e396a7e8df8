//! `UpdateFeatures` (KIP-584).

use crate::kafka::message::{api, wire};
use crate::kafka::{ErrorCode, Str};

api! {
    UpdateFeatures: UpdateFeaturesRequest -> UpdateFeaturesResponse,
    0..=2, flexible 0
}

wire! {
    struct UpdateFeaturesRequest {
        [0..] timeout_ms: i32 = 60000,
        [0..] feature_updates: Vec<FeatureUpdateKey>,
        [1..] validate_only: bool,
    }

    struct FeatureUpdateKey {
        [0..]  feature: Str,
        [0..]  max_version_level: i16,
        [..=0] allow_downgrade: bool,
        [1..]  upgrade_type: i8 = 1,
    }

    struct UpdateFeaturesResponse {
        [0..]             throttle_time_ms: i32,
        [0..]             error_code: ErrorCode,
        [0.., null 0..]   error_message: Option<Str> = Some(Str::EMPTY),
        [..=1, ignorable] results: Vec<UpdatableFeatureResult>,
    }

    struct UpdatableFeatureResult {
        [0..]           feature: Str,
        [0..]           error_code: ErrorCode,
        [0.., null 0..] error_message: Option<Str> = Some(Str::EMPTY),
    }
}
