//! What `DescribeConfigs` and `kq-ctl config describe` tell: each key's value in force, where it
//! comes from, and what would hold if it were taken away.

use super::key::{ConfigKey, ConfigType, ServerKey};
use super::sources::ConfigSources;
use super::{broker_key, broker_keys, topic_key, topic_keys};
use crate::metadata::ConfigMap;

/// Where a value comes from, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigSource {
    /// Set for the topic.
    DynamicTopic,
    /// Set for this broker while running.
    DynamicBroker,
    /// Set for all brokers while running.
    DynamicCluster,
    /// Set in the broker's file, flags or variables.
    StaticBroker,
    /// Nobody set it.
    Default,
}

impl ConfigSource {
    /// Its number in the Kafka protocol.
    pub const fn to_wire(self) -> i8 {
        match self {
            Self::DynamicTopic => 1,
            Self::DynamicBroker => 2,
            Self::DynamicCluster => 3,
            Self::StaticBroker => 4,
            Self::Default => 5,
        }
    }
}

impl ConfigType {
    /// Its number in the Kafka protocol.
    pub const fn to_wire(self) -> i8 {
        match self {
            Self::Boolean => 1,
            Self::String => 2,
            Self::Int => 3,
            Self::Short => 4,
            Self::Long => 5,
            Self::Double => 6,
            Self::List => 7,
        }
    }
}

/// One place where a value was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSynonym {
    /// The key there.
    pub name: &'static str,
    /// The value as it stands there; none when sensitive.
    pub value: Option<String>,
    /// Which place.
    pub source: ConfigSource,
}

/// One key of a resource.
#[derive(Debug, Clone, PartialEq)]
pub struct ConfigEntry {
    /// The key.
    pub key: &'static ConfigKey,
    /// The value in force; none when nothing is set and absence has a meaning, or when sensitive.
    pub value: Option<String>,
    /// Where it comes from.
    pub source: ConfigSource,
    /// All places it was found in, the strongest first.
    pub synonyms: Vec<ConfigSynonym>,
}

/// Every topic key, for a topic with these values of its own.
pub fn describe_topic(overrides: &ConfigMap, sources: &ConfigSources) -> Vec<ConfigEntry> {
    topic_keys().iter().map(|key| describe_topic_key(key, overrides, sources)).collect()
}

/// The value in force of one topic key.
pub fn topic_value(overrides: &ConfigMap, sources: &ConfigSources, name: &str) -> Option<String> {
    describe_topic_key(topic_key(name)?, overrides, sources).value
}

/// Every broker key.
pub fn describe_broker(sources: &ConfigSources) -> Vec<ConfigEntry> {
    broker_keys()
        .iter()
        .map(|key| {
            let found = sources
                .values_of(key.name, Some(key))
                .map(|(source, value)| synonym(key.name, key, source, value.to_owned()))
                .collect();
            entry(key, found)
        })
        .collect()
}

fn describe_topic_key(
    key: &'static ConfigKey,
    overrides: &ConfigMap,
    sources: &ConfigSources,
) -> ConfigEntry {
    let mut found = Vec::new();
    if let Some(value) = overrides.get(key.name) {
        found.push(synonym(key.name, key, ConfigSource::DynamicTopic, value.clone()));
    }
    let mut scaled = None;
    for server in key.server {
        for (source, value) in sources.values_of(server.name, broker_key(server.name)) {
            // What holds is the topic key's number; what is shown of the place is as it was set.
            scaled.get_or_insert_with(|| (source, scale(server, value)));
            found.push(synonym(server.name, key, source, value.to_owned()));
        }
    }
    let overridden = overrides.contains_key(key.name);
    let mut described = entry(key, found);
    if !overridden && !key.sensitive {
        let (source, value) =
            scaled.unwrap_or_else(|| (ConfigSource::Default, key.default.unwrap_or("").to_owned()));
        described.value = Some(value);
        described.source = source;
    }
    described
}

fn entry(key: &'static ConfigKey, synonyms: Vec<ConfigSynonym>) -> ConfigEntry {
    let strongest = synonyms.first();
    ConfigEntry {
        key,
        value: strongest.and_then(|it| it.value.clone()),
        source: strongest.map_or(ConfigSource::Default, |it| it.source),
        synonyms,
    }
}

fn synonym(
    name: &'static str,
    key: &ConfigKey,
    source: ConfigSource,
    value: String,
) -> ConfigSynonym {
    ConfigSynonym { name, value: (!key.sensitive).then_some(value), source }
}

/// A broker key's value in the unit of the topic key that it stands behind.
pub(super) fn scale(server: &ServerKey, value: &str) -> String {
    match value.trim().parse::<i64>() {
        // -1 means for ever in every unit.
        Ok(number) if server.times != 1 && number >= 0 => {
            number.saturating_mul(server.times).to_string()
        }
        _ => value.to_owned(),
    }
}
