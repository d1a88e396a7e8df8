//! Members that are put out by an operator's change of offsets, and how they come back: in one
//! rebalance.
//!
//! Each is told at its next word that it is no member, and joins anew. The generation waits for as
//! many as were put out: for each until its session would have ended, or, once it was told, as long
//! as it may take to come back.

use std::sync::Arc;
use std::time::Duration;

use super::{Group, GroupState, Joining, Step};
use crate::canary;
use crate::group::member::Member;
use crate::group::record::GroupRecord;
use crate::group::{GroupError, InstanceId, JoinGroup, LeavingMember, MemberId, Reply};

/// A member that was put out, and is expected back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Absent {
    member: MemberId,
    instance: Option<InstanceId>,
    client_id: Arc<str>,
    client_host: Arc<str>,
    /// How long it may take to come back once it was told.
    patience: Duration,
    is_told: bool,
    /// Until then it is waited for.
    pub(super) deadline: Duration,
}

impl Absent {
    fn of(member: &Member) -> Self {
        Self {
            member: member.id.clone(),
            instance: member.instance.clone(),
            client_id: Arc::clone(&member.client_id),
            client_host: Arc::clone(&member.client_host),
            patience: member.rebalance_timeout.min(member.session_timeout),
            is_told: false,
            deadline: member.session_deadline,
        }
    }

    fn tell(&mut self, now: Duration) {
        self.is_told = true;
        self.deadline = self.deadline.max(now + self.patience);
    }

    /// How well a member that comes fits; none if it is surely not this one.
    fn fit(&self, join: &JoinGroup) -> Option<(bool, bool)> {
        if self.instance.is_some() || join.instance.is_some() {
            return (self.instance == join.instance).then_some((true, true));
        }
        let is_like = self.client_id == join.client_id && self.client_host == join.client_host;
        (is_like || self.is_told).then_some((is_like, self.is_told))
    }
}

impl Group {
    /// The group as it is written down when its members are put out: of the same generation.
    pub(crate) fn to_expelled_record(&self) -> GroupRecord {
        GroupRecord { protocol: None, leader: None, members: Vec::new(), ..self.to_record() }
    }

    /// Puts all members out, and waits for them to come back. Says how many they are.
    pub(crate) fn expel(&mut self, step: &mut Step<'_>) -> usize {
        if canary::is("reset_keeps_members") {
            self.prepare_rebalance(step);
            return self.members.len();
        }
        if self.members.is_empty() {
            return 0;
        }
        let now = step.now.uptime;
        let earlier = self.joining.take().map(|it| it.absent);
        let mut absent = earlier.unwrap_or_default();
        let members = std::mem::take(&mut self.members);
        let count = members.len();
        for member in members.into_values() {
            let mut it = Absent::of(&member);
            if put_out(member, step) {
                it.tell(now);
            }
            absent.push(it);
        }
        self.statics.clear();
        self.leader = None;
        self.protocol = None;
        self.proposed = None;
        self.sync_deadline = None;
        self.set_state(GroupState::PreparingRebalance, step.now);
        let deadline = latest(&absent).unwrap_or(now);
        self.joining = Some(Joining { deadline, initial: None, has_newcomer: false, absent });
        self.assert_invariants();
        count
    }

    /// One that was put out is heard of: it lives, and is about to hear that it is no member.
    pub(super) fn heard_of(&mut self, member: &MemberId, step: &Step<'_>) {
        let Some(joining) = &mut self.joining else { return };
        let Some(it) = joining.absent.iter_mut().find(|it| it.member == *member) else { return };
        it.tell(step.now.uptime);
        joining.deadline = latest(&joining.absent).unwrap_or(joining.deadline);
    }

    /// Someone comes who may be one of those that were put out.
    pub(super) fn welcome(&mut self, join: &JoinGroup, step: &Step<'_>) {
        let Some(joining) = &mut self.joining else { return };
        let fits = joining.absent.iter().enumerate();
        let fits = fits.filter_map(|(at, it)| Some((it.fit(join)?, std::cmp::Reverse(at))));
        if let Some((_, std::cmp::Reverse(at))) = fits.max() {
            joining.absent.remove(at);
            self.wait_for_rest(step);
        }
    }

    /// One that was put out says that it will not come back.
    pub(super) fn wait_no_more_for(&mut self, leaving: &LeavingMember, step: &mut Step<'_>) {
        let Some(joining) = &mut self.joining else { return };
        let before = joining.absent.len();
        let is_it = |it: &Absent| {
            let by_instance = leaving.instance.is_some() && leaving.instance == it.instance;
            leaving.member == it.member || (by_instance && leaving.member.as_str().is_empty())
        };
        joining.absent.retain(|it| !is_it(it));
        if joining.absent.len() != before {
            self.wait_for_rest(step);
            self.try_complete_join(step);
        }
    }

    /// Nobody of those that are left will come.
    pub(super) fn wait_for_none(&mut self, step: &mut Step<'_>) {
        if let Some(joining) = &mut self.joining {
            joining.absent.clear();
        }
        self.wait_for_rest(step);
        self.try_complete_join(step);
    }

    /// How long the phase lasts now: for those who are still absent, or else for ids that were
    /// handed out.
    fn wait_for_rest(&mut self, step: &Step<'_>) {
        let rest = step.now.uptime + self.rebalance_timeout();
        let handed_out = self.pending.values().copied().max().unwrap_or(rest);
        let Some(joining) = &mut self.joining else { return };
        joining.deadline = latest(&joining.absent).unwrap_or(rest.max(handed_out));
    }
}

fn latest(absent: &[Absent]) -> Option<Duration> {
    absent.iter().map(|it| it.deadline).max()
}

/// Tells a member that waits for an answer; whether it did.
fn put_out(member: Member, step: &mut Step<'_>) -> bool {
    let (error, id) = (GroupError::UnknownMember, member.id);
    let waits = member.waiting_join.is_some() || member.waiting_sync.is_some();
    if let Some(reply) = member.waiting_join {
        step.reply(reply, Reply::JoinRefused { error: error.clone(), member: Some(id) });
    }
    if let Some(reply) = member.waiting_sync {
        step.reply(reply, Reply::Synced(Err(error)));
    }
    waits
}
