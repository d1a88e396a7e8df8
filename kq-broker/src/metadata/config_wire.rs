//! The bytes of a setting of a topic, a broker or the cluster, in changes.

use prost::{Message, Oneof};

use super::record::{ConfigResource, MetadataRecord};
use super::wire::{ChangeDecodeError, id_from_wire, id_to_wire};
use crate::ids::BrokerId;

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireConfig {
    #[prost(oneof = "WireResource", tags = "1, 2, 3")]
    resource: Option<WireResource>,
    #[prost(string, tag = "4")]
    key: String,
    #[prost(string, optional, tag = "5")]
    value: Option<String>,
}

#[derive(Clone, PartialEq, Oneof)]
enum WireResource {
    #[prost(bytes = "vec", tag = "1")]
    Topic(Vec<u8>),
    #[prost(uint32, tag = "2")]
    Broker(u32),
    #[prost(bool, tag = "3")]
    Cluster(bool),
}

pub(super) fn config_to_wire(
    resource: &ConfigResource,
    key: &str,
    value: Option<&str>,
) -> WireConfig {
    let resource = match resource {
        ConfigResource::Topic(id) => WireResource::Topic(id_to_wire(*id)),
        ConfigResource::Broker(id) => WireResource::Broker(id.0),
        ConfigResource::Cluster => WireResource::Cluster(true),
    };
    WireConfig { resource: Some(resource), key: key.to_owned(), value: value.map(str::to_owned) }
}

pub(super) fn config_from_wire(it: WireConfig) -> Result<MetadataRecord, ChangeDecodeError> {
    let resource = match it.resource {
        Some(WireResource::Topic(id)) => ConfigResource::Topic(id_from_wire(&id)?),
        Some(WireResource::Broker(id)) => ConfigResource::Broker(BrokerId(id)),
        Some(WireResource::Cluster(_)) => ConfigResource::Cluster,
        None => return Err(ChangeDecodeError::BadField("config resource")),
    };
    Ok(MetadataRecord::ConfigChanged { resource, key: it.key, value: it.value })
}
