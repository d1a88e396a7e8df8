//! What goes where while a plan runs, and how fast it may.
//!
//! ```text
//!   leader ── send ──> link ── receive ──> write      each may be the narrowest
//!                                 ^
//!                                 the throttle
//! ```
//! What producers bring meanwhile to what moves takes its part of every rate.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::goal::Options;
use super::moves::Move;
use super::view::View;
use crate::ids::BrokerId;
use crate::metadata::Throttle;

/// A throttle that is found by itself is at least this, so that a plan ends some time.
const AUTO_MIN: u64 = 1 << 20;

/// Which way bytes go at a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// Out of it.
    Send,
    /// Into it.
    Receive,
    /// Into it from one other broker.
    ReceiveFrom(BrokerId),
    /// Onto its disks.
    Write,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send => f.write_str("send"),
            Self::Receive => f.write_str("receive"),
            Self::ReceiveFrom(from) => write!(f, "receive from {from}"),
            Self::Write => f.write_str("write"),
        }
    }
}

/// A place where bytes go by.
pub(super) type Site = (BrokerId, Direction);

/// What goes by there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flow {
    /// Bytes that are copied.
    pub(super) bytes: u64,
    /// Bytes a second that producers bring to all that moves there.
    pub(super) ingest: u64,
    /// How many partitions that is.
    moves: u64,
}

/// What a plan sends where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Flows {
    sites: BTreeMap<Site, Flow>,
    /// Moves that are under way at a time.
    at_once: u64,
    /// A size is unknown.
    unknown: bool,
}

impl Flows {
    pub(super) fn of(view: &View<'_>, moves: &[Move], options: &Options) -> Self {
        let at_once = u64::from(options.batch.min(options.concurrency).max(1));
        let mut flows = Self { sites: BTreeMap::new(), at_once, unknown: false };
        for it in moves {
            let adds = it.adding().count() as u64;
            if adds == 0 {
                continue;
            }
            let facts = view.measured.partitions.get(&it.partition);
            let ingest = facts.and_then(|it| it.ingest).unwrap_or(0);
            flows.unknown |= it.bytes.is_none();
            let bytes = it.bytes.unwrap_or(0) / adds;
            for id in it.adding() {
                flows.add((id, Direction::Receive), bytes, ingest);
                flows.add((id, Direction::Write), bytes, ingest);
                if let Some(leader) = it.leader {
                    flows.add((id, Direction::ReceiveFrom(leader)), bytes, ingest);
                    flows.add((leader, Direction::Send), bytes, ingest);
                }
            }
        }
        flows
    }

    fn add(&mut self, at: Site, bytes: u64, ingest: u64) {
        let flow = self.sites.entry(at).or_default();
        flow.bytes = flow.bytes.saturating_add(bytes);
        flow.ingest = flow.ingest.saturating_add(ingest);
        flow.moves += 1;
    }

    /// What goes by at one place.
    pub(super) fn get(&self, at: Site) -> Flow {
        self.sites.get(&at).copied().unwrap_or_default()
    }

    /// All places where bytes are copied.
    pub(super) fn sites(&self) -> impl Iterator<Item = (Site, Flow)> {
        let copied = self.sites.iter().filter(|it| it.1.bytes > 0);
        copied.map(|(at, flow)| (*at, *flow))
    }

    /// What producers bring at a time to what moves there then.
    pub(super) fn ingest_at_once(&self, flow: Flow) -> u64 {
        let at_once = u128::from(flow.moves.min(self.at_once));
        let ingest = u128::from(flow.ingest) * at_once / u128::from(flow.moves.max(1));
        u64::try_from(ingest).unwrap_or(u64::MAX)
    }

    /// What goes by at one place when each receiver takes `rate`.
    pub(super) fn load(&self, at: Site, rate: u64) -> u64 {
        let part = |flow: Flow, of: BrokerId| {
            let all = self.get((of, Direction::Receive)).bytes.max(1);
            let part = u128::from(rate) * u128::from(flow.bytes) / u128::from(all);
            u64::try_from(part).unwrap_or(u64::MAX)
        };
        match at {
            (_, Direction::Receive | Direction::Write) => rate,
            (id, Direction::ReceiveFrom(_)) => part(self.get(at), id),
            (id, Direction::Send) => {
                let fed = self.sites.iter().filter(|it| it.0.1 == Direction::ReceiveFrom(id));
                fed.map(|((to, _), flow)| part(*flow, *to)).fold(0, u64::saturating_add)
            }
        }
    }

    /// From whom each broker copies.
    pub(super) fn links(&self) -> BTreeMap<BrokerId, BTreeSet<BrokerId>> {
        let mut links: BTreeMap<BrokerId, BTreeSet<BrokerId>> = BTreeMap::new();
        for (to, direction) in
            self.sites.iter().filter(|it| 0 < it.1.bytes || self.unknown).map(|it| *it.0)
        {
            if let Direction::ReceiveFrom(from) = direction {
                links.entry(to).or_default().insert(from);
            }
        }
        links
    }

    /// The longest time, and where it passes. Nothing to copy takes no time.
    pub(super) fn slowest(&self, rates: &Rates) -> Option<(u64, Option<Site>)> {
        let mut slowest = (0, None);
        for (at, flow) in self.sites() {
            let Some(rate) = rates.get(at) else {
                if rates.must_be_known(at) {
                    return None;
                }
                continue;
            };
            let left = rate.checked_sub(self.ingest_at_once(flow)).filter(|left| *left > 0)?;
            let ms = time_ms(flow.bytes, left);
            if ms > slowest.0 {
                slowest = (ms, Some(at));
            }
        }
        (!self.unknown).then_some(slowest)
    }
}

/// Bytes a second that there are for moves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rates {
    throttle: Throttle,
    spare: BTreeMap<Site, u64>,
    auto: Option<u64>,
}

impl Rates {
    pub(super) fn of(view: &View<'_>, flows: &Flows, throttle: Throttle) -> Self {
        let spare = flows.sites().filter_map(|(at, _)| Some((at, spare(view, at)?)));
        let mut rates = Self { throttle, spare: spare.collect(), auto: None };
        rates.auto = rates.find_auto(flows);
        rates
    }

    /// What `--throttle auto` comes to for each receiver: four fifths of what the narrowest place can
    /// spare, after what producers bring to what moves. None when of no receiver anything was measured.
    pub(super) fn auto(&self) -> Option<u64> {
        self.auto
    }

    fn find_auto(&self, flows: &Flows) -> Option<u64> {
        /// A rate in such parts, of which a place carries some.
        const WHOLE: u64 = 1 << 20;
        let is_known = |it: &Site| matches!(it.1, Direction::Receive | Direction::Write);
        if !self.spare.keys().any(is_known) {
            return None;
        }
        let rate = |(at, spare): (&Site, &u64)| {
            let left = u128::from(spare.saturating_sub(flows.get(*at).ingest));
            let parts = u128::from(flows.load(*at, WHOLE).max(1));
            u64::try_from(left * u128::from(WHOLE) / parts).unwrap_or(u64::MAX)
        };
        self.spare.iter().map(rate).min().map(|rate| (rate / 5 * 4).max(AUTO_MIN))
    }

    /// What one place can spare, as measured.
    pub(super) fn spare(&self, at: Site) -> Option<u64> {
        self.spare.get(&at).copied()
    }

    /// The rate of the lease.
    pub(super) fn throttle(&self) -> Option<u64> {
        match self.throttle {
            Throttle::Off => None,
            Throttle::Auto => self.auto,
            Throttle::Rate(rate) => Some(rate),
        }
    }

    /// At what rate one place works for the plan. Only receivers are throttled.
    pub(super) fn get(&self, at: Site) -> Option<u64> {
        let spare = self.spare(at);
        let throttle = self.throttle().filter(|_| at.1 == Direction::Receive);
        spare.into_iter().chain(throttle).min()
    }

    /// Whether nothing can be said without the rate of that place. A throttle is taken to be slower
    /// than what was not measured; of a receiver's links the best one tells enough.
    fn must_be_known(&self, at: Site) -> bool {
        self.throttle().is_none() && !matches!(at.1, Direction::ReceiveFrom(_))
    }
}

fn spare(view: &View<'_>, (id, direction): Site) -> Option<u64> {
    let facts = view.measured.broker(id);
    match direction {
        Direction::Send => facts.out_spare(),
        Direction::Receive => facts.in_spare(),
        Direction::ReceiveFrom(from) => view.measured.link_spare(from, id),
        Direction::Write => facts.write_spare(),
    }
}

/// How much goes by at a place now, and how much it was measured to carry.
pub(super) fn capacity(view: &View<'_>, (id, direction): Site) -> Option<(u64, u64)> {
    let facts = view.measured.broker(id);
    match direction {
        Direction::Send => Some((facts.out_now?, facts.out_max?)),
        Direction::Receive => Some((facts.in_now?, facts.in_max?)),
        Direction::ReceiveFrom(from) => {
            Some((facts.in_now?, *view.measured.links.get(&(from, id))?))
        }
        Direction::Write => Some((facts.in_now?, facts.write_max?)),
    }
}

/// How long so many bytes take.
pub(super) fn time_ms(bytes: u64, rate: u64) -> u64 {
    let ms = (u128::from(bytes) * 1_000).div_ceil(u128::from(rate.max(1)));
    u64::try_from(ms).unwrap_or(u64::MAX)
}
