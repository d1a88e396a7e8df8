//! A member's beat: all that it says and all that it learns goes through here.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::ConsumerGroup;
use super::draft::{Decided, Draft, Env};
use super::member::{Current, Epoch, MemberState, Profile};
use super::reconcile::{Goal, reconcile};
use crate::canary;
use crate::group::partitions::PartitionSet;
use crate::group::record::Change;
use crate::group::{Beat, ConsumerHeartbeat, GroupError, MemberId, Phase};

/// What a beat is good for once its sender is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Admitted {
    /// It comes with the epoch that the member is at, so what it tells counts.
    Current,
    /// It comes with the epoch before: the answer that told the next one was lost.
    Behind,
    /// The member is new, came back, or begins anew, and owns nothing.
    Fresh {
        /// Whether the group is another one by that.
        bump: bool,
    },
}

impl ConsumerGroup {
    /// Decides what comes of a beat.
    pub(crate) fn on_beat(
        &self,
        beat: &ConsumerHeartbeat,
        env: Env<'_>,
    ) -> Result<(Decided, Beat), GroupError> {
        match beat.phase {
            Phase::Leave => self.leave(beat, env),
            Phase::LeaveForAWhile => self.leave_for_a_while(beat, env),
            Phase::Join | Phase::At(_) => Draft::of(self, env).beat(beat),
        }
    }
}

impl Draft<'_> {
    pub(super) fn beat(mut self, beat: &ConsumerHeartbeat) -> Result<(Decided, Beat), GroupError> {
        let id = &beat.member;
        let admitted = self.admit(beat)?;
        let before = self.ledger.current(id);
        let known = self.ledger.profiles.get(id).map(|it| Profile::clone(it));
        let mut profile = known.unwrap_or_else(|| Profile::of(beat));
        profile.update(beat);
        let deals_anew = self.set_profile(id, profile)?;
        let is_other = admitted == Admitted::Fresh { bump: true };
        // Only a beat at the member's epoch can tell that something was given back.
        let owned = beat.owned.as_ref().filter(|_| admitted != Admitted::Behind);
        self.advance(id, deals_anew || is_other, owned)?;
        let current = self.ledger.current(id);
        let has_news = current.assigned != before.assigned;
        let tell = admitted != Admitted::Current || beat.is_full() || has_news;
        let is_newest = self.ledger.target_epoch == self.ledger.epoch();
        let wait = self.target_wait().filter(|_| !is_newest).unwrap_or(Duration::MAX);
        let answer = Beat {
            member: id.clone(),
            epoch: current.epoch,
            interval: self.env.config.heartbeat_interval.min(wait),
            assignment: tell.then(|| current.assigned.clone()),
        };
        Ok((self.finish(), answer))
    }

    /// Brings the group's epoch, its target, and where the member stands up to date.
    pub(super) fn advance(
        &mut self,
        id: &MemberId,
        deals_anew: bool,
        owned: Option<&PartitionSet>,
    ) -> Result<(), GroupError> {
        self.look_up_topics(deals_anew)?;
        self.update_target();
        self.step(id, owned)?;
        self.touch(id);
        Ok(())
    }

    /// Who beats, and whether it may.
    fn admit(&mut self, beat: &ConsumerHeartbeat) -> Result<Admitted, GroupError> {
        let holder = beat.instance.as_ref().and_then(|it| self.ledger.statics.get(it)).cloned();
        match (beat.phase, &beat.instance, holder) {
            (Phase::At(epoch), Some(_), Some(holder)) if holder == beat.member => {
                self.check_epoch(beat, epoch)
            }
            (Phase::At(_), Some(_), Some(_)) => Err(GroupError::FencedInstance),
            (Phase::At(_), Some(_), None) => Err(GroupError::UnknownMember),
            (Phase::At(epoch), None, _) => self.check_epoch(beat, epoch),
            (_, _, Some(holder)) if holder != beat.member => self.replace(&holder, &beat.member),
            _ if self.ledger.profiles.contains_key(&beat.member) => Ok(self.rejoin(&beat.member)),
            _ => self.check_size().map(|()| Admitted::Fresh { bump: true }),
        }
    }

    pub(super) fn check_size(&self) -> Result<(), GroupError> {
        let max = self.env.config.members_max;
        if self.ledger.profiles.len() < max { Ok(()) } else { Err(GroupError::GroupFull { max }) }
    }

    fn check_epoch(&self, beat: &ConsumerHeartbeat, given: Epoch) -> Result<Admitted, GroupError> {
        if !self.ledger.profiles.contains_key(&beat.member) {
            return Err(GroupError::UnknownMember);
        }
        let current = self.ledger.current(&beat.member);
        let owns_no_more = beat.owned.as_ref().is_some_and(|it| it.is_subset(&current.assigned));
        let is_previous = given == current.previous_epoch || canary::is("previous_epoch_for_ever");
        let is_behind = is_previous && owns_no_more;
        if given == current.epoch {
            // Of a state that a later release wrote nothing is known but that it ends with nothing.
            let is_lost = current.state == MemberState::Unknown;
            if is_lost && !beat.owned.as_ref().is_some_and(PartitionSet::is_empty) {
                return Err(GroupError::FencedMemberEpoch { given: given.0 });
            }
            return Ok(Admitted::Current);
        }
        if is_behind && given < current.epoch && !canary::is("previous_epoch_refused") {
            return Ok(Admitted::Behind);
        }
        Err(GroupError::FencedMemberEpoch { given: given.0 })
    }

    /// A member that is known joins. It owns nothing, so it begins anew; unless its first answer was
    /// lost, or it was away and takes up what was kept for it. Where it begins anew the group's epoch
    /// grows, so that commits of its former self are stale; that of one that was put out has grown.
    fn rejoin(&mut self, id: &MemberId) -> Admitted {
        let current = self.ledger.current(id);
        let is_first = current.previous_epoch == Epoch::JOINING && current.epoch != Epoch::AWAY;
        if is_first && current.state != MemberState::UnrevokedPartitions {
            return Admitted::Behind;
        }
        self.soft.revocations.remove(id);
        if current.epoch == Epoch::AWAY {
            let assigned = current.assigned.clone();
            self.set_current(id, Current { assigned, ..Current::default() });
            return Admitted::Fresh { bump: false };
        }
        self.set_current(id, Current::default());
        Admitted::Fresh { bump: current.epoch != Epoch::JOINING }
    }

    /// A static member comes back under another id. Who has the instance must have left (KIP-345), or
    /// one of the two must be a classic member, which cannot say so.
    fn replace(&mut self, old: &MemberId, new: &MemberId) -> Result<Admitted, GroupError> {
        let current = self.ledger.current(old);
        let profile = self.ledger.profiles.get(old).ok_or(GroupError::UnknownMember)?;
        if current.epoch != Epoch::AWAY && profile.classic.is_none() {
            return Err(GroupError::UnreleasedInstance);
        }
        self.take_over(old, new);
        Ok(Admitted::Fresh { bump: false })
    }

    /// All that one member has is another one's.
    pub(super) fn take_over(&mut self, old: &MemberId, new: &MemberId) {
        let (share, current) = (self.ledger.share(old), self.ledger.current(old));
        let Some(profile) = self.ledger.profiles.get(old).cloned() else { return };
        for change in super::ledger::removal(old) {
            self.write(change);
        }
        self.soft.forget(old);
        self.write(Change::Member(new.clone(), Some(profile)));
        self.write(Change::Share(new.clone(), Some(share)));
        let assigned = current.assigned.clone();
        self.set_current(new, Current { assigned, ..Current::default() });
    }

    /// Writes down what the member says of itself, where that is new. True if the group has to deal
    /// anew by that.
    pub(super) fn set_profile(&mut self, id: &MemberId, next: Profile) -> Result<bool, GroupError> {
        let known = self.ledger.profiles.get(id).cloned();
        if known.as_deref() == Some(&next) {
            return Ok(false);
        }
        if let Some(pattern) = &next.pattern {
            self.add_pattern(pattern)?;
        }
        if next.classic.is_none() {
            self.soft.joins.remove(id);
            self.soft.syncs.remove(id);
        }
        let deals_anew = known.as_ref().is_none_or(|it| it.deals_otherwise(&next));
        self.write(Change::Member(id.clone(), Some(Arc::new(next))));
        if let Some(pattern) = known.and_then(|it| it.pattern.clone()) {
            self.drop_pattern(&pattern);
        }
        Ok(deals_anew)
    }

    /// The member's next step towards its share.
    pub(super) fn step(
        &mut self,
        id: &MemberId,
        owned: Option<&PartitionSet>,
    ) -> Result<(), GroupError> {
        let current = self.ledger.current(id);
        let share = self.ledger.share(id);
        let goal = Goal { epoch: self.ledger.target_epoch, share: &share };
        let is_free = |it| self.ledger.is_free_for(it, id);
        let Some(next) = reconcile(&current, goal, owned, is_free) else { return Ok(()) };
        let must_revoke = next.state == MemberState::UnrevokedPartitions;
        self.set_current(id, next);
        let profile = self.ledger.profiles.get(id).ok_or(GroupError::UnknownMember)?;
        if must_revoke && profile.classic.is_none() {
            let deadline = self.env.now.uptime + profile.rebalance_timeout;
            self.soft.revocations.insert(id.clone(), deadline);
        } else {
            self.soft.revocations.remove(id);
        }
        Ok(())
    }
}

impl Profile {
    /// A member as its first beat describes it.
    fn of(beat: &ConsumerHeartbeat) -> Self {
        Self {
            instance: None,
            rack: None,
            client_id: beat.client_id.clone(),
            client_host: beat.client_host.clone(),
            topics: BTreeSet::new(),
            pattern: None,
            rebalance_timeout: Duration::ZERO,
            assignor: None,
            classic: None,
        }
    }

    /// Whether others have to be dealt to when a member says this in place of that.
    fn deals_otherwise(&self, next: &Self) -> bool {
        self.topics != next.topics
            || self.pattern != next.pattern
            || self.rack != next.rack
            || self.assignor != next.assignor
    }

    /// Takes over what a beat says; what it leaves out stays.
    fn update(&mut self, beat: &ConsumerHeartbeat) {
        self.client_id = beat.client_id.clone();
        self.client_host = beat.client_host.clone();
        self.classic = None;
        if beat.instance.is_some() {
            self.instance.clone_from(&beat.instance);
        }
        if beat.rack.is_some() {
            self.rack.clone_from(&beat.rack);
        }
        if beat.assignor.is_some() {
            self.assignor = beat.assignor;
        }
        if let Some(topics) = &beat.topics {
            self.topics.clone_from(topics);
        }
        if let Some(pattern) = &beat.pattern {
            self.pattern = (!pattern.is_empty()).then(|| Arc::clone(pattern));
        }
        if let Some(timeout) = beat.rebalance_timeout {
            self.rebalance_timeout = timeout;
        }
    }
}
