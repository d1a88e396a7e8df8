//! How fast a counter goes up: smoothed, and falling by itself where nothing is counted any more.

/// Over about so long a rate is smoothed.
const SMOOTHED_OVER_MS: f64 = 5_000.0;
/// Counters that have not changed are not told: so long after the last one, silence is no news.
const TOLD_EACH_MS: f64 = 1_500.0;

/// A counter and its rate.
///
/// Two clocks take part, and are never compared: that of whoever counted, by which a rate is found,
/// and that of whoever told, by which it is known how long nothing was told.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rate {
    /// When it was counted last, and what it was.
    last: Option<(i64, u64)>,
    /// When that was told, by the clock of whoever tells.
    told_ms: i64,
    /// A second, when it was counted last; none after a single count.
    per_second: Option<f64>,
    /// Nobody told of it for a while: what it did since is not known, nor what it does now.
    is_broken: bool,
}

impl Rate {
    /// Takes in what was counted at a moment, in milliseconds since 1970, and told at another, by
    /// another clock. A counter that went back began anew.
    pub fn count(&mut self, at_ms: i64, value: u64, told_ms: i64) {
        let is_broken = std::mem::take(&mut self.is_broken);
        let before = self.last.replace((at_ms, value)).filter(|_| !is_broken);
        self.told_ms = told_ms;
        let Some((before_ms, before)) = before else {
            self.per_second = None;
            return;
        };
        let Some(more) = value.checked_sub(before) else {
            self.per_second = None;
            return;
        };
        let elapsed_ms = span_ms(before_ms, at_ms);
        if elapsed_ms <= 0.0 {
            // A clock that was set back, or another one: the rate goes on from here, by that one.
            return;
        }
        let now = float(more) * 1_000.0 / elapsed_ms;
        self.per_second = Some(match self.per_second {
            None => now,
            Some(rate) => rate + (now - rate) * (1.0 - (-elapsed_ms / SMOOTHED_OVER_MS).exp()),
        });
    }

    /// Nobody tells of it from now on: the next count is the first of a new row.
    pub fn interrupt(&mut self) {
        self.is_broken = true;
    }

    /// A second, as of a moment by which all that changed had been told, by the clock of whoever
    /// tells; none if that is not known yet, or no longer.
    pub fn at(&self, counted_at_ms: i64) -> Option<f64> {
        if self.is_broken {
            return None;
        }
        self.last?;
        let silent_ms = (span_ms(self.told_ms, counted_at_ms) - TOLD_EACH_MS).max(0.0);
        let rate = match self.per_second {
            Some(rate) => rate * (-silent_ms / SMOOTHED_OVER_MS).exp(),
            None if silent_ms > 0.0 => 0.0,
            None => return None,
        };
        // What is left of it after a while is nothing.
        Some(if silent_ms > 0.0 && rate < 0.5 { 0.0 } else { rate })
    }

    /// The same where it is not known whether it would have been told: silence is not rest then.
    pub fn at_if_told(&self, counted_at_ms: i64) -> Option<f64> {
        let is_told = span_ms(self.told_ms, counted_at_ms) <= TOLD_EACH_MS;
        self.at(counted_at_ms).filter(|_| is_told)
    }

    /// The counter as it was told last.
    pub fn value(&self) -> Option<u64> {
        self.last.map(|(_, value)| value)
    }

    /// When it was counted last, in milliseconds since 1970.
    pub fn at_ms(&self) -> Option<i64> {
        self.last.map(|(at_ms, _)| at_ms)
    }
}

/// From one moment to another, negative if the second is earlier.
fn span_ms(from_ms: i64, until_ms: i64) -> f64 {
    let span = until_ms.saturating_sub(from_ms);
    let size = float(span.unsigned_abs());
    if span < 0 { -size } else { size }
}

/// Exact up to 2^53, which no span and no second's worth of a counter exceeds.
#[expect(clippy::cast_precision_loss, reason = "figures for eyes")]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_count_tells_no_rate() {
        let mut rate = Rate::default();
        assert_eq!(rate.at(0), None);
        rate.count(1_000, 500, 1_000);
        assert_eq!((rate.at(1_000), rate.value()), (None, Some(500)));
    }

    #[test]
    fn a_steady_counter_has_its_rate_at_once() {
        let mut rate = Rate::default();
        for second in 0..4 {
            rate.count(second * 1_000, u64::try_from(second).unwrap() * 70, second * 1_000);
        }
        assert!((rate.at(3_000).unwrap() - 70.0).abs() < 1e-9);
    }

    #[test]
    fn a_counter_that_is_told_no_more_comes_to_rest() {
        let mut rate = Rate::default();
        rate.count(0, 0, 0);
        rate.count(1_000, 1_000, 1_000);
        assert_eq!(rate.at(2_000), Some(1_000.0), "the next count is not due yet");
        let later = rate.at(8_000).unwrap();
        assert!((100.0..500.0).contains(&later), "{later}");
        assert_eq!(rate.at(120_000), Some(0.0));
    }

    #[test]
    fn a_counter_that_goes_back_began_anew() {
        let mut rate = Rate::default();
        rate.count(0, 1_000, 0);
        rate.count(1_000, 2_000, 1_000);
        rate.count(2_000, 10, 2_000);
        assert_eq!(rate.at(2_000), None);
        rate.count(3_000, 30, 3_000);
        assert_eq!(rate.at(3_000), Some(20.0));
    }

    #[test]
    fn a_clock_that_goes_back_makes_no_rate() {
        let mut rate = Rate::default();
        rate.count(10_000, 10, 1_000);
        rate.count(5_000, 20, 2_000);
        assert_eq!(rate.at(2_000), None);
        rate.count(6_000, 50, 3_000);
        assert_eq!(rate.at(3_000), Some(30.0), "and goes on where it is");
        let mut rate = Rate::default();
        for second in 0..40 {
            let (at_ms, value) = if second < 10 {
                (3_600_000 + second * 1_000, second * 70)
            } else {
                (second * 1_000, 700 + (second - 10) * 140)
            };
            rate.count(at_ms, u64::try_from(value).unwrap(), second * 1_000);
        }
        let later = rate.at(39_000).unwrap();
        assert!((139.0..=140.0).contains(&later), "set back by an hour: {later}");
    }

    #[test]
    fn a_clock_that_is_off_makes_nothing_come_to_rest() {
        let mut rate = Rate::default();
        for second in 0..4 {
            // Whoever counts is an hour behind whoever tells.
            rate.count(second * 1_000, u64::try_from(second).unwrap() * 70, 3_600_000 + second);
        }
        assert!((rate.at(3_600_003).unwrap() - 70.0).abs() < 1e-9);
    }

    #[test]
    fn silence_is_rest_only_where_somebody_would_have_told() {
        let mut rate = Rate::default();
        rate.count(0, 0, 0);
        rate.count(1_000, 70, 1_000);
        assert_eq!((rate.at_if_told(2_000), rate.at_if_told(9_000)), (Some(70.0), None));
        assert_eq!(rate.at(90_000), Some(0.0));
    }

    #[test]
    fn what_was_not_told_for_a_while_has_no_rate() {
        let mut rate = Rate::default();
        rate.count(0, 0, 0);
        rate.count(1_000, 70, 1_000);
        rate.interrupt();
        assert_eq!((rate.at(1_000), rate.at(90_000), rate.value()), (None, None, Some(70)));
        rate.count(60_000, 7_000, 60_000);
        assert_eq!(rate.at(60_000), None, "what it did meanwhile is no rate of now");
        rate.count(61_000, 7_030, 61_000);
        assert_eq!(rate.at(61_000), Some(30.0));
    }
}
