//! How much a log takes in, over the last seconds. Counted by whoever appends: there is no timer.

use kq_storage::TimestampMs;

/// What is looked back at.
const WINDOW_MS: u64 = 10_000;

/// What has just begun is told as if it had lasted this long.
const BEGUN_MS: u64 = 2_000;

/// Bytes of this window, and the rate of the one before; none after a silence.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Intake {
    since_ms: i64,
    bytes: u64,
    per_second_before: Option<u64>,
}

impl Intake {
    pub(super) fn add(&mut self, bytes: u64, now: TimestampMs) {
        let gone_by = self.gone_by(now);
        // A clock that was set back begins anew.
        if now.0 < self.since_ms || WINDOW_MS <= gone_by {
            let rate = self.bytes.saturating_mul(1_000) / gone_by.max(WINDOW_MS);
            self.per_second_before = (gone_by < 2 * WINDOW_MS).then_some(rate);
            (self.since_ms, self.bytes) = (now.0, 0);
        }
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// Bytes a second, of this window and as much of the one before as makes a whole one.
    pub(super) fn per_second(&self, now: TimestampMs) -> u64 {
        let gone_by = self.gone_by(now);
        let Some(before) = self.per_second_before else {
            return self.bytes.saturating_mul(1_000) / gone_by.max(BEGUN_MS);
        };
        let rest = WINDOW_MS.saturating_sub(gone_by);
        let before = before.saturating_mul(rest) / WINDOW_MS;
        before.saturating_add(self.bytes.saturating_mul(1_000) / gone_by.max(WINDOW_MS))
    }

    fn gone_by(&self, now: TimestampMs) -> u64 {
        u64::try_from(now.0.saturating_sub(self.since_ms)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_even_stream_is_told_as_it_is() {
        let mut intake = Intake::default();
        let at = |ms: i64| TimestampMs(1_000_000 + ms);
        for ms in (0..35_000).step_by(10) {
            intake.add(50, at(ms));
            if ms == 3_000 {
                assert!((4_900..=5_100).contains(&intake.per_second(at(ms))), "begun just now");
            }
        }
        let rate = intake.per_second(at(35_000));
        assert!((4_900..=5_100).contains(&rate), "{rate}");
        let later = intake.per_second(at(95_000));
        assert!(later < 500, "nothing came for a minute: {later}");
        assert_eq!(Intake::default().per_second(at(0)), 0);
    }
}
