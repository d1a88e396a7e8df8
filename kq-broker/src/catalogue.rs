//! Every configuration key that kq knows: its type, default, limits, meaning, and where a value
//! comes from when it is not set.
//!
//! ```text
//!   topic override  >  this broker (dynamic)  >  all brokers (dynamic)  >  static file  >  default
//! ```
//! Kafka's names and limits as of its release 4.1, tiered storage left out, and kq's own
//! `log.durability`.

mod broker_keys;
mod describe;
mod effective;
#[cfg(test)]
mod effective_test;
mod key;
mod sources;
mod topic_keys;
mod value;

pub use describe::{
    ConfigEntry, ConfigSource, ConfigSynonym, describe_broker, describe_topic, topic_value,
};
pub use effective::{CompressionType, Durability, EffectiveTopicConfig, TimestampType};
pub use key::{ConfigKey, ConfigType, Scope, ServerKey, Unit};
pub use sources::{BadStaticConfig, ConfigSources, StaticConfig};
pub use value::{Accepts, BadValue};

/// The keys that a topic can override, in the order of their names.
pub fn topic_keys() -> &'static [ConfigKey] {
    topic_keys::TOPIC_KEYS
}

/// The keys of a broker, in the order of their names.
pub fn broker_keys() -> &'static [ConfigKey] {
    broker_keys::BROKER_KEYS
}

/// One topic key.
pub fn topic_key(name: &str) -> Option<&'static ConfigKey> {
    find(topic_keys(), name)
}

/// One broker key.
pub fn broker_key(name: &str) -> Option<&'static ConfigKey> {
    find(broker_keys(), name)
}

/// The name that somebody perhaps meant who typed another.
pub fn closest(names: impl Iterator<Item = &'static str>, typed: &str) -> Option<&'static str> {
    let distance = |name: &&'static str| strsim::damerau_levenshtein(name, typed);
    names.min_by_key(distance).filter(|name| distance(name) <= typed.len() / 3 + 1)
}

fn find(keys: &'static [ConfigKey], name: &str) -> Option<&'static ConfigKey> {
    keys.binary_search_by(|key| key.name.cmp(name)).ok().and_then(|at| keys.get(at))
}
