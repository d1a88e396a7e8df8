//! `JoinGroup`: who may be part of the next generation, and who must wait for it.

use super::{Group, GroupState, Joined, Member, Replaced, Step, Store};
use crate::group::{GroupError, JoinGroup, JoinedMember, MemberId, Reply};

impl Group {
    /// A member wants to be part of the group.
    pub(crate) fn on_join(&mut self, join: JoinGroup, step: &mut Step<'_>) {
        let reply = join.reply;
        let given = join.member.clone();
        let refused = match self.admit(&join, step) {
            Ok(()) => match (given.clone(), join.instance.clone()) {
                (Some(member), _) => self.join_known(&member, join, step).err(),
                (None, Some(_)) => {
                    self.join_static(&join, step);
                    None
                }
                (None, None) => self.join_dynamic(join, step).err(),
            },
            Err(error) => Some(Refusal { error, member: given }),
        };
        if let Some(Refusal { error, member }) = refused {
            step.reply(reply, Reply::JoinRefused { error, member });
        }
        self.assert_invariants();
    }

    /// What is checked before anything else.
    fn admit(&self, join: &JoinGroup, step: &Step<'_>) -> Result<(), GroupError> {
        let config = step.config;
        let (min, max) = (config.session_timeout_min, config.session_timeout_max);
        if !(min..=max).contains(&join.session_timeout) {
            let given = join.session_timeout;
            return Err(GroupError::InvalidSessionTimeout { given, min, max });
        }
        if !self.has_room_for(join, config.members_max) {
            return Err(GroupError::GroupFull { max: config.members_max });
        }
        if !self.supports(join) {
            return Err(GroupError::InconsistentProtocol);
        }
        Ok(())
    }

    /// Whether the coming generation has a place for it. Against members, only those count who have
    /// joined it, and those who keep their places without: so a group that is larger than it may be
    /// shrinks. Against newcomers, members that are still to join and ids that were handed out count too.
    fn has_room_for(&self, join: &JoinGroup, max: usize) -> bool {
        let given = join.member.as_ref();
        let has_id = given.is_some_and(|it| self.pending.contains_key(it));
        let replaces = join.instance.as_ref().is_some_and(|it| self.statics.contains_key(it));
        let member = given.and_then(|it| self.members.get(it));
        let is_forming = self.state == GroupState::PreparingRebalance;
        let keeps_place =
            |it: &&Member| !is_forming || it.waiting_join.is_some() || it.instance.is_some();
        let has_place = member.as_ref().is_some_and(keeps_place);
        let taken = match member {
            Some(_) => self.members.values().filter(keeps_place).count(),
            None => self.members.len() + self.pending.len(),
        };
        has_id || replaces || has_place || taken < max
    }

    /// Whether the member shares a protocol with all others, and the protocol type.
    fn supports(&self, join: &JoinGroup) -> bool {
        if join.protocol_type.is_empty() || join.protocols.is_empty() {
            return false;
        }
        let others_are_there = self.members.keys().any(|it| Some(it) != join.member.as_ref());
        if !others_are_there {
            return true;
        }
        let common = self.common_protocols();
        self.protocol_type.as_ref().is_none_or(|it| *it == join.protocol_type)
            && join.protocols.iter().any(|it| common.contains(&*it.name))
    }

    /// The first join of a dynamic member; it may be sent back to come with its id (KIP-394).
    fn join_dynamic(&mut self, join: JoinGroup, step: &mut Step<'_>) -> Result<(), Refusal> {
        let id = join.fresh_member.clone();
        self.welcome(&join, step);
        if join.needs_known_member {
            self.pending.insert(id.clone(), step.now.uptime + join.session_timeout);
            return Err(Refusal { error: GroupError::MemberIdRequired, member: Some(id) });
        }
        self.add_and_rebalance(id, &join, step);
        Ok(())
    }

    /// The first join of a static member, or the return of one that was restarted (KIP-345).
    fn join_static(&mut self, join: &JoinGroup, step: &mut Step<'_>) {
        let id = join.fresh_member.clone();
        let old = join.instance.as_ref().and_then(|it| self.statics.get(it)).cloned();
        if let Some(old) = old {
            self.replace_static(&old, id, join, step);
        } else {
            self.welcome(join, step);
            self.add_and_rebalance(id, join, step);
        }
    }

    /// A join under an id that the coordinator handed out.
    fn join_known(
        &mut self,
        id: &MemberId,
        join: JoinGroup,
        step: &mut Step<'_>,
    ) -> Result<(), Refusal> {
        if self.pending.remove(id).is_some() && join.instance.is_none() {
            self.add_and_rebalance(id.clone(), &join, step);
            return Ok(());
        }
        self.heard_of(id, step);
        let refuse = |error| Refusal { error, member: Some(id.clone()) };
        self.resolve(id, join.instance.as_ref()).map_err(refuse)?;
        let Some(member) = self.members.get_mut(id) else {
            return Err(refuse(GroupError::UnknownMember));
        };
        member.touch(step.now.uptime);
        let unchanged = member.protocols == join.protocols;
        let leads = self.leader.as_ref() == Some(id);
        let answer_at_once = match self.state {
            GroupState::Empty | GroupState::PreparingRebalance => false,
            GroupState::CompletingRebalance => unchanged,
            // A leader that joins again asks for a rebalance: it has seen the topics change.
            GroupState::Stable => unchanged && !leads,
        };
        if answer_at_once {
            let joined = self.joined(id, false);
            step.reply(join.reply, Reply::Joined(joined));
        } else {
            self.update_and_rebalance(id, &join, step);
        }
        Ok(())
    }

    fn add_and_rebalance(&mut self, id: MemberId, join: &JoinGroup, step: &mut Step<'_>) {
        let mut member = Member::new(id.clone(), join, step.now.uptime);
        member.waiting_join = Some(join.reply);
        if let Some(instance) = &join.instance {
            self.statics.insert(instance.clone(), id.clone());
        }
        if self.members.is_empty() {
            self.protocol_type = Some(join.protocol_type.clone());
        }
        self.pending.remove(&id);
        let was_empty = self.state == GroupState::Empty;
        if was_empty || self.state == GroupState::PreparingRebalance {
            self.members.insert(id.clone(), member);
            if was_empty {
                self.begin_first_rebalance(step);
            } else {
                self.newcomer(step);
            }
        } else {
            self.prepare_rebalance(step);
            self.members.insert(id.clone(), member);
            self.newcomer(step);
        }
        self.leader.get_or_insert(id);
        self.try_complete_join(step);
    }

    fn update_and_rebalance(&mut self, id: &MemberId, join: &JoinGroup, step: &mut Step<'_>) {
        self.prepare_rebalance(step);
        if let Some(member) = self.members.get_mut(id) {
            member.update(join);
            let abandoned = member.waiting_join.replace(join.reply);
            if let Some(reply) = abandoned {
                let error = GroupError::RebalanceInProgress;
                step.reply(reply, Reply::JoinRefused { error, member: Some(id.clone()) });
            }
        }
        self.try_complete_join(step);
    }

    /// A new process takes a static member's place; the old one is fenced. Nobody else is
    /// disturbed when the newcomer supports the protocol in force with the same metadata.
    fn replace_static(
        &mut self,
        old: &MemberId,
        id: MemberId,
        join: &JoinGroup,
        step: &mut Step<'_>,
    ) {
        let Some(mut member) = self.members.remove(old) else { return };
        let former = member.clone();
        fence(&mut member, old, step);
        let protocol = self.protocol.clone().unwrap_or_else(|| "".into());
        let metadata_before = member.metadata(&protocol);
        member.id = id.clone();
        member.update(join);
        member.touch(step.now.uptime);
        let unchanged = member.metadata(&protocol) == metadata_before;
        if let Some(instance) = &member.instance {
            self.statics.insert(instance.clone(), id.clone());
        }
        self.members.insert(id.clone(), member);
        let led = self.leader.as_ref() == Some(old);
        if led {
            self.leader = Some(id.clone());
        }
        if self.state == GroupState::Stable && unchanged {
            let joined = self.rejoined(&id, old, led, join.can_skip_assignment);
            let replaced = Replaced { former, led, joined, reply: join.reply };
            step.store = Some(Store::Replaced(Box::new(replaced)));
            return;
        }
        self.update_and_rebalance(&id, join, step);
    }

    /// The record with the new process in it was refused: the one before it is the member still.
    pub(crate) fn on_replacement_refused(&mut self, replaced: Replaced) {
        let Replaced { former, led, joined, .. } = replaced;
        self.members.remove(&joined.member);
        if let Some(instance) = &former.instance {
            self.statics.insert(instance.clone(), former.id.clone());
        }
        if led {
            self.leader = Some(former.id.clone());
        }
        self.members.insert(former.id.clone(), former);
        self.assert_invariants();
    }

    /// The answer to a static member that came back into a stable group. A leader that cannot be
    /// told to skip the assignment is told that its former self leads, so that it does not assign.
    fn rejoined(&self, id: &MemberId, old: &MemberId, led: bool, can_skip: bool) -> Joined {
        let mut joined = self.joined(id, led && can_skip);
        if led && !can_skip {
            joined.leader = old.clone();
            joined.members.clear();
        }
        joined
    }

    /// The answer to a member of the current generation.
    pub(super) fn joined(&self, id: &MemberId, skip_assignment: bool) -> Joined {
        let protocol = self.protocol.clone().unwrap_or_else(|| "".into());
        let leader = self.leader.clone().unwrap_or_else(|| id.clone());
        let describe = |member: &Member| JoinedMember {
            member: member.id.clone(),
            instance: member.instance.clone(),
            metadata: member.metadata(&protocol),
        };
        let members =
            if leader == *id { self.members.values().map(describe).collect() } else { Vec::new() };
        Joined {
            generation: self.generation,
            protocol_type: self.protocol_type.clone().unwrap_or_else(|| "".into()),
            protocol,
            leader,
            member: id.clone(),
            skip_assignment,
            members,
        }
    }
}

/// A join that is answered with no.
struct Refusal {
    error: GroupError,
    member: Option<MemberId>,
}

/// Tells the process that held the place that it does so no more.
fn fence(member: &mut Member, old: &MemberId, step: &mut Step<'_>) {
    let error = GroupError::FencedInstance;
    if let Some(reply) = member.waiting_join.take() {
        let member = Some(old.clone());
        step.reply(reply, Reply::JoinRefused { error: error.clone(), member });
    }
    if let Some(reply) = member.waiting_sync.take() {
        step.reply(reply, Reply::Synced(Err(error)));
    }
}
