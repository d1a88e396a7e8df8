//! A group changes its protocol while it lives (KIP-848): up when the first member of the consumer
//! protocol joins a classic group, down when the last one leaves it.

use std::sync::Arc;
use std::time::Duration;

use super::classic_side::{CONSUMER, assignment, by_id};
use super::draft::{Draft, Env};
use super::member::{ClassicSide, Current, Epoch, MemberState, Profile};
use super::{ConsumerGroup, Decided};
use crate::canary;
use crate::group::embedded::{Subscription, read_assignment};
use crate::group::partitions::PartitionSet;
use crate::group::record::{Change, EpochRecord, GroupRecord, MemberRecord};
use crate::group::{Beat, ConsumerHeartbeat, GroupError, Protocol};

impl ConsumerGroup {
    /// The newcomer's step in the group that a stable classic group becomes by it. Its members keep
    /// their shares, at an epoch that is their generation.
    pub(crate) fn upgrade(
        classic: &GroupRecord,
        beat: &ConsumerHeartbeat,
        env: Env<'_>,
    ) -> Result<(Decided, Beat), GroupError> {
        let epoch = Epoch(classic.generation);
        let mut draft = Draft::of(&Self::default(), env);
        let mut members = Vec::new();
        let mut taken = PartitionSet::default();
        for member in &classic.members {
            let mut assigned = assigned(member, env)?;
            if canary::is("upgrade_forgets_shares") {
                assigned = PartitionSet::default();
            }
            // A leader may give one partition to several members; here it has one owner.
            if assigned.overlaps(&taken) {
                return Err(GroupError::GroupNotFound);
            }
            taken = taken.union(&assigned);
            members.push((member, profile(classic, member)?, assigned));
        }
        for (member, profile, _) in &members {
            draft.write(Change::Member(member.member.clone(), Some(Arc::new(profile.clone()))));
        }
        draft.write(Change::Epoch(Some(EpochRecord { epoch, metadata_hash: 0 })));
        for (member, _, assigned) in &members {
            let share = Arc::new(assigned.clone());
            draft.write(Change::Share(member.member.clone(), Some(share)));
        }
        draft.write(Change::TargetEpoch(Some(epoch)));
        for (member, _, assigned) in members {
            let (state, revoking) = (MemberState::Stable, PartitionSet::default());
            let current = Current { epoch, previous_epoch: epoch, state, assigned, revoking };
            draft.set_current(&member.member, current);
            draft.touch(&member.member);
        }
        draft.beat(beat)
    }

    /// The classic group that is left when nobody speaks the consumer protocol any more; none where
    /// somebody does, or nobody is left at all.
    pub(crate) fn downgraded(&self, env: Env<'_>) -> Option<GroupRecord> {
        // A classic member that was put out is left out: there nobody would tell it when it joins.
        let is_in = |id, it: &Profile| it.classic.is_none() || !self.is_out(id);
        let profiles = || self.ledger.profiles.iter().filter(|(id, it)| is_in(id, it));
        let sides: Option<Vec<&ClassicSide>> =
            profiles().map(|(_, it)| it.classic.as_ref()).collect();
        let sides = sides.filter(|it| !it.is_empty())?;
        // A protocol that all of them have, in the order of the first one.
        let has =
            |side: &ClassicSide, it: &Protocol| side.protocols.iter().any(|p| p.name == it.name);
        let first = sides.first()?.protocols.iter();
        let protocol =
            first.clone().find(|it| sides.iter().all(|side| has(side, it)))?.name.clone();
        let record = |(id, profile): (&crate::group::MemberId, &Arc<Profile>)| {
            let side = profile.classic.as_ref()?;
            let own = side.protocols.iter().find(|it| it.name == protocol)?;
            Some(MemberRecord {
                member: id.clone(),
                instance: profile.instance.clone(),
                client_id: profile.client_id.clone(),
                client_host: profile.client_host.clone(),
                rebalance_timeout_ms: millis(profile.rebalance_timeout),
                session_timeout_ms: millis(side.session_timeout),
                subscription: own.metadata.clone(),
                assignment: assignment(&self.ledger.current(id), &own.metadata, env.image),
            })
        };
        let members: Option<Vec<MemberRecord>> = profiles().map(record).collect();
        let members = members?;
        Some(GroupRecord {
            protocol_type: CONSUMER.into(),
            generation: self.ledger.epoch().0,
            protocol: Some(protocol.clone()),
            // Nobody has dealt this generation as a whole: a next coordinator calls everybody, too.
            leader: None,
            state_since_ms: Some(env.now.wall_ms),
            members,
        })
    }

    /// Whether somebody speaks the consumer protocol.
    pub(crate) fn has_consumer_members(&self) -> bool {
        self.ledger.profiles.values().any(|it| it.classic.is_none())
    }
}

fn profile(group: &GroupRecord, member: &MemberRecord) -> Result<Profile, GroupError> {
    let refused = GroupError::GroupNotFound;
    let subscription = Subscription::read(&member.subscription).ok_or(refused)?;
    let name = group.protocol.clone().unwrap_or_else(|| "".into());
    let duration = |ms: i32| Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    Ok(Profile {
        instance: member.instance.clone(),
        rack: subscription.rack,
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        topics: subscription.topics,
        pattern: None,
        rebalance_timeout: duration(member.rebalance_timeout_ms),
        assignor: None,
        classic: Some(ClassicSide {
            session_timeout: duration(member.session_timeout_ms),
            protocols: vec![Protocol { name, metadata: member.subscription.clone() }],
        }),
    })
}

fn assigned(member: &MemberRecord, env: Env<'_>) -> Result<PartitionSet, GroupError> {
    let named = read_assignment(&member.assignment).ok_or(GroupError::GroupNotFound)?;
    Ok(by_id(&named, env.image))
}

fn millis(it: Duration) -> i32 {
    i32::try_from(it.as_millis()).unwrap_or(i32::MAX)
}
