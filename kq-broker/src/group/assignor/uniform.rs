//! Uniform, where all members subscribe to the same topics: everybody gets the same number of
//! partitions, give or take one, and keeps what it had as far as that goes.

use std::collections::BTreeMap;

use super::rack::Racks;
use super::{Shares, Spec};
use crate::group::MemberId;
use crate::group::partitions::PartitionSet;
use crate::ids::PartitionId;

pub(super) fn assign<'a>(spec: &Spec<'a>) -> Shares<'a> {
    let plain = deal(spec, None);
    let Some(racks) = Racks::of(spec) else { return plain };
    let near = deal(spec, Some(&racks));
    // Scarcest first is a good way to deal, not always the best.
    if racks.matches(&near) < racks.matches(&plain) { plain } else { near }
}

fn deal<'a>(spec: &Spec<'a>, racks: Option<&Racks<'_>>) -> Shares<'a> {
    let topics = spec.members.values().next().map(|it| &it.topics);
    let all = || topics.into_iter().flatten().flat_map(|it| spec.partitions(*it));
    let kept = spec.kept();
    let bounds = bounds(&kept, all().count());
    let mut shares: Shares<'a> = BTreeMap::new();
    let mut taken = PartitionSet::default();
    for ((id, _), (had, bound)) in spec.members.iter().zip(kept.values().zip(&bounds)) {
        let share: PartitionSet = match racks {
            None => had.iter().take(*bound).collect(),
            Some(racks) => racks.nearest(id, had, *bound),
        };
        taken = taken.union(&share);
        shares.insert(*id, share);
    }
    let mut left: Vec<PartitionId> = all().filter(|it| !taken.contains(*it)).collect();
    let mut room: BTreeMap<&MemberId, usize> = BTreeMap::new();
    for ((id, share), bound) in shares.iter().zip(&bounds) {
        room.insert(*id, bound.saturating_sub(share.len()));
    }
    if let Some(racks) = racks {
        racks.deal(&mut left, &mut room, &mut shares);
    }
    deal_round(left, room, &mut shares);
    shares
}

/// How many each member may have, in the order of ids. The odd ones go to those who hold more
/// already, so that nothing moves for them, and then by id.
fn bounds(kept: &Shares<'_>, partitions: usize) -> Vec<usize> {
    let quota = partitions.checked_div(kept.len()).unwrap_or(0);
    let mut odd = partitions.checked_rem(kept.len()).unwrap_or(0);
    let mut bounds = vec![quota; kept.len()];
    for wants_more in [true, false] {
        for (bound, had) in bounds.iter_mut().zip(kept.values()) {
            if odd > 0 && *bound == quota && (quota < had.len()) == wants_more {
                *bound += 1;
                odd -= 1;
            }
        }
    }
    bounds
}

/// One to each member that has room, around and around.
fn deal_round(left: Vec<PartitionId>, room: BTreeMap<&MemberId, usize>, shares: &mut Shares<'_>) {
    let mut room: Vec<(&MemberId, usize)> = room.into_iter().filter(|it| it.1 > 0).collect();
    let mut left = left.into_iter();
    while !room.is_empty() {
        for (id, free) in &mut room {
            let Some(partition) = left.next() else { return };
            if let Some(share) = shares.get_mut(*id) {
                share.insert(partition);
            }
            *free -= 1;
        }
        room.retain(|it| it.1 > 0);
    }
}
