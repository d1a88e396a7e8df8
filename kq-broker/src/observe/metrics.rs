//! The metrics of a broker: counted where things happen, encoded when someone asks.

use std::path::Path;
use std::time::Duration;

use kq_proto::kafka::ApiKey;
use parking_lot::Mutex;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use super::api_meter::{ApiMeter, ApiMeters};
use super::os::ProcessMetrics;
use super::replication_meter::ReplicationMeter;
use super::store_metrics::StoreMetrics;
use crate::runtime::{Groups, Partitions};

/// Why a connection was not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Refused {
    /// There are as many as may be.
    Limit,
    /// There are as many from its address as may be.
    LimitPerAddress,
    /// It did not speak a protocol that is served, or broke its rules.
    Protocol,
    /// It stayed silent for too long.
    Idle,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: Refused,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Dir {
    dir: String,
}

/// Counters of connections.
#[derive(Debug, Clone, Default)]
pub struct Connections {
    open: Gauge,
    accepted: Counter,
    refused: Family<Reason, Counter>,
}

/// Counters of the syncs of one log directory.
#[derive(Debug, Clone)]
pub struct SyncMeter {
    seconds: Histogram,
    failures: Counter,
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    apis: ApiMeters,
    /// Connections of all protocols.
    pub connections: Connections,
    /// Between leaders and followers.
    pub replication: ReplicationMeter,
    /// Time of one round of looking at the lag of groups, in seconds.
    pub group_rounds: Histogram,
    sync_seconds: Family<Dir, Histogram, fn() -> Histogram>,
    sync_failures: Family<Dir, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All counters at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("kq");
        let build = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The build of this broker", build);
        let metrics = Self {
            apis: ApiMeters::register(&mut registry),
            connections: Connections::register(&mut registry),
            replication: ReplicationMeter::register(&mut registry),
            group_rounds: sync_histogram(),
            sync_seconds: Family::new_with_constructor(sync_histogram),
            sync_failures: Family::default(),
            registry: Mutex::default(),
        };
        registry.register_with_unit(
            "log_sync_duration",
            "Time of one fdatasync of a partition, by log directory",
            Unit::Seconds,
            metrics.sync_seconds.clone(),
        );
        registry.register(
            "log_sync_failures",
            "Failed syncs, by log directory; one takes the directory offline",
            metrics.sync_failures.clone(),
        );
        registry.register_with_unit(
            "group_lag_round",
            "Time of one round of looking at the lag of groups",
            Unit::Seconds,
            metrics.group_rounds.clone(),
        );
        registry.register_collector(Box::new(ProcessMetrics));
        *metrics.registry.lock() = registry;
        metrics
    }

    /// Adds what the partitions can tell at each look.
    pub fn watch_store(&self, store: &std::sync::Arc<Partitions>) {
        let mut registry = self.registry.lock();
        registry.register_collector(Box::new(StoreMetrics::new(store)));
        registry.register_collector(Box::new(super::cleaner_metrics::CleanerMetrics::new(store)));
    }

    /// Adds what the metadata quorum can tell at each look.
    pub fn watch_quorum(&self, controller: &crate::raft::Controller) {
        let collector = super::quorum_metrics::QuorumMetrics::new(controller);
        self.registry.lock().register_collector(Box::new(collector));
    }

    /// Adds what groups are behind, `groups_max` of them one by one.
    pub fn watch_groups(&self, groups: &std::sync::Arc<Groups>, groups_max: usize) {
        let collector = super::group_metrics::GroupMetrics::new(groups, groups_max);
        self.registry.lock().register_collector(Box::new(collector));
    }

    /// The counters of one API.
    pub fn api(&self, api: ApiKey) -> &ApiMeter {
        self.apis.get(api)
    }

    /// The counters of one log directory.
    pub fn sync_meter(&self, dir: &Path) -> SyncMeter {
        let labels = Dir { dir: dir.display().to_string() };
        SyncMeter {
            seconds: self.sync_seconds.get_or_create_owned(&labels),
            failures: self.sync_failures.get_or_create_owned(&labels),
        }
    }

    /// The text that Prometheus scrapes.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail; a collector only passes that on.
        let _ = text::encode(&mut text, &self.registry.lock());
        text
    }
}

impl Connections {
    fn register(registry: &mut Registry) -> Self {
        let it = Self::default();
        registry.register("connections", "Open connections", it.open.clone());
        registry.register("connections_accepted", "Accepted connections", it.accepted.clone());
        registry.register(
            "connections_refused",
            "Connections that were refused or ended by the broker, by reason",
            it.refused.clone(),
        );
        it
    }

    /// A connection is served from now on.
    pub fn opened(&self) {
        self.open.inc();
        self.accepted.inc();
    }

    /// A connection that was served is gone.
    pub fn closed(&self) {
        self.open.dec();
    }

    /// A connection was refused or ended by the broker.
    pub fn refused(&self, reason: Refused) {
        self.refused.get_or_create(&Reason { reason }).inc();
    }

    /// How many are open.
    pub fn open(&self) -> i64 {
        self.open.get()
    }
}

impl SyncMeter {
    /// A sync ended.
    pub fn synced(&self, took: Duration, well: bool) {
        self.seconds.observe(took.as_secs_f64());
        if !well {
            self.failures.inc();
        }
    }
}

/// 20 microseconds to 10 seconds.
fn sync_histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.000_02, 2.0, 20))
}

#[cfg(test)]
mod tests {
    use kq_proto::kafka::ErrorCode;

    use super::*;

    #[test]
    fn only_what_happened_has_series() {
        let metrics = Metrics::new();
        assert!(!metrics.encode().contains("api=\"Fetch\""));
        metrics.api(ApiKey::Fetch).served(Duration::from_millis(1), 100, 2_000);
        metrics.api(ApiKey::Fetch).failed(ErrorCode::None);
        metrics.api(ApiKey::Fetch).failed(ErrorCode::OffsetOutOfRange);
        metrics.connections.opened();
        metrics.connections.refused(Refused::Limit);
        let text = metrics.encode();
        for line in [
            "kq_request_duration_seconds_count{api=\"Fetch\"} 1",
            "kq_request_bytes_total{api=\"Fetch\"} 100",
            "kq_response_bytes_total{api=\"Fetch\"} 2000",
            "kq_request_errors_total{api=\"Fetch\",error=\"OFFSET_OUT_OF_RANGE\"} 1",
            "kq_connections 1",
            "kq_connections_refused_total{reason=\"Limit\"} 1",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
        assert!(!text.contains("error=\"NONE\""));
    }
}
