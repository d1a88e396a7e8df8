//! Where each partition is read: how it goes on after a break, and whether it keeps up.

use std::collections::BTreeMap;

use kq_proto::admin::v1::offset_spec::{Named, Spec};
use kq_proto::admin::v1::{
    FetchPartition, FetchRequest, FetchResponse, ListOffsetsRequest, ListOffsetsResponse,
    OffsetQuery, OffsetSpec,
};

/// Who has not seen the end of a partition for so long while records came does not keep up, in
/// milliseconds.
const BEHIND_MS: u64 = 3_000;
/// Partitions of which it is told what is wrong with them.
const FAILURES_MAX: usize = 8;
/// The log begins later than where it was to be read.
const OUT_OF_RANGE: &str = "kafka.OFFSET_OUT_OF_RANGE";

/// One partition that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// The next offset to be read.
    pub next: u64,
    /// Where its end was when reading began.
    pub first_end: u64,
    /// Since when records come without its end having been seen, by the uptime.
    pub busy_since_ms: Option<u64>,
}

/// How reading goes on after what was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum Next {
    /// As it is.
    On,
    /// Asked again, from where each partition stands: one of them lost its leader.
    Again,
    /// At the ends: it does not keep up, or what was to be read is gone.
    Anew,
}

/// All partitions that are read, by their indexes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Those that can be read.
    pub reading: BTreeMap<u32, Reading>,
    /// What is wrong with others: which, and why; not yet safe to show.
    pub failures: BTreeMap<String, String>,
    /// Before the next beginning at the end: where each was.
    left: BTreeMap<u32, u64>,
    /// Records between where they were left and where they began anew.
    passed: u64,
}

/// Where logs begin and end: one question for each.
pub(super) fn ends_request(topic: &str, partition: Option<u32>) -> ListOffsetsRequest {
    let query = |at: Named| OffsetQuery {
        topic: topic.to_owned(),
        partitions: partition.into_iter().collect(),
        at: Some(OffsetSpec { spec: Some(Spec::Named(at.into())) }),
    };
    ListOffsetsRequest { queries: vec![query(Named::Latest), query(Named::Earliest)] }
}

impl Places {
    /// Begins `back(count of partitions)` records before each end.
    pub(super) fn begin(&mut self, told: ListOffsetsResponse, back: impl Fn(u64) -> u64) {
        // The smaller of a partition's two offsets is its begin, whichever came first.
        let mut ends = BTreeMap::<u32, (u64, u64)>::new();
        let mut counts = BTreeMap::<u32, u8>::new();
        for it in &told.offsets {
            let offset = it.offset.unwrap_or(0);
            let both = ends.entry(it.partition).or_insert((offset, offset));
            *both = (both.0.min(offset), both.1.max(offset));
            *counts.entry(it.partition).or_default() += 1;
        }
        ends.retain(|index, _| counts.get(index).is_some_and(|it| *it > 1));
        let back = back(u64::try_from(ends.len()).unwrap_or(u64::MAX));
        let reading = ends.into_iter().map(|(index, (start, end))| {
            let next = end.saturating_sub(back).max(start);
            (index, Reading { next, first_end: end, busy_since_ms: None })
        });
        self.reading = reading.collect();
        for (index, left) in std::mem::take(&mut self.left) {
            let next = self.reading.get(&index).map_or(left, |it| it.next);
            self.passed = self.passed.saturating_add(next.saturating_sub(left));
            // What was read already is not read again.
            if let Some(it) = self.reading.get_mut(&index) {
                it.next = it.next.max(left.min(it.first_end));
            }
        }
        self.failures.clear();
        for it in told.errors.into_iter().take(FAILURES_MAX) {
            self.failures.insert(it.item, it.message);
        }
    }

    /// From where each stands.
    pub(super) fn request(&self, topic: &str) -> Option<FetchRequest> {
        let at = |(index, it): (&u32, &Reading)| FetchPartition {
            topic: topic.to_owned(),
            partition: *index,
            from: Some(OffsetSpec { spec: Some(Spec::Offset(it.next)) }),
            until: None,
        };
        let partitions: Vec<FetchPartition> = self.reading.iter().map(at).collect();
        (!partitions.is_empty()).then(|| FetchRequest {
            partitions,
            follow: true,
            read_committed: true,
            ..FetchRequest::default()
        })
    }

    /// Moves on by what was read.
    pub(super) fn take(&mut self, told: &FetchResponse, now_ms: u64) -> Next {
        let (mut keeps_up, mut is_whole) = (true, true);
        for record in &told.records {
            let Some(it) = self.reading.get_mut(&record.partition) else { continue };
            it.next = it.next.max(record.offset.saturating_add(1));
            let since_ms = *it.busy_since_ms.get_or_insert(now_ms);
            keeps_up &= now_ms.saturating_sub(since_ms) < BEHIND_MS;
        }
        for told in &told.progress {
            let Some(it) = self.reading.get_mut(&told.partition) else { continue };
            it.next = it.next.max(told.next_offset);
            it.busy_since_ms = None;
        }
        for error in &told.errors {
            // A leader that is lost is looked for anew, from where it stands.
            if error.retriable {
                is_whole = false;
                continue;
            }
            if error.code == OUT_OF_RANGE {
                keeps_up = false;
                continue;
            }
            let index = error.item.rsplit_once('/').and_then(|(_, index)| index.parse().ok());
            if let Some(index) = index {
                self.reading.remove::<u32>(&index);
            }
            if self.failures.len() < FAILURES_MAX {
                self.failures.insert(error.item.clone(), error.message.clone());
            }
        }
        if !keeps_up {
            self.leave();
            return Next::Anew;
        }
        if is_whole { Next::On } else { Next::Again }
    }

    /// While nothing is read nobody falls behind.
    pub(super) fn rest(&mut self) {
        for it in self.reading.values_mut() {
            it.busy_since_ms = None;
        }
    }

    /// Nothing is read until it begins at the ends again; where each was is remembered.
    pub(super) fn leave(&mut self) {
        let reading = std::mem::take(&mut self.reading);
        self.left.extend(reading.into_iter().map(|(index, it)| (index, it.next)));
    }

    /// Whether a record was there when reading began.
    pub(super) fn is_backlog(&self, index: u32, offset: u64) -> bool {
        self.reading.get(&index).is_some_and(|it| offset < it.first_end)
    }

    /// Whether all is read that was there when reading began.
    pub fn has_backlog(&self) -> bool {
        !self.reading.is_empty() && self.reading.values().all(|it| it.next >= it.first_end)
    }

    /// Records that were passed over to be at the end again.
    pub const fn passed(&self) -> u64 {
        self.passed
    }

    /// What is wrong with one that cannot be read.
    pub fn failure(&self) -> Option<&str> {
        self.failures.values().next().map(String::as_str)
    }
}
