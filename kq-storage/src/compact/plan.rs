//! What of a log is to be compacted, and whether now. Decides only, over facts.

use crate::{Offset, TimestampMs};

/// When compaction is due, and what it must leave alone for how long. Defaults are Kafka's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompactionRules {
    /// More than so many millionths of what would be read must be dirty
    /// (`min.cleanable.dirty.ratio`).
    pub dirty_ppm_min: u32,
    /// Records younger than this stay as they are (`min.compaction.lag.ms`).
    pub lag_min_ms: u64,
    /// Records older than this make compaction due, however few they are
    /// (`max.compaction.lag.ms`); none: that never happens.
    pub lag_max_ms: Option<u64>,
    /// How long a tombstone stays once the value it deletes is gone (`delete.retention.ms`).
    pub delete_retention_ms: u64,
}

impl Default for CompactionRules {
    fn default() -> Self {
        let delete_retention_ms = 24 * 60 * 60 * 1_000;
        Self { dirty_ppm_min: 500_000, lag_min_ms: 0, lag_max_ms: None, delete_retention_ms }
    }
}

/// What is asked of one sealed segment. Times only where the rules ask for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentFacts {
    pub(crate) base: Offset,
    /// Offset after its last record.
    pub(crate) end: Offset,
    pub(crate) size: u64,
    /// When its newest record was written.
    pub(crate) newest: TimestampMs,
    /// The time of its first batch, if it has one.
    pub(crate) first: Option<TimestampMs>,
}

/// How much of a log compaction could look at now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dirtiness {
    /// Bytes of segments that were compacted before.
    pub clean_bytes: u64,
    /// Bytes of segments that were not, and may be now.
    pub cleanable_bytes: u64,
    /// Below it all was compacted before.
    pub dirty_from: Offset,
    /// Up to here a pass may go: the end of a sealed segment.
    pub until: Offset,
    /// By how much the oldest record is older than the rules want it to become.
    pub overdue_ms: u64,
}

impl Dirtiness {
    /// The dirty part of what a pass would read, in millionths.
    pub fn ppm(&self) -> u32 {
        let all = u128::from(self.clean_bytes) + u128::from(self.cleanable_bytes);
        let ppm = (u128::from(self.cleanable_bytes) * 1_000_000).checked_div(all);
        ppm.map_or(0, |ppm| u32::try_from(ppm).unwrap_or(u32::MAX))
    }

    /// Whether there is anything to do, however little.
    pub const fn is_any(&self) -> bool {
        self.cleanable_bytes > 0
    }

    /// Whether it is time for a pass.
    pub fn is_due(&self, rules: &CompactionRules) -> bool {
        self.is_any() && (self.ppm() > rules.dirty_ppm_min || self.overdue_ms > 0)
    }
}

/// Measures a log by its sealed segments, oldest first. No record at or above `bound` may be touched.
pub(crate) fn measure(
    sealed: &[SegmentFacts],
    dirty_from: Offset,
    bound: Offset,
    rules: &CompactionRules,
    now: TimestampMs,
) -> Dirtiness {
    let is_dirty = |segment: &&SegmentFacts| segment.end > dirty_from;
    let age = |time: TimestampMs| u64::try_from(now.0.saturating_sub(time.0)).unwrap_or(0);
    let is_young =
        |segment: &&SegmentFacts| rules.lag_min_ms > 0 && age(segment.newest) < rules.lag_min_ms;
    let young = sealed.iter().filter(is_dirty).find(is_young);
    let bound = young.map_or(bound, |young| bound.min(young.base));
    let whole = sealed.iter().take_while(|segment| segment.end <= bound);
    let until = whole.clone().last().map_or(dirty_from, |last| last.end.max(dirty_from));
    let clean_bytes = whole.clone().filter(|it| it.end <= dirty_from).map(|it| it.size).sum();
    let cleanable_bytes = whole.filter(is_dirty).map(|it| it.size).sum();
    let oldest = sealed.iter().filter(is_dirty).filter_map(|segment| segment.first).min();
    let overdue_ms = match (rules.lag_max_ms, oldest) {
        (Some(max), Some(oldest)) => age(oldest).saturating_sub(max),
        _ => 0,
    };
    Dirtiness { clean_bytes, cleanable_bytes, dirty_from, until, overdue_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four segments of 10 offsets and 100 bytes, written second by second.
    fn sealed() -> Vec<SegmentFacts> {
        let facts = |nth: u32| SegmentFacts {
            base: Offset(u64::from(nth) * 10),
            end: Offset(u64::from(nth + 1) * 10),
            size: 100,
            newest: TimestampMs(i64::from(nth + 1) * 1_000),
            first: Some(TimestampMs(i64::from(nth) * 1_000)),
        };
        (0..4).map(facts).collect()
    }

    fn measured(dirty_from: u64, bound: u64, rules: CompactionRules, now: i64) -> Dirtiness {
        measure(&sealed(), Offset(dirty_from), Offset(bound), &rules, TimestampMs(now))
    }

    #[test]
    fn only_whole_segments_below_the_bound_are_cleanable() {
        for (bound, until, cleanable) in [(40, 40, 400), (39, 30, 300), (10, 10, 100), (9, 0, 0)] {
            let found = measured(0, bound, CompactionRules::default(), 9_000);
            assert_eq!((found.until, found.cleanable_bytes), (Offset(until), cleanable), "{bound}");
        }
        let nothing =
            measure(&[], Offset(0), Offset(9), &CompactionRules::default(), TimestampMs(0));
        assert!(!nothing.is_any() && nothing.ppm() == 0);
    }

    #[test]
    fn a_pass_is_due_beyond_the_ratio_and_not_at_it() {
        let half = measured(20, 40, CompactionRules::default(), 9_000);
        assert_eq!((half.clean_bytes, half.cleanable_bytes, half.ppm()), (200, 200, 500_000));
        let rules = |dirty_ppm_min| CompactionRules { dirty_ppm_min, ..CompactionRules::default() };
        assert!(!half.is_due(&rules(500_000)) && half.is_due(&rules(499_999)));
        assert!(!measured(40, 40, rules(0), 9_000).is_due(&rules(0)), "nothing is dirty");
        assert!(measured(0, 40, rules(0), 9_000).is_due(&rules(999_999)));
    }

    #[test]
    fn a_segment_that_was_mapped_in_part_is_dirty() {
        let found = measured(15, 40, CompactionRules::default(), 9_000);
        assert_eq!((found.clean_bytes, found.cleanable_bytes), (100, 300));
    }

    #[test]
    fn young_segments_and_all_behind_them_wait() {
        let rules = CompactionRules { lag_min_ms: 2_000, ..CompactionRules::default() };
        assert_eq!(measured(0, 40, rules, 4_000).until, Offset(20));
        assert_eq!(measured(0, 40, rules, 3_999).until, Offset(10));
        assert_eq!(measured(0, 40, rules, 6_000).until, Offset(40));
        // What was compacted once is not young.
        assert_eq!(measured(30, 40, rules, 5_999).until, Offset(30));
    }

    #[test]
    fn old_records_make_a_pass_due_however_few() {
        let rules = CompactionRules {
            dirty_ppm_min: 1_000_000,
            lag_max_ms: Some(5_000),
            ..CompactionRules::default()
        };
        assert!(!measured(30, 40, rules, 8_000).is_due(&rules));
        let late = measured(30, 40, rules, 8_001);
        assert!(late.is_due(&rules) && late.overdue_ms == 1);
        assert!(!measured(30, 39, rules, 9_000).is_due(&rules), "nothing may be touched");
    }
}
