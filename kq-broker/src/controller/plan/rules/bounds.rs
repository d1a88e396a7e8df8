//! KQ-S005, S010 and S011: what disks, links and leaders can take.

use std::collections::BTreeMap;

use super::super::flows::{Direction, Flow, Site, capacity};
use super::super::moves::{Move, Plan};
use super::super::view::View;
use super::super::words::{Bytes, How};
use super::Finding;
use crate::ids::BrokerId;
use crate::metadata::Throttle;

/// Leaders that may change hands at a time.
const LEADERS_AT_ONCE_MAX: usize = 500;

pub(super) fn disk(_: &View<'_>, plan: &Plan) -> Vec<Finding> {
    let bound = u64::from(plan.options.disk_percent_max);
    let sizes_known = plan.summary.unknown_sizes == 0;
    let judge = |peak: &super::super::cost::PeakDisk| {
        let id = peak.broker;
        let (Some(percent), Some(taken), Some(total)) = (peak.percent(), peak.peak, peak.total)
        else {
            let cause = format!("{} land on it, and its disk is unknown.", Bytes(peak.lands));
            return Some(Finding::of_broker(id, cause).told());
        };
        if percent <= bound {
            let cause = "sizes of some partitions that land on it are unknown.".to_owned();
            return (!sizes_known).then(|| Finding::of_broker(id, cause).told());
        }
        let cause = format!(
            "{} land on it before anything leaves: {} of {}, {percent}% where {bound}% is the \
             bound.",
            Bytes(peak.lands),
            Bytes(taken),
            Bytes(total)
        );
        let over = taken.saturating_sub(total / 100 * bound);
        let fits = plan.summary.bytes.saturating_sub(over);
        let found = Finding::of_broker(id, cause);
        let fewer = (fits > 0).then(|| plan.with("--max-bytes", &fits.to_string()));
        let more = "kq-ctl log dirs".to_owned();
        let found = found.next(plan.elsewhere(id)).next(fewer);
        Some(if found.next.is_empty() { found.next(more) } else { found })
    };
    plan.summary.peaks.iter().filter_map(judge).collect()
}

/// Each place where bytes go by must carry what it carries now, what producers bring to what moves,
/// and the moves; and the moves must outrun the producers.
pub(super) fn bandwidth(view: &View<'_>, plan: &Plan) -> Vec<Finding> {
    let flows = &plan.summary.flows;
    let rate = plan.rate();
    if plan.options.throttle == Throttle::Auto && rate.is_none() && flows.sites().next().is_some() {
        let cause = "auto finds no rate: nothing was measured of the brokers that receive.";
        let found = Finding::of_cluster(cause.to_owned());
        return vec![found.next(plan.with("--throttle", "50MiB/s"))];
    }
    let mut narrowest: BTreeMap<BrokerId, Strait> = BTreeMap::new();
    for strait in flows.sites().filter_map(|(at, flow)| Strait::of(view, plan, at, flow)) {
        let broker = narrowest.entry(strait.at.0).or_insert(strait);
        if strait.left < broker.left {
            *broker = strait;
        }
    }
    let auto = plan.summary.rates.auto().filter(|auto| {
        let fits = |(at, flow)| !Strait::at_rate(view, plan, (at, flow), Some(*auto)).breaks();
        flows.sites().all(fits)
    });
    narrowest.values().map(|it| it.finding(view, plan, auto)).collect()
}

/// A place that is too narrow.
#[derive(Debug, Clone, Copy)]
struct Strait {
    at: Site,
    now: Option<u64>,
    max: Option<u64>,
    /// What producers bring, all in all and at a time.
    ingest: (u64, u64),
    /// What the moves take there; none when nothing bounds them.
    moves: Option<u64>,
    /// What is left once all of that goes by, and how much it is too much.
    left: i128,
}

impl Strait {
    fn of(view: &View<'_>, plan: &Plan, at: Site, flow: Flow) -> Option<Self> {
        Some(Self::at_rate(view, plan, (at, flow), plan.rate())).filter(Self::breaks)
    }

    fn at_rate(view: &View<'_>, plan: &Plan, (at, flow): (Site, Flow), rate: Option<u64>) -> Self {
        let flows = &plan.summary.flows;
        let capacity = capacity(view, at);
        let (now, max) = (capacity.map(|it| it.0), capacity.map(|it| it.1));
        let moves = rate.map(|rate| flows.load(at, rate));
        let ingest = (flow.ingest, flows.ingest_at_once(flow));
        let taken =
            [now, Some(ingest.0), moves].into_iter().flatten().map(i128::from).sum::<i128>();
        let left = max.map_or(i128::MAX, i128::from) - taken;
        Self { at, now, max, ingest, moves, left }
    }

    fn never_ends(&self) -> bool {
        let fills = matches!(self.at.1, Direction::Receive);
        fills && self.moves.is_some_and(|rate| rate <= self.ingest.1)
    }

    /// Moves without a bound take what is left: there must be some.
    fn breaks(&self) -> bool {
        let least = i128::from(self.moves.is_none() && self.max.is_some());
        self.left < least || self.never_ends()
    }

    fn finding(&self, view: &View<'_>, plan: &Plan, auto: Option<u64>) -> Finding {
        let id = self.at.0;
        let found = Finding::of_broker(id, self.cause(view));
        if self.moves.is_none() {
            // It gets its share all the same, and who else is there gets less.
            return found.told();
        }
        let found = match auto {
            Some(_) => found.next(plan.with("--throttle", "auto")),
            None => found.next(plan.elsewhere(id)),
        };
        found.next(format!("{} --override KQ-S010", plan.same()))
    }

    fn cause(&self, view: &View<'_>) -> String {
        let (now, max) = (Bytes(self.now.unwrap_or(0)), Bytes(self.max.unwrap_or(0)));
        let ingest = Bytes(self.ingest.0);
        if self.never_ends() {
            return format!(
                "it would never end: producers bring {}/s to what moves there at a time, and the \
                 throttle lets {}/s in.",
                Bytes(self.ingest.1),
                Bytes(self.moves.unwrap_or(0))
            );
        }
        let measured = view.measured.source_of(self.at).map(|it| format!(" ({})", How(it)));
        let measured = measured.unwrap_or_default();
        let direction = self.at.1;
        let Some(moves) = self.moves else {
            return format!(
                "nothing is left for moves beside producers: measured are at most \
                 {max}/s{measured} to {direction}, {now}/s are taken now, and {ingest}/s come to \
                 what moves."
            );
        };
        let predicted = self.max.map_or(0, i128::from) - self.left;
        let predicted = Bytes(u64::try_from(predicted).unwrap_or(u64::MAX));
        format!(
            "it would {direction} {predicted}/s ({now}/s now, {ingest}/s more from producers, \
             {}/s of moves), measured are at most {max}/s{measured}.",
            Bytes(moves)
        )
    }
}

pub(super) fn leaders_at_once(view: &View<'_>, plan: &Plan) -> Vec<Finding> {
    let mut found: Vec<Finding> = plan.moves.iter().filter_map(|it| frozen(view, it)).collect();
    found.extend(too_many_leaders(plan));
    found
}

/// A move away from a leader that is frozen waits for the end of the freeze.
fn frozen(view: &View<'_>, it: &Move) -> Option<Finding> {
    let leader = it.leader.filter(|id| !it.to.contains(id))?;
    let (topic, _) = view.find(it.partition)?;
    let (words, lift) = view.image.frozen_words(topic)?;
    let cause = format!(
        "it ends after the freeze: broker {leader} leads and is to go, and {words}: {lift}"
    );
    Some(Finding::of_move(it, cause).told())
}

fn too_many_leaders(plan: &Plan) -> Option<Finding> {
    let leaders = plan.moves.iter().filter(|it: &&Move| it.moves_leader()).count();
    let at_once = leaders.min(plan.options.batch as usize);
    if at_once <= LEADERS_AT_ONCE_MAX {
        return None;
    }
    let cause = format!("{at_once} leaders would move at a time, {LEADERS_AT_ONCE_MAX} may.");
    let smaller = plan.with("--batch", &LEADERS_AT_ONCE_MAX.to_string());
    Some(Finding::of_cluster(cause).next(smaller))
}
