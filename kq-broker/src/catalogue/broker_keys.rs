//! The keys of a broker, sorted by name: what its command line, environment and file take, and what
//! clients see of them in `DescribeConfigs`.
//!
//! Types are Kafka's where Kafka has the key. Bounds are ours where a larger value could not work.

use super::key::ConfigKey;
use super::topic_keys::COMPRESSION_TYPES;
use super::value::Accepts;

pub(super) const BROKER_KEYS: &[ConfigKey] = &[
    ConfigKey::string("advertised.address", "")
        .unset()
        .fixed()
        .accepts(Accepts::Address)
        .doc("The address that clients are told to use; when not set, the one of `listen`."),
    ConfigKey::string("advertised.listeners", "")
        .unset()
        .derived()
        .doc("The address that clients are told to use, as Kafka writes it."),
    ConfigKey::boolean("auto.create.topics.enable", "false")
        .fixed()
        .doc("Makes a topic when a client first asks for its metadata or writes to it."),
    ConfigKey::int("broker.heartbeat.interval.ms", "500")
        .between(10, 60_000)
        .millis()
        .fixed()
        .doc("How often this broker tells the leader of the metadata quorum that it lives."),
    ConfigKey::int("broker.id", "1").derived().doc("The same as `node.id`, which sets it."),
    ConfigKey::string("broker.rack", "")
        .unset()
        .fixed()
        .doc("The rack or zone of this broker; replicas of a partition are spread over racks."),
    ConfigKey::int("broker.session.timeout.ms", "3000").between(100, 3_600_000).millis().fixed().doc(
        "How long a broker may be silent before it is fenced; of the broker that leads the metadata \
         quorum it counts for all.",
    ),
    ConfigKey::string("cluster.id", "")
        .unset()
        .fixed()
        .doc("The cluster this broker must belong to; when not set, the first start draws one."),
    ConfigKey::int("compression.gzip.level", "-1")
        .accepts(Accepts::OneOrBetween(-1, 1, 9))
        .doc("Default of the topic key of this name: how hard gzip works; -1: as the codec likes."),
    ConfigKey::int("compression.lz4.level", "9")
        .between(1, 17)
        .doc("Kept for Kafka's tools and without effect: lz4 has one level here."),
    ConfigKey::string("compression.type", "producer")
        .accepts(Accepts::OneOf(COMPRESSION_TYPES))
        .doc("The codec on disk; `producer` keeps what the client chose. Topics can override it."),
    ConfigKey::int("compression.zstd.level", "3")
        .between(-131_072, 22)
        .doc("Default of the topic key of this name: how hard zstd works."),
    ConfigKey::int("connection.requests.max", "512")
        .between(1, 10_000)
        .fixed()
        .doc("Requests of one connection in flight at one time; reading waits beyond that."),
    ConfigKey::long("connections.max.idle.ms", "600000")
        .at_least(1)
        .millis()
        .fixed()
        .doc("A connection that stays silent for so long is closed."),
    ConfigKey::int("controller.voters", "3").between(1, 5).fixed().doc(
        "How many brokers are to vote in the metadata quorum: 1, 3 or 5. Voters are made in pairs \
         as soon as enough brokers are there.",
    ),
    ConfigKey::string("data.dir", "kq-data")
        .fixed()
        .doc("The home of all that the broker keeps; made at the first start."),
    ConfigKey::int("default.replication.factor", "1")
        .between(1, 32_767)
        .doc("Replicas of a partition of a topic that is created without a number."),
    ConfigKey::boolean("delete.topic.enable", "true").fixed().doc("Lets clients delete topics."),
    ConfigKey::int("fetch.max.bytes", "57671680")
        .at_least(1_024)
        .bytes()
        .fixed()
        .doc("The most that one fetch brings back, whatever the client asks for."),
    ConfigKey::long("follower.replication.throttled.rate", "").unset().at_least(0).bytes().doc(
        "Bytes a second that this broker may receive for a reassignment that a client of Kafka \
         asks for. Its plan takes the least rate of the brokers concerned, whichever replicas the \
         topics name, and follows changes of it until it ends. At 0 next to nothing is copied until \
         it is raised.",
    ),
    ConfigKey::int("group.consumer.assignment.interval.ms", "200").at_least(0).millis().fixed().doc(
        "How long the target assignment of a consumer group stands at least: members that come at \
         once are dealt to together.",
    ),
    ConfigKey::list("group.consumer.assignors", "uniform,range")
        .accepts(Accepts::ListOf(&["uniform", "range"]))
        .fixed()
        .doc(
            "The assignors of consumer groups (KIP-848). The first one deals where members vote for \
             none: uniform gives everybody as many partitions as anybody else, range gives runs of \
             neighbouring partitions, the same runs of topics that have as many.",
        ),
    ConfigKey::int("group.consumer.heartbeat.interval.ms", "5000")
        .at_least(1)
        .millis()
        .fixed()
        .doc("How often members of consumer groups (KIP-848) are told to send a heartbeat."),
    ConfigKey::int("group.consumer.max.size", "10000")
        .at_least(1)
        .fixed()
        .doc("Members of one consumer group (KIP-848)."),
    ConfigKey::string("group.consumer.migration.policy", "bidirectional")
        .accepts(Accepts::OneOf(&["bidirectional", "upgrade", "downgrade", "disabled"]))
        .fixed()
        .doc(
            "Whether groups change their protocol while they live (KIP-848): to the consumer protocol \
             when its first member joins, to the classic one when its last member leaves.",
        ),
    ConfigKey::int("group.consumer.regex.bytes.max", "1024")
        .at_least(1)
        .bytes()
        .fixed()
        .doc("The longest pattern of topics that a member of a consumer group may subscribe to."),
    ConfigKey::int("group.consumer.session.timeout.ms", "45000")
        .at_least(1)
        .millis()
        .fixed()
        .doc("How long a member of a consumer group (KIP-848) may be silent until it is put out."),
    ConfigKey::int("group.initial.rebalance.delay.ms", "3000").at_least(0).millis().fixed().doc(
        "How long a group that was empty waits for more members before it shares out partitions.",
    ),
    ConfigKey::long("group.lag.sample.ms", "5000").between(200, 60_000).millis().fixed().doc(
        "How often leaders are asked where their logs end, and groups are judged by what they committed.",
    ),
    ConfigKey::int("group.lag.windows.max", "131072").between(0, 10_000_000).fixed().doc(
        "Pairs of a group and a partition of which the last commits are remembered, about 350 bytes \
         each, on the brokers that coordinate them; beyond that no class is told.",
    ),
    ConfigKey::int("group.max.session.timeout.ms", "1800000")
        .at_least(1)
        .millis()
        .fixed()
        .doc("The longest time that a group member may ask to stay silent for."),
    ConfigKey::int("group.max.size", "10000").at_least(1).fixed().doc("Members of one group."),
    ConfigKey::int("group.min.session.timeout.ms", "6000")
        .at_least(1)
        .millis()
        .fixed()
        .doc("The shortest time that a group member may ask to stay silent for."),
    ConfigKey::int("group.undo.retention.minutes", "10080").at_least(1).fixed().doc(
        "Minutes for which a change of committed offsets by an operator can be taken back; of each \
         group the last 20 are kept.",
    ),
    ConfigKey::int("grpc.message.max.bytes", "4194304").at_least(1_024).bytes().fixed().doc(
        "The largest message of the control door. Larger requests to append records come in \
             parts, up to `socket.request.max.bytes`.",
    ),
    ConfigKey::boolean("insecure.listener", "false").fixed().doc(
        "Allows `listen` beyond loopback although nothing there is encrypted or authenticated.",
    ),
    ConfigKey::list("join", "").unset().fixed().doc(
        "Brokers of the cluster that this one is to join, as host:port with commas between them. \
         A directory that is already of a cluster needs none, unless all other brokers have other \
         addresses than when this one last ran: then one of them, where it is now. A directory of \
         another cluster than these is refused.",
    ),
    ConfigKey::long("leader.replication.throttled.rate", "").unset().at_least(0).bytes().doc(
        "As `follower.replication.throttled.rate`, of a broker from whose replicas is copied. Only \
         receivers keep a rate: each of them takes in that much, of all leaders together.",
    ),
    ConfigKey::string("listen", "127.0.0.1:9092").accepts(Accepts::Address).fixed().doc(
        "Where all clients come in: Kafka, gRPC and HTTP on one port. Port 0 lets the system \
         choose.",
    ),
    ConfigKey::string("listeners", "PLAINTEXT://127.0.0.1:9092")
        .derived()
        .doc("The addresses at which clients come in, as Kafka writes them."),
    ConfigKey::long("log.cleaner.backoff.ms", "15000").at_least(1).millis().fixed().doc(
        "How long the cleaner waits before it looks for something to compact again, where it \
         found nothing.",
    ),
    ConfigKey::long("log.cleaner.dedupe.buffer.size", "134217728")
        .at_least(1_048_576)
        .bytes()
        .fixed()
        .doc(
            "The most that the map of keys may take during a pass of compaction, 18 bytes a key. \
             A log with more keys takes several passes.",
        ),
    ConfigKey::long("log.cleaner.delete.retention.ms", "86400000").at_least(0).millis().doc(
        "Default of the topic key `delete.retention.ms`.",
    ),
    ConfigKey::boolean("log.cleaner.enable", "true").fixed().doc(
        "Whether topics with `cleanup.policy=compact` are compacted. Without it they grow, \
         `__consumer_offsets` among them.",
    ),
    ConfigKey::long("log.cleaner.io.max.bytes.per.second", "")
        .unset()
        .at_least(1)
        .bytes()
        .fixed()
        .doc("What compaction reads and writes in a second, at most; when not set, without bound."),
    ConfigKey::long("log.cleaner.max.compaction.lag.ms", "9223372036854775807")
        .at_least(1)
        .millis()
        .doc("Default of the topic key `max.compaction.lag.ms`."),
    ConfigKey::double("log.cleaner.min.cleanable.ratio", "0.5").accepts(Accepts::Ratio).doc(
        "Default of the topic key `min.cleanable.dirty.ratio`.",
    ),
    ConfigKey::long("log.cleaner.min.compaction.lag.ms", "0").at_least(0).millis().doc(
        "Default of the topic key `min.compaction.lag.ms`.",
    ),
    ConfigKey::long("log.cleaner.threads", "1").at_least(0).fixed().doc(
        "Kept for Kafka's tools and without effect: one partition is compacted at a time.",
    ),
    ConfigKey::list("log.cleanup.policy", "delete")
        .accepts(Accepts::ListOf(&["compact", "delete"]))
        .doc("What happens to old segments: delete, compact or both. Topics can override it."),
    ConfigKey::string("log.dirs", "").unset().fixed().doc(
        "Directories for partitions with commas between them, best one per disk; when not set, \
         `logs` in `data.dir`.",
    ),
    ConfigKey::string("log.durability", "fsync").accepts(Accepts::OneOf(&["fsync", "os"])).doc(
        "fsync: acks=all means on stable storage, and readers see only what a power cut cannot \
         take back. os: the page cache is enough, as in Kafka. Topics can override it.",
    ),
    ConfigKey::long("log.flush.interval.messages", "9223372036854775807")
        .at_least(1)
        .doc("Records after which a partition is synced, whatever its durability."),
    ConfigKey::long("log.flush.interval.ms", "")
        .unset()
        .at_least(0)
        .millis()
        .doc("The time after which a partition is synced, whatever its durability."),
    ConfigKey::int("log.index.interval.bytes", "4096")
        .at_least(0)
        .bytes()
        .doc("Bytes of records between two index entries."),
    ConfigKey::int("log.index.size.max.bytes", "10485760")
        .at_least(4)
        .bytes()
        .doc("Kept for Kafka's tools and without effect: an index grows with its segment."),
    ConfigKey::long("log.message.timestamp.after.max.ms", "3600000")
        .at_least(0)
        .millis()
        .doc("How far ahead of the broker's time a record's may be."),
    ConfigKey::long("log.message.timestamp.before.max.ms", "9223372036854775807")
        .at_least(0)
        .millis()
        .doc("How far behind the broker's time a record's may be."),
    ConfigKey::string("log.message.timestamp.type", "CreateTime")
        .accepts(Accepts::OneOf(&["CreateTime", "LogAppendTime"]))
        .doc("Whose time a record carries: the producer's or the broker's."),
    ConfigKey::int("log.open.files.max", "0")
        .at_least(0)
        .fixed()
        .doc("Files of partitions held open at one time; 0: half of what the system allows."),
    ConfigKey::boolean("log.preallocate", "false")
        .doc("Without effect: a segment takes space on disk as it grows."),
    ConfigKey::long("log.retention.bytes", "-1")
        .at_least(-1)
        .bytes()
        .doc("How much of a partition is kept; -1: no limit."),
    ConfigKey::long("log.retention.check.interval.ms", "30000")
        .at_least(1)
        .millis()
        .fixed()
        .doc("How often old segments are looked for."),
    ConfigKey::int("log.retention.hours", "168")
        .at_least(-1)
        .fixed()
        .doc("As `log.retention.ms`, in hours; minutes and milliseconds win over it."),
    ConfigKey::int("log.retention.minutes", "")
        .unset()
        .at_least(-1)
        .fixed()
        .doc("As `log.retention.ms`, in minutes; milliseconds win over it."),
    ConfigKey::long("log.retention.ms", "").unset().at_least(-1).millis().doc(
        "How long records are kept; -1: for ever. When not set, `log.retention.minutes` counts, \
         then `log.retention.hours`.",
    ),
    ConfigKey::int("log.roll.hours", "168")
        .at_least(1)
        .fixed()
        .doc("As `log.roll.ms`, in hours; milliseconds win over it."),
    ConfigKey::int("log.roll.jitter.hours", "0")
        .at_least(0)
        .fixed()
        .doc("As `log.roll.jitter.ms`, in hours; milliseconds win over it."),
    ConfigKey::long("log.roll.jitter.ms", "")
        .unset()
        .at_least(0)
        .millis()
        .doc("What is taken at random from `log.roll.ms`, so that not all segments roll at once."),
    ConfigKey::long("log.roll.ms", "")
        .unset()
        .at_least(1)
        .millis()
        .doc("The age at which a new segment is begun. When not set, `log.roll.hours` counts."),
    ConfigKey::int("log.segment.bytes", "1073741824")
        .at_least(1_048_576)
        .bytes()
        .doc("The size at which a new segment is begun."),
    ConfigKey::long("log.segment.delete.delay.ms", "60000").at_least(0).millis().doc(
        "Without effect: the files of a dropped segment go at once, and reads under way keep \
             their bytes.",
    ),
    ConfigKey::long("log.sync.bytes.max", "4194304").at_least(4_096).bytes().fixed().doc(
        "Unsynced bytes of one partition that start a sync at once, so that the kernel never has \
         much to write back in one go.",
    ),
    ConfigKey::int("log.sync.delay.max.ms", "500").between(0, 60_000).millis().fixed().doc(
        "How long records that nobody waits for may stay unsynced before the broker syncs them.",
    ),
    ConfigKey::int("log.sync.threads", "32").between(1, 256).fixed().doc(
        "Threads per log directory that bring records to stable storage. They wait for the disk \
         side by side, and a file system commits in one go what waits at one time.",
    ),
    ConfigKey::string("logging.format", "text")
        .accepts(Accepts::OneOf(&["text", "json"]))
        .fixed()
        .doc("How log lines look."),
    ConfigKey::string("logging.level", "info").fixed().doc(
        "What is logged: error, warn, info, debug or trace, also per module as in \
         `info,kq_broker::runtime=debug`.",
    ),
    ConfigKey::int("max.connections", "10000")
        .at_least(1)
        .fixed()
        .doc("Connections at one time; more are refused."),
    ConfigKey::int("max.connections.per.ip", "1000")
        .at_least(1)
        .fixed()
        .doc("Connections at one time from one address; more are refused."),
    ConfigKey::int("max.incremental.fetch.session.cache.slots", "1000")
        .at_least(0)
        .fixed()
        .doc("Incremental fetch sessions that are remembered."),
    ConfigKey::int("message.max.bytes", "1048588")
        .at_least(0)
        .bytes()
        .doc("The largest record batch."),
    ConfigKey::string("metadata.log.dir", "")
        .unset()
        .fixed()
        .doc("The directory of the metadata quorum's log; when not set, `metadata` in `data.dir`."),
    ConfigKey::int("metrics.groups.max", "1000").between(0, 100_000).fixed().doc(
        "Groups with series of their own in /metrics; the others are summed as the group `_other`.",
    ),
    ConfigKey::int("min.insync.replicas", "1")
        .at_least(1)
        .doc("In-sync replicas without which a write with acks=all is refused."),
    ConfigKey::int("monitor.history.bytes", "8388608").between(65_536, 1_073_741_824).bytes().fixed().doc(
        "Memory for the minutes that the broker keeps of its throughput and of the lag of the groups \
         that it coordinates, 16 bytes a group and minute; twice as much in the file `minutes` of \
         the metadata directory. The oldest minutes of groups make room first.",
    ),
    ConfigKey::int("monitor.watchers.max", "32").between(0, 10_000).fixed().doc(
        "Watchers of the cluster (kq-tui) that this broker serves at one time; further ones are told \
         to ask another broker.",
    ),
    ConfigKey::int("node.id", "1")
        .at_least(0)
        .fixed()
        .doc("The number of this broker, unique in its cluster and never changed."),
    ConfigKey::int("num.partitions", "1")
        .between(1, 10_000)
        .doc("Partitions of a topic that is created without a number."),
    ConfigKey::int("num.recovery.threads.per.data.dir", "0").between(0, 1_024).fixed().doc(
        "Threads that open and check partitions at start, per log directory; 0: one per core.",
    ),
    ConfigKey::int("offset.metadata.max.bytes", "4096")
        .at_least(0)
        .bytes()
        .fixed()
        .doc("The longest note that a client may leave with a committed offset."),
    ConfigKey::long("offsets.retention.check.interval.ms", "600000")
        .at_least(1)
        .millis()
        .fixed()
        .doc("How often expired offsets are looked for."),
    ConfigKey::int("offsets.retention.minutes", "10080")
        .at_least(1)
        .fixed()
        .doc("Minutes that a group without members keeps its committed offsets."),
    ConfigKey::int("offsets.topic.num.partitions", "50")
        .between(1, 10_000)
        .fixed()
        .doc("Partitions of the topic of committed offsets, when it is made."),
    ConfigKey::short("offsets.topic.replication.factor", "3").at_least(1).fixed().doc(
        "Replicas of the topic of committed offsets, when it is made; at most one on each broker.",
    ),
    ConfigKey::int("offsets.topic.segment.bytes", "104857600")
        .at_least(1_048_576)
        .bytes()
        .fixed()
        .doc("The largest segment of the topic of committed offsets, when it is made."),
    ConfigKey::list("peer.addresses", "").unset().fixed().doc(
        "Where other brokers are reached from here, if not where they advertise: \
         2=host:port,3=host:port. They are looked for nowhere else, also when they move.",
    ),
    ConfigKey::int("producer.id.expiration.ms", "86400000")
        .at_least(1)
        .millis()
        .fixed()
        .doc("An idempotent producer that stays silent for so long is forgotten."),
    ConfigKey::long("queued.max.request.bytes", "0").at_least(0).bytes().fixed().doc(
        "Bytes of requests in memory at one time, over all connections; 0: a quarter of the \
         memory.",
    ),
    ConfigKey::string("ready.file", "")
        .unset()
        .fixed()
        .doc("A file written with the listener's address once clients are served."),
    ConfigKey::long("replica.alter.log.dirs.io.max.bytes.per.second", "")
        .unset()
        .at_least(0)
        .bytes()
        .doc(
            "Kept for Kafka's tools and without effect: replicas are not moved between log \
             directories.",
        ),
    ConfigKey::long("replica.lag.time.max.ms", "30000")
        .between(10, 86_400_000)
        .millis()
        .fixed()
        .doc(
            "How long a follower may lag behind its leader before it leaves the in-sync replicas.",
        ),
    ConfigKey::long("shutdown.max.ms", "30000")
        .at_least(0)
        .millis()
        .fixed()
        .doc("How long a stopping broker waits for requests that are being served."),
    ConfigKey::int("socket.request.max.bytes", "104857600")
        .at_least(1_024)
        .bytes()
        .fixed()
        .doc("The largest request of the Kafka protocol."),
    ConfigKey::int("threads", "0")
        .between(0, 1_024)
        .fixed()
        .doc("Threads that serve connections; 0: one per core."),
    ConfigKey::long("topic.delete.keep.ms", "86400000").at_least(0).millis().doc(
        "How long kq-ctl keeps a deleted topic restorable when it is not told; Kafka's own clients \
         delete at once.",
    ),
    ConfigKey::boolean("unclean.leader.election.enable", "false")
        .doc("Lets a replica lead that may lack committed records."),
];
