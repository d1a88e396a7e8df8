//! One member's next step towards its target share.
//!
//! ```text
//!  Stable ------------ the target moved on -----------.
//!    ^                                                v
//!    | all of the share      keep: what it has and is to have;  revoke: what it has and is not to have
//!    |                               | revoke, and it owns some,   | nothing to revoke
//!    |                               | or did not say              v
//!    |                               v                    epoch: the target's; it gets what is free
//!    |                       UnrevokedPartitions            some is not free: UnreleasedPartitions
//!    |                         its epoch stays                     |
//!    '-------------------------+-----------------------------------'  tried again with each beat
//!          it owns none of it  |
//! ```
//! What carries the promise that a partition has one owner: it is free only when nobody holds it as
//! assigned or as not yet given back, and it counts as given back only when its owner told so.

use super::member::{Current, Epoch, MemberState};
use crate::canary;
use crate::group::partitions::PartitionSet;
use crate::ids::PartitionId;

/// What a member is to have, and of which epoch that is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal<'a> {
    pub(super) epoch: Epoch,
    pub(super) share: &'a PartitionSet,
}

/// The member's next place; none where it stays. `owned` is what it told to own, none if it did not
/// say.
pub(super) fn reconcile(
    member: &Current,
    goal: Goal<'_>,
    owned: Option<&PartitionSet>,
    is_free: impl Fn(PartitionId) -> bool,
) -> Option<Current> {
    let told_all = owned.is_some() || canary::is("revocation_taken_for_told");
    let owns = |set: &PartitionSet| !told_all || owned.is_some_and(|it| it.overlaps(set));
    let epoch = match member.state {
        MemberState::Stable if member.epoch == goal.epoch => return None,
        MemberState::UnrevokedPartitions if owns(&member.revoking) => return None,
        // It did what that epoch asked of it. The target is further on, or it would not be asked.
        MemberState::UnrevokedPartitions => member.epoch.next()?,
        MemberState::Stable | MemberState::UnreleasedPartitions | MemberState::Unknown => {
            member.epoch
        }
    };
    let keep = member.assigned.intersection(goal.share);
    let revoke = member.assigned.difference(goal.share);
    let next = if !revoke.is_empty() && owns(&revoke) {
        let state = MemberState::UnrevokedPartitions;
        Current { state, assigned: keep, revoking: revoke, ..member.at(epoch) }
    } else {
        let want = goal.share.difference(&keep);
        let get = want.filter(|it| is_free(it) || canary::is("unreleased_handed_out"));
        let state = if get.len() < want.len() {
            MemberState::UnreleasedPartitions
        } else {
            MemberState::Stable
        };
        let assigned = keep.union(&get);
        Current { state, assigned, revoking: PartitionSet::default(), ..member.at(goal.epoch) }
    };
    (next != *member).then_some(next)
}

#[cfg(test)]
#[path = "reconcile_test.rs"]
mod tests;
