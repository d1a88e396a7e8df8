//! What happens to the made-up cluster: each quarter of an hour a broker dies and comes back.

use super::chance::below;

/// When the demo begins, in milliseconds since 1970: 2026-11-21T12:00:00Z.
pub(super) const BEGIN_MS: i64 = 1_795_262_400_000;
/// So much of the past there is.
const KEPT_MS: i64 = 2 * 86_400_000;
const CYCLE_MS: i64 = 900_000;
/// Brokers 1 to this.
pub(super) const BROKERS: u32 = 4;
/// From when a broker is back until its replicas are in sync.
const CATCH_UP_MS: i64 = 4_000;
/// From when a broker is back until it leads again what it is preferred for.
const BALANCE_MS: i64 = 60_000;

/// A broker that was gone for a while. Times in milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outage {
    /// Ascending over time, from 0.
    pub(super) nth: u64,
    pub(super) broker: u32,
    pub(super) fenced_ms: i64,
    pub(super) back_ms: i64,
    pub(super) in_sync_ms: i64,
    pub(super) balanced_ms: i64,
}

/// How brokers are at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Standing {
    /// The outage that is not all over, if there is one.
    pub(super) now: Option<Outage>,
    /// Whether its broker is fenced, lacks records, and leads nothing.
    pub(super) is_out: bool,
    pub(super) is_behind: bool,
    pub(super) is_led_elsewhere: bool,
    /// Outages of each broker that are all over, from broker 1 on.
    pub(super) over: [u32; BROKERS as usize],
}

/// All that happens, by its seed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Story {
    pub(super) seed: u64,
}

impl Story {
    /// Nothing is known of before then.
    pub(super) const fn oldest_ms() -> i64 {
        BEGIN_MS - KEPT_MS
    }

    /// The outages that began from the oldest moment up to this one, in the order of time.
    pub(super) fn outages(self, until_ms: i64) -> impl Iterator<Item = Outage> {
        (0..).map(move |nth| self.outage(nth)).take_while(move |it| it.fenced_ms <= until_ms)
    }

    fn outage(self, nth: u64) -> Outage {
        let of = |what: u64, bound: u64| {
            i64::try_from(below(bound, self.seed, &[nth, what])).unwrap_or(0)
        };
        let begin_ms = Self::oldest_ms() + i64::try_from(nth).unwrap_or(0) * CYCLE_MS;
        let fenced_ms = begin_ms + 25_000 + of(1, 30_000);
        let back_ms = fenced_ms + 90_000 + of(2, 180_000);
        Outage {
            nth,
            broker: 1 + u32::try_from(of(3, u64::from(BROKERS))).unwrap_or(0),
            fenced_ms,
            back_ms,
            in_sync_ms: back_ms + CATCH_UP_MS,
            balanced_ms: back_ms + BALANCE_MS,
        }
    }

    /// How brokers are at a moment.
    pub(super) fn standing(self, at_ms: i64) -> Standing {
        let mut standing = Standing::default();
        for it in self.outages(at_ms) {
            if it.balanced_ms <= at_ms {
                let over = usize::try_from(it.broker - 1).ok();
                if let Some(over) = over.and_then(|at| standing.over.get_mut(at)) {
                    *over += 1;
                }
                continue;
            }
            standing.now = Some(it);
            standing.is_out = at_ms < it.back_ms;
            standing.is_behind = at_ms < it.in_sync_ms;
            standing.is_led_elsewhere = true;
        }
        standing
    }

    /// The newest outage of a broker by then.
    pub(super) fn last_of(self, broker: u32, at_ms: i64) -> Option<Outage> {
        self.outages(at_ms).filter(|it| it.broker == broker).last()
    }
}

impl Standing {
    /// The broker that is fenced.
    pub(super) fn out(&self) -> Option<u32> {
        self.now.filter(|_| self.is_out).map(|it| it.broker)
    }

    /// The broker whose replicas are not in sync.
    pub(super) fn behind(&self) -> Option<u32> {
        self.now.filter(|_| self.is_behind).map(|it| it.broker)
    }

    /// The broker that does not lead what it is preferred for.
    pub(super) fn displaced(&self) -> Option<u32> {
        self.now.filter(|_| self.is_led_elsewhere).map(|it| it.broker)
    }

    /// How often the lead of what a broker is preferred for has changed.
    pub(super) fn turns(&self, broker: u32) -> u32 {
        let over = usize::try_from(broker.saturating_sub(1)).ok();
        let over = over.and_then(|at| self.over.get(at)).copied().unwrap_or(0);
        2 * over + u32::from(self.displaced() == Some(broker))
    }

    /// The broker that is the controller: 2, or 1 while that is away.
    pub(super) fn controller(&self) -> u32 {
        if self.displaced() == Some(2) { 1 } else { 2 }
    }
}
