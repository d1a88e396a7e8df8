//! Members that speak the classic protocol in a consumer group: a rolling upgrade has both kinds for a
//! while. To such a member the group looks as if it rebalanced all the time, with a leader elsewhere:
//!
//! ```text
//!   JoinGroup  = a beat with its subscription; the generation is its epoch
//!   SyncGroup  = its share, in the bytes of its own protocol
//!   Heartbeat  : REBALANCE_IN_PROGRESS when it is to come with another JoinGroup, which it must in time
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::draft::{Decided, Draft, Env};
use super::member::{ClassicSide, Current, MemberState, Profile};
use super::{ConsumerGroup, Epoch};
use crate::group::embedded::{self, NamedPartitions, Subscription};
use crate::group::partitions::PartitionSet;
use crate::group::{
    Caller, GroupError, Heartbeat, InstanceId, JoinGroup, Joined, LeavingMember, MemberId,
    SyncGroup, Synced,
};
use crate::ids::{PartitionId, PartitionIndex};
use crate::metadata::MetadataImage;

/// Who wanted to leave, and whether it has.
pub(crate) type Departures = Vec<(LeavingMember, Result<(), GroupError>)>;

/// The protocol type of groups that share topics out.
pub(crate) const CONSUMER: &str = "consumer";

impl ConsumerGroup {
    /// A classic member joins, or comes again for what is its own now.
    pub(crate) fn on_classic_join(
        &self,
        join: &JoinGroup,
        env: Env<'_>,
    ) -> Result<(Decided, Joined), GroupError> {
        let mut draft = Draft::of(self, env);
        let id = join.member.clone().unwrap_or_else(|| join.fresh_member.clone());
        let subscription = draft.check_protocols(&id, join)?;
        if join.member.is_none() && join.needs_known_member {
            return Err(GroupError::MemberIdRequired);
        }
        draft.admit_classic(&id, join)?;
        let known = draft.ledger.profiles.get(&id);
        let rack = subscription.rack.clone().or_else(|| known.and_then(|it| it.rack.clone()));
        let profile = Profile {
            instance: join.instance.clone(),
            rack,
            client_id: join.client_id.clone(),
            client_host: join.client_host.clone(),
            topics: subscription.topics,
            pattern: None,
            rebalance_timeout: join.rebalance_timeout,
            assignor: None,
            classic: Some(ClassicSide {
                session_timeout: join.session_timeout,
                protocols: join.protocols.clone(),
            }),
        };
        let deals_anew = draft.set_profile(&id, profile)?;
        // An eager member has given everything back by protocol, and tells that it owns nothing.
        let owned = by_id(&subscription.owned, env.image);
        draft.advance(&id, deals_anew, Some(&owned))?;
        draft.soft.joins.remove(&id);
        draft.soft.syncs.insert(id.clone(), env.now.uptime + join.rebalance_timeout);
        let generation = draft.ledger.current(&id).epoch.0;
        let protocol = join.protocols.first().map(|it| it.name.clone());
        let joined = Joined {
            generation,
            protocol_type: CONSUMER.into(),
            protocol: protocol.unwrap_or_else(|| "".into()),
            leader: MemberId::from(""),
            member: id,
            skip_assignment: false,
            members: Vec::new(),
        };
        Ok((draft.finish(), joined))
    }

    /// A classic member asks for its share.
    pub(crate) fn on_classic_sync(
        &self,
        sync: &SyncGroup,
        env: Env<'_>,
    ) -> (Decided, Result<Synced, GroupError>) {
        let mut draft = Draft::of(self, env);
        let result = draft.sync(sync);
        (draft.finish(), result)
    }

    /// A classic member lives; the answer tells it whether to join again.
    pub(crate) fn on_classic_heartbeat(
        &self,
        beat: &Heartbeat,
        env: Env<'_>,
    ) -> (Decided, Result<(), GroupError>) {
        let mut draft = Draft::of(self, env);
        let result = draft.classic_beat(&beat.caller);
        (draft.finish(), result)
    }

    /// Members leave, each by either of its names. An instance leaves for good.
    pub(crate) fn on_classic_leave(
        &self,
        leaving: Vec<LeavingMember>,
        env: Env<'_>,
    ) -> (Decided, Departures) {
        let mut draft = Draft::of(self, env);
        let mut has_left = false;
        let mut results = Vec::new();
        for it in leaving {
            let found = draft.leaving(&it);
            let result = found.map(|id| draft.remove(&id));
            has_left |= result.is_ok();
            results.push((it, result));
        }
        if has_left {
            let hash = draft.hash();
            // Without another epoch the others keep what they have.
            draft.bump(hash).ok();
        }
        (draft.finish(), results)
    }
}

impl Draft<'_> {
    /// The subscription of a member that has a protocol in common with all other classic members.
    fn check_protocols(&self, id: &MemberId, join: &JoinGroup) -> Result<Subscription, GroupError> {
        let inconsistent = GroupError::InconsistentProtocol;
        if &*join.protocol_type != CONSUMER {
            return Err(inconsistent);
        }
        let others = self.ledger.profiles.iter().filter(|(other, _)| *other != id);
        let others = others.filter_map(|(_, it)| it.classic.as_ref());
        let mut common: BTreeSet<&str> = join.protocols.iter().map(|it| &*it.name).collect();
        for other in others {
            let names: BTreeSet<&str> = other.protocols.iter().map(|it| &*it.name).collect();
            common.retain(|it| names.contains(it));
        }
        let first = join.protocols.first().filter(|_| !common.is_empty());
        first.and_then(|it| Subscription::read(&it.metadata)).ok_or(inconsistent)
    }

    /// Who joins, and whether it may. A process without an id takes an instance over: that of a
    /// classic process cannot say that it will be back.
    fn admit_classic(&mut self, id: &MemberId, join: &JoinGroup) -> Result<(), GroupError> {
        let holder = join.instance.as_ref().and_then(|it| self.ledger.statics.get(it)).cloned();
        match (&join.instance, holder) {
            (Some(_), Some(holder)) if join.member.is_none() => {
                self.take_over(&holder, id);
                Ok(())
            }
            (Some(_), Some(holder)) if holder != *id => Err(GroupError::FencedInstance),
            (Some(_), None) if join.member.is_some() => Err(GroupError::UnknownMember),
            _ if self.ledger.profiles.contains_key(id) => Ok(()),
            _ => self.check_size(),
        }
    }

    /// A classic member by the names and the generation that it comes with.
    fn find_classic(&self, caller: &Caller) -> Result<Arc<Profile>, GroupError> {
        self.check_instance(&caller.member, caller.instance.as_ref())?;
        let profile = self.ledger.profiles.get(&caller.member).ok_or(GroupError::UnknownMember)?;
        if profile.classic.is_none() {
            return Err(GroupError::UnknownMember);
        }
        let given = caller.generation;
        if Epoch(given) != self.ledger.current(&caller.member).epoch {
            return Err(GroupError::IllegalGeneration { given });
        }
        Ok(Arc::clone(profile))
    }

    fn check_instance(
        &self,
        id: &MemberId,
        instance: Option<&InstanceId>,
    ) -> Result<(), GroupError> {
        let Some(instance) = instance else { return Ok(()) };
        match self.ledger.statics.get(instance) {
            None => Err(GroupError::UnknownMember),
            Some(holder) if holder != id => Err(GroupError::FencedInstance),
            Some(_) => Ok(()),
        }
    }

    fn sync(&mut self, sync: &SyncGroup) -> Result<Synced, GroupError> {
        let id = &sync.caller.member;
        let profile = self.find_classic(&sync.caller)?;
        let first = profile.classic.iter().flat_map(|it| &it.protocols).next();
        let first = first.ok_or(GroupError::InconsistentProtocol)?;
        let fits = sync.protocol_type.as_deref().is_none_or(|it| it == CONSUMER)
            && sync.protocol.as_ref().is_none_or(|it| *it == first.name);
        if !fits {
            return Err(GroupError::InconsistentProtocol);
        }
        let current = self.ledger.current(id);
        let must_revoke = current.state == MemberState::UnrevokedPartitions;
        if current.epoch < self.ledger.epoch() && !must_revoke {
            self.call_to_join(id, &profile);
            return Err(GroupError::RebalanceInProgress);
        }
        self.soft.syncs.remove(id);
        self.touch(id);
        Ok(Synced {
            protocol_type: CONSUMER.into(),
            protocol: first.name.clone(),
            assignment: assignment(&current, &first.metadata, self.env.image),
        })
    }

    fn classic_beat(&mut self, caller: &Caller) -> Result<(), GroupError> {
        let profile = self.find_classic(caller)?;
        let id = &caller.member;
        self.touch(id);
        let current = self.ledger.current(id);
        let share = self.ledger.share(id);
        let mut wanted = share.iter().filter(|it| !current.assigned.contains(*it));
        let could_get_all = wanted.all(|it| self.ledger.is_free_for(it, id));
        let has_to_join = match current.state {
            _ if current.epoch < self.ledger.epoch() => true,
            MemberState::UnrevokedPartitions | MemberState::Unknown => true,
            MemberState::UnreleasedPartitions => could_get_all,
            MemberState::Stable => false,
        };
        if has_to_join {
            self.call_to_join(id, &profile);
            return Err(GroupError::RebalanceInProgress);
        }
        Ok(())
    }

    /// The member has to join again within its rebalance timeout, counted from the first call.
    fn call_to_join(&mut self, id: &MemberId, profile: &Profile) {
        let deadline = self.env.now.uptime + profile.rebalance_timeout;
        self.soft.joins.entry(id.clone()).or_insert(deadline);
    }

    fn leaving(&self, leaving: &LeavingMember) -> Result<MemberId, GroupError> {
        if let (Some(instance), true) = (&leaving.instance, leaving.member.as_str().is_empty()) {
            return self.ledger.statics.get(instance).cloned().ok_or(GroupError::UnknownMember);
        }
        self.check_instance(&leaving.member, leaving.instance.as_ref())?;
        match self.ledger.profiles.get(&leaving.member) {
            Some(profile) if profile.classic.is_some() => Ok(leaving.member.clone()),
            Some(_) | None => Err(GroupError::UnknownMember),
        }
    }
}

/// What a member owns, in the bytes of its own version of the embedded protocol.
pub(super) fn assignment(current: &Current, metadata: &Bytes, image: &MetadataImage) -> Bytes {
    let version = Subscription::read(metadata).map_or(0, |it| it.version);
    let mut share = NamedPartitions::new();
    for (topic, indexes) in current.assigned.topics() {
        // A topic that is gone has no name to tell.
        let Some(topic) = image.topic_by_id(topic) else { continue };
        let indexes = indexes.iter().map(|it| it.to_wire()).collect();
        share.insert(Arc::clone(&topic.name), indexes);
    }
    embedded::write_assignment(version, &share)
}

/// The partitions of topics that are there.
pub(super) fn by_id(named: &NamedPartitions, image: &MetadataImage) -> PartitionSet {
    let there = named.iter().filter_map(|(name, indexes)| {
        let topic = image.topic_by_name(name)?;
        Some((topic, indexes))
    });
    let of = |(topic, indexes): (&Arc<crate::metadata::TopicImage>, &Vec<i32>)| {
        let (id, count) = (topic.id, topic.partition_count());
        let indexes = indexes.iter().filter_map(|it| PartitionIndex::from_wire(*it));
        let known: Vec<PartitionId> = indexes
            .filter(|it| it.0 < count)
            .map(|index| PartitionId { topic: id, index })
            .collect();
        known
    };
    there.flat_map(of).collect()
}
