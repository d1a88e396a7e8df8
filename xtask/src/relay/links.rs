//! What happens to bytes on their way from one broker to another. Pure: the time is an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// A limited link sends a fiftieth of a second's bytes at a time.
const QUANTA_PER_SECOND: u64 = 50;

/// Some ordered pairs of brokers; an end that is not named is any.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Span {
    #[serde(default)]
    pub(crate) from: Option<u32>,
    #[serde(default)]
    pub(crate) to: Option<u32>,
}

impl Span {
    /// Every pair.
    pub(crate) const ALL: Self = Self { from: None, to: None };

    /// All that a broker sends.
    pub(crate) const fn out_of(id: u32) -> Self {
        Self { from: Some(id), to: None }
    }

    /// All that is sent to a broker.
    pub(crate) const fn into(id: u32) -> Self {
        Self { from: None, to: Some(id) }
    }

    pub(super) fn holds(&self, from: u32, to: u32) -> bool {
        self.from.is_none_or(|it| it == from) && self.to.is_none_or(|it| it == to)
    }

    /// Whether each pair of the other is one of this, by what the two name.
    fn covers(&self, other: &Self) -> bool {
        (self.from.is_none() || self.from == other.from)
            && (self.to.is_none() || self.to == other.to)
    }
}

/// How slow a link is made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Pace {
    pub(super) delay: Duration,
    pub(super) bytes_per_second: Option<u64>,
}

/// The rules in force. Each was given for a span and goes with it, so healing one broker leaves
/// another one cut off from it that was cut off by itself.
#[derive(Debug, Default)]
pub(super) struct Links {
    cuts: BTreeSet<Span>,
    /// In the order they were given; the last one that holds counts.
    paces: Vec<(Span, Pace)>,
    /// When a limited link may send again.
    free_at: BTreeMap<(u32, u32), Instant>,
}

impl Links {
    pub(super) fn cut(&mut self, span: Span) {
        self.cuts.insert(span);
    }

    pub(super) fn slow(&mut self, span: Span, pace: Pace) {
        self.paces.retain(|(of, _)| *of != span);
        self.paces.push((span, pace));
    }

    /// Takes back whatever was ruled for a part of the span.
    pub(super) fn heal(&mut self, span: Span) {
        self.cuts.retain(|cut| !span.covers(cut));
        self.paces.retain(|(of, _)| !span.covers(of));
    }

    pub(super) fn is_cut(&self, from: u32, to: u32) -> bool {
        self.cuts.iter().any(|span| span.holds(from, to))
    }

    pub(super) fn pace(&self, from: u32, to: u32) -> Pace {
        let mut latest_first = self.paces.iter().rev();
        latest_first.find(|(span, _)| span.holds(from, to)).map(|(_, it)| *it).unwrap_or_default()
    }

    /// How many bytes may be sent now.
    pub(super) fn allowance(&self, from: u32, to: u32, now: Instant) -> usize {
        if self.is_cut(from, to) || now < self.free_at(from, to).unwrap_or(now) {
            return 0;
        }
        let rate = self.pace(from, to).bytes_per_second;
        rate.map_or(usize::MAX, |rate| {
            usize::try_from(rate / QUANTA_PER_SECOND).unwrap_or(usize::MAX).max(1)
        })
    }

    /// Counts what was sent against the rate.
    pub(super) fn spend(&mut self, from: u32, to: u32, bytes: usize, now: Instant) {
        let Some(rate) = self.pace(from, to).bytes_per_second else {
            self.free_at.remove(&(from, to));
            return;
        };
        let nanos = (bytes as u64).saturating_mul(1_000_000_000) / rate.max(1);
        let begin = self.free_at(from, to).unwrap_or(now).max(now);
        self.free_at.insert((from, to), begin + Duration::from_nanos(nanos));
    }

    /// When a limited link may send again, if it ever was.
    pub(super) fn free_at(&self, from: u32, to: u32) -> Option<Instant> {
        self.free_at.get(&(from, to)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn healing_one_broker_leaves_another_cut_off() {
        let mut links = Links::default();
        links.cut(Span::out_of(1));
        links.cut(Span::into(1));
        links.cut(Span::out_of(2));
        links.heal(Span::out_of(1));
        links.heal(Span::into(1));
        assert!(!links.is_cut(1, 3) && !links.is_cut(3, 1) && !links.is_cut(1, 2));
        assert!(links.is_cut(2, 1) && links.is_cut(2, 3));
        links.heal(Span::ALL);
        assert!(!links.is_cut(2, 1));
    }

    #[test]
    fn a_rate_is_shared_and_kept() {
        let (mut links, start) = (Links::default(), clock::now());
        let pace = Pace { delay: Duration::ZERO, bytes_per_second: Some(1_000) };
        links.slow(Span::out_of(1), pace);
        assert_eq!(links.allowance(1, 2, start), 20);
        links.spend(1, 2, 20, start);
        assert_eq!(links.allowance(1, 2, start), 0);
        assert_eq!(links.allowance(1, 3, start), 20);
        assert_eq!(links.allowance(1, 2, start + Duration::from_millis(20)), 20);
        assert_eq!(links.allowance(2, 1, start), usize::MAX);
    }

    #[test]
    fn the_latest_pace_of_a_link_counts() {
        let mut links = Links::default();
        let of = |millis| Pace { delay: Duration::from_millis(millis), bytes_per_second: None };
        links.slow(Span::ALL, of(5));
        links.slow(Span::out_of(1), of(50));
        assert_eq!((links.pace(1, 2), links.pace(2, 1)), (of(50), of(5)));
        links.slow(Span::ALL, of(7));
        assert_eq!(links.pace(1, 2), of(7));
    }
}
