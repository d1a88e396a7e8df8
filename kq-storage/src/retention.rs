//! Which old segments may go. Decides only; `Log::apply_retention` carries it out.

use crate::{Offset, TimestampMs};

/// What retention needs to know of one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentAge {
    /// Offset after its last record.
    pub end: Offset,
    /// Bytes on disk.
    pub size_bytes: u64,
    /// When its newest record was written.
    pub newest: TimestampMs,
}

/// The limits an operator set on a topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Let old segments go while at least this much stays (`retention.bytes`).
    pub retention_bytes: Option<u64>,
    /// Let segments go whose newest record is older (`retention.ms`).
    pub retention_ms: Option<u64>,
}

/// How many of the oldest segments to delete. Never crosses `keep_from`.
///
/// `segments` is oldest first and includes the active one: by time it may go too, and is rolled
/// first; by size it never goes, since deleting it would leave less than the limit.
pub fn choose(
    segments: &[SegmentAge],
    limits: Limits,
    keep_from: Offset,
    now: TimestampMs,
) -> usize {
    let mut bytes_left: u64 = segments.iter().map(|segment| segment.size_bytes).sum();
    let mut doomed = 0;
    for segment in segments.iter().take_while(|segment| segment.end <= keep_from) {
        let age = now.0.saturating_sub(segment.newest.0);
        // A record from the future is never too old.
        let too_old =
            limits.retention_ms.is_some_and(|max| u64::try_from(age).is_ok_and(|age| age > max));
        let bytes_after = bytes_left - segment.size_bytes;
        let too_big =
            limits.retention_bytes.is_some_and(|max| bytes_after >= max && max < bytes_left);
        if segment.size_bytes == 0 || !(too_old || too_big) {
            break;
        }
        bytes_left = bytes_after;
        doomed += 1;
    }
    assert!(doomed <= segments.len(), "more segments doomed than there are");
    doomed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three_segments_of_100_bytes() -> Vec<SegmentAge> {
        (1..=3)
            .map(|nth: u32| SegmentAge {
                end: Offset(u64::from(nth) * 10),
                size_bytes: 100,
                newest: TimestampMs(i64::from(nth) * 1_000),
            })
            .collect()
    }

    fn chosen(limits: Limits, keep_from: u64, now: i64) -> usize {
        choose(&three_segments_of_100_bytes(), limits, Offset(keep_from), TimestampMs(now))
    }

    #[test]
    fn no_limits_delete_nothing() {
        assert_eq!(chosen(Limits::default(), 30, 1_000_000), 0);
    }

    #[test]
    fn size_limit_never_leaves_less_than_it_allows() {
        let limits = |bytes| Limits { retention_bytes: Some(bytes), retention_ms: None };
        assert_eq!(chosen(limits(150), 30, 0), 1);
        assert_eq!(chosen(limits(100), 30, 0), 2);
        assert_eq!(chosen(limits(300), 30, 0), 0);
    }

    #[test]
    fn time_limit_deletes_all_that_is_older() {
        let limits = Limits { retention_bytes: None, retention_ms: Some(500) };
        assert_eq!(chosen(limits, 30, 1_500), 0);
        assert_eq!(chosen(limits, 30, 2_501), 2);
        assert_eq!(chosen(limits, 30, 9_000), 3);
    }

    #[test]
    fn records_from_the_future_are_never_too_old() {
        let limits = Limits { retention_bytes: None, retention_ms: Some(0) };
        assert_eq!(chosen(limits, 30, -5), 0);
    }

    #[test]
    fn never_deletes_past_keep_from() {
        let limits = Limits { retention_bytes: None, retention_ms: Some(1) };
        assert_eq!(chosen(limits, 15, 1_000_000), 1);
    }
}
