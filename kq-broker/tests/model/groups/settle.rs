//! What a run must come to when nothing more happens to it.

use std::collections::BTreeSet;

use kq_broker::group::{ConsumerState, GroupId, GroupState, KindState, PartitionSet, Shard};
use kq_broker::ids::{PartitionId, PartitionIndex};

use super::checks::Extent;
use super::client::Client;
use super::coordinator::Seat;
use super::world::World;

impl World {
    /// Every group has what it wants.
    pub(crate) fn verify_settled(&mut self) {
        // By now what was refused is written.
        if let Seat::At(it) = &mut self.seats[self.log.leader] {
            it.refused.clear();
        }
        self.compare(self.log.leader, Extent::All);
        let Seat::At(coordinator) = &self.seats[self.log.leader] else {
            self.checks.fail("GroupsSettle", "nobody coordinates".to_owned());
            return;
        };
        let groups: BTreeSet<_> = self.clients.iter().map(|it| it.group.clone()).collect();
        let unsettled = groups.into_iter().find_map(|it| self.unsettled(&coordinator.shard, &it));
        if let Some(what) = unsettled {
            self.checks.fail("GroupsSettle", what);
        }
    }

    /// What a group looks like, if it is not as its members want it.
    fn unsettled(&self, shard: &Shard, group: &GroupId) -> Option<String> {
        let alive = self.clients.iter().filter(|it| it.alive && it.group == *group);
        let alive: Vec<_> = alive.collect();
        if alive.is_empty() {
            return None;
        }
        let known = shard.survey(group);
        let is_stable = known.as_ref().is_some_and(|it| {
            let is_stable = matches!(
                it.state,
                KindState::Classic(GroupState::Stable) | KindState::Consumer(ConsumerState::Stable)
            );
            is_stable && it.member_count == alive.len()
        });
        let is_there = |it: &&Client| match shard.describe_consumer(group) {
            Some(group) => group.members.iter().any(|member| {
                Some(&member.member) == it.member()
                    && it.is_working(member.current.epoch.0)
                    && it.owned(self.shared) == member.current.assigned
            }),
            None => known.as_ref().is_some_and(|known| it.is_working(known.generation)),
        };
        let owned: Vec<_> = alive.iter().map(|it| it.owned(self.shared)).collect();
        let count: usize = owned.iter().map(PartitionSet::len).sum();
        let all = owned.into_iter().fold(PartitionSet::default(), |all, it| all.union(&it));
        let is_whole = all.len() == count && all == self.wanted(&alive);
        if is_stable && is_whole && alive.iter().all(is_there) {
            return None;
        }
        let views: Vec<_> = alive.iter().map(|it| it.shown()).collect();
        let consumers = shard.describe_consumer(group);
        Some(format!("{group}: {known:?}, {consumers:#?}, owned {all:?}, members {views:#?}"))
    }

    /// All partitions that members ask for.
    fn wanted(&self, members: &[&Client]) -> PartitionSet {
        let names: BTreeSet<&str> = members.iter().flat_map(|it| it.topics()).collect();
        let topics = names.into_iter().filter_map(|it| self.image.topic_by_name(it));
        let of = |it: &std::sync::Arc<kq_broker::metadata::TopicImage>| {
            let (topic, count) = (it.id, it.partition_count());
            (0..count).map(move |index| PartitionId { topic, index: PartitionIndex(index) })
        };
        topics.flat_map(of).collect()
    }
}
