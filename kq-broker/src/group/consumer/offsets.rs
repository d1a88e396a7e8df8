//! Who may commit and fetch offsets of a consumer group.

use super::{ConsumerGroup, Epoch};
use crate::canary;
use crate::group::{Caller, GroupError, MemberId};

impl ConsumerGroup {
    /// Whether the caller may commit: a member at its epoch, or anyone while nobody is in.
    pub(crate) fn check_commit(&self, caller: &Caller) -> Result<(), GroupError> {
        if caller.generation < 0 && caller.member.as_str().is_empty() && self.is_empty() {
            return Ok(());
        }
        let checked = self.check_epoch(&caller.member, caller.generation);
        // A client that hears of a stale epoch commits the same again at its next one.
        let is_out = self.is_out(&caller.member);
        checked.map_err(|err| if is_out { GroupError::UnknownMember } else { err })
    }

    /// Whether somebody may read the offsets. Who does not claim to be a member may.
    pub(crate) fn check_fetch(&self, member: &MemberId, epoch: i32) -> Result<(), GroupError> {
        if epoch < 0 && member.as_str().is_empty() {
            return Ok(());
        }
        self.check_epoch(member, epoch)
    }

    fn check_epoch(&self, member: &MemberId, given: i32) -> Result<(), GroupError> {
        let profile = self.ledger.profiles.get(member).ok_or(GroupError::UnknownMember)?;
        if Epoch(given) == self.ledger.current(member).epoch || canary::is("commit_unfenced") {
            return Ok(());
        }
        Err(match profile.classic {
            Some(_) => GroupError::IllegalGeneration { given },
            None => GroupError::StaleMemberEpoch { given },
        })
    }
}
