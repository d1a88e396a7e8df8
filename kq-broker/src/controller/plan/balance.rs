//! Evenness with as few moves as it takes.
//!
//! Replicas go from the heaviest broker to the lightest, each time the one whose weight comes
//! closest to half of what lies between them, and none twice. What betters nothing worth a copy
//! stays: an empty partition when bytes are spread. Among brokers and replicas that serve as well,
//! those are chosen that make the rest more even, or at least no less. Leaders change hands along a
//! shortest chain of partitions from the broker with most to one with at least two fewer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::cost::is_rack_breach;
use super::goal::Objective;
use super::sites::{Site, Sites};
use super::targets::{Wanted, settled};
use super::view::View;
use crate::ids::{BrokerId, PartitionId};

/// Even enough: the heaviest broker carries this share of the mean more than the lightest.
const SPREAD_PERCENT: u64 = 2;

/// A move is worth it when what goes, and what is left of the gap between the two brokers without
/// it, are each one of so many parts of that gap.
const WORTH_PART: u64 = 10;

type Lists = BTreeMap<PartitionId, Vec<BrokerId>>;

pub(super) fn balance<'a>(
    view: &View<'a>,
    sites: &mut Sites<'a>,
    scope: &[PartitionId],
    (objective, bytes_max): (Objective, Option<u64>),
) -> Wanted {
    let list = |id: &PartitionId| Some((*id, settled(view.find(*id)?.1)));
    let mut lists: Lists = scope.iter().filter_map(list).collect();
    let mut changed = BTreeSet::new();
    if objective == Objective::Leaders {
        spread_leaders(sites, &mut lists, &mut changed, scope);
    } else {
        let mut it = Replicas::new(view, sites, &lists, objective, bytes_max);
        while it.next_move(&mut lists, &mut changed) {}
        // What moves anyway may as well change who is preferred.
        let moved: Vec<PartitionId> = changed.iter().copied().collect();
        spread_leaders(sites, &mut lists, &mut changed, &moved);
    }
    let wanted = |id: &PartitionId| Some((*id, lists.get(id)?.clone()));
    scope.iter().filter(|id| changed.contains(id)).filter_map(wanted).collect()
}

/// Replicas that may still go elsewhere, by broker and weight.
struct Replicas<'v, 's, 'a> {
    view: &'v View<'a>,
    sites: &'s mut Sites<'a>,
    by_broker: BTreeMap<BrokerId, BTreeSet<(u64, PartitionId)>>,
    objective: Objective,
    bytes_left: Option<u64>,
    racks_total: usize,
    /// Half of what a replica weighs on average.
    usual: u64,
}

impl<'v, 's, 'a> Replicas<'v, 's, 'a> {
    fn new(
        view: &'v View<'a>,
        sites: &'s mut Sites<'a>,
        lists: &Lists,
        objective: Objective,
        bytes_left: Option<u64>,
    ) -> Self {
        let mut by_broker: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        let (mut sum, mut count) = (0_u64, 0_u64);
        for (id, list) in lists {
            let weight = weight(sites, *id, objective);
            for broker in list {
                by_broker.entry(*broker).or_default().insert((weight, *id));
                (sum, count) = (sum.saturating_add(weight), count + 1);
            }
        }
        let racks_total = view.racks_total();
        let usual = (sum / count.max(1) / 2).max(1);
        Self { view, sites, by_broker, objective, bytes_left, racks_total, usual }
    }

    fn carried(&self, site: &Site<'_>) -> u64 {
        if self.objective == Objective::Count { site.replicas } else { site.bytes }
    }

    /// What a broker carries of the rest, for the order of those that are alike.
    fn beside(&self, site: &Site<'_>) -> (u64, u64) {
        let other = if self.objective == Objective::Count { site.bytes } else { site.replicas };
        (other, site.leaders)
    }

    /// Moves one replica, if one can be moved that makes things better.
    fn next_move(&mut self, lists: &mut Lists, changed: &mut BTreeSet<PartitionId>) -> bool {
        let open = self.sites.open();
        let mut order: Vec<(u64, (u64, u64), BrokerId)> =
            open.map(|(id, site)| (self.carried(site), self.beside(site), id)).collect();
        let sum = order.iter().map(|it| it.0).fold(0, u64::saturating_add);
        let mean = sum / order.len().max(1) as u64;
        let enough = (mean / 100 * SPREAD_PERCENT).max(1);
        order.sort_unstable_by_key(|(carried, beside, id)| (carried / enough, *beside, *id));
        for (most, _, heavy) in order.iter().rev() {
            for (least, _, light) in &order {
                if most.saturating_sub(*least) <= enough {
                    continue;
                }
                let gap = most - least;
                let part = (gap / WORTH_PART).max(enough / 2).max(1);
                let Some(id) = self.candidate(lists, (*heavy, *light), (gap, part)) else {
                    continue;
                };
                self.carry_out(lists, (*heavy, *light), id);
                changed.insert(id);
                return true;
            }
        }
        false
    }

    /// The replica on `heavy` that is worth going to `light` and may: whose weight is about nearest
    /// to half the gap, and of those the one that does the rest best.
    fn candidate(
        &self,
        lists: &Lists,
        (heavy, light): (BrokerId, BrokerId),
        (gap, part): (u64, u64),
    ) -> Option<PartitionId> {
        /// How many are looked at on each side of the best weight: racks may bar some.
        const TRIED_MAX: usize = 200;
        let all = self.by_broker.get(&heavy)?;
        let (from, to) = (self.sites.by_id.get(&heavy)?, self.sites.by_id.get(&light)?);
        let half = (gap / 2, PartitionId::default());
        let fits = |(weight, id): &&(u64, PartitionId)| {
            let affordable = self.bytes_left.is_none_or(|left| self.bytes(*id) <= left);
            // A good part of the gap goes, or one of many that are it together; never nothing.
            let worth = gap.saturating_sub(*weight) >= part && *weight >= part.min(self.usual);
            affordable && worth && self.may_go(lists, *id, (heavy, light))
        };
        let above = all.range(half..).take(TRIED_MAX);
        let below = all.range(..half).rev().take(TRIED_MAX);
        let about = (gap / 8).max(1);
        let rank = |(weight, id): &&(u64, PartitionId)| {
            let distance = weight.abs_diff(half.0);
            let led = lists.get(id).and_then(|list| list.first()) == Some(&heavy);
            let harm = led != (from.leaders >= to.leaders + 2);
            (distance / about, harm, self.left_uneven(*id, (from, to)), distance)
        };
        above.chain(below).filter(fits).min_by_key(rank).map(|it| it.1)
    }

    /// Of the bytes between two brokers, what is left when a replica goes: only asked where these
    /// are not what is spread.
    fn left_uneven(&self, id: PartitionId, (from, to): (&Site<'_>, &Site<'_>)) -> u64 {
        if self.objective != Objective::Count {
            return 0;
        }
        let bytes = self.sites.bytes(id);
        from.bytes.saturating_sub(bytes).abs_diff(to.bytes.saturating_add(bytes))
    }

    fn bytes(&self, id: PartitionId) -> u64 {
        self.view.measured.bytes(id).unwrap_or(0)
    }

    fn may_go(&self, lists: &Lists, id: PartitionId, (from, to): (BrokerId, BrokerId)) -> bool {
        let Some(list) = lists.get(&id) else { return false };
        if list.contains(&to) {
            return false;
        }
        let next: Vec<BrokerId> =
            list.iter().map(|it| if *it == from { to } else { *it }).collect();
        !is_rack_breach(self.view, &next, self.racks_total)
            || is_rack_breach(self.view, list, self.racks_total)
    }

    fn carry_out(&mut self, lists: &mut Lists, (from, to): (BrokerId, BrokerId), id: PartitionId) {
        let Some(list) = lists.get_mut(&id) else { return };
        let before = list.clone();
        for it in list.iter_mut().filter(|it| **it == from) {
            *it = to;
        }
        self.sites.shift(id, &before, list);
        // A partition moves once in a plan: what moved is no candidate any more.
        let weight = weight(self.sites, id, self.objective);
        for broker in &before {
            if let Some(set) = self.by_broker.get_mut(broker) {
                set.remove(&(weight, id));
            }
        }
        if let Some(left) = self.bytes_left {
            self.bytes_left = Some(left.saturating_sub(self.bytes(id)));
        }
    }
}

fn weight(sites: &Sites<'_>, id: PartitionId, objective: Objective) -> u64 {
    if objective == Objective::Count { 1 } else { sites.bytes(id) }
}

/// Partitions by their preferred leader.
type Led = BTreeMap<BrokerId, BTreeSet<PartitionId>>;

/// Changes who is preferred among the replicas there are, until nobody has two more than another
/// that could take one.
fn spread_leaders(
    sites: &mut Sites<'_>,
    lists: &mut Lists,
    changed: &mut BTreeSet<PartitionId>,
    among: &[PartitionId],
) {
    let mut led = Led::new();
    for id in among {
        if let Some(first) = lists.get(id).and_then(|list| list.first()) {
            led.entry(*first).or_default().insert(*id);
        }
    }
    loop {
        let mut order: Vec<(u64, BrokerId)> =
            sites.open().map(|(id, site)| (site.leaders, id)).collect();
        order.sort_unstable_by(|a, b| b.cmp(a));
        let chain = order.iter().find_map(|(most, id)| {
            let end = |it: BrokerId| sites.by_id.get(&it).is_some_and(|it| it.leaders + 2 <= *most);
            chain(sites, lists, &led, *id, end)
        });
        let Some(chain) = chain else { break };
        for (id, next) in chain {
            let Some(list) = lists.get_mut(&id) else { continue };
            let before = list.clone();
            if let Some(at) = list.iter().position(|it| *it == next) {
                list.swap(0, at);
            }
            sites.shift(id, &before, list);
            led.entry(next).or_default().insert(id);
            if let Some(set) = before.first().and_then(|first| led.get_mut(first)) {
                set.remove(&id);
            }
            changed.insert(id);
        }
    }
}

/// The fewest partitions that hand one preferred leader on from `from` to a broker where `end`
/// holds, each with the broker that it goes to.
fn chain(
    sites: &Sites<'_>,
    lists: &Lists,
    led: &Led,
    from: BrokerId,
    end: impl Fn(BrokerId) -> bool,
) -> Option<Vec<(PartitionId, BrokerId)>> {
    let mut came: BTreeMap<BrokerId, (BrokerId, PartitionId)> = BTreeMap::new();
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        for id in led.get(&at).into_iter().flatten() {
            for next in lists.get(id).into_iter().flatten() {
                let open = sites.by_id.get(next).is_some_and(|it| it.open);
                if !open || *next == from || came.contains_key(next) {
                    continue;
                }
                came.insert(*next, (at, *id));
                if end(*next) {
                    return Some(walk_back(&came, from, *next));
                }
                queue.push_back(*next);
            }
        }
    }
    None
}

fn walk_back(
    came: &BTreeMap<BrokerId, (BrokerId, PartitionId)>,
    from: BrokerId,
    end: BrokerId,
) -> Vec<(PartitionId, BrokerId)> {
    let (mut chain, mut at) = (Vec::new(), end);
    while let Some((before, id)) = came.get(&at).filter(|_| at != from) {
        chain.push((*id, at));
        at = *before;
    }
    chain
}
