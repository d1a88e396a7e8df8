//! How fast this broker was seen, or was tried, to take bytes in: from each other broker, and onto its
//! disks.
//!
//! What goes through anyway tells the most, if there is enough of it at a time; a probe tells the same
//! when nothing did. The best that was found counts, for an hour. Time is an argument.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;

use crate::ids::BrokerId;

/// For so long a rate counts.
const KEPT: Duration = Duration::from_hours(1);
/// So much must have gone through before it counts as seen.
const SEEN_BYTES_MIN: u64 = 8 << 20;
/// What went through so long ago is not added to what goes through now.
const SEEN_WITHIN: Duration = Duration::from_secs(10);

/// What has a rate; brokers stand for the ways from them to here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RateOf {
    /// The slowest of the log directories, everything synced.
    Disks,
    /// The way from another broker.
    Link(BrokerId),
}

/// A rate that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// At most so much.
    pub bytes_per_second: u64,
    /// With so many bytes.
    pub bytes: u64,
    /// When.
    pub at: Duration,
    /// By a probe.
    pub probed: bool,
}

/// All rates of one broker.
#[derive(Debug, Default)]
pub struct Rates {
    board: Mutex<BTreeMap<RateOf, Entry>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    best: Option<Rate>,
    /// Gathered since a rate was seen last.
    bytes: u64,
    took: Duration,
    since: Duration,
}

impl Rates {
    /// So much went through at one go.
    pub fn seen(&self, of: RateOf, bytes: u64, took: Duration, now: Duration) {
        let mut board = self.board.lock();
        let entry = board.entry(of).or_default();
        if entry.bytes == 0 || SEEN_WITHIN < now.saturating_sub(entry.since) {
            *entry = Entry { best: entry.best, since: now, ..Entry::default() };
        }
        entry.bytes += bytes;
        entry.took += took;
        if SEEN_BYTES_MIN <= entry.bytes {
            let (bytes, took) = (entry.bytes, entry.took);
            *entry = Entry { best: entry.best, ..Entry::default() };
            entry.take(Rate {
                bytes_per_second: per_second(bytes, took),
                bytes,
                at: now,
                probed: false,
            });
        }
    }

    /// A probe went through, beside so many bytes a second that did anyway.
    pub fn probed(&self, of: RateOf, (bytes, took): (u64, Duration), beside: u64, now: Duration) {
        let bytes_per_second = per_second(bytes, took).saturating_add(beside);
        let rate = Rate { bytes_per_second, bytes, at: now, probed: true };
        self.board.lock().entry(of).or_default().take(rate);
    }

    /// What is known now.
    pub fn known(&self, now: Duration) -> Vec<(RateOf, Rate)> {
        let board = self.board.lock();
        board.iter().filter_map(|(of, entry)| Some((*of, entry.fresh(now)?))).collect()
    }

    /// Whether a rate is known now.
    pub fn knows(&self, of: RateOf, now: Duration) -> bool {
        self.board.lock().get(&of).is_some_and(|entry| entry.fresh(now).is_some())
    }
}

impl Entry {
    fn fresh(&self, now: Duration) -> Option<Rate> {
        self.best.filter(|it| now.saturating_sub(it.at) <= KEPT)
    }

    /// The better of two counts, and what is old no more.
    fn take(&mut self, rate: Rate) {
        let kept = self.fresh(rate.at).filter(|it| rate.bytes_per_second < it.bytes_per_second);
        self.best = kept.or(Some(rate));
    }
}

fn per_second(bytes: u64, took: Duration) -> u64 {
    let micros = took.as_micros().max(1);
    u64::try_from(u128::from(bytes) * 1_000_000 / micros).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: RateOf = RateOf::Link(BrokerId(2));
    const MIB: u64 = 1 << 20;

    fn rate(rates: &Rates, now: u64) -> Option<(u64, bool)> {
        let known = rates.known(Duration::from_secs(now));
        known.first().map(|(_, it)| (it.bytes_per_second / MIB, it.probed))
    }

    #[test]
    fn little_traffic_tells_no_rate() {
        let rates = Rates::default();
        for at in 0..100 {
            let now = Duration::from_secs(at * 5);
            rates.seen(LINK, MIB, Duration::from_millis(10), now);
        }
        assert_eq!(rate(&rates, 500), None);
    }

    #[test]
    fn the_best_counts_and_what_is_old_does_not() {
        let rates = Rates::default();
        let second = Duration::from_secs(1);
        rates.probed(LINK, (8 * MIB, second), 2 * MIB, second);
        assert_eq!(rate(&rates, 2), Some((10, true)), "beside what went through anyway");
        for _ in 0..8 {
            rates.seen(LINK, MIB, Duration::from_millis(50), second * 3);
        }
        assert_eq!(rate(&rates, 3), Some((20, false)));
        rates.probed(LINK, (8 * MIB, second), 0, second * 4);
        assert_eq!(rate(&rates, 4), Some((20, false)));
        assert_eq!(rate(&rates, 3 + 3_601), None);
        rates.probed(LINK, (8 * MIB, second), 0, second * 4_000);
        assert_eq!(rate(&rates, 4_000), Some((8, true)));
        assert!(rates.knows(LINK, second * 4_000) && !rates.knows(RateOf::Disks, second));
    }
}
