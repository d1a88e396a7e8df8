//! Where in time the screen is, and the way there: one seek is on its way at a time, and what was
//! wished meanwhile replaces itself, so that held keys never queue up.

use kq_proto::monitor::v1;

use super::{Effect, FeedAsk};

/// So long a seek may take, in milliseconds.
const ANSWER_WAIT_MS: u64 = 10_000;

/// What is wished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// This moment, in milliseconds since 1970.
    At(i64),
    /// A step from where the screen is.
    Step(v1::Step),
    /// A step from this moment, in milliseconds since 1970.
    StepFrom(v1::Step, i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Flight {
    number: u64,
    since_ms: u64,
}

/// Where in time the screen is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// The moment that was asked for, in milliseconds since 1970; none = what is now.
    pub(super) target_ms: Option<i64>,
    /// So many times as fast as it was, while it plays.
    pub speed: Option<u32>,
    /// Nothing is kept of before then.
    pub oldest_ms: Option<i64>,
    /// The event that was gone to, by its number.
    pub event: Option<u64>,
    /// Topics of that time that are gone for good.
    pub topics_unknown: Vec<String>,
    flight: Option<Flight>,
    waiting: Option<Wish>,
    number: u64,
    /// When it was played on last.
    pub(super) played_at_ms: u64,
}

/// What a landing changed.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Landed {
    /// The next seek.
    pub(super) effect: Option<Effect>,
    /// What there is to say, and whether it is a failure.
    pub(super) words: Option<(String, bool)>,
}

impl Past {
    /// Whether a seek is on its way.
    pub fn is_seeking(&self) -> bool {
        self.flight.is_some()
    }

    /// Goes somewhere, from the moment that is shown.
    pub(super) fn go(&mut self, wish: Wish, shown_ms: i64, uptime_ms: u64) -> Option<Effect> {
        if let Wish::At(at_ms) = wish {
            self.target_ms = Some(at_ms);
        }
        if self.flight.is_some() {
            self.waiting = Some(wish);
            return None;
        }
        self.number += 1;
        self.flight = Some(Flight { number: self.number, since_ms: uptime_ms });
        let (at_ms, step) = match wish {
            Wish::At(at_ms) => (at_ms, v1::Step::Unspecified),
            Wish::Step(step) => (self.target_ms.unwrap_or(shown_ms), step),
            Wish::StepFrom(step, at_ms) => (at_ms, step),
        };
        let seek = v1::Seek { number: self.number, at_ms, step: step.into() };
        Some(Effect::Ask(FeedAsk::Seek(seek)))
    }

    /// A seek has landed. `shown_ms` is the moment of the past that is shown without it.
    pub(super) fn landed(
        &mut self,
        it: v1::Landing,
        shown_ms: Option<i64>,
        uptime_ms: u64,
    ) -> Landed {
        if self.flight.is_none_or(|flight| flight.number != it.number) {
            return Landed::default();
        }
        self.flight = None;
        self.oldest_ms = it.oldest_at_ms;
        if it.found {
            if !matches!(self.waiting, Some(Wish::At(_))) {
                self.target_ms = Some(it.at_ms);
            }
            self.event = it.event;
            self.topics_unknown = it.topics_unknown;
        } else if self.waiting.is_none() {
            self.target_ms = shown_ms;
            self.speed = None;
        }
        let words = (!it.words.is_empty()).then_some((it.words, !it.found));
        let waiting = self.waiting.take();
        let from_ms = self.target_ms.unwrap_or(it.at_ms);
        Landed { effect: waiting.and_then(|wish| self.go(wish, from_ms, uptime_ms)), words }
    }

    /// A seek that is not answered is given up.
    pub(super) fn give_up(&mut self, shown_ms: Option<i64>, uptime_ms: u64) -> bool {
        let is_late = |it: Flight| uptime_ms.saturating_sub(it.since_ms) > ANSWER_WAIT_MS;
        if !self.flight.is_some_and(is_late) {
            return false;
        }
        (self.flight, self.waiting, self.target_ms) = (None, None, shown_ms);
        true
    }

    /// Another broker tells from now on: it does not know yet where the screen is.
    pub(super) fn reopened(&mut self, uptime_ms: u64) -> Option<Effect> {
        let target_ms = self.target_ms?;
        (self.flight, self.waiting) = (None, None);
        self.go(Wish::At(target_ms), target_ms, uptime_ms)
    }

    /// Back to what is now.
    pub(super) fn leave(&mut self) {
        *self = Self { number: self.number, oldest_ms: self.oldest_ms, ..Self::default() };
    }
}

/// The axis may be so old when the screen leaves what is now: what the next one has more was before.
const STALE_MS: i64 = 2_000;

/// What went wrong while the screen was in the past: counted on the axis, which goes up to now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Troubles {
    since_ms: Option<i64>,
    /// Of the columns from `since_ms` on, when it was left; and how long those columns were.
    base: Option<(u64, i64)>,
    /// How many since then.
    fresh: u64,
    /// What is told of the axis now is only some of what happened.
    pub(super) is_filtered: bool,
    /// The axis that was told last cannot tell: it ends before, or has only some of them.
    is_blind: bool,
}

impl Troubles {
    /// The screen leaves what is now.
    pub(super) fn begin(&mut self, now_ms: i64, axis: Option<&v1::Axis>) {
        if self.since_ms.is_none() {
            self.end();
            self.since_ms = Some(now_ms);
            self.count(axis, now_ms);
        }
    }

    /// The screen is at what is now again.
    pub(super) fn end(&mut self) {
        *self = Self { is_filtered: self.is_filtered, ..Self::default() };
    }

    /// Another axis was told, at this time.
    pub(super) fn count(&mut self, axis: Option<&v1::Axis>, now_ms: i64) {
        let (Some(since_ms), Some(axis)) = (self.since_ms, axis) else { return };
        if now_ms.saturating_sub(since_ms) < STALE_MS {
            (self.base, self.fresh) = (None, 0);
        }
        let sum = sum_since(axis, since_ms).filter(|_| !self.is_filtered);
        self.is_blind = sum.is_none();
        let Some((sum, column_ms)) = sum else { return };
        match self.base {
            Some((base, length)) if length == column_ms => {
                self.fresh = self.fresh.max(sum.saturating_sub(base));
            }
            // Columns of another length begin elsewhere: what was found so far is kept.
            _ => self.base = Some((sum.saturating_sub(self.fresh), column_ms)),
        }
    }

    /// `2 new`, `2 + ? new`, `? new`; none where nothing new is known to be, and would be known.
    pub(super) fn words(&self) -> Option<String> {
        match (self.fresh, self.is_blind) {
            (0, false) => None,
            (0, true) => Some("? new".to_owned()),
            (fresh, false) => Some(format!("{fresh} new")),
            (fresh, true) => Some(format!("{fresh} + ? new")),
        }
    }
}

/// Troubles in the column of a moment and in all after it, and how long a column is; none if the axis
/// ends before then.
fn sum_since(axis: &v1::Axis, since_ms: i64) -> Option<(u64, i64)> {
    let span = axis.until_at_ms.checked_sub(axis.from_at_ms)?;
    let column_ms = span.checked_div(i64::from(axis.columns)).filter(|it| *it > 0)?;
    let from = since_ms.checked_sub(axis.from_at_ms)?.div_euclid(column_ms).max(0);
    if axis.until_at_ms <= since_ms {
        return None;
    }
    let from = usize::try_from(from).ok()?;
    let of = |counts: &[u32]| counts.iter().skip(from).map(|it| u64::from(*it)).sum::<u64>();
    Some((of(&axis.shrinks).saturating_add(of(&axis.fences)), column_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn landing(number: u64, at_ms: i64) -> v1::Landing {
        v1::Landing { number, found: true, at_ms, ..v1::Landing::default() }
    }

    fn asked(effect: Option<Effect>) -> Option<(u64, i64)> {
        match effect {
            Some(Effect::Ask(FeedAsk::Seek(seek))) => Some((seek.number, seek.at_ms)),
            _ => None,
        }
    }

    #[test]
    fn held_keys_have_one_seek_on_its_way() {
        let mut past = Past::default();
        assert_eq!(asked(past.go(Wish::At(900), 1_000, 0)), Some((1, 900)));
        for at_ms in [800, 700, 600] {
            assert_eq!(past.go(Wish::At(at_ms), 900, 0), None);
        }
        assert_eq!(past.target_ms, Some(600));
        assert_eq!(asked(past.landed(landing(1, 900), None, 1).effect), Some((2, 600)));
        assert_eq!(past.landed(landing(1, 5), None, 1), Landed::default(), "an old answer");
        assert_eq!(past.landed(landing(2, 600), None, 1), Landed::default());
        assert!(!past.is_seeking());
    }

    #[test]
    fn a_step_begins_where_the_one_before_landed() {
        let mut past = Past::default();
        let back = Wish::Step(v1::Step::TroubleBack);
        assert_eq!(asked(past.go(back, 1_000, 0)), Some((1, 1_000)));
        past.go(back, 1_000, 0);
        assert_eq!(asked(past.landed(landing(1, 400), None, 1).effect), Some((2, 400)));
    }

    #[test]
    fn where_nothing_is_found_nothing_moves() {
        let mut past = Past::default();
        past.go(Wish::Step(v1::Step::TroubleBack), 1_000, 0);
        let none =
            v1::Landing { number: 1, words: "no trouble is kept".into(), ..v1::Landing::default() };
        let landed = past.landed(none, None, 1);
        assert_eq!(landed.words, Some(("no trouble is kept".to_owned(), true)));
        assert_eq!(past.target_ms, None);
    }

    #[test]
    fn a_seek_that_nobody_answers_is_given_up() {
        let mut past = Past::default();
        past.go(Wish::At(5), 1_000, 100);
        assert!(!past.give_up(None, 10_100));
        assert!(past.give_up(None, 10_101) && past.target_ms.is_none());
    }

    #[test]
    fn trouble_after_the_screen_left_is_counted_once() {
        let axis = |last: u32| v1::Axis {
            from_at_ms: 0,
            until_at_ms: 1_000,
            columns: 10,
            shrinks: [vec![7; 9], vec![last]].concat(),
            fences: vec![0; 10],
            ..v1::Axis::default()
        };
        let mut troubles = Troubles::default();
        troubles.begin(950, Some(&axis(2)));
        troubles.count(Some(&axis(3)), 1_000);
        assert_eq!(troubles.words(), None, "the axis was old");
        troubles.count(Some(&axis(3)), 9_000);
        assert_eq!(troubles.words(), None);
        troubles.count(Some(&axis(5)), 9_000);
        assert_eq!(troubles.words().as_deref(), Some("2 new"));
        let wider = v1::Axis { until_at_ms: 2_000, ..axis(9) };
        troubles.count(Some(&wider), 9_000);
        assert_eq!(troubles.words().as_deref(), Some("2 new"), "other columns, the same troubles");
    }

    #[test]
    fn what_the_axis_does_not_show_is_not_taken_for_none() {
        let axis = |from_at_ms, last| v1::Axis {
            from_at_ms,
            until_at_ms: from_at_ms + 1_000,
            columns: 10,
            shrinks: [vec![7; 9], vec![last]].concat(),
            fences: vec![0; 10],
            ..v1::Axis::default()
        };
        let mut troubles = Troubles::default();
        troubles.begin(10_950, Some(&axis(10_000, 3)));
        let mut words = |axis: v1::Axis, is_filtered| {
            troubles.is_filtered = is_filtered;
            troubles.count(Some(&axis), 20_000);
            troubles.words().unwrap_or_default()
        };
        assert_eq!(words(axis(2_000, 900), false), "? new", "it ends before the screen left");
        assert_eq!(words(axis(10_000, 0), true), "? new", "of one topic alone");
        assert_eq!(words(axis(10_000, 3), false), "");
        assert_eq!(words(axis(10_000, 4), false), "1 new");
        assert_eq!(words(axis(10_000, 90), true), "1 + ? new");
        assert_eq!(words(axis(10_000, 5), false), "2 new", "the base is that of all troubles");
    }
}
