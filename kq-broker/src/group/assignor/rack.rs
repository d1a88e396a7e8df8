//! Racks: a member had better read from a replica next to it. Balance and staying put come first.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Shares, Spec};
use crate::group::MemberId;
use crate::group::partitions::PartitionSet;
use crate::ids::PartitionId;

/// Who is near to what.
pub(super) struct Racks<'s> {
    members: BTreeMap<&'s MemberId, &'s str>,
    spec: &'s Spec<'s>,
}

impl<'s> Racks<'s> {
    /// None where racks make no difference: nobody has one, or everything is near to everybody.
    pub(super) fn of(spec: &'s Spec<'_>) -> Option<Self> {
        let with_rack = spec.members.iter().filter_map(|(id, wish)| Some((*id, wish.rack?)));
        let members: BTreeMap<_, _> = with_rack.collect();
        let used: BTreeSet<&str> = members.values().copied().collect();
        let mut racks = spec.topics.values().flat_map(|it| &it.racks);
        let differs = racks.any(|of| used.iter().any(|it| !of.contains(*it)));
        differs.then_some(Self { members, spec })
    }

    fn racks(&self, partition: PartitionId) -> Option<&BTreeSet<Arc<str>>> {
        self.spec.topics.get(&partition.topic)?.racks.get(partition.index.position())
    }

    /// Whether a replica is where the member is.
    pub(super) fn is_near(&self, member: &MemberId, partition: PartitionId) -> bool {
        let rack = self.members.get(member);
        rack.is_some_and(|rack| self.racks(partition).is_some_and(|it| it.contains(*rack)))
    }

    /// How many partitions are near to those who have them.
    pub(super) fn matches(&self, shares: &Shares<'_>) -> usize {
        let near = |(id, share): (&&MemberId, &PartitionSet)| {
            share.iter().filter(|it| self.is_near(id, *it)).count()
        };
        shares.iter().map(near).sum()
    }

    /// As many of `had` as may be kept, those nearby first.
    pub(super) fn nearest(
        &self,
        member: &MemberId,
        had: &PartitionSet,
        bound: usize,
    ) -> PartitionSet {
        if had.len() <= bound {
            return had.clone();
        }
        let near = had.iter().filter(|it| self.is_near(member, *it));
        let far = had.iter().filter(|it| !self.is_near(member, *it));
        near.chain(far).take(bound).collect()
    }

    /// Deals to members that have room what is near to them, what the fewest could take first. The
    /// rest stays in `left`.
    pub(super) fn deal(
        &self,
        left: &mut Vec<PartitionId>,
        room: &mut BTreeMap<&MemberId, usize>,
        shares: &mut Shares<'_>,
    ) {
        let takers = |it: PartitionId, room: &BTreeMap<&MemberId, usize>| {
            room.iter().filter(|(id, free)| **free > 0 && self.is_near(id, it)).count()
        };
        let mut by_takers: Vec<(usize, PartitionId)> =
            left.iter().map(|it| (takers(*it, room), *it)).filter(|it| it.0 > 0).collect();
        by_takers.sort_unstable();
        let mut dealt = PartitionSet::default();
        for (_, partition) in by_takers {
            let near =
                room.iter_mut().filter(|(id, free)| **free > 0 && self.is_near(id, partition));
            // The one with the most room; of several the first by id.
            let best = near.max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(a.0)));
            let Some((id, free)) = best else { continue };
            *free -= 1;
            dealt.insert(partition);
            if let Some(share) = shares.get_mut(*id) {
                share.insert(partition);
            }
        }
        left.retain(|it| !dealt.contains(*it));
    }
}
