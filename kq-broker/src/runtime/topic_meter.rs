//! What goes in and out of one topic, counted by all its partitions together.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of one topic; reading them is up to the metrics.
#[derive(Debug, Default)]
pub struct TopicMeter {
    bytes_in: AtomicU64,
    records_in: AtomicU64,
    batches_in: AtomicU64,
    bytes_out: AtomicU64,
    reads: AtomicU64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TopicCounts {
    /// Bytes appended, as the producers sent them.
    pub bytes_in: u64,
    /// Records appended.
    pub records_in: u64,
    /// Batches appended.
    pub batches_in: u64,
    /// Bytes of records that answers to readers carry.
    pub bytes_out: u64,
    /// Answers that carry some.
    pub reads: u64,
}

impl TopicCounts {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            bytes_in: self.bytes_in + other.bytes_in,
            records_in: self.records_in + other.records_in,
            batches_in: self.batches_in + other.batches_in,
            bytes_out: self.bytes_out + other.bytes_out,
            reads: self.reads + other.reads,
        }
    }
}

impl TopicMeter {
    pub(super) fn appended(&self, bytes: u64, records: u64) {
        self.bytes_in.fetch_add(bytes, Ordering::Relaxed);
        self.records_in.fetch_add(records, Ordering::Relaxed);
        self.batches_in.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn sent(&self, bytes: u64) {
        self.bytes_out.fetch_add(bytes, Ordering::Relaxed);
        self.reads.fetch_add(1, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub fn counts(&self) -> TopicCounts {
        TopicCounts {
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            records_in: self.records_in.load(Ordering::Relaxed),
            batches_in: self.batches_in.load(Ordering::Relaxed),
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
            reads: self.reads.load(Ordering::Relaxed),
        }
    }
}
