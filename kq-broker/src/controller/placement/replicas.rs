//! Which brokers hold a replica of each new partition.
//!
//! First how many each broker is to get in all, filled up from the one with the fewest; then
//! partition by partition who still has most to get. That always comes out: no broker is to get
//! more than one of each partition, and no rack more than its share.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Round, Site};

/// A rack while replicas are being placed.
struct Rack {
    brokers: Vec<usize>,
    /// Replicas of each partition here, placed before.
    used: usize,
    /// Replicas that each partition gets here now.
    base: usize,
    /// Whether a partition may get one more.
    extra: bool,
    /// How many partitions still get it.
    extras_left: usize,
}

/// Gives each list `each` more brokers out of `among`.
pub(super) fn add(
    lists: &mut [Vec<usize>],
    sites: &[&Site],
    (among, each): (&[usize], usize),
    round: Round,
) {
    if each == 0 {
        return;
    }
    let used = lists.first().map_or(&[][..], Vec::as_slice);
    let mut racks = racks(sites, among, used);
    let extras = share(&mut racks, each);
    let mut wanted = wanted(&mut racks, sites, (lists.len(), extras), round);
    let mut pairs = Pairs::new(sites.len());
    for (number, list) in lists.iter_mut().enumerate() {
        for (rack, count) in turns(&mut racks, extras, round.first.wrapping_add(number)) {
            for _ in 0..count {
                let Some(at) = pick(rack, (list, &pairs), &wanted, |at| round.wait(at, number))
                else {
                    break;
                };
                pairs.join(list, at);
                list.push(at);
                if let Some(left) = wanted.get_mut(at) {
                    *left = left.saturating_sub(1);
                }
            }
        }
    }
}

/// The racks of the brokers `among`. What `used` holds is in every list: others are taken only
/// when all that are alive have a replica.
fn racks(sites: &[&Site], among: &[usize], used: &[usize]) -> Vec<Rack> {
    let name = |at: usize| sites.get(at).and_then(|site| site.rack.as_deref());
    let mut by_name: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    for at in among {
        by_name.entry(name(*at)).or_default().push(*at);
    }
    let rack = |(rack, brokers): (Option<&str>, Vec<usize>)| {
        let used = used.iter().filter(|at| name(**at) == rack).count();
        Rack { brokers, used, base: 0, extra: false, extras_left: 0 }
    };
    by_name.into_iter().map(rack).collect()
}

/// Shares the replicas of a partition out to racks, as evenly as they have brokers for; gives how
/// many are left of which the racks that have room take turns to get one.
fn share(racks: &mut [Rack], each: usize) -> usize {
    let mut left = each;
    loop {
        let room = |it: &&mut Rack| it.base < it.brokers.len();
        let level = racks.iter_mut().filter(room).map(|it| it.used + it.base).min();
        let Some(level) = level else { return 0 };
        let lowest: Vec<&mut Rack> =
            racks.iter_mut().filter(room).filter(|it| it.used + it.base == level).collect();
        if lowest.len() > left {
            for rack in lowest {
                rack.extra = true;
            }
            return left;
        }
        left -= lowest.len();
        for rack in lowest {
            rack.base += 1;
        }
    }
}

/// How many replicas each broker is to get: in each rack those that it must take, then the others
/// wherever there are fewest.
fn wanted(
    racks: &mut [Rack],
    sites: &[&Site],
    (partitions, extras): (usize, usize),
    round: Round,
) -> Vec<usize> {
    let mut wanted = vec![0_usize; sites.len()];
    let carried = |wanted: &[usize], at: usize| {
        let (more, site) = (*wanted.get(at)?, sites.get(at)?);
        let (topic, all) = (site.of_topic, site.of_all);
        let replicas = (topic.replicas + more as u64, all.replicas + more as u64);
        let carried = (replicas.0, topic.leaders, replicas.1, all.leaders);
        (more < partitions).then_some((carried, round.wait(at, 0), at))
    };
    for rack in racks.iter() {
        for _ in 0..rack.base * partitions {
            let least = rack.brokers.iter().filter_map(|at| carried(&wanted, *at)).min();
            let Some(more) = least.and_then(|it| wanted.get_mut(it.2)) else { break };
            *more += 1;
        }
    }
    for _ in 0..extras * partitions {
        let open = racks.iter_mut().filter(|it| it.extra && it.extras_left < partitions);
        let least = open.filter_map(|rack| {
            let least = rack.brokers.iter().filter_map(|at| carried(&wanted, *at)).min()?;
            Some((least, rack))
        });
        let Some(((_, _, at), rack)) = least.min_by_key(|it| it.0) else { break };
        rack.extras_left += 1;
        if let Some(more) = wanted.get_mut(at) {
            *more += 1;
        }
    }
    wanted
}

/// The racks of one partition, each with how many replicas it gets.
fn turns(racks: &mut [Rack], extras: usize, turn: usize) -> Vec<(&[usize], usize)> {
    let count = racks.len().max(1);
    let mut order: Vec<&mut Rack> = racks.iter_mut().collect();
    order.rotate_left(turn % count);
    order.sort_by_key(|it| Reverse(if it.extra { it.extras_left } else { 0 }));
    let mut left = extras;
    let mut counted = Vec::with_capacity(count);
    for rack in order {
        let more = usize::from(left > 0 && rack.extra && rack.extras_left > 0);
        left -= more;
        rack.extras_left -= more;
        counted.push((rack.brokers.as_slice(), rack.base + more));
    }
    counted
}

/// Who of a rack is next: who has most to get, and then who shares least with those in the list.
fn pick(
    rack: &[usize],
    (list, pairs): (&[usize], &Pairs),
    wanted: &[usize],
    wait: impl Fn(usize) -> usize,
) -> Option<usize> {
    let free = rack.iter().copied().filter(|at| !list.contains(at));
    free.min_by_key(|at| {
        let left = wanted.get(*at).copied().unwrap_or_default();
        (Reverse(left), pairs.shared(list, *at), wait(*at))
    })
}

/// How many partitions two brokers share.
struct Pairs {
    brokers: usize,
    counts: Vec<u32>,
}

impl Pairs {
    fn new(brokers: usize) -> Self {
        Self { brokers, counts: vec![0; brokers * brokers] }
    }

    fn shared(&self, list: &[usize], at: usize) -> u32 {
        let counts = list.iter().filter_map(|it| self.counts.get(it * self.brokers + at));
        counts.fold(0, |sum, count| sum.saturating_add(*count))
    }

    fn join(&mut self, list: &[usize], at: usize) {
        for it in list {
            for place in [it * self.brokers + at, at * self.brokers + it] {
                if let Some(count) = self.counts.get_mut(place) {
                    *count = count.saturating_add(1);
                }
            }
        }
    }
}
