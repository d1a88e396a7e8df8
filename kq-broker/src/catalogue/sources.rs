//! Where values come from: the file a broker was started with, and what was set since.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::value::BadValue;
use super::{broker_key, describe::ConfigSource, key::ConfigKey};
use crate::ids::BrokerId;
use crate::metadata::{ConfigMap, ConfigResource, MetadataImage};

/// The values of a broker's configuration file, flags and variables, by key, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StaticConfig {
    values: Arc<BTreeMap<String, String>>,
}

/// A static value that the broker cannot start with.
pub type BadStaticConfig = BadValue;

impl StaticConfig {
    /// Takes the values that were set; keys that clients are not shown are kept unseen.
    pub fn new(
        values: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, BadStaticConfig> {
        let values: BTreeMap<String, String> = values.into_iter().collect();
        for (name, value) in &values {
            if let Some(key) = broker_key(name) {
                key.verify(value)?;
            }
        }
        Ok(Self { values: Arc::new(values) })
    }

    /// The value set for a key.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

/// All the places below a topic's own values, as one broker sees them.
#[derive(Debug, Clone, Default)]
pub struct ConfigSources {
    /// Set while running, for this broker.
    pub broker: Arc<ConfigMap>,
    /// Set while running, for all brokers.
    pub cluster: Arc<ConfigMap>,
    /// Set before the start.
    pub fixed: StaticConfig,
}

impl ConfigSources {
    /// The places as they stand for one broker in one image.
    pub fn of(image: &MetadataImage, broker: BrokerId, fixed: &StaticConfig) -> Self {
        Self {
            broker: image.configs(&ConfigResource::Broker(broker)),
            cluster: image.configs(&ConfigResource::Cluster),
            fixed: fixed.clone(),
        }
    }

    /// The places that all brokers share: what a controller without a broker's file goes by.
    pub fn of_cluster(image: &MetadataImage, fixed: &StaticConfig) -> Self {
        Self {
            broker: Arc::default(),
            cluster: image.configs(&ConfigResource::Cluster),
            fixed: fixed.clone(),
        }
    }

    /// The values found for a broker key, the strongest first, its default last.
    pub(super) fn values_of<'a>(
        &'a self,
        name: &'a str,
        key: Option<&'static ConfigKey>,
    ) -> impl Iterator<Item = (ConfigSource, &'a str)> {
        let places = [
            (ConfigSource::DynamicBroker, self.broker.get(name).map(String::as_str)),
            (ConfigSource::DynamicCluster, self.cluster.get(name).map(String::as_str)),
            (ConfigSource::StaticBroker, self.fixed.get(name)),
            (ConfigSource::Default, key.and_then(|key| key.default)),
        ];
        places.into_iter().filter_map(|(source, value)| Some((source, value?)))
    }

    /// The value in force of a broker key and where it comes from.
    pub fn broker_value(&self, name: &str) -> Option<(ConfigSource, String)> {
        let (source, value) = self.values_of(name, broker_key(name)).next()?;
        Some((source, value.to_owned()))
    }

    /// A broker key's value in force, as a number.
    pub fn broker_number(&self, name: &str) -> Option<i64> {
        self.broker_value(name)?.1.trim().parse().ok()
    }
}
