//! How members go: by saying so, by falling silent, or by not coming back in time.

use super::{Group, GroupState, MemberId, Step};
use crate::group::{GroupError, LeavingMember, Reply};

impl Group {
    /// A member leaves by either of its names.
    pub(crate) fn on_leave(
        &mut self,
        leaving: &LeavingMember,
        step: &mut Step<'_>,
    ) -> Result<(), GroupError> {
        self.wait_no_more_for(leaving, step);
        let result = self.leaving_member(leaving).map(|id| {
            if self.pending.remove(&id).is_none() {
                self.remove(&id, step);
            }
            self.after_departure(step);
        });
        self.assert_invariants();
        result
    }

    fn leaving_member(&self, leaving: &LeavingMember) -> Result<MemberId, GroupError> {
        if let (Some(instance), true) = (&leaving.instance, leaving.member.as_str().is_empty()) {
            return self.statics.get(instance).cloned().ok_or(GroupError::UnknownMember);
        }
        // An id that was handed out and not used has no instance.
        if leaving.instance.is_none() && self.pending.contains_key(&leaving.member) {
            return Ok(leaving.member.clone());
        }
        self.resolve(&leaving.member, leaving.instance.as_ref())
    }

    pub(super) fn expire_sessions(&mut self, step: &mut Step<'_>) {
        let now = step.now.uptime;
        let expired = self.members.values().filter(|it| it.is_expired(now));
        let expired: Vec<MemberId> = expired.map(|it| it.id.clone()).collect();
        self.remove_all(&expired, step);
    }

    /// Members that joined the generation but never asked for their share are put out.
    pub(super) fn expire_syncs(&mut self, step: &mut Step<'_>) {
        let due = self.sync_deadline.is_some_and(|it| it <= step.now.uptime);
        if !due {
            return;
        }
        self.sync_deadline = None;
        let silent = self.members.values().filter(|it| it.waiting_sync.is_none());
        let silent: Vec<MemberId> = silent.map(|it| it.id.clone()).collect();
        self.remove_all(&silent, step);
    }

    pub(super) fn expire_pending(&mut self, step: &mut Step<'_>) {
        let now = step.now.uptime;
        let before = self.pending.len();
        self.pending.retain(|_, deadline| now < *deadline);
        if self.pending.len() != before {
            self.try_complete_join(step);
        }
    }

    pub(super) fn remove_all(&mut self, ids: &[MemberId], step: &mut Step<'_>) {
        for id in ids {
            self.remove(id, step);
        }
        if !ids.is_empty() {
            self.after_departure(step);
        }
    }

    fn remove(&mut self, id: &MemberId, step: &mut Step<'_>) {
        let Some(member) = self.members.remove(id) else { return };
        if let Some(instance) = &member.instance {
            self.statics.remove(instance);
        }
        if self.leader.as_ref() == Some(id) {
            self.leader = self.members.keys().next().cloned();
        }
        let error = GroupError::UnknownMember;
        if let Some(reply) = member.waiting_join {
            let refused = Reply::JoinRefused { error: error.clone(), member: Some(id.clone()) };
            step.reply(reply, refused);
        }
        if let Some(reply) = member.waiting_sync {
            step.reply(reply, Reply::Synced(Err(error)));
        }
    }

    /// The others take over what is left behind.
    fn after_departure(&mut self, step: &mut Step<'_>) {
        match self.state {
            GroupState::Empty => {}
            GroupState::CompletingRebalance | GroupState::Stable => {
                self.prepare_rebalance(step);
                self.try_complete_join(step);
            }
            GroupState::PreparingRebalance => {
                if self.members.is_empty() && self.pending.is_empty() {
                    self.gather_no_more();
                }
                self.try_complete_join(step);
            }
        }
    }

    /// Nobody is left to wait for.
    fn gather_no_more(&mut self) {
        if let Some(joining) = &mut self.joining {
            joining.initial = None;
        }
    }
}
