//! Who of its brokers leads each new partition by preference, and who comes after.
//!
//! Each partition goes to the one with the fewest; then leaders change hands along shortest chains
//! of partitions until no such chain makes them more even. That is as even as the lists allow.

use std::cmp::Reverse;
use std::collections::VecDeque;

use super::{Round, Share, Site};

/// Leaders while they are being chosen, by position of the broker.
struct Leaders<'a> {
    lists: &'a [Vec<usize>],
    /// Those of the topic and of all topics; none of who may not lead.
    counts: Vec<Option<(u64, u64)>>,
    /// Who leads which partition.
    chosen: Vec<Option<usize>>,
}

/// Puts the brokers of each list in order: the preferred leader, then who would follow it.
pub(super) fn put_first(lists: &mut [Vec<usize>], sites: &[&Site], round: Round) {
    let count = |site: &&Site| {
        let Share { leaders, .. } = site.of_topic;
        site.live.then_some((leaders, site.of_all.leaders))
    };
    let counts = sites.iter().map(count).collect();
    let mut leaders = Leaders { lists, counts, chosen: vec![None; lists.len()] };
    for (number, list) in lists.iter().enumerate() {
        let fewest = list
            .iter()
            .filter_map(|at| Some((leaders.count(*at)?, round.wait(*at, number), *at)))
            .min();
        if let Some((_, _, at)) = fewest {
            leaders.lead(number, at);
        }
    }
    while let Some(chain) = leaders.better() {
        for (number, at) in chain {
            leaders.lead(number, at);
        }
    }
    let chosen = leaders.chosen;
    let mut successions = vec![0_u32; sites.len() * sites.len()];
    for (list, leader) in lists.iter_mut().zip(chosen) {
        if let Some(leader) = leader {
            line_up(list, leader, sites, &mut successions);
        }
    }
}

impl Leaders<'_> {
    fn count(&self, at: usize) -> Option<(u64, u64)> {
        self.counts.get(at).copied().flatten()
    }

    /// A partition is led by another broker.
    fn lead(&mut self, number: usize, at: usize) {
        let Some(chosen) = self.chosen.get_mut(number) else { return };
        let before = chosen.replace(at);
        if let Some(Some((topic, all))) = before.and_then(|it| self.counts.get_mut(it)) {
            (*topic, *all) = (topic.saturating_sub(1), all.saturating_sub(1));
        }
        if let Some(Some((topic, all))) = self.counts.get_mut(at) {
            (*topic, *all) = (*topic + 1, *all + 1);
        }
    }

    /// The fewest partitions whose leaders change so that one broker leads fewer and another more,
    /// and that is better.
    fn better(&self) -> Option<Vec<(usize, usize)>> {
        let mut order: Vec<_> =
            (0..self.counts.len()).filter_map(|at| Some((Reverse(self.count(at)?), at))).collect();
        order.sort_unstable();
        let worth = |from: (u64, u64), to: (u64, u64)| {
            from.0 >= to.0 + 2 || (from.0 == to.0 + 1 && from.1 >= to.1 + 2)
        };
        let mut sources = order
            .iter()
            .filter(|(Reverse(from), _)| order.iter().any(|(Reverse(to), _)| worth(*from, *to)));
        let mut led = vec![Vec::new(); self.counts.len()];
        for (number, at) in self.chosen.iter().enumerate() {
            if let Some(led) = at.and_then(|at| led.get_mut(at)) {
                led.push(number);
            }
        }
        sources.find_map(|(Reverse(from), at)| {
            self.chain(&led, *at, |to| self.count(to).is_some_and(|to| worth(*from, to)))
        })
    }

    fn chain(
        &self,
        led: &[Vec<usize>],
        from: usize,
        end: impl Fn(usize) -> bool,
    ) -> Option<Vec<(usize, usize)>> {
        let mut came: Vec<Option<(usize, usize)>> = vec![None; self.counts.len()];
        let mut queue = VecDeque::from([from]);
        while let Some(at) = queue.pop_front() {
            for number in led.get(at).into_iter().flatten() {
                for next in self.lists.get(*number).into_iter().flatten() {
                    let free = *next != from && self.count(*next).is_some();
                    let Some(slot) = came.get_mut(*next).filter(|it| free && it.is_none()) else {
                        continue;
                    };
                    *slot = Some((at, *number));
                    if end(*next) {
                        return Some(walk_back(&came, from, *next));
                    }
                    queue.push_back(*next);
                }
            }
        }
        None
    }
}

fn walk_back(came: &[Option<(usize, usize)>], from: usize, end: usize) -> Vec<(usize, usize)> {
    let (mut chain, mut at) = (Vec::new(), end);
    while let Some((before, number)) = came.get(at).copied().flatten().filter(|_| at != from) {
        chain.push((number, at));
        at = before;
    }
    chain
}

/// The leader, then who has come after it least often, then the others as it goes round; who may
/// not lead now comes last.
fn line_up(list: &mut [usize], leader: usize, sites: &[&Site], successions: &mut [u32]) {
    let brokers = sites.len();
    let later = |at: usize| !sites.get(at).is_some_and(|site| site.live);
    let round = |at: usize| (at + brokers - leader) % brokers;
    list.sort_by_key(|at| (*at != leader, later(*at), round(*at)));
    let Some((_, followers)) = list.split_first_mut() else { return };
    let times = |at: usize| successions.get(leader * brokers + at).copied().unwrap_or_default();
    let second = (0..followers.len())
        .min_by_key(|it| followers.get(*it).map(|at| (later(*at), times(*at), round(*at))));
    let Some(second) = second.and_then(|it| followers.get_mut(..=it)) else { return };
    second.rotate_right(1);
    let count = second.first().and_then(|at| successions.get_mut(leader * brokers + at));
    if let Some(count) = count {
        *count = count.saturating_add(1);
    }
}
