//! `UpdateFeatures`: `kafka-features.sh upgrade` and `downgrade` (KIP-584, KIP-778).

use std::sync::Arc;

use kq_proto::kafka::ErrorCode;
use kq_proto::kafka::messages::update_features::{
    FeatureUpdateKey, UpdatableFeatureResult, UpdateFeaturesRequest, UpdateFeaturesResponse,
};

use super::control::{deadline, message};
use crate::controller::{Command, FeatureUpdate, UpgradeType};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;

impl Handle for UpdateFeaturesRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let door = Arc::clone(door);
        call.alone::<Self>(async move { update(&door, self).await })
    }
}

async fn update(door: &Door, request: UpdateFeaturesRequest) -> UpdateFeaturesResponse {
    let updates = request.feature_updates.iter().map(wanted).collect();
    let validate_only = request.validate_only;
    let command = Command::UpdateFeatures { updates, validate_only };
    match door.submit(command, deadline(request.timeout_ms)).await {
        // Each on its own is told by versions 0 and 1 only, and only here: one that is refused has
        // all refused.
        Ok(_) => UpdateFeaturesResponse {
            error_message: None,
            results: request.feature_updates.into_iter().map(done).collect(),
            ..UpdateFeaturesResponse::default()
        },
        Err(error) => UpdateFeaturesResponse {
            error_code: error.code,
            error_message: message(&error),
            ..UpdateFeaturesResponse::default()
        },
    }
}

/// Version 0 only says whether it may go down.
fn wanted(it: &FeatureUpdateKey) -> FeatureUpdate {
    let upgrade = if it.allow_downgrade {
        Some(UpgradeType::SafeDowngrade)
    } else {
        UpgradeType::from_wire(it.upgrade_type)
    };
    FeatureUpdate { feature: it.feature.to_string(), level: it.max_version_level, upgrade }
}

fn done(it: FeatureUpdateKey) -> UpdatableFeatureResult {
    UpdatableFeatureResult { feature: it.feature, error_code: ErrorCode::None, error_message: None }
}
