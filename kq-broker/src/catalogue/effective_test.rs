//! Where values come from, and which are refused.

use std::sync::Arc;

use expect_test::{Expect, expect};

use super::*;
use crate::metadata::ConfigMap;

fn map(pairs: &[(&str, &str)]) -> ConfigMap {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

fn sources(
    fixed: &[(&str, &str)],
    cluster: &[(&str, &str)],
    broker: &[(&str, &str)],
) -> ConfigSources {
    ConfigSources {
        broker: Arc::new(map(broker)),
        cluster: Arc::new(map(cluster)),
        fixed: StaticConfig::new(map(fixed)).unwrap(),
    }
}

#[test]
fn keys_are_sorted_and_their_defaults_are_accepted() {
    for keys in [topic_keys(), broker_keys()] {
        assert!(keys.is_sorted_by(|a, b| a.name < b.name), "look-ups are by binary search");
        for key in keys {
            assert!(!key.doc.is_empty(), "{} has no documentation", key.name);
            if let Some(default) = key.default {
                assert_eq!(key.verify(default), Ok(()), "{}", key.name);
            }
        }
    }
    assert!(broker_keys().len() > 20);
}

#[test]
fn each_topic_default_agrees_with_its_server_keys() {
    for key in topic_keys() {
        for server in key.server {
            let behind = broker_key(server.name).unwrap_or_else(|| panic!("{}", server.name));
            if let Some(value) = behind.default {
                assert_eq!(Some(describe::scale(server, value).as_str()), key.default);
            }
        }
    }
}

#[test]
fn hours_give_way_to_minutes_and_minutes_to_milliseconds() {
    let retention = |fixed: &[(&str, &str)]| {
        EffectiveTopicConfig::resolve(&ConfigMap::new(), &sources(fixed, &[], &[])).retention_ms
    };
    assert_eq!(retention(&[]), Some(604_800_000));
    assert_eq!(retention(&[("log.retention.hours", "2")]), Some(7_200_000));
    let minutes = [("log.retention.hours", "2"), ("log.retention.minutes", "5")];
    assert_eq!(retention(&minutes), Some(300_000));
    let all = [("log.retention.minutes", "5"), ("log.retention.ms", "9")];
    assert_eq!(retention(&all), Some(9));
    assert_eq!(retention(&[("log.retention.hours", "-1")]), None);
}

#[test]
fn the_topics_own_value_beats_every_other_place() {
    let all = sources(
        &[("log.retention.ms", "1")],
        &[("log.retention.ms", "2")],
        &[("log.retention.ms", "3")],
    );
    let own = map(&[("retention.ms", "4")]);
    assert_eq!(EffectiveTopicConfig::resolve(&own, &all).retention_ms, Some(4));
    assert_eq!(EffectiveTopicConfig::resolve(&map(&[]), &all).retention_ms, Some(3));
    let described = describe_topic(&own, &all);
    let entry = described.iter().find(|it| it.key.name == "retention.ms").unwrap();
    let places: Vec<String> = entry
        .synonyms
        .iter()
        .map(|it| format!("{:?} {}={}", it.source, it.name, it.value.as_deref().unwrap()))
        .collect();
    assert_eq!(entry.value.as_deref(), Some("4"));
    expect![[r#"
        DynamicTopic retention.ms=4
        DynamicBroker log.retention.ms=3
        DynamicCluster log.retention.ms=2
        StaticBroker log.retention.ms=1
        Default log.retention.hours=168"#]]
    .assert_eq(&places.join("\n"));
}

#[test]
fn nothing_set_describes_as_default() {
    let described = describe_topic(&ConfigMap::new(), &ConfigSources::default());
    for entry in described {
        assert_eq!(entry.source, ConfigSource::Default, "{}", entry.key.name);
        assert_eq!(entry.value.as_deref(), entry.key.default, "{}", entry.key.name);
    }
}

#[track_caller]
fn refused(key: &str, value: &str, want: Expect) {
    want.assert_eq(&topic_key(key).unwrap().verify(value).unwrap_err().to_string());
}

#[test]
fn a_refused_value_is_named_with_what_is_accepted() {
    refused(
        "retention.ms",
        "soon",
        expect!["Invalid value soon for configuration retention.ms: Not a number of type LONG"],
    );
    refused(
        "segment.bytes",
        "99",
        expect!["Invalid value 99 for configuration segment.bytes: Value must be at least 1048576"],
    );
    refused(
        "cleanup.policy",
        "delete,shred",
        expect![
            "Invalid value delete,shred for configuration cleanup.policy: shred is not accepted, expected a list of: compact, delete"
        ],
    );
    refused(
        "log.durability",
        "maybe",
        expect![
            "Invalid value maybe for configuration log.durability: String must be one of: fsync, os"
        ],
    );
    refused(
        "compression.gzip.level",
        "0",
        expect![
            "Invalid value 0 for configuration compression.gzip.level: Value must be -1, or from 1 to 9"
        ],
    );
    refused(
        "preallocate",
        "yes",
        expect![
            "Invalid value yes for configuration preallocate: Expected value to be either true or false"
        ],
    );
    refused(
        "min.cleanable.dirty.ratio",
        "NaN",
        expect![
            "Invalid value NaN for configuration min.cleanable.dirty.ratio: Value must be no more than 1"
        ],
    );
}

#[test]
fn a_topic_without_values_gets_the_logs_own_defaults() {
    let config = EffectiveTopicConfig::default();
    let want = kq_storage::LogConfig::default();
    assert_eq!(config.log_config(want.producer_id_expiration_ms), want);
}
