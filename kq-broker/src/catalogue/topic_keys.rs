//! The keys a topic can override, sorted by name.

use super::key::{ConfigKey, hours, minutes, same};
use super::value::Accepts;

/// The codecs a topic can ask for.
pub(super) const COMPRESSION_TYPES: &[&str] =
    &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];

pub(super) const TOPIC_KEYS: &[ConfigKey] = &[
    ConfigKey::list("cleanup.policy", "delete")
        .accepts(Accepts::ListOf(&["compact", "delete"]))
        .server(&[same("log.cleanup.policy")])
        .doc(
            "What happens to old segments: `delete` drops them by age and size, `compact` keeps \
              the newest record of each key, both together do both.",
        ),
    ConfigKey::int("compression.gzip.level", "-1")
        .accepts(Accepts::OneOrBetween(-1, 1, 9))
        .server(&[same("compression.gzip.level")])
        .doc("How hard gzip works when `compression.type` is gzip; -1 leaves it to the codec."),
    ConfigKey::int("compression.lz4.level", "9")
        .accepts(Accepts::Between(1, 17))
        .server(&[same("compression.lz4.level")])
        .doc(
            "Kept for Kafka's tools and without effect: lz4 has one level here, which readers \
              cannot tell from another.",
        ),
    ConfigKey::string("compression.type", "producer")
        .accepts(Accepts::OneOf(COMPRESSION_TYPES))
        .server(&[same("compression.type")])
        .doc(
            "The codec of stored batches. `producer` keeps what the producer sent, untouched; any \
              other value makes the broker compress again, which costs it CPU.",
        ),
    ConfigKey::int("compression.zstd.level", "3")
        .accepts(Accepts::Between(-131_072, 22))
        .server(&[same("compression.zstd.level")])
        .doc("How hard zstd works when `compression.type` is zstd."),
    ConfigKey::long("delete.retention.ms", "86400000")
        .at_least(0)
        .server(&[same("log.cleaner.delete.retention.ms")])
        .doc(
            "How long compaction keeps tombstones, so that a slow reader still sees the \
             deletion. None goes while a replica is out of sync.",
        ),
    ConfigKey::long("file.delete.delay.ms", "60000")
        .at_least(0)
        .server(&[same("log.segment.delete.delay.ms")])
        .doc(
            "Without effect: the files of a dropped segment go at once, and reads under way keep \
             their bytes.",
        ),
    ConfigKey::long("flush.messages", "9223372036854775807")
        .at_least(1)
        .server(&[same("log.flush.interval.messages")])
        .doc(
            "Force the log to disk after this many records. With `log.durability=fsync` every \
              acks=all record is on disk before it is acknowledged anyway.",
        ),
    ConfigKey::long("flush.ms", "9223372036854775807")
        .at_least(0)
        .server(&[same("log.flush.interval.ms")])
        .doc("Force the log to disk when its oldest unforced record is this old."),
    ConfigKey::list("follower.replication.throttled.replicas", "")
        .accepts(Accepts::ThrottledReplicas)
        .doc(
            "Kept for Kafka's tools and without effect: the throttle of a reassignment is its \\
             plan's, for all its moves. The broker key `follower.replication.throttled.rate` sets \\
             it.",
        ),
    ConfigKey::int("index.interval.bytes", "4096")
        .at_least(0)
        .server(&[same("log.index.interval.bytes")])
        .doc("How many bytes of records lie between two entries of the offset index."),
    ConfigKey::list("leader.replication.throttled.replicas", "")
        .accepts(Accepts::ThrottledReplicas)
        .doc(
            "Kept for Kafka's tools and without effect: the throttle of a reassignment is its \\
             plan's, for all its moves. The broker key `leader.replication.throttled.rate` sets \\
             it.",
        ),
    ConfigKey::string("log.durability", "fsync")
        .accepts(Accepts::OneOf(&["fsync", "os"]))
        .server(&[same("log.durability")])
        .doc(
            "When a record counts as stored. `fsync`: once it is on stable storage, so that a \
              power cut takes back nothing acknowledged with acks=all. `os`: once it is in the \
              page cache, as in Apache Kafka.",
        ),
    ConfigKey::long("max.compaction.lag.ms", "9223372036854775807")
        .at_least(1)
        .server(&[same("log.cleaner.max.compaction.lag.ms")])
        .doc("The longest a record may wait for compaction; its segment is closed in time for it."),
    ConfigKey::int("max.message.bytes", "1048588")
        .at_least(0)
        .server(&[same("message.max.bytes")])
        .doc("The largest record batch that is accepted, in bytes after compression."),
    ConfigKey::long("message.timestamp.after.max.ms", "3600000")
        .at_least(0)
        .server(&[same("log.message.timestamp.after.max.ms")])
        .doc(
            "How far a record's timestamp may lie ahead of the broker's clock. Not looked at with \
              `message.timestamp.type=LogAppendTime`.",
        ),
    ConfigKey::long("message.timestamp.before.max.ms", "9223372036854775807")
        .at_least(0)
        .server(&[same("log.message.timestamp.before.max.ms")])
        .doc(
            "How far a record's timestamp may lie behind the broker's clock. Not looked at with \
              `message.timestamp.type=LogAppendTime`.",
        ),
    ConfigKey::string("message.timestamp.type", "CreateTime")
        .accepts(Accepts::OneOf(&["CreateTime", "LogAppendTime"]))
        .server(&[same("log.message.timestamp.type")])
        .doc("Whose clock stamps a record: the producer's, or the broker's when it is appended."),
    ConfigKey::double("min.cleanable.dirty.ratio", "0.5")
        .accepts(Accepts::Ratio)
        .server(&[same("log.cleaner.min.cleanable.ratio")])
        .doc("The share of the log that must be uncompacted before compaction looks at it."),
    ConfigKey::long("min.compaction.lag.ms", "0")
        .at_least(0)
        .server(&[same("log.cleaner.min.compaction.lag.ms")])
        .doc("The shortest a record stays as it was written before it may be compacted."),
    ConfigKey::int("min.insync.replicas", "1")
        .at_least(1)
        .server(&[same("min.insync.replicas")])
        .doc(
            "How many replicas must hold a record before acks=all acknowledges it; with fewer in \
              sync such a produce is refused.",
        ),
    ConfigKey::boolean("preallocate", "false")
        .server(&[same("log.preallocate")])
        .doc("Without effect: a segment takes space on disk as it grows."),
    ConfigKey::long("retention.bytes", "-1")
        .at_least(-1)
        .server(&[same("log.retention.bytes")])
        .doc(
            "The size that a partition is trimmed to, whole segments at a time; -1 for no bound. \
              Per partition, not per topic.",
        ),
    ConfigKey::long("retention.ms", "604800000")
        .at_least(-1)
        .server(&[
            same("log.retention.ms"),
            minutes("log.retention.minutes"),
            hours("log.retention.hours"),
        ])
        .doc(
            "How long records are kept at least; -1 for ever. A segment goes when its newest \
              record is this old.",
        ),
    ConfigKey::int("segment.bytes", "1073741824")
        .at_least(1_048_576)
        .server(&[same("log.segment.bytes")])
        .doc(
            "The size at which a segment is closed and a new one begun. Retention works by \
              segment, so smaller ones mean finer control and more files.",
        ),
    ConfigKey::int("segment.index.bytes", "10485760")
        .at_least(4)
        .server(&[same("log.index.size.max.bytes")])
        .doc("Kept for Kafka's tools and without effect: an index grows with its segment."),
    ConfigKey::long("segment.jitter.ms", "0")
        .at_least(0)
        .server(&[same("log.roll.jitter.ms"), hours("log.roll.jitter.hours")])
        .doc(
            "How much is taken at random from `segment.ms`, so that not all partitions roll at \
              the same moment.",
        ),
    ConfigKey::long("segment.ms", "604800000")
        .at_least(1)
        .server(&[same("log.roll.ms"), hours("log.roll.hours")])
        .doc(
            "The age at which a segment is closed even when it is not full, so that retention and \
              compaction can reach its records.",
        ),
    ConfigKey::boolean("unclean.leader.election.enable", "false")
        .server(&[same("unclean.leader.election.enable")])
        .doc(
            "Whether a replica out of sync may lead when no other is left, at the price of the \
              records it lacks.",
        ),
];
