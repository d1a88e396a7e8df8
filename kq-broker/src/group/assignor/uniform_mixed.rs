//! Uniform, where members subscribe to different topics: the loads come as near to one another as
//! single moves can bring them.

use std::collections::BTreeMap;

use super::rack::Racks;
use super::{Shares, Spec};
use crate::group::MemberId;
use crate::ids::{PartitionId, TopicId};

/// Members by what they carry so far.
struct Table<'a, 's> {
    spec: &'s Spec<'a>,
    racks: Option<Racks<'s>>,
    subscribers: BTreeMap<TopicId, Vec<&'a MemberId>>,
    shares: Shares<'a>,
    loads: BTreeMap<&'a MemberId, usize>,
}

pub(super) fn assign<'a>(spec: &Spec<'a>) -> Shares<'a> {
    let mut subscribers: BTreeMap<TopicId, Vec<&MemberId>> = BTreeMap::new();
    for (id, wish) in &spec.members {
        wish.topics.iter().for_each(|it| subscribers.entry(*it).or_default().push(id));
    }
    let kept = spec.kept();
    let of = |id: &&'a MemberId| kept.get(*id).cloned().unwrap_or_default();
    let shares: Shares<'a> = spec.members.keys().map(|id| (*id, of(id))).collect();
    let loads = shares.iter().map(|(id, share)| (*id, share.len())).collect();
    let racks = Racks::of(spec);
    let mut table = Table { spec, racks, subscribers, shares, loads };
    table.deal();
    table.level();
    table.shares
}

impl<'a> Table<'a, '_> {
    /// Deals what nobody has: the topics with the fewest takers first, each to who carries least.
    fn deal(&mut self) {
        let held: crate::group::partitions::PartitionSet =
            self.shares.values().flat_map(|it| it.iter().collect::<Vec<_>>()).collect();
        let mut topics: Vec<_> =
            self.subscribers.iter().map(|(topic, takers)| (takers.len(), *topic)).collect();
        topics.sort_unstable();
        for (_, topic) in topics {
            for partition in self.spec.partitions(topic).filter(|it| !held.contains(*it)) {
                if let Some(taker) = self.least_loaded(partition) {
                    self.give(taker, partition);
                }
            }
        }
    }

    /// Moves single partitions to who carries at least two less, until there is none to move. Each
    /// move lowers the sum of the squared loads, so that it ends.
    fn level(&mut self) {
        let topics: Vec<TopicId> = self.subscribers.keys().copied().collect();
        loop {
            let mut moved = false;
            for topic in &topics {
                while self.level_one(*topic) {
                    moved = true;
                }
            }
            if !moved {
                return;
            }
        }
    }

    fn level_one(&mut self, topic: TopicId) -> bool {
        let Some((owner, partition)) = self.most_loaded(topic) else { return false };
        let Some(taker) = self.least_loaded(partition) else { return false };
        if self.load(owner) < self.load(taker) + 2 {
            return false;
        }
        if let Some(share) = self.shares.get_mut(owner) {
            *share = share.filter(|it| it != partition);
        }
        if let Some(load) = self.loads.get_mut(owner) {
            *load -= 1;
        }
        self.give(taker, partition);
        true
    }

    fn give(&mut self, taker: &'a MemberId, partition: PartitionId) {
        if let Some(share) = self.shares.get_mut(taker) {
            share.insert(partition);
        }
        if let Some(load) = self.loads.get_mut(taker) {
            *load += 1;
        }
    }

    fn load(&self, member: &MemberId) -> usize {
        self.loads.get(member).copied().unwrap_or(0)
    }

    /// Of those who carry as little as anybody, one nearby, and then the first by id.
    fn least_loaded(&self, partition: PartitionId) -> Option<&'a MemberId> {
        let takers = self.subscribers.get(&partition.topic)?.iter().copied();
        let is_far = |id| !self.racks.as_ref().is_some_and(|it| it.is_near(id, partition));
        takers.min_by_key(|id| (self.load(id), is_far(*id), *id))
    }

    /// The one who carries most of those who have some of the topic, and its last partition of it.
    fn most_loaded(&self, topic: TopicId) -> Option<(&'a MemberId, PartitionId)> {
        let holders = self.subscribers.get(&topic)?.iter().filter_map(|id| {
            let partition = self.shares.get(*id)?.last_of(topic)?;
            Some((*id, partition))
        });
        holders.max_by(|a, b| self.load(a.0).cmp(&self.load(b.0)).then_with(|| b.0.cmp(a.0)))
    }
}
