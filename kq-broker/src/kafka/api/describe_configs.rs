//! `DescribeConfigs`: every key's value in force, where it comes from and what it means.

use std::sync::Arc;

use kq_proto::kafka::messages::describe_configs::{
    DescribeConfigsRequest, DescribeConfigsResource, DescribeConfigsResourceResult,
    DescribeConfigsResponse, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kq_proto::kafka::{ErrorCode, Str};

use super::metadata::is_topic_name;
use super::resource::{BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, TOPIC};
use crate::catalogue::{ConfigEntry, ConfigSource, ConfigSynonym, describe_broker, describe_topic};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;

impl Handle for DescribeConfigsRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let (synonyms, documentation) = (self.include_synonyms, self.include_documentation);
        let results = self.resources.into_iter().map(|resource| {
            let entries = entries(door, &resource);
            let wanted = |entry: &ConfigEntry| {
                let keys = resource.configuration_keys.as_ref();
                keys.is_none_or(|keys| {
                    keys.is_empty() || keys.iter().any(|it| *it == entry.key.name)
                })
            };
            let (error_code, error_message, entries) = match entries {
                Ok(entries) => (ErrorCode::None, None, entries),
                Err((code, message)) => (code, Some(message), Vec::new()),
            };
            let read_only =
                |entry: &ConfigEntry| resource.resource_type == BROKER && entry.key.is_read_only();
            let configs = entries.into_iter().filter(wanted).map(|entry| {
                let read_only = read_only(&entry);
                let shown = show(entry, synonyms, documentation);
                DescribeConfigsResourceResult { read_only, ..shown }
            });
            DescribeConfigsResult {
                error_code,
                error_message,
                resource_type: resource.resource_type,
                configs: configs.collect(),
                resource_name: resource.resource_name.clone(),
            }
        });
        let results = results.collect();
        call.answer::<Self>(&DescribeConfigsResponse { results, ..Default::default() })
    }
}

type Refused = (ErrorCode, Str);

fn entries(door: &Door, resource: &DescribeConfigsResource) -> Result<Vec<ConfigEntry>, Refused> {
    let name = resource.resource_name.as_str();
    match resource.resource_type {
        TOPIC => topic(door, name),
        BROKER => broker(door, name),
        BROKER_LOGGER | CLIENT_METRICS | GROUP => Ok(Vec::new()),
        other => {
            let message = format!("resource type {other} has no configuration");
            Err((ErrorCode::InvalidRequest, message.into()))
        }
    }
}

fn topic(door: &Door, name: &str) -> Result<Vec<ConfigEntry>, Refused> {
    let image = door.image();
    let Some(topic) = image.topic_by_name(name) else {
        let known = is_topic_name(name);
        let code = if known {
            ErrorCode::UnknownTopicOrPartition
        } else {
            ErrorCode::InvalidTopicException
        };
        return Err((code, format!("there is no topic named '{}'", name.escape_debug()).into()));
    };
    Ok(describe_topic(&topic.configs, &door.config_sources(&image)))
}

/// A broker's own name gives all its keys; no name gives what was set for all brokers.
fn broker(door: &Door, name: &str) -> Result<Vec<ConfigEntry>, Refused> {
    let sources = door.config_sources(&door.image());
    let all = describe_broker(&sources);
    if name.is_empty() {
        let of_cluster = |it: &ConfigSynonym| it.source == ConfigSource::DynamicCluster;
        let set = all.into_iter().filter_map(|mut entry| {
            entry.synonyms.retain(of_cluster);
            entry.source = ConfigSource::DynamicCluster;
            entry.value = entry.synonyms.first()?.value.clone();
            Some(entry)
        });
        return Ok(set.collect());
    }
    if name.parse() == Ok(door.node.broker_id.0) {
        return Ok(all);
    }
    let message = format!(
        "this is broker {}, asked for broker '{}'",
        door.node.broker_id,
        name.escape_debug()
    );
    Err((ErrorCode::InvalidRequest, message.into()))
}

fn show(entry: ConfigEntry, synonyms: bool, documentation: bool) -> DescribeConfigsResourceResult {
    let synonyms = if synonyms { entry.synonyms } else { Vec::new() };
    DescribeConfigsResourceResult {
        name: Str::from_static(entry.key.name),
        value: entry.value.map(Str::from),
        read_only: false,
        config_source: entry.source.to_wire(),
        is_sensitive: entry.key.sensitive,
        synonyms: synonyms.into_iter().map(synonym).collect(),
        config_type: entry.key.kind.to_wire(),
        documentation: documentation.then(|| Str::from_static(entry.key.doc)),
    }
}

fn synonym(synonym: ConfigSynonym) -> DescribeConfigsSynonym {
    DescribeConfigsSynonym {
        name: Str::from_static(synonym.name),
        value: synonym.value.map(Str::from),
        source: synonym.source.to_wire(),
    }
}
