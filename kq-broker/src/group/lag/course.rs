//! The head of one partition over time: where it begins and ends, as its leader told each round.

use std::time::Duration;

/// How many rounds a leader's broker may miss before its last word counts as old.
const MISSED_MAX: u8 = 3;

/// Where a partition stands, by its leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// When it was told, in time since this broker started.
    pub at: Duration,
    /// The log start offset.
    pub start: u64,
    /// The last stable offset.
    pub last_stable: u64,
    /// The high watermark.
    pub end: u64,
    /// The leader epoch.
    pub epoch: u32,
}

/// What is known of a head at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// This is where it stands.
    Known(Head),
    /// Nobody leads; it stood there once.
    NoLeader(Option<Head>),
    /// The broker of the leader does not answer; it stood there once.
    Silent(Option<Head>),
}

/// The head of one partition, now and one round before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Course {
    before: Option<Head>,
    last: Option<Head>,
    missed: u8,
    is_leaderless: bool,
}

impl Course {
    /// A course of one head.
    pub fn of(head: Head) -> Self {
        Self { last: Some(head), ..Self::default() }
    }

    /// The leader told its head.
    pub fn hear(&mut self, head: Head) {
        self.before = self.last.replace(head);
        self.missed = 0;
        self.is_leaderless = false;
    }

    /// The leader told its head between two rounds: what is before it stays what it was.
    pub fn refresh(&mut self, head: Head) {
        self.before = self.before.or(self.last);
        self.last = Some(head);
        self.missed = 0;
        self.is_leaderless = false;
    }

    /// Whoever should tell the head does not: what is known is old.
    pub fn silence(&mut self) {
        self.missed = MISSED_MAX;
        self.is_leaderless = false;
    }

    /// The leader's broker did not answer this round.
    pub fn miss(&mut self) {
        self.missed = self.missed.saturating_add(1);
        self.is_leaderless = false;
    }

    /// Nobody leads the partition.
    pub fn lose_leader(&mut self) {
        self.is_leaderless = true;
    }

    /// What is known now. A round or two without an answer change nothing.
    pub fn standing(&self) -> Standing {
        match self.last {
            last if self.is_leaderless => Standing::NoLeader(last),
            Some(head) if self.missed < MISSED_MAX => Standing::Known(head),
            last => Standing::Silent(last),
        }
    }

    /// The last head that was told.
    pub fn last(&self) -> Option<Head> {
        self.last
    }

    /// The high watermark at a moment, on the line through the last two heads: between them, or up to
    /// as long before them.
    pub(super) fn end_at(&self, at: Duration) -> Option<u64> {
        let (before, last) = (self.before?, self.last.filter(|last| at <= last.at)?);
        let between = last.at.checked_sub(before.at)?.as_micros().max(1);
        let grown = last.end.saturating_sub(before.end);
        let share = |of: Duration| {
            let share = u128::from(grown) * of.as_micros() / between;
            u64::try_from(share).unwrap_or(grown)
        };
        // An unclean election may have taken the end back.
        let base = before.end.min(last.end);
        if let Some(after) = at.checked_sub(before.at) {
            return Some(base.saturating_add(share(after)));
        }
        let earlier = before.at.saturating_sub(at);
        (earlier.as_micros() <= between).then(|| base.saturating_sub(share(earlier)))
    }

    /// What is produced in a second, between the last two heads.
    pub(super) fn produced_per_second(&self) -> Option<f64> {
        let (before, last) = (self.before?, self.last?);
        let grown = super::float(last.end.checked_sub(before.end)?);
        let seconds = last.at.checked_sub(before.at)?.as_secs_f64();
        (seconds > 0.0).then(|| grown / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(seconds: u64, end: u64) -> Head {
        Head { at: Duration::from_secs(seconds), start: 0, last_stable: end, end, epoch: 1 }
    }

    #[test]
    fn the_end_between_two_rounds_lies_on_their_line() {
        let mut course = Course::of(head(10, 1_000));
        assert_eq!(course.end_at(Duration::from_secs(3)), None, "one head is no line");
        course.hear(head(20, 2_000));
        for (at, end) in [(0, 0), (5, 500), (10, 1_000), (13, 1_300), (20, 2_000)] {
            assert_eq!(course.end_at(Duration::from_secs(at)), Some(end), "at {at}");
        }
        assert_eq!(course.end_at(Duration::from_secs(21)), None);
        assert_eq!(course.produced_per_second(), Some(100.0));
        // Records were lost to an unclean election.
        course.hear(head(30, 500));
        assert_eq!(course.end_at(Duration::from_secs(25)), Some(500));
        assert_eq!(course.produced_per_second(), None);
    }

    #[test]
    fn a_head_is_forgotten_after_three_missed_rounds() {
        let mut course = Course::of(head(10, 1));
        course.miss();
        course.miss();
        assert_eq!(course.standing(), Standing::Known(head(10, 1)));
        course.miss();
        assert_eq!(course.standing(), Standing::Silent(Some(head(10, 1))));
        course.lose_leader();
        assert_eq!(course.standing(), Standing::NoLeader(Some(head(10, 1))));
        course.hear(head(20, 2));
        assert_eq!(course.standing(), Standing::Known(head(20, 2)));
    }
}
