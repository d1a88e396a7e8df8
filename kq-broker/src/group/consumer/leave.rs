//! How members go: by saying so, by falling silent, or by not giving partitions back in time.

use std::collections::BTreeSet;

use super::ConsumerGroup;
use super::draft::{Decided, Draft, Env};
use super::member::{Current, Epoch, MemberState};
use crate::canary;
use crate::group::partitions::PartitionSet;
use crate::group::{Beat, ConsumerHeartbeat, GroupError, MemberId};

/// Members that go in one step at most: their tombstones are one batch.
const PUT_OUT_MAX: usize = 1_000;

impl ConsumerGroup {
    /// A member leaves for good.
    pub(super) fn leave(
        &self,
        beat: &ConsumerHeartbeat,
        env: Env<'_>,
    ) -> Result<(Decided, Beat), GroupError> {
        self.check_leaving(beat)?;
        let mut draft = Draft::of(self, env);
        draft.remove(&beat.member);
        if !canary::is("epoch_bump_forgotten") {
            let hash = draft.hash();
            draft.bump(hash)?;
        }
        Ok((draft.finish(), Beat::farewell(&beat.member, Epoch::GONE)))
    }

    /// A static member leaves and will be back: what it has stays its own until its session ends.
    pub(super) fn leave_for_a_while(
        &self,
        beat: &ConsumerHeartbeat,
        env: Env<'_>,
    ) -> Result<(Decided, Beat), GroupError> {
        self.check_leaving(beat)?;
        let mut draft = Draft::of(self, env);
        let current = draft.ledger.current(&beat.member);
        let away = Current {
            state: MemberState::Stable,
            revoking: PartitionSet::default(),
            ..current.at(Epoch::AWAY)
        };
        draft.set_current(&beat.member, away);
        draft.soft.revocations.remove(&beat.member);
        Ok((draft.finish(), Beat::farewell(&beat.member, Epoch::AWAY)))
    }

    fn check_leaving(&self, beat: &ConsumerHeartbeat) -> Result<(), GroupError> {
        if let Some(instance) = &beat.instance {
            let holder = self.ledger.statics.get(instance).ok_or(GroupError::UnknownMember)?;
            if *holder != beat.member {
                return Err(GroupError::FencedInstance);
            }
        }
        if self.has_member(&beat.member) { Ok(()) } else { Err(GroupError::UnknownMember) }
    }

    /// Takes those out whose time is up; none where nobody's is.
    pub(crate) fn on_tick(&self, env: Env<'_>) -> Option<Decided> {
        let now = env.now.uptime;
        let deadlines = self.soft.deadlines();
        let due: BTreeSet<&MemberId> =
            deadlines.filter(|(_, at)| **at <= now).map(|(id, _)| id).take(PUT_OUT_MAX).collect();
        if due.is_empty() || now < self.soft.put_off_until {
            return None;
        }
        let mut draft = Draft::of(self, env);
        for id in due {
            draft.remove(id);
        }
        let hash = draft.hash();
        // Without another epoch the others keep what they have; nobody waits for an answer here.
        draft.bump(hash).ok();
        Some(draft.finish())
    }
}
