//! The joining phase: how it begins, how long it lasts, and what comes out of it.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Group, GroupState, Joining, Member, MemberId, Step, Store};
use crate::group::{GroupError, Reply};

impl Group {
    /// The first member of an empty group: others are likely on their way, so wait for them.
    pub(super) fn begin_first_rebalance(&mut self, step: &mut Step<'_>) {
        let whole = self.rebalance_timeout();
        let delay = step.config.initial_rebalance_delay.min(whole);
        self.set_state(GroupState::PreparingRebalance, step.now);
        self.joining = Some(Joining {
            deadline: step.now.uptime + delay,
            initial: (!delay.is_zero()).then(|| whole.saturating_sub(delay)),
            has_newcomer: false,
            absent: Vec::new(),
        });
    }

    /// More members than a group may have now were written down: those that join first stay.
    pub(crate) fn shrink(&mut self, step: &mut Step<'_>) {
        if step.config.members_max < self.members.len() {
            self.prepare_rebalance(step);
        }
        self.assert_invariants();
    }

    /// Calls every member to join a new generation, unless that is under way already.
    pub(super) fn prepare_rebalance(&mut self, step: &mut Step<'_>) {
        if self.state == GroupState::PreparingRebalance {
            return;
        }
        self.answer_syncs(Err(GroupError::RebalanceInProgress), step);
        for member in self.members.values_mut() {
            member.assignment.clear();
        }
        self.proposed = None;
        self.sync_deadline = None;
        self.set_state(GroupState::PreparingRebalance, step.now);
        self.joining = Some(Joining {
            deadline: step.now.uptime + self.rebalance_timeout(),
            initial: None,
            has_newcomer: false,
            absent: Vec::new(),
        });
    }

    /// Calls the members of a group that spoke another protocol before.
    pub(crate) fn call_everybody(&mut self, step: &mut Step<'_>) {
        self.prepare_rebalance(step);
        self.assert_invariants();
    }

    /// Calls the members of a generation that nobody has dealt: its coordinator went before it could
    /// call them.
    pub(crate) fn call_who_has_no_leader(&mut self, step: &mut Step<'_>) {
        if self.state == GroupState::Stable && self.leader.is_none() {
            self.call_everybody(step);
        }
    }

    /// Someone came while the generation forms; the first rebalance waits a little longer for it.
    pub(super) fn newcomer(&mut self, _step: &Step<'_>) {
        if let Some(joining) = &mut self.joining {
            joining.has_newcomer = true;
        }
    }

    /// Ends the joining phase early once everybody is there.
    pub(super) fn try_complete_join(&mut self, step: &mut Step<'_>) {
        let gathers = |it: &Joining| it.initial.is_some() || !it.absent.is_empty();
        let gathering = self.joining.as_ref().is_none_or(gathers);
        let all_joined = self.members.values().all(|it| it.waiting_join.is_some());
        if !gathering && all_joined && self.pending.is_empty() {
            self.complete_join(step);
        }
    }

    /// Ends the joining phase when its time is up.
    pub(super) fn expire_joining(&mut self, step: &mut Step<'_>) {
        let now = step.now.uptime;
        let delay = step.config.initial_rebalance_delay;
        let Some(joining) = &mut self.joining else { return };
        if now < joining.deadline {
            return;
        }
        if !joining.absent.is_empty() {
            self.wait_for_none(step);
            return;
        }
        match joining.initial {
            Some(left) if joining.has_newcomer && !left.is_zero() => {
                let delay = delay.min(left);
                joining.deadline = now + delay;
                joining.initial = Some(left.saturating_sub(delay));
                joining.has_newcomer = false;
            }
            _ => self.complete_join(step),
        }
    }

    fn complete_join(&mut self, step: &mut Step<'_>) {
        self.drop_absent_dynamic_members();
        let someone_joined = self.members.values().any(|it| it.waiting_join.is_some());
        if !self.members.is_empty() && !someone_joined {
            // Only static members that are away: keep their places until their sessions end.
            let deadline = step.now.uptime + self.rebalance_timeout();
            let absent = Vec::new();
            self.joining = Some(Joining { deadline, initial: None, has_newcomer: false, absent });
            return;
        }
        self.joining = None;
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        if self.members.is_empty() {
            self.become_empty(step);
            return;
        }
        self.elect_leader();
        self.protocol = self.vote().map(Into::into);
        self.set_state(GroupState::CompletingRebalance, step.now);
        self.sync_deadline = Some(step.now.uptime + self.rebalance_timeout());
        self.answer_joins(step);
    }

    fn become_empty(&mut self, step: &mut Step<'_>) {
        self.protocol = None;
        self.leader = None;
        self.set_state(GroupState::Empty, step.now);
        step.store = Some(Store::Emptied);
    }

    fn drop_absent_dynamic_members(&mut self) {
        self.members.retain(|_, it| it.waiting_join.is_some() || it.instance.is_some());
    }

    /// Keeps the leader if it has joined, else takes the first member that has.
    fn elect_leader(&mut self) {
        let has_joined = |it: &Member| it.waiting_join.is_some();
        let current = self.leader.as_ref().and_then(|it| self.members.get(it));
        if !current.is_some_and(has_joined) {
            self.leader = self.members.values().find(|it| has_joined(it)).map(|it| it.id.clone());
        }
    }

    /// The protocol with most votes; among equals the one that comes first in the alphabet.
    fn vote(&self) -> Option<&str> {
        let candidates = self.common_protocols();
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for choice in self.members.values().filter_map(|it| it.vote(&candidates)) {
            *votes.entry(choice).or_default() += 1;
        }
        votes.into_iter().rev().max_by_key(|(_, count)| *count).map(|(name, _)| name)
    }

    fn answer_joins(&mut self, step: &mut Step<'_>) {
        let ids: Vec<MemberId> = self.members.keys().cloned().collect();
        for id in ids {
            let joined = self.joined(&id, false);
            let Some(member) = self.members.get_mut(&id) else { continue };
            member.touch(step.now.uptime);
            if let Some(reply) = member.waiting_join.take() {
                step.reply(reply, Reply::Joined(joined));
            }
        }
    }

    /// The longest time that a member asks the others to wait for it.
    pub(super) fn rebalance_timeout(&self) -> Duration {
        self.members.values().map(|it| it.rebalance_timeout).max().unwrap_or_default()
    }
}
