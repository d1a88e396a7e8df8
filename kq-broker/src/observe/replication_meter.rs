//! What goes between leaders and followers.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

/// Counters of one broker, as a leader and as a follower.
#[derive(Debug, Clone, Default)]
pub struct ReplicationMeter {
    received_bytes: Counter,
    sent_bytes: Counter,
    failures: Counter,
}

impl ReplicationMeter {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let it = Self::default();
        registry.register(
            "replication_received_bytes",
            "Bytes of record batches that leaders sent to this broker",
            it.received_bytes.clone(),
        );
        registry.register(
            "replication_sent_bytes",
            "Bytes of record batches in answers to followers",
            it.sent_bytes.clone(),
        );
        registry.register(
            "replication_failures",
            "Connections to leaders that were lost or not to be had",
            it.failures.clone(),
        );
        it
    }

    /// How much leaders have sent.
    pub fn received_bytes(&self) -> u64 {
        self.received_bytes.get()
    }

    /// A leader sent this much.
    pub fn received(&self, bytes: usize) {
        self.received_bytes.inc_by(bytes as u64);
    }

    /// A follower is given this much.
    pub fn sent(&self, bytes: usize) {
        self.sent_bytes.inc_by(bytes as u64);
    }

    /// A connection to a leader failed.
    pub fn failed(&self) {
        self.failures.inc();
    }
}
