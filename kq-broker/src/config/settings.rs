//! The keys of the broker itself, each declared once: field, name, bounds, default, meaning.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::key::{Key, Kind, Value};
use super::{Given, Statics};

/// When an acknowledged record is safe.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Durability {
    /// On stable storage, before anyone sees it.
    #[default]
    Fsync,
    /// In the page cache, as in Kafka.
    Os,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LoggingFormat {
    /// For eyes.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

macro_rules! settings {
    ($($field:ident: $type:ty, $name:literal, $kind:expr, $default:literal, $doc:literal;)*) => {
        /// The configuration of one broker, checked.
        #[derive(Debug, Clone)]
        pub struct BrokerConfig {
            $(#[doc = $doc] pub $field: $type,)*
            /// What was set explicitly, topic defaults included; the catalogue of
            /// configuration keys reads its static values from here.
            pub statics: Statics,
        }

        pub(super) const KEYS: &[Key] = &[
            $(Key { name: $name, kind: $kind, default: $default, doc: $doc },)*
        ];

        impl BrokerConfig {
            /// Reads each field from the value given for its key, or else from the default.
            pub(super) fn from_values(
                given: &BTreeMap<&'static str, Value>,
                statics: Statics,
            ) -> Self {
                let mut declared = KEYS.iter();
                Self {
                    $($field: <$type as FromValue>::from_value(value_of(declared.next(), given)),)*
                    statics,
                }
            }
        }
    };
}

const INT_MAX: i64 = i32::MAX as i64;
const ANY: i64 = i64::MAX;

settings! {
    node_id: u32, "node.id", Kind::Int(0, INT_MAX), "1",
        "The number of this broker, unique in its cluster and never changed.";
    cluster_id: Option<String>, "cluster.id", Kind::Text, "",
        "The cluster this broker must belong to; when not set, the first start draws one.";
    listen: String, "listen", Kind::Address, "127.0.0.1:9092",
        "Where all clients come in: Kafka, gRPC and HTTP on one port. Port 0 lets the system choose.";
    advertised_address: Option<String>, "advertised.address", Kind::Address, "",
        "The address that clients are told to use; when not set, the one of `listen`.";
    insecure_listener: bool, "insecure.listener", Kind::Bool, "false",
        "Allows `listen` beyond loopback although nothing there is encrypted or authenticated.";
    rack: Option<String>, "broker.rack", Kind::Text, "",
        "The rack or zone of this broker; replicas of a partition are spread over racks.";
    data_dir: PathBuf, "data.dir", Kind::Path, "kq-data",
        "The home of all that the broker keeps; made at the first start.";
    log_dirs: Vec<String>, "log.dirs", Kind::List, "",
        "Directories for partitions, best one per disk; when not set, `logs` in `data.dir`.";
    metadata_log_dir: Option<PathBuf>, "metadata.log.dir", Kind::Path, "",
        "The directory of the metadata quorum's log; when not set, `metadata` in `data.dir`.";
    ready_file: Option<PathBuf>, "ready.file", Kind::Path, "",
        "A file written with the listener's address once clients are served.";
    durability: Durability, "log.durability", Kind::Choice(&["fsync", "os"]), "fsync",
        "fsync: acks=all means on stable storage, and readers see only what a power cut cannot\ntake back. os: the page cache is enough, as in Kafka. Topics can override it.";
    auto_create_topics: bool, "auto.create.topics.enable", Kind::Bool, "false",
        "Makes a topic when a client first asks for its metadata or writes to it.";
    delete_topics: bool, "delete.topic.enable", Kind::Bool, "true",
        "Lets clients delete topics.";
    num_partitions: u32, "num.partitions", Kind::Int(1, 10_000), "1",
        "Partitions of a topic that is created without a number.";
    default_replication_factor: u16, "default.replication.factor", Kind::Int(1, 32_767), "1",
        "Replicas of a partition that is created without a number.";
    connections_max: u32, "max.connections", Kind::Int(1, INT_MAX), "10000",
        "Connections at one time; more are refused.";
    connections_per_ip_max: u32, "max.connections.per.ip", Kind::Int(1, INT_MAX), "1000",
        "Connections at one time from one address; more are refused.";
    connection_idle_ms_max: u64, "connections.max.idle.ms", Kind::Millis(1, ANY), "600000",
        "A connection that stays silent for so long is closed.";
    request_bytes_max: usize, "socket.request.max.bytes", Kind::Bytes(1_024, INT_MAX), "104857600",
        "The largest request of the Kafka protocol.";
    requests_bytes_max: u64, "queued.max.request.bytes", Kind::Bytes(0, ANY), "0",
        "Bytes of requests in memory at one time, over all connections; 0: a quarter of the memory.";
    connection_requests_max: usize, "connection.requests.max", Kind::Int(1, 10_000), "64",
        "Requests of one connection in flight at one time; reading waits beyond that.";
    fetch_bytes_max: usize, "fetch.max.bytes", Kind::Bytes(1_024, INT_MAX), "57671680",
        "The most that one fetch brings back, whatever the client asks for.";
    fetch_sessions_max: usize, "max.incremental.fetch.session.cache.slots", Kind::Int(0, INT_MAX), "1000",
        "Incremental fetch sessions that are remembered.";
    grpc_message_bytes_max: usize, "grpc.message.max.bytes", Kind::Bytes(1_024, INT_MAX), "4194304",
        "The largest message of the control door. Larger requests to append records come in parts, up to \
         socket.request.max.bytes.";
    group_session_ms_min: u64, "group.min.session.timeout.ms", Kind::Millis(1, ANY), "6000",
        "The shortest time that a group member may ask to stay silent for.";
    group_session_ms_max: u64, "group.max.session.timeout.ms", Kind::Millis(1, ANY), "1800000",
        "The longest time that a group member may ask to stay silent for.";
    group_initial_delay_ms: u64, "group.initial.rebalance.delay.ms", Kind::Millis(0, ANY), "3000",
        "How long a group that was empty waits for more members before it shares out partitions.";
    group_members_max: usize, "group.max.size", Kind::Int(1, INT_MAX), "10000",
        "Members of one group.";
    offset_metadata_bytes_max: usize, "offset.metadata.max.bytes", Kind::Bytes(0, INT_MAX), "4096",
        "The longest note that a client may leave with a committed offset.";
    offsets_retention_minutes: u32, "offsets.retention.minutes", Kind::Int(1, INT_MAX), "10080",
        "Minutes that a group without members keeps its committed offsets.";
    offsets_retention_check_ms: u64, "offsets.retention.check.interval.ms", Kind::Millis(1, ANY), "600000",
        "How often expired offsets are looked for.";
    offsets_partitions: u32, "offsets.topic.num.partitions", Kind::Int(1, 10_000), "50",
        "Partitions of the topic of committed offsets, when it is made.";
    offsets_replication_factor: u16, "offsets.topic.replication.factor", Kind::Int(1, 32_767), "3",
        "Replicas of the topic of committed offsets, when it is made; at most one on each broker.";
    offsets_segment_bytes: u64, "offsets.topic.segment.bytes", Kind::Bytes(1_048_576, INT_MAX), "104857600",
        "The largest segment of the topic of committed offsets, when it is made.";
    producer_id_expiration_ms: u64, "producer.id.expiration.ms", Kind::Millis(1, ANY), "86400000",
        "An idempotent producer that stays silent for so long is forgotten.";
    retention_check_ms: u64, "log.retention.check.interval.ms", Kind::Millis(1, ANY), "30000",
        "How often old segments are looked for.";
    recovery_threads: usize, "num.recovery.threads.per.data.dir", Kind::Int(0, 1_024), "0",
        "Threads that open and check partitions at start, per log directory; 0: one per core.";
    sync_threads: usize, "log.sync.threads", Kind::Int(1, 64), "4",
        "Threads per log directory that bring records to stable storage.";
    sync_delay_ms_max: u64, "log.sync.delay.max.ms", Kind::Millis(0, 60_000), "20",
        "How long records that nobody waits for may stay unsynced before the broker syncs them.";
    sync_bytes_max: u64, "log.sync.bytes.max", Kind::Bytes(4_096, ANY), "4194304",
        "Unsynced bytes of one partition that start a sync at once, so that the kernel never has\nmuch to write back in one go.";
    open_files_max: usize, "log.open.files.max", Kind::Int(0, INT_MAX), "0",
        "Files of partitions held open at one time; 0: half of what the system allows.";
    shutdown_ms_max: u64, "shutdown.max.ms", Kind::Millis(0, ANY), "30000",
        "How long a stopping broker waits for requests that are being served.";
    threads: usize, "threads", Kind::Int(0, 1_024), "0",
        "Threads that serve connections; 0: one per core.";
    logging_format: LoggingFormat, "logging.format", Kind::Choice(&["text", "json"]), "text",
        "How log lines look.";
    logging_level: String, "logging.level", Kind::Text, "info",
        "What is logged: error, warn, info, debug or trace, also per module as in\n`info,kq_broker::runtime=debug`.";
}

fn value_of(key: Option<&Key>, given: &BTreeMap<&'static str, Value>) -> Value {
    let key = key.expect("one key is declared for each field");
    given.get(key.name).cloned().unwrap_or_else(|| {
        key.accept(key.default).expect("a default suits its own key: a test checks each")
    })
}

/// A field's type, read from a value that its key has accepted.
trait FromValue {
    fn from_value(value: Value) -> Self;
}

macro_rules! from_int {
    ($($type:ty)*) => {$(
        impl FromValue for $type {
            fn from_value(value: Value) -> Self {
                let Value::Int(number) = value else { return Self::default() };
                Self::try_from(number).unwrap_or(Self::MAX)
            }
        }
    )*};
}

from_int!(u16 u32 u64 usize);

impl FromValue for bool {
    fn from_value(value: Value) -> Self {
        value == Value::Bool(true)
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Self {
        value.plain()
    }
}

impl FromValue for PathBuf {
    fn from_value(value: Value) -> Self {
        value.plain().into()
    }
}

impl FromValue for Vec<String> {
    fn from_value(value: Value) -> Self {
        if let Value::List(items) = value { items } else { Self::new() }
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Self {
        if value.plain().is_empty() { None } else { Some(T::from_value(value)) }
    }
}

impl FromValue for Durability {
    fn from_value(value: Value) -> Self {
        if value.plain() == "os" { Self::Os } else { Self::Fsync }
    }
}

impl FromValue for LoggingFormat {
    fn from_value(value: Value) -> Self {
        if value.plain() == "json" { Self::Json } else { Self::Text }
    }
}

impl BrokerConfig {
    /// Every key at its default.
    pub fn defaults() -> Self {
        Self::from_values(&BTreeMap::new(), Statics::new())
    }

    /// The value that was set for `name`, in its plain form.
    pub fn given(&self, name: &str) -> Option<&Given> {
        self.statics.get(name)
    }

    /// The directories that hold partitions.
    pub fn partition_dirs(&self) -> Vec<PathBuf> {
        if self.log_dirs.is_empty() {
            return vec![self.data_dir.join("logs")];
        }
        self.log_dirs.iter().map(PathBuf::from).collect()
    }

    /// The directory of the metadata quorum.
    pub fn metadata_dir(&self) -> PathBuf {
        self.metadata_log_dir.clone().unwrap_or_else(|| self.data_dir.join("metadata"))
    }
}
