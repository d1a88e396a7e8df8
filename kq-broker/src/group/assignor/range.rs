//! Range: each subscriber gets a run of neighbouring partitions. Topics with the same number of
//! partitions and the same subscribers are cut alike, so that records with the same key meet at one
//! member. Racks are not looked at.

use std::collections::BTreeMap;

use super::{Shares, Spec};
use crate::group::partitions::PartitionSet;
use crate::group::{InstanceId, MemberId};
use crate::ids::{PartitionId, PartitionIndex, TopicId};

/// Topics that are cut alike.
type Alike<'a> = BTreeMap<(Vec<&'a MemberId>, u32), Vec<TopicId>>;

pub(super) fn assign<'a>(spec: &Spec<'a>) -> Shares<'a> {
    let mut shares: Shares<'a> =
        spec.members.keys().map(|id| (*id, PartitionSet::default())).collect();
    for ((subscribers, partitions), topics) in alike(spec) {
        let mut order = subscribers;
        order.sort_by_cached_key(|id| place(spec, id, &topics));
        let runs = runs(partitions, order.len());
        for (id, run) in order.into_iter().zip(runs) {
            let Some(share) = shares.get_mut(id) else { continue };
            for topic in &topics {
                for index in run.clone() {
                    share.insert(PartitionId { topic: *topic, index: PartitionIndex(index) });
                }
            }
        }
    }
    shares
}

fn alike<'a>(spec: &Spec<'a>) -> Alike<'a> {
    let mut subscribers: BTreeMap<TopicId, Vec<&'a MemberId>> = BTreeMap::new();
    for (id, wish) in &spec.members {
        wish.topics.iter().for_each(|it| subscribers.entry(*it).or_default().push(id));
    }
    let mut alike: Alike<'a> = BTreeMap::new();
    for (topic, members) in subscribers {
        let partitions = spec.topics.get(&topic).map_or(0, |it| it.partitions);
        alike.entry((members, partitions)).or_default().push(topic);
    }
    alike
}

/// Static members by their names, the others in the order of the runs that they have: so one that
/// comes does not push itself in between.
fn place<'a>(
    spec: &Spec<'a>,
    id: &MemberId,
    topics: &[TopicId],
) -> (bool, Option<&'a InstanceId>, PartitionIndex, MemberId) {
    let last = PartitionIndex(u32::MAX);
    let Some(wish) = spec.members.get(id) else { return (true, None, last, id.clone()) };
    let first = |topic: &TopicId| wish.now.first_of(*topic).map(|it| it.index);
    let first = topics.iter().filter_map(first).min().unwrap_or(last);
    match wish.instance {
        Some(instance) => (false, Some(instance), PartitionIndex(0), id.clone()),
        None => (true, None, first, id.clone()),
    }
}

/// Runs that differ by one at most, the longer ones first.
fn runs(partitions: u32, members: usize) -> impl Iterator<Item = std::ops::Range<u32>> {
    let members = u32::try_from(members).unwrap_or(u32::MAX).max(1);
    let (quota, odd) = (partitions / members, partitions % members);
    (0..members).map(move |place| {
        let start = place * quota + place.min(odd);
        start..start + quota + u32::from(place < odd)
    })
}
