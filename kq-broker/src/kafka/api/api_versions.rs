//! `ApiVersions`: what this broker speaks. The first request of every client.

use std::sync::Arc;

use bytes::Bytes;
use kq_proto::kafka::messages::api_versions::{
    ApiVersion, ApiVersionsRequest, ApiVersionsResponse, FinalizedFeatureKey, SupportedFeatureKey,
};
use kq_proto::kafka::{ApiKey, ErrorCode, Str};

use crate::controller::Feature;
use crate::kafka::answer::{Answer, Outcome};
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{APIS, Api, Call, Handle};
use crate::kafka::door::Door;

/// Letters, digits, and dots and hyphens between them: what a client may call its software (KIP-511).
const SOFTWARE_NAME_BYTES_MAX: usize = 128;

impl Handle for ApiVersionsRequest {
    fn handle(self, door: &Arc<Door>, peer: &mut Peer, call: Call) -> Answer {
        if call.version >= 3 {
            let Self { client_software_name: name, client_software_version: version } = self;
            if !is_software_name(&name) || !is_software_name(&version) {
                let error_code = ErrorCode::InvalidRequest;
                let response = ApiVersionsResponse { error_code, ..Default::default() };
                return call.answer::<Self>(&response);
            }
            peer.software = Some((name.into(), version.into()));
        }
        call.answer::<Self>(&response(door))
    }
}

fn response(door: &Door) -> ApiVersionsResponse {
    let features = door.features();
    ApiVersionsResponse {
        api_keys: APIS.iter().map(line).collect(),
        supported_features: features.iter().map(supported).collect(),
        finalized_features_epoch: door.features_epoch(),
        finalized_features: features.iter().map(finalized).collect(),
        ..Default::default()
    }
}

fn line(api: &Api) -> ApiVersion {
    ApiVersion { api_key: api.key.code(), min_version: api.named_from, max_version: api.served_to }
}

fn supported(it: &Feature) -> SupportedFeatureKey {
    let name = Str::from_static(it.name);
    SupportedFeatureKey { name, min_version: it.min, max_version: it.max }
}

fn finalized(it: &Feature) -> FinalizedFeatureKey {
    let name = Str::from_static(it.name);
    FinalizedFeatureKey { name, max_version_level: it.level, min_version_level: it.level }
}

fn is_software_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    name.len() <= SOFTWARE_NAME_BYTES_MAX
        && name.chars().all(inner)
        && edge(name.chars().next())
        && edge(name.chars().next_back())
}

/// Answers a version that this broker does not know in version 0, which every client reads, with the
/// versions it does know (KIP-511).
pub fn unsupported(request: Bytes) -> Answer {
    let Some(correlation) = request.get(4..8).and_then(<[u8]>::first_chunk::<4>) else {
        return Answer::Now(Outcome::Close("an ApiVersions request without correlation id".into()));
    };
    let call = Call {
        key: ApiKey::ApiVersions,
        version: 0,
        correlation_id: i32::from_be_bytes(*correlation),
        client_id: None,
        memory: None,
    };
    let api_keys = APIS.iter().map(line).collect();
    let error_code = ErrorCode::UnsupportedVersion;
    let response = ApiVersionsResponse { error_code, api_keys, ..Default::default() };
    call.answer::<ApiVersionsRequest>(&response)
}
