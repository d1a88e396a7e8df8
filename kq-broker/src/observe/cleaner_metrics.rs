//! What the cleaner tells when someone looks.

use std::fmt;
use std::sync::{Arc, Weak};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::runtime::{CleanerCounts, Partitions};

/// One counter: its name, what it means, and its value.
type Column = (&'static str, &'static str, fn(&CleanerCounts) -> u64);

const COUNTERS: &[Column] = &[
    ("cleaner_read_bytes", "Bytes of record batches that compaction read", |it| it.read_bytes),
    ("cleaner_written_bytes", "Bytes of segments that compaction wrote", |it| it.written_bytes),
    ("cleaner_removed_records", "Records that compaction dropped", |it| it.removed_records),
    ("cleaner_passes", "Passes over a log that went through", |it| it.passes),
    ("cleaner_failures", "Passes over a log that failed", |it| it.failures),
];

/// Reads the board of one broker's cleaner.
#[derive(Debug)]
pub(super) struct CleanerMetrics {
    store: Weak<Partitions>,
}

impl CleanerMetrics {
    pub(super) fn new(store: &Arc<Partitions>) -> Self {
        Self { store: Arc::downgrade(store) }
    }
}

impl Collector for CleanerMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(store) = self.store.upgrade() else { return Ok(()) };
        let board = store.cleaner();
        let counts = board.counts();
        for (name, help, value) in COUNTERS {
            let counter = ConstCounter::new(value(&counts));
            let kind = counter.metric_type();
            counter.encode(encoder.encode_descriptor(name, help, None, kind)?)?;
        }
        let look = board.look();
        let dirty = f64::from(look.dirty_ppm_max) / 1e6;
        let help = "The greatest dirty part of a compacted log, as the cleaner saw it last";
        put(&mut encoder, "cleaner_dirty_ratio_max", help, dirty)?;
        let help = "By how much the oldest uncompacted record is older than max.compaction.lag.ms";
        put(&mut encoder, "cleaner_overdue_seconds", help, seconds(look.overdue_ms_max))?;
        let stalled = store.stalled_compactions().len();
        let help = "Compacted logs that are due and are not compacted";
        let stalled = f64::from(u32::try_from(stalled).unwrap_or(u32::MAX));
        put(&mut encoder, "cleaner_stalled_logs", help, stalled)?;
        let Some(last) = board.last_pass() else { return Ok(()) };
        let age = u64::try_from(store.now().0.saturating_sub(last.0)).unwrap_or(0);
        let help = "Time since the last pass went through";
        put(&mut encoder, "cleaner_last_pass_age_seconds", help, seconds(age))
    }
}

fn put(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> fmt::Result {
    let gauge = ConstGauge::new(value);
    let kind = gauge.metric_type();
    gauge.encode(encoder.encode_descriptor(name, help, None, kind)?)
}

fn seconds(ms: u64) -> f64 {
    std::time::Duration::from_millis(ms).as_secs_f64()
}
