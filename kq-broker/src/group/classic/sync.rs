//! `SyncGroup` and `Heartbeat`: the assignment reaches the members, and they stay alive.

use super::{BTreeMap, Bytes, Group, GroupState, MemberId, Step, Store};
use crate::canary;
use crate::group::{Caller, GroupError, Heartbeat, Reply, ReplyTo, SyncGroup, Synced};

impl Group {
    /// A member asks for its share; the leader brings everybody's.
    pub(crate) fn on_sync(&mut self, sync: SyncGroup, step: &mut Step<'_>) {
        let reply = sync.reply;
        self.heard_of(&sync.caller.member, step);
        let outcome = self.check_sync(&sync).and_then(|id| self.accept_sync(id, sync, step));
        match outcome {
            Ok(Some(synced)) => step.reply(reply, Reply::Synced(Ok(synced))),
            Ok(None) => {}
            Err(error) => step.reply(reply, Reply::Synced(Err(error))),
        }
        self.assert_invariants();
    }

    fn check_sync(&self, sync: &SyncGroup) -> Result<MemberId, GroupError> {
        let id = self.check_member(&sync.caller)?;
        let matches = |given: &Option<_>, own: &Option<_>| given.is_none() || given == own;
        let type_matches = matches(&sync.protocol_type, &self.protocol_type);
        if !type_matches || !matches(&sync.protocol, &self.protocol) {
            return Err(GroupError::InconsistentProtocol);
        }
        Ok(id)
    }

    /// Answers at once, or keeps the request until the assignment is committed.
    fn accept_sync(
        &mut self,
        id: MemberId,
        sync: SyncGroup,
        step: &mut Step<'_>,
    ) -> Result<Option<Synced>, GroupError> {
        match self.state {
            GroupState::Empty => Err(GroupError::UnknownMember),
            GroupState::PreparingRebalance => Err(GroupError::RebalanceInProgress),
            GroupState::Stable => {
                self.touch(&id, step);
                Ok(Some(self.synced(&id)))
            }
            GroupState::CompletingRebalance => {
                self.wait_for_assignment(&id, sync.reply, step);
                if self.leader.as_ref() == Some(&id) && self.proposed.is_none() {
                    self.proposed = Some(sync.assignments.into_iter().collect());
                    step.store = Some(Store::Assignment);
                }
                Ok(None)
            }
        }
    }

    fn wait_for_assignment(&mut self, id: &MemberId, reply: ReplyTo, step: &mut Step<'_>) {
        let Some(member) = self.members.get_mut(id) else { return };
        let abandoned = member.waiting_sync.replace(reply);
        if let Some(reply) = abandoned {
            step.reply(reply, Reply::Synced(Err(GroupError::RebalanceInProgress)));
        }
    }

    /// The record with the leader's assignment is committed; `answer` is what those hear who wait
    /// for their shares.
    pub(crate) fn on_assignment_committed(
        &mut self,
        generation: i32,
        answer: Result<(), GroupError>,
        step: &mut Step<'_>,
    ) {
        let Some(mut shares) = self.take_proposed(generation) else { return };
        for member in self.members.values_mut() {
            member.assignment = shares.remove(&member.id).unwrap_or_default();
        }
        self.sync_deadline = None;
        self.answer_syncs(answer, step);
        self.set_state(GroupState::Stable, step.now);
        self.assert_invariants();
    }

    /// The record with the leader's assignment was not written: all join again.
    pub(crate) fn on_assignment_refused(
        &mut self,
        generation: i32,
        error: GroupError,
        step: &mut Step<'_>,
    ) {
        if self.take_proposed(generation).is_some() {
            self.answer_syncs(Err(error), step);
            self.prepare_rebalance(step);
        }
        self.assert_invariants();
    }

    /// The leader's assignment, if the generation is still waiting for it.
    fn take_proposed(&mut self, generation: i32) -> Option<BTreeMap<MemberId, Bytes>> {
        let is_awaited =
            self.generation == generation && self.state == GroupState::CompletingRebalance;
        self.proposed.take_if(|_| is_awaited)
    }

    /// Answers everyone who waits for the assignment.
    pub(super) fn answer_syncs(&mut self, result: Result<(), GroupError>, step: &mut Step<'_>) {
        let ids: Vec<MemberId> = self.members.keys().cloned().collect();
        for id in ids {
            let share = self.synced(&id);
            let Some(member) = self.members.get_mut(&id) else { continue };
            if let Some(reply) = member.waiting_sync.take() {
                member.touch(step.now.uptime);
                step.reply(reply, Reply::Synced(result.clone().map(|()| share)));
            }
        }
    }

    fn synced(&self, id: &MemberId) -> Synced {
        let member = self.members.get(id);
        Synced {
            protocol_type: self.protocol_type.clone().unwrap_or_else(|| "".into()),
            protocol: self.protocol.clone().unwrap_or_else(|| "".into()),
            assignment: member.map(|it| it.assignment.clone()).unwrap_or_default(),
        }
    }

    /// A member lives; the answer tells it whether to join again.
    pub(crate) fn on_heartbeat(&mut self, beat: &Heartbeat, step: &mut Step<'_>) {
        self.heard_of(&beat.caller.member, step);
        let result = self.check_member(&beat.caller).and_then(|id| {
            self.touch(&id, step);
            match self.state {
                GroupState::Empty => Err(GroupError::UnknownMember),
                GroupState::PreparingRebalance => Err(GroupError::RebalanceInProgress),
                GroupState::CompletingRebalance | GroupState::Stable => Ok(()),
            }
        });
        // A session that goes on is nothing that the invariants speak of, and there are many.
        step.reply(beat.reply, Reply::Heartbeat(result));
    }

    /// Whether the caller may commit: a member of this generation, or anyone while nobody is in.
    pub(crate) fn check_commit(
        &mut self,
        caller: &Caller,
        step: &mut Step<'_>,
    ) -> Result<(), GroupError> {
        let is_outsider = caller.generation < 0;
        if is_outsider && self.state == GroupState::Empty {
            return Ok(());
        }
        self.heard_of(&caller.member, step);
        let id = if canary::is("commit_unfenced") {
            self.resolve(&caller.member, caller.instance.as_ref())?
        } else {
            self.check_member(caller)?
        };
        if self.state == GroupState::CompletingRebalance {
            return Err(GroupError::RebalanceInProgress);
        }
        self.touch(&id, step);
        Ok(())
    }

    fn check_member(&self, caller: &Caller) -> Result<MemberId, GroupError> {
        let id = self.resolve(&caller.member, caller.instance.as_ref())?;
        if caller.generation != self.generation {
            return Err(GroupError::IllegalGeneration { given: caller.generation });
        }
        Ok(id)
    }

    fn touch(&mut self, id: &MemberId, step: &Step<'_>) {
        if let Some(member) = self.members.get_mut(id) {
            member.touch(step.now.uptime);
        }
    }
}
