//! When the next frame is due: at once for what is rare, together for what comes often.

use std::time::Duration;

/// Between two frames that tell changes of the metadata. The first is told at once.
const CHANGES_APART: Duration = Duration::from_millis(250);
/// Between two answers to asks.
const ANSWERS_APART: Duration = Duration::from_millis(20);
/// Between two looks at all else, if nobody says before that there is something to see.
const LOOKS_APART: Duration = Duration::from_secs(1);

/// The moments at which frames are due, all in time since some start.
#[derive(Debug)]
pub struct Pace {
    change_due: Option<Duration>,
    answer_due: Option<Duration>,
    look_due: Duration,
    changed_at: Option<Duration>,
    answered_at: Option<Duration>,
}

impl Pace {
    /// A first frame is due now.
    pub fn new(now: Duration) -> Self {
        Self {
            change_due: None,
            answer_due: None,
            look_due: now,
            changed_at: None,
            answered_at: None,
        }
    }

    /// The metadata changed.
    pub fn changed(&mut self, now: Duration) {
        let due = self.changed_at.map_or(now, |at| now.max(at + CHANGES_APART));
        self.change_due.get_or_insert(due);
    }

    /// The watcher asked for something, or what it asked for is there now.
    pub fn asked(&mut self, now: Duration) {
        let due = self.answered_at.map_or(now, |at| now.max(at + ANSWERS_APART));
        self.answer_due.get_or_insert(due);
    }

    /// Counters were gathered: the next look is now.
    pub fn counted(&mut self, now: Duration) {
        self.look_due = self.look_due.min(now);
    }

    /// When to look next.
    pub fn due(&self) -> Duration {
        let due = [self.change_due, self.answer_due, Some(self.look_due)];
        due.into_iter().flatten().min().unwrap_or(self.look_due)
    }

    /// Everything was looked at. Who `waits_for_counts` is told when there are some.
    pub fn looked(&mut self, now: Duration, waits_for_counts: bool) {
        if self.change_due.take().is_some() {
            self.changed_at = Some(now);
        }
        if self.answer_due.take().is_some() {
            self.answered_at = Some(now);
        }
        if self.look_due <= now {
            let half = if waits_for_counts { LOOKS_APART / 2 } else { Duration::ZERO };
            self.look_due = now + LOOKS_APART + half;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_first_change_is_told_at_once_and_the_next_ones_together() {
        let mut pace = Pace::new(at(0));
        assert_eq!(pace.due(), at(0));
        pace.looked(at(0), false);
        assert_eq!(pace.due(), at(1_000));
        pace.changed(at(100));
        assert_eq!(pace.due(), at(100));
        pace.looked(at(100), false);
        pace.changed(at(110));
        pace.changed(at(120));
        assert_eq!(pace.due(), at(350));
        pace.looked(at(350), false);
        pace.changed(at(900));
        assert_eq!(pace.due(), at(900), "after a rest at once again");
    }

    #[test]
    fn a_look_at_counters_delays_no_change() {
        let mut pace = Pace::new(at(0));
        pace.looked(at(0), true);
        assert_eq!(pace.due(), at(1_500), "who waits for counters is told of them");
        pace.counted(at(1_000));
        pace.looked(at(1_000), true);
        pace.changed(at(1_001));
        assert_eq!(pace.due(), at(1_001));
    }

    #[test]
    fn answers_come_at_once_but_not_without_end() {
        let mut pace = Pace::new(at(0));
        pace.looked(at(0), false);
        pace.asked(at(5));
        assert_eq!(pace.due(), at(5));
        pace.looked(at(5), false);
        pace.asked(at(6));
        assert_eq!(pace.due(), at(25));
    }
}
