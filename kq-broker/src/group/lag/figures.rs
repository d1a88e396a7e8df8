//! The figures of one partition: records and time behind, rates, and how long until it is caught up.

use std::time::Duration;

use super::window::{Sample, Samples, moves, span, trend};
use super::{Class, Course, Head, Trend, Unread, float};

/// Moves of an offset without which nothing is said about its speed.
const MOVES_MIN: usize = 3;
/// Rates look so far back, or further if there were not enough moves.
const RATE_SPAN: Duration = Duration::from_mins(1);

/// When a group will have read what waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CatchUp {
    /// In so long, if all goes on as it does.
    In(Duration),
    /// Not as it does now.
    Never,
}

/// How far a group is behind in one partition. What is not known is none, never zero.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Figures {
    /// Offsets between what was committed, or the log start if that is later, and the end.
    pub lag: Option<u64>,
    /// Fewer records than that may be left: some were compacted away, or are markers.
    pub is_bound: bool,
    /// Records that retention took before they were read.
    pub expired: u64,
    /// The first record that is left to read; the end if none is.
    pub unread_from: Option<u64>,
    /// Offsets from there to the end.
    pub effective: Option<u64>,
    /// The time of that record, in milliseconds since 1970.
    pub unread_at_ms: Option<i64>,
    /// How old that record is; zero if all is read.
    pub time_lag: Option<Duration>,
    /// Records committed in a second.
    pub consumed_per_second: Option<f64>,
    /// Records produced in a second.
    pub produced_per_second: Option<f64>,
    /// How long until it is caught up.
    pub catch_up: Option<CatchUp>,
    /// Which way the lag goes.
    pub trend: Option<Trend>,
}

/// The first record that is left to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum FirstUnread {
    /// Nobody has looked.
    #[default]
    Unknown,
    /// None, up to the end.
    None,
    /// This one, and its time if it carries one.
    At(u64, Option<i64>),
}

impl FirstUnread {
    /// What an answer tells of the records from `from` on.
    pub(super) fn told(unread: Option<Unread>, from: u64, end: u64) -> Self {
        match unread {
            Some(Unread { from: asked, found: Some((offset, at)), .. })
                if (asked..=offset).contains(&from) =>
            {
                Self::At(offset, at)
            }
            Some(Unread { from: asked, found: None, until, .. })
                if asked <= from && end <= until =>
            {
                Self::None
            }
            _ => Self::Unknown,
        }
    }
}

impl Figures {
    /// The figures that follow from an offset and a head.
    pub(super) fn of(committed: u64, head: &Head, unread: FirstUnread, wall_ms: i64) -> Self {
        let from = committed.max(head.start);
        let lag = head.end.saturating_sub(from);
        let expired = head.start.saturating_sub(committed);
        let plain = Self { lag: Some(lag), expired, ..Self::default() };
        let nothing = Self {
            unread_from: Some(head.end.max(from)),
            effective: Some(0),
            time_lag: Some(Duration::ZERO),
            is_bound: lag > 0,
            ..plain
        };
        match unread {
            _ if lag == 0 => nothing,
            FirstUnread::Unknown => plain,
            FirstUnread::None => nothing,
            FirstUnread::At(offset, at_ms) => Self {
                unread_from: Some(offset),
                effective: Some(head.end.saturating_sub(offset)),
                unread_at_ms: at_ms,
                // A record may carry a time that has not come yet.
                time_lag: at_ms.map(|at| {
                    let age = wall_ms.saturating_sub(at);
                    Duration::from_millis(u64::try_from(age).unwrap_or(0))
                }),
                is_bound: offset > from,
                ..plain
            },
        }
    }

    /// What is left to read, as closely as it is known.
    pub fn left(&self) -> Option<u64> {
        self.effective.or(self.lag)
    }

    /// Adds what the samples tell.
    pub(super) fn add_rates(&mut self, samples: &Samples, course: &Course) {
        let used = for_rates(samples.forward());
        self.produced_per_second = course.produced_per_second();
        let all = samples.as_slice();
        if all.len() >= MOVES_MIN {
            self.trend = Some(super::class::lag_trend(samples.forward()));
        }
        if moves(used) >= MOVES_MIN {
            self.consumed_per_second = trend(used, |it| it.offset).map(|it| it.max(0.0));
            self.produced_per_second = trend(used, |it| it.offset + it.lag).map(|it| it.max(0.0));
        } else if all.len() >= MOVES_MIN && moves(all) == 0 {
            self.consumed_per_second = Some(0.0);
        }
    }

    /// Adds when it will be caught up, from what is left and how fast that shrinks.
    pub(super) fn add_catch_up(&mut self, class: Class, samples: &Samples, now: Duration) {
        self.catch_up = match class {
            _ if self.effective == Some(0) => Some(CatchUp::In(Duration::ZERO)),
            Class::Stalled | Class::Stopped => Some(CatchUp::Never),
            Class::Draining | Class::Lagging | Class::Rewound => {
                let left = drain(for_rates(samples.forward()), now);
                let is_lagging = class == Class::Lagging;
                left.map(CatchUp::In).or_else(|| {
                    (is_lagging && self.consumed_per_second.is_some()).then_some(CatchUp::Never)
                })
            }
            Class::New | Class::Ok | Class::NoCommits | Class::Leaderless | Class::Unknown => None,
        };
    }
}

/// The newest samples, far enough back for a rate.
fn for_rates(samples: &[Sample]) -> &[Sample] {
    let is_enough = |it: &&[Sample]| span(it) >= RATE_SPAN && moves(it) >= MOVES_MIN;
    let tails = (0..samples.len()).rev().filter_map(|from| samples.get(from..));
    tails.into_iter().find(is_enough).unwrap_or(samples)
}

/// How long until the lag is gone, counted down since the last commit; none if it does not fall, or
/// should be gone by now and is not.
fn drain(samples: &[Sample], now: Duration) -> Option<Duration> {
    if moves(samples) < MOVES_MIN {
        return None;
    }
    let last = samples.last()?;
    let falls = -trend(samples, |it| it.lag)?;
    if falls <= 0.0 {
        return None;
    }
    let from_last = Duration::try_from_secs_f64(float(last.lag) / falls).ok()?;
    from_last.checked_sub(now.saturating_sub(last.at)).filter(|it| !it.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Head = Head { at: Duration::ZERO, start: 10, last_stable: 100, end: 100, epoch: 1 };

    #[test]
    fn what_retention_took_is_told_apart_from_lag() {
        let figures = Figures::of(4, &HEAD, FirstUnread::Unknown, 0);
        assert_eq!((figures.lag, figures.expired), (Some(90), 6));
        assert_eq!((figures.left(), figures.time_lag), (Some(90), None), "unknown is not zero");
        // A commit beyond the end (a log that lost records) is no lag.
        assert_eq!(Figures::of(120, &HEAD, FirstUnread::Unknown, 0).effective, Some(0));
    }

    #[test]
    fn a_gap_up_to_the_end_leaves_nothing_to_read() {
        let figures = Figures::of(95, &HEAD, FirstUnread::None, 0);
        assert_eq!((figures.lag, figures.effective, figures.is_bound), (Some(5), Some(0), true));
        assert_eq!(figures.time_lag, Some(Duration::ZERO));
        let figures = Figures::of(90, &HEAD, FirstUnread::At(97, Some(500)), 2_000);
        assert_eq!((figures.effective, figures.is_bound), (Some(3), true));
        assert_eq!(figures.time_lag, Some(Duration::from_millis(1_500)));
    }

    #[test]
    fn a_record_from_the_future_is_not_old() {
        let figures = Figures::of(90, &HEAD, FirstUnread::At(90, Some(9_000)), 2_000);
        assert_eq!(figures.time_lag, Some(Duration::ZERO));
        assert!(!figures.is_bound);
    }
}
