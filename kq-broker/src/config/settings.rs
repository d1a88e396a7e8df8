//! The configuration of the broker itself: which key each field holds. Keys that have no field here
//! are for the catalogue, which resolves them with what was set since the start.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::accept::Value;
use super::{Given, Statics};
use crate::catalogue::broker_key;

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
    ($($field:ident: $type:ty = $name:literal;)*) => {
        /// The configuration of one broker, checked.
        #[derive(Debug, Clone)]
        pub struct BrokerConfig {
            $(#[doc = concat!("The value of `", $name, "`.")] pub $field: $type,)*
            /// What was set explicitly; the catalogue of configuration keys reads its static
            /// values from here.
            pub statics: Statics,
        }

        impl BrokerConfig {
            /// Reads each field from the value given for its key, or else from the default.
            pub(super) fn from_values(
                given: &BTreeMap<&'static str, Value>,
                statics: Statics,
            ) -> Self {
                Self {
                    $($field: <$type as FromValue>::from_value(value_of($name, given)),)*
                    statics,
                }
            }
        }
    };
}

settings! {
    node_id: u32 = "node.id";
    cluster_id: Option<String> = "cluster.id";
    listen: String = "listen";
    advertised_address: Option<String> = "advertised.address";
    insecure_listener: bool = "insecure.listener";
    rack: Option<String> = "broker.rack";
    join: Vec<String> = "join";
    peer_addresses: Vec<String> = "peer.addresses";
    controller_voters: usize = "controller.voters";
    heartbeat_ms: u64 = "broker.heartbeat.interval.ms";
    session_ms: u64 = "broker.session.timeout.ms";
    data_dir: PathBuf = "data.dir";
    log_dirs: Vec<String> = "log.dirs";
    metadata_log_dir: Option<PathBuf> = "metadata.log.dir";
    ready_file: Option<PathBuf> = "ready.file";
    auto_create_topics: bool = "auto.create.topics.enable";
    connections_max: u32 = "max.connections";
    connections_per_ip_max: u32 = "max.connections.per.ip";
    connection_idle_ms_max: u64 = "connections.max.idle.ms";
    request_bytes_max: usize = "socket.request.max.bytes";
    requests_bytes_max: u64 = "queued.max.request.bytes";
    connection_requests_max: usize = "connection.requests.max";
    fetch_bytes_max: usize = "fetch.max.bytes";
    fetch_sessions_max: usize = "max.incremental.fetch.session.cache.slots";
    grpc_message_bytes_max: usize = "grpc.message.max.bytes";
    group_session_ms_min: u64 = "group.min.session.timeout.ms";
    group_session_ms_max: u64 = "group.max.session.timeout.ms";
    group_initial_delay_ms: u64 = "group.initial.rebalance.delay.ms";
    group_members_max: usize = "group.max.size";
    group_lag_sample_ms: u64 = "group.lag.sample.ms";
    group_lag_windows_max: usize = "group.lag.windows.max";
    metrics_groups_max: usize = "metrics.groups.max";
    watchers_max: usize = "monitor.watchers.max";
    monitor_history_bytes: usize = "monitor.history.bytes";
    consumer_session_ms: u64 = "group.consumer.session.timeout.ms";
    consumer_heartbeat_ms: u64 = "group.consumer.heartbeat.interval.ms";
    consumer_members_max: usize = "group.consumer.max.size";
    consumer_assignors: Vec<String> = "group.consumer.assignors";
    consumer_assignment_ms: u64 = "group.consumer.assignment.interval.ms";
    consumer_migration: String = "group.consumer.migration.policy";
    consumer_pattern_bytes_max: usize = "group.consumer.regex.bytes.max";
    group_undo_retention_minutes: u32 = "group.undo.retention.minutes";
    offset_metadata_bytes_max: usize = "offset.metadata.max.bytes";
    offsets_retention_minutes: u32 = "offsets.retention.minutes";
    offsets_retention_check_ms: u64 = "offsets.retention.check.interval.ms";
    offsets_partitions: u32 = "offsets.topic.num.partitions";
    offsets_replication_factor: u16 = "offsets.topic.replication.factor";
    offsets_segment_bytes: u64 = "offsets.topic.segment.bytes";
    producer_id_expiration_ms: u64 = "producer.id.expiration.ms";
    replica_lag_ms_max: u64 = "replica.lag.time.max.ms";
    retention_check_ms: u64 = "log.retention.check.interval.ms";
    cleaner_enable: bool = "log.cleaner.enable";
    cleaner_map_bytes: u64 = "log.cleaner.dedupe.buffer.size";
    cleaner_bytes_per_second: Option<u64> = "log.cleaner.io.max.bytes.per.second";
    cleaner_backoff_ms: u64 = "log.cleaner.backoff.ms";
    recovery_threads: usize = "num.recovery.threads.per.data.dir";
    sync_threads: usize = "log.sync.threads";
    sync_delay_ms_max: u64 = "log.sync.delay.max.ms";
    sync_bytes_max: u64 = "log.sync.bytes.max";
    open_files_max: usize = "log.open.files.max";
    shutdown_ms_max: u64 = "shutdown.max.ms";
    threads: usize = "threads";
    logging_format: LoggingFormat = "logging.format";
    logging_level: String = "logging.level";
}

fn value_of(name: &str, given: &BTreeMap<&'static str, Value>) -> Value {
    let default = || {
        let key = broker_key(name).expect("a test finds the key of each field");
        key.accept(key.default.unwrap_or("")).expect("a test accepts each default")
    };
    given.get(name).cloned().unwrap_or_else(default)
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
        let text = value.plain();
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(str::to_owned).collect()
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Self {
        if value.plain().is_empty() { None } else { Some(T::from_value(value)) }
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

    /// The number that this broker is to have, if one was said.
    pub fn wanted_node_id(&self) -> Option<u32> {
        self.given("node.id").map(|_| self.node_id)
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
