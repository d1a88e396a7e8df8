//! Members that are put out by an operator's change of offsets, and come back to what they had.
//!
//! ```text
//!   at an epoch --- put out ---> at the beginning, holding what it had --- it joins anew ---> at a later epoch
//!                                  whatever else it says is refused                           of the same share
//! ```
//! A client that hears that its epoch is fenced gives up all partitions without a commit and joins with
//! epoch 0, and asks for the committed offsets of what it is then given. Members keep their places and
//! shares meanwhile, so nothing is dealt anew, and nobody waits for the others. What a member held is
//! free when it is back, for who joins owns nothing, or when its session has ended.
//!
//! The classic protocol has no such word, and its joins do not tell whether a member has heard that it
//! is out. So there it is seen off with the first thing that it says, and joins under a new id. A static
//! member that is away reads nothing and stays so.

use super::ConsumerGroup;
use super::draft::{Decided, Draft, Env};
use super::member::{Current, Epoch, MemberState};
use crate::canary;
use crate::group::partitions::PartitionSet;
use crate::group::record::{Change, EpochRecord};
use crate::group::{GroupError, MemberId};

impl ConsumerGroup {
    /// Puts all members out, and says how many they are. Where nobody is at work nothing changes.
    pub(crate) fn expel(&self, env: Env<'_>) -> Result<(Decided, usize), GroupError> {
        let mut draft = Draft::of(self, env);
        let mut count = 0;
        for id in self.ledger.profiles.keys() {
            let current = self.ledger.current(id);
            if current.epoch != Epoch::AWAY && !canary::is("reset_keeps_members") {
                draft.put_back(id, &current);
                count += 1;
            }
        }
        if count > 0 {
            draft.fence_epochs()?;
        }
        Ok((draft.finish(), count))
    }

    /// Whether a member was put out and has not joined again.
    pub(super) fn is_out(&self, id: &MemberId) -> bool {
        self.has_member(id) && self.ledger.current(id).epoch == Epoch::JOINING
    }

    /// A classic member that was put out is heard of, and about to hear that it is none: none from now
    /// on. None for any other member.
    pub(crate) fn see_off(&self, id: &MemberId, env: Env<'_>) -> Option<Decided> {
        if !self.is_out(id) || self.speaks_consumer_protocol(id) {
            return None;
        }
        let mut draft = Draft::of(self, env);
        draft.remove(id);
        let hash = draft.hash();
        // Without another epoch what it had is dealt by the next change.
        draft.bump(hash).ok();
        Some(draft.finish())
    }
}

impl Draft<'_> {
    /// The member has to join again. Nobody else is given what it held before it is known to own
    /// nothing.
    fn put_back(&mut self, id: &MemberId, current: &Current) {
        let held: PartitionSet = current.held().collect();
        let Some(profile) = self.ledger.profiles.get(id).cloned() else { return };
        let session = self.soft.sessions.get(id).copied();
        self.soft.forget(id);
        if let Some(deadline) = session {
            self.soft.sessions.insert(id.clone(), deadline);
        }
        if held.is_empty() {
            return self.write(Change::Current(id.clone(), None));
        }
        let state = MemberState::UnrevokedPartitions;
        self.set_current(id, Current { state, revoking: held, ..Current::default() });
        if profile.classic.is_none() {
            let deadline = self.env.now.uptime + profile.rebalance_timeout;
            self.soft.revocations.insert(id.clone(), deadline);
        }
    }

    /// Members come back at an epoch that none of them was told before: the target is of a new one, its
    /// shares are as they were. One that was still to be dealt is behind the group as before.
    fn fence_epochs(&mut self) -> Result<(), GroupError> {
        if canary::is("fenced_at_same_epoch") {
            return Ok(());
        }
        // Of the topics that the target was dealt for: these may be others by now.
        let metadata_hash = self.ledger.metadata_hash();
        let is_dealt = self.ledger.target_epoch == self.ledger.epoch();
        let next = |it: Epoch| it.next().ok_or(GroupError::EpochsUsedUp);
        let target = next(self.ledger.epoch())?;
        let epoch = if is_dealt { target } else { next(target)? };
        self.write(Change::Epoch(Some(EpochRecord { epoch, metadata_hash })));
        self.write(Change::TargetEpoch(Some(target)));
        Ok(())
    }
}
