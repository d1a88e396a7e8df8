//! The keys of a broker as clients see them in `DescribeConfigs`, sorted by name.

use super::key::ConfigKey;
use super::topic_keys::COMPRESSION_TYPES;
use super::value::Accepts;

pub(super) const BROKER_KEYS: &[ConfigKey] = &[
    ConfigKey::string("advertised.address", "")
        .unset()
        .fixed()
        .doc("The address that clients are told to use; without it, the one of `listen`."),
    ConfigKey::boolean("auto.create.topics.enable", "false")
        .fixed()
        .doc("Whether a topic is made when a client first asks for it."),
    ConfigKey::string("broker.rack", "")
        .unset()
        .fixed()
        .doc("Where the broker stands; replicas of a partition are spread over racks."),
    ConfigKey::int("compression.gzip.level", "-1")
        .accepts(Accepts::OneOrBetween(-1, 1, 9))
        .doc("Default of the topic key of this name."),
    ConfigKey::int("compression.lz4.level", "9")
        .accepts(Accepts::Between(1, 17))
        .doc("Default of the topic key of this name."),
    ConfigKey::string("compression.type", "producer")
        .accepts(Accepts::OneOf(COMPRESSION_TYPES))
        .doc("Default of the topic key of this name."),
    ConfigKey::int("compression.zstd.level", "3")
        .accepts(Accepts::Between(-131_072, 22))
        .doc("Default of the topic key of this name."),
    ConfigKey::int("connection.requests.max", "64")
        .at_least(1)
        .fixed()
        .doc("How many requests of one connection are in flight before its reading pauses."),
    ConfigKey::long("connections.max.idle.ms", "600000")
        .at_least(1)
        .fixed()
        .doc("How long a silent connection is kept."),
    ConfigKey::string("data.dir", "kq-data").fixed().doc("The home of all that the broker keeps."),
    ConfigKey::int("default.replication.factor", "1")
        .at_least(1)
        .doc("Replicas of a topic that is created without saying how many."),
    ConfigKey::boolean("delete.topic.enable", "true")
        .fixed()
        .doc("Whether clients may delete topics."),
    ConfigKey::int("fetch.max.bytes", "57671680")
        .at_least(1_024)
        .fixed()
        .doc("The most that one fetch answers."),
    ConfigKey::int("grpc.message.max.bytes", "4194304").at_least(1_024).fixed().doc(
        "The largest message of the control door. Larger requests to append records come in \
              parts, up to `socket.request.max.bytes`.",
    ),
    ConfigKey::string("listen", "127.0.0.1:9092")
        .fixed()
        .doc("The one address at which Kafka, gRPC and HTTP clients come in."),
    ConfigKey::string("listeners", "PLAINTEXT://127.0.0.1:9092")
        .fixed()
        .doc("The addresses at which clients come in, as Kafka writes them."),
    ConfigKey::long("log.cleaner.delete.retention.ms", "86400000")
        .at_least(0)
        .doc("Default of the topic key delete.retention.ms."),
    ConfigKey::long("log.cleaner.max.compaction.lag.ms", "9223372036854775807")
        .at_least(1)
        .doc("Default of the topic key max.compaction.lag.ms."),
    ConfigKey::double("log.cleaner.min.cleanable.ratio", "0.5")
        .accepts(Accepts::Ratio)
        .doc("Default of the topic key min.cleanable.dirty.ratio."),
    ConfigKey::long("log.cleaner.min.compaction.lag.ms", "0")
        .at_least(0)
        .doc("Default of the topic key min.compaction.lag.ms."),
    ConfigKey::list("log.cleanup.policy", "delete")
        .accepts(Accepts::ListOf(&["compact", "delete"]))
        .doc("Default of the topic key cleanup.policy."),
    ConfigKey::list("log.dirs", "")
        .unset()
        .fixed()
        .doc("Directories for partitions; without it, `logs` in `data.dir`."),
    ConfigKey::string("log.durability", "fsync")
        .accepts(Accepts::OneOf(&["fsync", "os"]))
        .doc("Default of the topic key of this name."),
    ConfigKey::long("log.flush.interval.messages", "9223372036854775807")
        .at_least(1)
        .doc("Default of the topic key flush.messages."),
    ConfigKey::long("log.flush.interval.ms", "")
        .unset()
        .at_least(0)
        .doc("Default of the topic key flush.ms."),
    ConfigKey::int("log.index.interval.bytes", "4096")
        .at_least(0)
        .doc("Default of the topic key index.interval.bytes."),
    ConfigKey::int("log.index.size.max.bytes", "10485760")
        .at_least(4)
        .doc("Default of the topic key segment.index.bytes."),
    ConfigKey::long("log.message.timestamp.after.max.ms", "3600000")
        .at_least(0)
        .doc("Default of the topic key message.timestamp.after.max.ms."),
    ConfigKey::long("log.message.timestamp.before.max.ms", "9223372036854775807")
        .at_least(0)
        .doc("Default of the topic key message.timestamp.before.max.ms."),
    ConfigKey::string("log.message.timestamp.type", "CreateTime")
        .accepts(Accepts::OneOf(&["CreateTime", "LogAppendTime"]))
        .doc("Default of the topic key message.timestamp.type."),
    ConfigKey::boolean("log.preallocate", "false").doc("Default of the topic key preallocate."),
    ConfigKey::long("log.retention.bytes", "-1")
        .at_least(-1)
        .doc("Default of the topic key retention.bytes."),
    ConfigKey::long("log.retention.check.interval.ms", "30000")
        .at_least(1)
        .fixed()
        .doc("How often retention looks for segments that may go."),
    ConfigKey::int("log.retention.hours", "168").at_least(-1).fixed().doc(
        "Default of the topic key retention.ms, in hours; minutes and milliseconds win over it.",
    ),
    ConfigKey::int("log.retention.minutes", "")
        .unset()
        .at_least(-1)
        .fixed()
        .doc("Default of the topic key retention.ms, in minutes; milliseconds win over it."),
    ConfigKey::long("log.retention.ms", "")
        .unset()
        .at_least(-1)
        .doc("Default of the topic key retention.ms."),
    ConfigKey::int("log.roll.hours", "168")
        .at_least(1)
        .fixed()
        .doc("Default of the topic key segment.ms, in hours; milliseconds win over it."),
    ConfigKey::int("log.roll.jitter.hours", "0")
        .at_least(0)
        .fixed()
        .doc("Default of the topic key segment.jitter.ms, in hours; milliseconds win over it."),
    ConfigKey::long("log.roll.jitter.ms", "")
        .unset()
        .at_least(0)
        .doc("Default of the topic key segment.jitter.ms."),
    ConfigKey::long("log.roll.ms", "")
        .unset()
        .at_least(1)
        .doc("Default of the topic key segment.ms."),
    ConfigKey::int("log.segment.bytes", "1073741824")
        .at_least(1_048_576)
        .doc("Default of the topic key segment.bytes."),
    ConfigKey::long("log.segment.delete.delay.ms", "60000")
        .at_least(0)
        .doc("Default of the topic key file.delete.delay.ms."),
    ConfigKey::long("log.sync.bytes.max", "4194304")
        .at_least(4_096)
        .fixed()
        .doc("Unsynced bytes of one partition that start a sync at once."),
    ConfigKey::long("log.sync.delay.max.ms", "20")
        .at_least(0)
        .fixed()
        .doc("How long records that nobody waits for stay unsynced."),
    ConfigKey::int("max.connections", "10000")
        .at_least(1)
        .fixed()
        .doc("How many connections are held; more are refused."),
    ConfigKey::int("max.connections.per.ip", "1000")
        .at_least(1)
        .fixed()
        .doc("How many connections one address may hold."),
    ConfigKey::int("max.incremental.fetch.session.cache.slots", "1000")
        .at_least(0)
        .fixed()
        .doc("How many incremental fetch sessions are remembered."),
    ConfigKey::int("message.max.bytes", "1048588")
        .at_least(0)
        .doc("Default of the topic key max.message.bytes."),
    ConfigKey::string("metadata.log.dir", "")
        .unset()
        .fixed()
        .doc("Where the metadata quorum's log lies; without it, `metadata` in `data.dir`."),
    ConfigKey::int("min.insync.replicas", "1")
        .at_least(1)
        .doc("Default of the topic key of this name."),
    ConfigKey::int("node.id", "1")
        .at_least(0)
        .fixed()
        .doc("The number of this broker, its own for ever."),
    ConfigKey::int("num.partitions", "1")
        .at_least(1)
        .doc("Partitions of a topic that is created without saying how many."),
    ConfigKey::int("num.recovery.threads.per.data.dir", "0")
        .at_least(0)
        .fixed()
        .doc("Threads that open partitions at start, per log directory; 0 for one per core."),
    ConfigKey::long("producer.id.expiration.ms", "86400000")
        .at_least(1)
        .fixed()
        .doc("How long an idempotent producer that is silent is remembered."),
    ConfigKey::long("queued.max.request.bytes", "0")
        .at_least(0)
        .fixed()
        .doc("Bytes of requests in memory at one time; 0 for a quarter of the memory."),
    ConfigKey::int("socket.request.max.bytes", "104857600")
        .at_least(1_024)
        .fixed()
        .doc("The largest request."),
    ConfigKey::long("topic.delete.keep.ms", "86400000").at_least(0).doc(
        "How long kq-ctl keeps a deleted topic restorable when it is not told; Kafka's own clients \
         delete at once.",
    ),
    ConfigKey::boolean("unclean.leader.election.enable", "false")
        .doc("Default of the topic key of this name."),
];
