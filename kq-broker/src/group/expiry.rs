//! When committed offsets lapse (KIP-211).
//!
//! | group | offsets of | lapse a retention after the later of |
//! | --- | --- | --- |
//! | without members, ever | every topic | their commit |
//! | without members now | every topic | their commit, and its last member's end |
//! | stable, of consumers | topics that no member names | their commit |
//! | anything else | none | |
//!
//! A client that said itself until when an offset is to be kept has its way.

use std::time::Duration;

use super::{CommittedOffset, Now};

/// From when on the time of a group's offsets counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lapse {
    /// They stay while the group is as it is.
    Never,
    /// From their commit, or from this moment where that is later; in milliseconds since 1970.
    Since(Option<i64>),
}

/// What decides whether an offset has lapsed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LapseRule {
    pub(crate) since_ms: Option<i64>,
    pub(crate) retention: Duration,
    pub(crate) now_ms: i64,
}

impl LapseRule {
    pub(crate) fn has_lapsed(&self, offset: &CommittedOffset) -> bool {
        let retention_ms = i64::try_from(self.retention.as_millis()).unwrap_or(i64::MAX);
        let committed = offset.committed_at_ms;
        let since = self.since_ms.map_or(committed, |it| it.max(committed));
        let until = offset.expires_at_ms.unwrap_or(since.saturating_add(retention_ms));
        until <= self.now_ms
    }
}

/// The wall clock as expiry sees it. When the real one is set ahead, by hand or by a bad time server,
/// this one follows at twice its speed: offsets of a week are not gone before somebody can set it back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PatientClock {
    last: Option<Now>,
}

impl PatientClock {
    /// Milliseconds since 1970.
    pub(crate) fn read(&mut self, now: Now) -> i64 {
        let wall_ms = self.last.map_or(now.wall_ms, |last| {
            let passed = now.uptime.saturating_sub(last.uptime).saturating_mul(2);
            let passed_ms = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
            now.wall_ms.min(last.wall_ms.saturating_add(passed_ms))
        });
        self.last = Some(Now { uptime: now.uptime, wall_ms });
        wall_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(uptime_s: u64, wall_s: i64) -> Now {
        Now { uptime: Duration::from_secs(uptime_s), wall_ms: wall_s * 1_000 }
    }

    #[test]
    fn a_clock_that_leaps_ahead_is_followed_slowly() {
        let mut clock = PatientClock::default();
        assert_eq!(clock.read(at(0, 1_000)), 1_000_000);
        assert_eq!(clock.read(at(10, 1_010)), 1_010_000);
        assert_eq!(clock.read(at(20, 900_000)), 1_030_000);
        assert_eq!(clock.read(at(30, 1_040)), 1_040_000, "it was set back");
    }

    #[test]
    fn a_clock_that_is_set_back_is_followed_at_once() {
        let mut clock = PatientClock::default();
        assert_eq!(clock.read(at(0, 1_000)), 1_000_000);
        assert_eq!(clock.read(at(10, 500)), 500_000);
    }
}
