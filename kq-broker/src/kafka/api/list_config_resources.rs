//! `ListConfigResources`: what has a configuration (KIP-1142).

use std::sync::Arc;

use kq_proto::kafka::messages::list_config_resources::{
    ConfigResource, ListConfigResourcesRequest, ListConfigResourcesResponse,
};
use kq_proto::kafka::{ErrorCode, Str};

use super::resource::{BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, TOPIC};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;
use crate::metadata::MetadataImage;

const KINDS: [i8; 5] = [TOPIC, BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP];

impl Handle for ListConfigResourcesRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        // The first version knows client metrics alone and names no kinds.
        let kinds = match call.version {
            0 => vec![CLIENT_METRICS],
            _ if self.resource_types.is_empty() => KINDS.to_vec(),
            _ => self.resource_types,
        };
        if kinds.iter().any(|kind| !KINDS.contains(kind)) {
            let error_code = ErrorCode::UnsupportedVersion;
            let response = ListConfigResourcesResponse { error_code, ..Default::default() };
            return call.answer::<Self>(&response);
        }
        let image = door.image();
        let config_resources = kinds.into_iter().flat_map(|kind| names(&image, kind)).collect();
        let response = ListConfigResourcesResponse { config_resources, ..Default::default() };
        call.answer::<Self>(&response)
    }
}

fn names(image: &MetadataImage, resource_type: i8) -> Vec<ConfigResource> {
    let resource = |resource_name| ConfigResource { resource_name, resource_type };
    match resource_type {
        TOPIC => image.topics().map(|it| resource(Str::from(&*it.name))).collect(),
        BROKER | BROKER_LOGGER => {
            image.live_brokers().map(|it| resource(it.id.to_string().into())).collect()
        }
        // There are no subscriptions to clients' metrics, and no groups with values of their own.
        _ => Vec::new(),
    }
}
