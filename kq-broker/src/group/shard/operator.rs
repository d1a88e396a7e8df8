//! An operator's hand on a group: its members share anew, or some of them are put out. What concerns
//! its offsets stands in `drop_group` and `reset`.

use std::collections::BTreeSet;

use super::Shard;
use crate::group::classic::Group;
use crate::group::consumer::{ConsumerGroup, Decided};
use crate::group::operate::{Act, Chosen, Operate, OperateRefused, Operated, Unknown};
use crate::group::{
    GroupError, GroupId, InstanceId, MemberId, MemberSurvey, Now, Output, Reply, ReplyTo,
};

/// Members that are put out in one step at most: what is written of them is one batch.
const PUT_OUT_MAX: usize = 1_000;

/// How a request is to be answered, and whether anything is to change.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) now: Now,
    pub(super) reply: ReplyTo,
    pub(super) validate_only: bool,
}

impl Shard {
    pub(super) fn on_operate(&mut self, operate: Operate, now: Now, out: &mut Vec<Output>) {
        let Operate { group, act, validate_only, reply } = operate;
        let asked = Asked { now, reply, validate_only };
        let result = if group.as_str().is_empty() {
            Err(GroupError::InvalidGroupId)
        } else if !self.groups.contains_key(&group) {
            Err(GroupError::GroupNotFound)
        } else {
            match act {
                Act::Delete { plan, reason } => {
                    return self.drop_for_operator(&group, (plan, reason), asked, out);
                }
                Act::Rebalance => self.rebalance(&group, asked, out),
                Act::Remove(chosen) => Ok(self.put_out(&group, &chosen, asked, out)),
            }
        };
        let result = result.map_err(OperateRefused::Group);
        if validate_only {
            out.push(Output::Reply(reply, Reply::Operated(result)));
        } else {
            self.answer_operator(&group, reply, result, out);
        }
    }

    /// A consumer group is what its log says, so nobody learns what is not committed. A classic one is
    /// not: what happens between two generations is never written.
    fn answer_operator(
        &mut self,
        id: &GroupId,
        reply: ReplyTo,
        result: Result<Operated, OperateRefused>,
        out: &mut Vec<Output>,
    ) {
        let answer = Reply::Operated(result);
        if self.is_consumer_group(id) {
            self.answer_behind(id, reply, answer, out);
        } else {
            out.push(Output::Reply(reply, answer));
        }
    }

    /// Calls members of a classic group to join again; deals anew in a consumer group, to which they
    /// come one by one.
    fn rebalance(
        &mut self,
        id: &GroupId,
        asked: Asked,
        out: &mut Vec<Output>,
    ) -> Result<Operated, GroupError> {
        let before = self.survey(id).ok_or(GroupError::GroupNotFound)?;
        let under_way = !before.state.is_empty();
        let done = Operated::Rebalanced { before: Box::new(before), under_way, is_thin: false };
        if asked.validate_only || !under_way {
            return Ok(done);
        }
        match self.decide(id, asked.now, ConsumerGroup::deal_anew) {
            Some(decided) => self.carry_out(id, decided?, Vec::new(), (asked.now, out)),
            None => self.with_group(id, asked.now, out, Group::call_everybody),
        }
        Ok(done)
    }

    /// Puts members out as if their sessions had ended.
    fn put_out(
        &mut self,
        id: &GroupId,
        chosen: &Chosen,
        asked: Asked,
        out: &mut Vec<Output>,
    ) -> Operated {
        let all = self.survey_members(id, asked.now);
        let unknown = chosen.unknown_among(&all);
        let mut members: Vec<_> = all.into_iter().filter(|it| chosen.names(it)).collect();
        let left = members.len().saturating_sub(PUT_OUT_MAX);
        members.truncate(PUT_OUT_MAX);
        if !asked.validate_only && !members.is_empty() {
            let ids: Vec<MemberId> = members.iter().map(|it| it.member.clone()).collect();
            self.remove_members(id, &ids, asked.now, out);
        }
        Operated::Removed { members, unknown, left, is_thin: false }
    }

    fn remove_members(
        &mut self,
        id: &GroupId,
        members: &[MemberId],
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let decided: Option<Decided> = self.decide(id, now, |it, env| it.put_out(members, env));
        match decided {
            Some(decided) => self.carry_out(id, decided, Vec::new(), (now, out)),
            None => self.with_group(id, now, out, |it, step| it.put_out(members, step)),
        }
    }
}

impl Chosen {
    fn names(&self, member: &MemberSurvey) -> bool {
        let is_silent = self.silent.is_some_and(|it| it.is_kept_by(member));
        let has_instance =
            || member.instance.as_ref().is_some_and(|it| self.instances.contains(it));
        is_silent || self.members.contains(&member.member) || has_instance()
    }

    fn unknown_among(&self, all: &[MemberSurvey]) -> Unknown {
        let ids: BTreeSet<&MemberId> = all.iter().map(|it| &it.member).collect();
        let instances: BTreeSet<&InstanceId> =
            all.iter().filter_map(|it| it.instance.as_ref()).collect();
        let members = self.members.iter().filter(|it| !ids.contains(it));
        let strangers = self.instances.iter().filter(|it| !instances.contains(it));
        Unknown { members: members.cloned().collect(), instances: strangers.cloned().collect() }
    }
}
