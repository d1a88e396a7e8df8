//! A group as the worst of its partitions.

use std::time::Duration;

use super::{CatchUp, Class, Figures, Verdict, Why};

/// What a group does, over all its partitions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupClass {
    /// As the worst of its partitions.
    #[default]
    Ok,
    /// As the worst of its partitions.
    New,
    /// As the worst of its partitions.
    Draining,
    /// Of some partition the end is not known, and of the others nothing is worse.
    Partial,
    /// As the worst of its partitions.
    NoCommits,
    /// As the worst of its partitions.
    Rewound,
    /// As the worst of its partitions.
    Lagging,
    /// As the worst of its partitions.
    Stalled,
    /// As the worst of its partitions.
    Stopped,
}

/// A group's lag.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary<K> {
    /// Offsets left to read, of the partitions where that is known.
    pub lag: u64,
    /// Fewer records may be left.
    pub is_bound: bool,
    /// Partitions of which it is not known.
    pub partial_count: u32,
    /// Partitions that are not watched for want of room.
    pub unwatched_count: u32,
    /// The age of the oldest unread record; none if it is not known of some partition with lag.
    pub time_lag: Option<Duration>,
    /// Records that retention took before they were read.
    pub expired: u64,
    /// The class.
    pub class: GroupClass,
    /// Since when, in milliseconds since 1970.
    pub class_since_ms: Option<i64>,
    /// What it rests on.
    pub why: Why,
    /// Records committed in a second, over all partitions where that is known.
    pub consumed_per_second: Option<f64>,
    /// Records produced in a second, likewise.
    pub produced_per_second: Option<f64>,
    /// How long until the slowest partition is caught up; none if that is not known of some partition
    /// that is behind, unless another one never will be.
    pub catch_up: Option<CatchUp>,
    /// The partition that takes longest or, where that is not known, has most left.
    pub slowest: Option<K>,
    slowest_by: (Option<CatchUp>, u64),
    has_unknown_time: bool,
    latest_catch_up: Option<CatchUp>,
    has_unknown_catch_up: bool,
}

impl<K> Default for Summary<K> {
    fn default() -> Self {
        Self {
            lag: 0,
            is_bound: false,
            partial_count: 0,
            unwatched_count: 0,
            time_lag: None,
            expired: 0,
            class: GroupClass::Ok,
            class_since_ms: None,
            why: Why::ReadAll,
            consumed_per_second: None,
            produced_per_second: None,
            catch_up: None,
            slowest: None,
            slowest_by: (None, 0),
            has_unknown_time: false,
            latest_catch_up: None,
            has_unknown_catch_up: false,
        }
    }
}

impl<K> Summary<K> {
    /// Takes one partition in.
    pub fn add(&mut self, key: impl FnOnce() -> K, figures: &Figures, verdict: &Verdict) {
        if verdict.class == Class::Unknown {
            self.unwatched_count += 1;
        }
        self.take_class(verdict);
        if verdict.class == Class::Leaderless || figures.lag.is_none() {
            self.partial_count += 1;
            return;
        }
        self.lag = self.lag.saturating_add(figures.lag.unwrap_or(0));
        self.expired = self.expired.saturating_add(figures.expired);
        self.is_bound |= figures.is_bound;
        self.has_unknown_time |= figures.time_lag.is_none();
        self.time_lag = self.time_lag.max(figures.time_lag).filter(|_| !self.has_unknown_time);
        add(&mut self.consumed_per_second, figures.consumed_per_second);
        add(&mut self.produced_per_second, figures.produced_per_second);
        self.take_catch_up(figures, verdict.class);
        let by = (figures.catch_up, figures.left().unwrap_or(0));
        if by.1 > 0 && by > self.slowest_by {
            self.slowest_by = by;
            self.slowest = Some(key());
        }
    }

    /// The sum once all partitions are in. A group that gets nearer in each partition it is at, and is
    /// given more than it reads over all of them, falls behind: it reads them by turns.
    #[must_use]
    pub fn concluded(mut self) -> Self {
        let rates = self.consumed_per_second.zip(self.produced_per_second);
        let falls_behind = rates.is_some_and(|(consumed, produced)| consumed < produced);
        if self.class == GroupClass::Draining && self.partial_count == 0 && falls_behind {
            (self.class, self.why) = (GroupClass::Lagging, Why::Rising);
            self.catch_up = Some(CatchUp::Never);
        }
        self
    }

    /// What keeps up is caught up with by its next commit, whenever that comes.
    fn take_catch_up(&mut self, figures: &Figures, class: Class) {
        let is_behind = figures.left() != Some(0) && class != Class::Ok;
        self.latest_catch_up = self.latest_catch_up.max(figures.catch_up);
        self.has_unknown_catch_up |= is_behind && figures.catch_up.is_none();
        let is_known = |it: &CatchUp| *it == CatchUp::Never || !self.has_unknown_catch_up;
        self.catch_up = self.latest_catch_up.filter(is_known);
    }

    fn take_class(&mut self, verdict: &Verdict) {
        let Some(class) = of_partition(verdict.class) else { return };
        let since = Some(verdict.since_ms);
        if class > self.class || self.class_since_ms.is_none() {
            (self.class, self.class_since_ms, self.why) = (class, since, verdict.why);
        } else if class == self.class {
            self.class_since_ms = self.class_since_ms.min(since);
        }
    }
}

fn of_partition(class: Class) -> Option<GroupClass> {
    Some(match class {
        Class::Ok => GroupClass::Ok,
        Class::New => GroupClass::New,
        Class::Draining => GroupClass::Draining,
        Class::Leaderless => GroupClass::Partial,
        Class::NoCommits => GroupClass::NoCommits,
        Class::Rewound => GroupClass::Rewound,
        Class::Lagging => GroupClass::Lagging,
        Class::Stalled => GroupClass::Stalled,
        Class::Stopped => GroupClass::Stopped,
        Class::Unknown => return None,
    })
}

fn add(sum: &mut Option<f64>, one: Option<f64>) {
    if let Some(one) = one {
        *sum = Some(sum.unwrap_or(0.0) + one);
    }
}

impl GroupClass {
    /// All of them, the best first.
    pub const ALL: [Self; 9] = [
        Self::Ok,
        Self::New,
        Self::Draining,
        Self::Partial,
        Self::NoCommits,
        Self::Rewound,
        Self::Lagging,
        Self::Stalled,
        Self::Stopped,
    ];

    /// The word that tools and metrics show.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::New => "new",
            Self::Draining => "draining",
            Self::Partial => "partial",
            Self::NoCommits => "no_commits",
            Self::Rewound => "rewound",
            Self::Lagging => "lagging",
            Self::Stalled => "stalled",
            Self::Stopped => "stopped",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(class: Class, since_ms: i64) -> Verdict {
        Verdict { class, why: Why::Level, since_ms }
    }

    fn left(lag: u64, catch_up: Option<CatchUp>) -> Figures {
        let time_lag = Some(Duration::from_secs(lag));
        Figures { lag: Some(lag), effective: Some(lag), time_lag, catch_up, ..Figures::default() }
    }

    #[test]
    fn a_group_is_as_its_worst_partition() {
        let mut summary = Summary::default();
        let soon = Some(CatchUp::In(Duration::from_secs(9)));
        summary.add(|| 0, &left(0, None), &verdict(Class::Ok, 5));
        summary.add(|| 1, &left(9, soon), &verdict(Class::Draining, 7));
        assert_eq!((summary.class, summary.class_since_ms), (GroupClass::Draining, Some(7)));
        summary.add(|| 2, &left(7, Some(CatchUp::Never)), &verdict(Class::Stalled, 9));
        summary.add(|| 3, &left(90, Some(CatchUp::Never)), &verdict(Class::Stalled, 8));
        assert_eq!((summary.class, summary.class_since_ms), (GroupClass::Stalled, Some(8)));
        assert_eq!((summary.lag, summary.slowest), (106, Some(3)));
        assert_eq!(summary.time_lag, Some(Duration::from_secs(90)));
    }

    #[test]
    fn a_group_that_reads_its_partitions_by_turns_falls_behind_with_them_all() {
        let rates = |consumed, produced| Figures {
            consumed_per_second: consumed,
            produced_per_second: produced,
            ..left(9, Some(CatchUp::In(Duration::from_secs(9))))
        };
        let class = |figures: [Figures; 2]| {
            let mut summary = Summary::default();
            for (nth, it) in figures.iter().enumerate() {
                summary.add(|| nth, it, &verdict(Class::Draining, 7));
            }
            let summary = summary.concluded();
            (summary.class, summary.catch_up == Some(CatchUp::Never))
        };
        // It reads the first one at 120 a second, and the second not at all.
        let turns = [rates(Some(120.0), Some(100.0)), rates(None, Some(100.0))];
        assert_eq!(class(turns), (GroupClass::Lagging, true));
        let drains = [rates(Some(150.0), Some(100.0)), rates(Some(60.0), Some(100.0))];
        assert_eq!(class(drains), (GroupClass::Draining, false));
        assert_eq!(class([rates(None, Some(1.0)); 2]), (GroupClass::Draining, false));
    }

    #[test]
    fn a_partition_without_a_leader_makes_it_partial() {
        let mut summary = Summary::default();
        summary.add(|| 0, &left(3, None), &verdict(Class::Ok, 5));
        summary.add(|| 1, &left(50, None), &verdict(Class::Leaderless, 6));
        assert_eq!(
            (summary.class, summary.lag, summary.partial_count),
            (GroupClass::Partial, 3, 1)
        );
        summary.add(|| 2, &left(1, None), &verdict(Class::Lagging, 6));
        assert_eq!(summary.class, GroupClass::Lagging, "worse than not knowing");
    }

    #[test]
    fn a_partition_that_nobody_has_asked_about_makes_it_partial() {
        let mut summary = Summary::default();
        summary.add(|| 0, &left(3, None), &verdict(Class::Ok, 5));
        summary.add(|| 1, &Figures::default(), &verdict(Class::New, 6));
        assert_eq!((summary.lag, summary.partial_count), (3, 1));
    }

    #[test]
    fn nothing_is_said_of_when_a_new_partition_is_caught_up() {
        let (now, later) = (CatchUp::In(Duration::ZERO), CatchUp::In(Duration::from_secs(9)));
        let mut summary = Summary::default();
        summary.add(|| 0, &left(0, Some(now)), &verdict(Class::Ok, 5));
        summary.add(|| 1, &left(2, None), &verdict(Class::Ok, 5));
        assert_eq!(summary.catch_up, Some(now), "it keeps up");
        summary.add(|| 2, &left(50, None), &verdict(Class::New, 6));
        assert_eq!((summary.class, summary.catch_up), (GroupClass::New, None));
        summary.add(|| 3, &left(9, Some(later)), &verdict(Class::Draining, 6));
        assert_eq!(summary.catch_up, None, "the new one may take longer");
        summary.add(|| 4, &left(9, Some(CatchUp::Never)), &verdict(Class::Stalled, 6));
        assert_eq!(summary.catch_up, Some(CatchUp::Never));
    }

    #[test]
    fn a_time_that_is_not_known_is_not_left_out() {
        let mut summary = Summary::default();
        let unknown = Figures { lag: Some(1), ..Figures::default() };
        summary.add(|| 0, &left(3, None), &verdict(Class::Ok, 5));
        summary.add(|| 1, &unknown, &verdict(Class::Ok, 5));
        summary.add(|| 2, &left(9, None), &verdict(Class::Ok, 5));
        assert_eq!(summary.time_lag, None);
    }
}
