//! Kafka's broker-wide defaults for topics. The broker only accepts and keeps them; the catalogue
//! of topic configurations gives them their effect.

use super::key::{Key, Kind};

const INT_MAX: i64 = i32::MAX as i64;
const ANY: i64 = i64::MAX;

const fn key(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind, default, doc }
}

pub(super) const KEYS: &[Key] = &[
    key(
        "min.insync.replicas",
        Kind::Int(1, INT_MAX),
        "1",
        "In-sync replicas without which a write with acks=all is refused.",
    ),
    key("message.max.bytes", Kind::Bytes(0, INT_MAX), "1048588", "The largest record batch."),
    key(
        "compression.type",
        Kind::Choice(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
        "producer",
        "The codec on disk; `producer` keeps what the client chose.",
    ),
    key(
        "log.cleanup.policy",
        Kind::List,
        "delete",
        "What happens to old segments: delete, compact or both.",
    ),
    key(
        "log.retention.ms",
        Kind::Millis(-1, ANY),
        "",
        "How long records are kept; -1: for ever. When not set, log.retention.minutes counts.",
    ),
    key(
        "log.retention.minutes",
        Kind::Int(-1, INT_MAX),
        "",
        "As log.retention.ms, in minutes. When not set, log.retention.hours counts.",
    ),
    key("log.retention.hours", Kind::Int(-1, INT_MAX), "168", "As log.retention.ms, in hours."),
    key(
        "log.retention.bytes",
        Kind::Bytes(-1, ANY),
        "-1",
        "How much of a partition is kept; -1: no limit.",
    ),
    key(
        "log.segment.bytes",
        Kind::Bytes(14, INT_MAX),
        "1073741824",
        "The size at which a new segment is begun.",
    ),
    key(
        "log.roll.ms",
        Kind::Millis(1, ANY),
        "",
        "The age at which a new segment is begun. When not set, log.roll.hours counts.",
    ),
    key("log.roll.hours", Kind::Int(1, INT_MAX), "168", "As log.roll.ms, in hours."),
    key(
        "log.segment.delete.delay.ms",
        Kind::Millis(0, ANY),
        "60000",
        "How long a deleted segment's file stays.",
    ),
    key(
        "log.index.interval.bytes",
        Kind::Bytes(0, INT_MAX),
        "4096",
        "Bytes of records between two index entries.",
    ),
    key(
        "log.index.size.max.bytes",
        Kind::Bytes(4, INT_MAX),
        "10485760",
        "The largest index of one segment.",
    ),
    key(
        "log.flush.interval.messages",
        Kind::Int(1, ANY),
        "9223372036854775807",
        "Records after which a partition is synced, whatever its durability.",
    ),
    key(
        "log.flush.interval.ms",
        Kind::Millis(0, ANY),
        "",
        "The time after which a partition is synced, whatever its durability.",
    ),
    key("log.preallocate", Kind::Bool, "false", "Reserves a segment's space when it is begun."),
    key(
        "log.message.timestamp.type",
        Kind::Choice(&["CreateTime", "LogAppendTime"]),
        "CreateTime",
        "Whose time a record carries: the producer's or the broker's.",
    ),
    key(
        "log.message.timestamp.before.max.ms",
        Kind::Millis(0, ANY),
        "9223372036854775807",
        "How far behind the broker's time a record's may be.",
    ),
    key(
        "log.message.timestamp.after.max.ms",
        Kind::Millis(0, ANY),
        "3600000",
        "How far ahead of the broker's time a record's may be.",
    ),
    key(
        "unclean.leader.election.enable",
        Kind::Bool,
        "false",
        "Lets a replica lead that may lack committed records.",
    ),
];
