//! Requests of the classic protocol that come to a consumer group.

use super::Shard;
use super::written::Continuation;
use crate::group::kind::Kind;
use crate::group::{
    GroupError, GroupId, Heartbeat, JoinGroup, LeaveGroup, MemberId, Now, Output, Reply, SyncGroup,
};

impl Shard {
    pub(super) fn is_consumer_group(&self, id: &GroupId) -> bool {
        matches!(self.groups.get(id).map(|it| &it.kind), Some(Kind::Consumer(_)))
    }

    /// A consumer group without members makes room for a classic one; in another one it is a member
    /// like others.
    pub(super) fn join_consumer_group(&mut self, join: JoinGroup, now: Now, out: &mut Vec<Output>) {
        let (id, reply) = (join.group.clone(), join.reply);
        let is_empty = self.decide(&id, now, |group, _| group.is_empty()).unwrap_or(false);
        if is_empty && join.member.is_none() {
            let tombstones = self.groups.get(&id).map(|it| it.kind.tombstones(&id));
            let then = Continuation::MadeRoom { join: Some(Box::new(join)) };
            return self.write(&id, tombstones.unwrap_or_default(), then, out);
        }
        if join.member.as_ref().is_some_and(|it| self.see_off(&id, it, now, out)) {
            let refused =
                Reply::JoinRefused { error: GroupError::UnknownMember, member: join.member };
            return self.answer_behind(&id, reply, refused, out);
        }
        let result = match self.check_session(&join) {
            Ok(()) => self.decide(&id, now, |group, env| group.on_classic_join(&join, env)),
            Err(error) => Some(Err(error)),
        };
        let answer = match result.unwrap_or(Err(GroupError::UnknownMember)) {
            Ok((decided, joined)) => {
                self.carry_out(&id, decided, Vec::new(), (now, &mut *out));
                self.arm(&id);
                Reply::Joined(joined)
            }
            Err(error) => {
                let is_sent_back = error == GroupError::MemberIdRequired;
                let fresh = is_sent_back.then_some(join.fresh_member);
                Reply::JoinRefused { error, member: join.member.or(fresh) }
            }
        };
        self.answer_behind(&id, reply, answer, out);
    }

    /// A member that was put out speaks: whether it is to hear that it is none.
    pub(super) fn see_off(
        &mut self,
        id: &GroupId,
        member: &MemberId,
        now: Now,
        out: &mut Vec<Output>,
    ) -> bool {
        let decided = self.decide(id, now, |it, env| it.see_off(member, env)).flatten();
        let is_out = decided.is_some();
        if let Some(decided) = decided {
            self.carry_out(id, decided, Vec::new(), (now, out));
        }
        is_out
    }

    /// A member that was called to join, or has to sync, is given a time.
    fn arm(&mut self, id: &GroupId) {
        let deadline = self.groups.get(id).and_then(|it| it.kind.deadline());
        self.deadlines.arm(id, deadline);
    }

    fn check_session(&self, join: &JoinGroup) -> Result<(), GroupError> {
        let (min, max) = (self.config.session_timeout_min, self.config.session_timeout_max);
        let given = join.session_timeout;
        let fits = (min..=max).contains(&given);
        if fits { Ok(()) } else { Err(GroupError::InvalidSessionTimeout { given, min, max }) }
    }

    pub(super) fn sync_consumer_group(
        &mut self,
        sync: &SyncGroup,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let id = &sync.caller.group;
        if self.see_off(id, &sync.caller.member, now, out) {
            let refused = Reply::Synced(Err(GroupError::UnknownMember));
            return self.answer_behind(id, sync.reply, refused, out);
        }
        let Some((decided, result)) = self.decide(id, now, |it, env| it.on_classic_sync(sync, env))
        else {
            return;
        };
        self.carry_out(id, decided, Vec::new(), (now, &mut *out));
        self.arm(id);
        self.answer_behind(id, sync.reply, Reply::Synced(result), out);
    }

    pub(super) fn beat_consumer_group(
        &mut self,
        beat: &Heartbeat,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let id = &beat.caller.group;
        if self.see_off(id, &beat.caller.member, now, out) {
            let refused = Reply::Heartbeat(Err(GroupError::UnknownMember));
            return self.answer_behind(id, beat.reply, refused, out);
        }
        let decided = self.decide(id, now, |it, env| it.on_classic_heartbeat(beat, env));
        let Some((decided, result)) = decided else { return };
        self.carry_out(id, decided, Vec::new(), (now, &mut *out));
        if result.is_err() {
            self.arm(id);
        }
        self.answer_behind(id, beat.reply, Reply::Heartbeat(result), out);
    }

    pub(super) fn leave_consumer_group(
        &mut self,
        leave: LeaveGroup,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let LeaveGroup { group: id, members, reply } = leave;
        let decided = self.decide(&id, now, |it, env| it.on_classic_leave(members, env));
        let Some((decided, results)) = decided else { return };
        self.carry_out(&id, decided, Vec::new(), (now, &mut *out));
        self.answer_behind(&id, reply, Reply::Left(results), out);
    }
}
