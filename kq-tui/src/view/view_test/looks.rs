//! A made-up configuration and made-up records, as brokers answer them.

#![expect(clippy::wildcard_enum_match_arm, reason = "other calls and effects are of other screens")]

use kq_proto::admin::v1 as admin;

use super::cluster::NOW_MS;
use crate::model::call::{Answer, Call};
use crate::model::{Code, Effect, Event, Key, Screen, State, update};

/// Goes to a screen that asks brokers, and has it answered.
pub(super) fn go(state: &mut State, screen: Screen) {
    press(state, "3jj");
    press(state, if screen == Screen::Configs { "c" } else { "v" });
    if screen == Screen::Record {
        press(state, "kkk\n");
    }
}

/// Presses keys, and answers whatever is asked because of them.
pub(super) fn press(state: &mut State, keys: &str) {
    for it in keys.chars() {
        let key = if it == '\n' { Key::plain(Code::Enter) } else { Key::char(it) };
        let mut effects = update(state, Event::Key(key));
        while let Some((id, call)) = effects.into_iter().find_map(|it| match it {
            Effect::Call { id, call } => Some((id, call)),
            _ => None,
        }) {
            effects = update(state, Event::Answer(id, Box::new(answered(*call))));
        }
    }
}

fn answered(call: Call) -> Answer {
    match call {
        Call::DescribeConfigs(_) => Answer::DescribeConfigs(admin::DescribeConfigsResponse {
            resources: vec![admin::ResourceConfigs { resource: None, entries: entries() }],
            errors: Vec::new(),
        }),
        Call::ListOffsets(_) => Answer::ListOffsets(admin::ListOffsetsResponse {
            offsets: (0..6).flat_map(|it| [end(it, 81_120), end(it, 0)]).collect(),
            errors: Vec::new(),
        }),
        Call::Fetch(_) => Answer::Fetch(admin::FetchResponse {
            records: records(),
            ..admin::FetchResponse::default()
        }),
        other => panic!("nobody asks {other:?} here"),
    }
}

fn end(partition: u32, offset: u64) -> admin::PartitionOffset {
    admin::PartitionOffset {
        topic: "orders".into(),
        partition,
        offset: Some(offset),
        ..Default::default()
    }
}

/// One of each kind: set, default, of another source, fixed, a secret, a name from a stranger.
pub(super) fn entries() -> Vec<admin::ConfigEntry> {
    use admin::{ConfigSource as From, ConfigType as Kind};
    let entry =
        |key: &str, value: &str, default: &str, from: From, kind: Kind| admin::ConfigEntry {
            key: key.into(),
            value: Some(value.into()),
            default_value: Some(default.into()),
            source: from.into(),
            r#type: kind.into(),
            ..Default::default()
        };
    let synonym = |key: &str, value: &str, from: From| admin::ConfigSynonym {
        key: key.into(),
        value: Some(value.into()),
        source: from.into(),
    };
    vec![
        entry("cleanup.policy", "delete", "delete", From::Default, Kind::List),
        admin::ConfigEntry {
            bounds: "1..".into(),
            doc: "How many replicas have to be in sync for a write with acks=all to be taken."
                .into(),
            synonyms: vec![
                synonym("min.insync.replicas", "2", From::DynamicTopic),
                synonym("min.insync.replicas", "1", From::Default),
            ],
            ..entry("min.insync.replicas", "2", "1", From::DynamicTopic, Kind::Int)
        },
        entry("retention.ms", "86400000", "604800000", From::DynamicCluster, Kind::Long),
        entry("segment.bytes", "1073741824", "1073741824", From::StaticBroker, Kind::Int),
        admin::ConfigEntry {
            sensitive: true,
            ..entry("ssl.key.password", "hunter2", "hunter1", From::DynamicBroker, Kind::Password)
        },
        admin::ConfigEntry {
            read_only: true,
            restart_required: true,
            value: None,
            ..entry("log.dirs.of\u{1b}[31mstrangers", "", "", From::Default, Kind::String)
        },
    ]
}

fn records() -> Vec<admin::Record> {
    let record = |partition, offset, key: Option<&[u8]>, value: Option<&[u8]>| admin::Record {
        topic: "orders".into(),
        partition,
        offset,
        timestamp_ms: NOW_MS - 9_000 + i64::try_from(offset - 81_110).unwrap() * 137,
        key: key.map(|it| it.to_vec().into()),
        value: value.map(|it| it.to_vec().into()),
        leader_epoch: 44,
        size_bytes: 240,
        ..Default::default()
    };
    let header = |key: &str, value: Option<&[u8]>| admin::Header {
        key: key.into(),
        value: value.map(|it| it.to_vec().into()),
    };
    let order = br#"{"id": 8112401, "user": "user-17", "lines": [{"sku": "a-1", "count": 2}, {"sku": "b-9", "count": 1}], "note": "leave it at the door"}"#;
    vec![
        record(1, 81_118, Some(b"user-3"), Some(br#"{"id": 8112399}"#)),
        record(0, 81_112, Some(b"user-9"), Some(br#"{"id": 8112380}"#)),
        admin::Record {
            headers: vec![
                header("trace", Some(b"4bf92f3577b34da6")),
                header("raw", Some(&[0xff, 0, 1])),
                header("none", None),
            ],
            producer_id: Some(1_000),
            producer_epoch: Some(0),
            sequence: Some(17),
            ..record(3, 81_120, Some(b"user-17"), Some(order))
        },
        record(3, 81_121, Some("größe 注文 \u{1b}[31m".as_bytes()), Some(b"two\nlines")),
        record(3, 81_122, None, Some(&[0, 1, 2, 0xfe, 0xff, b'o', b'k'])),
        record(5, 81_123, Some(b"user-4"), None),
    ]
}
