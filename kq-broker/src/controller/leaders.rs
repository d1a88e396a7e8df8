//! Leaders over many partitions: elected when brokers come and go, handed over when one is to stop,
//! moved when asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use kq_proto::kafka::ErrorCode;

use super::command::Reply;
use super::decide::Draft;
use super::election::{Ballot, Choice, changed, choose_leader, elect, epoch_after, with_isr};
use super::error::ControlError;
use super::leader_command::{
    AlteredPartition, Elected, ElectedPartition, ElectionKind, Handover, PartitionRef,
};
use super::leader_policy::{LeaderRules, verify_unfrozen};
use super::topics::find_visible;
use crate::catalogue::ConfigSources;
use crate::ids::{BrokerEpoch, BrokerId, PartitionId, PartitionIndex};
use crate::metadata::{
    BrokerState, MetadataImage, MetadataRecord, PartitionChange, PartitionImage, TopicImage,
    UncleanPolicy,
};

/// A partition with what decides about its leader.
pub(super) struct Seat<'a> {
    pub(super) image: &'a MetadataImage,
    pub(super) rules: &'a LeaderRules,
    pub(super) id: PartitionId,
    pub(super) now: &'a PartitionImage,
    /// A broker that counts as fenced, whatever the image says of it.
    pub(super) gone: Option<BrokerId>,
}

impl Seat<'_> {
    /// Its replicas, the most wanted leader first.
    pub(super) fn order(&self) -> Vec<BrokerId> {
        self.rules.order(self.image, self.id.index, &self.now.replicas)
    }

    /// The partition once everyone who is gone has left it and somebody leads it, if that is
    /// another partition than now.
    pub(super) fn elect(&self) -> Option<PartitionImage> {
        let known = |id| self.image.broker(id).map(|it| it.state);
        let next = self.elect_with(known);
        // Whoever leads and is to stop hands over to another one, if the first cannot take it.
        let now = next.as_ref().unwrap_or(self.now);
        let stops = now.leader.is_some_and(|id| known(id) == Some(BrokerState::Stopping));
        let seat = Seat { now, ..*self };
        let to = seat.best_in_sync().filter(|_| stops && now.handover.is_none());
        let Some(to) = to else { return next };
        changed(self.now, PartitionImage { handover: Some(to), ..self.at_old_epochs(now.clone()) })
    }

    /// A partition as it will be, before its changes are counted.
    pub(super) fn at_old_epochs(&self, next: PartitionImage) -> PartitionImage {
        PartitionImage {
            leader_epoch: self.now.leader_epoch,
            partition_epoch: self.now.partition_epoch,
            ..next
        }
    }

    fn elect_with(
        &self,
        known: impl Fn(BrokerId) -> Option<BrokerState>,
    ) -> Option<PartitionImage> {
        let order = self.order();
        let ballot = Ballot { order: &order, unclean: self.rules.unclean };
        let state_of = |id| known(id).filter(|_| self.gone != Some(id));
        elect(self.now, &ballot, self.rules.min_isr, state_of)
    }

    /// The most wanted leader among those in sync; none when nobody of them may lead.
    pub(super) fn best_in_sync(&self) -> Option<BrokerId> {
        let fits = |id: &BrokerId| self.now.isr.contains(id) && self.image.may_lead(*id);
        self.order().into_iter().find(fits)
    }

    /// Asks the leader to hand over.
    pub(super) fn hand_over(&self, to: BrokerId) -> Option<PartitionImage> {
        changed(self.now, PartitionImage { handover: Some(to), ..self.now.clone() })
    }

    /// Makes a replica lead at once.
    fn promote(&self, to: BrokerId) -> Option<PartitionImage> {
        let isr = if self.now.isr.contains(&to) { self.now.isr.clone() } else { vec![to] };
        let next = with_isr(self.now, isr, self.rules.min_isr);
        changed(self.now, PartitionImage { leader: Some(to), handover: None, ..next })
    }

    pub(super) fn record(&self, now: PartitionImage) -> MetadataRecord {
        let PartitionId { topic, index } = self.id;
        MetadataRecord::PartitionChanged(PartitionChange { topic, index, now })
    }
}

/// Decides anew about every partition that is `concerned`.
pub(super) fn reconsider(
    draft: &mut Draft<'_, '_>,
    concerned: impl Fn(&PartitionImage) -> bool,
    next: impl Fn(&Seat<'_>) -> Option<PartitionImage>,
) -> Result<(), ControlError> {
    let mut records = Vec::new();
    let image = &draft.image;
    let sources = ConfigSources::of_cluster(image, &draft.settings.fixed);
    for topic in image.all_topics() {
        if !topic.partitions.iter().any(|it| concerned(it)) {
            continue;
        }
        let rules = LeaderRules::of(image, topic, &sources);
        for (index, now) in topic.partitions().filter(|(_, it)| concerned(it)) {
            let id = PartitionId { topic: topic.id, index };
            let seat = Seat { image, rules: &rules, id, now, gone: None };
            records.extend(next(&seat).map(|now| seat.record(now)));
        }
    }
    if records.is_empty() { Ok(()) } else { draft.accept(records) }
}

/// Elects anew in every partition that is `concerned`.
pub(super) fn elect_where(
    draft: &mut Draft<'_, '_>,
    concerned: impl Fn(&PartitionImage) -> bool,
) -> Result<(), ControlError> {
    // A function and not the method itself: only this one fits any lifetime.
    fn elect(seat: &Seat<'_>) -> Option<PartitionImage> {
        seat.elect()
    }
    reconsider(draft, concerned, elect)
}

/// Empties every ELR whose ISR is large enough to commit, now that a smaller one is: its members
/// would soon lack what is committed (KIP-966).
pub(super) fn settle_elr(draft: &mut Draft<'_, '_>) -> Result<(), ControlError> {
    reconsider(
        draft,
        |partition| !partition.elr.is_empty(),
        |seat| changed(seat.now, with_isr(seat.now, seat.now.isr.clone(), seat.rules.min_isr)),
    )
}

/// Moves the leaders of a broker that is about to stop: by handover where somebody in sync lives,
/// at once where only the ELR does, and not at all where nobody else can lead. Then it is in no
/// one's way.
pub(super) fn leave(draft: &mut Draft<'_, '_>, broker: BrokerId) -> Result<(), ControlError> {
    let concerned = |it: &PartitionImage| it.leader == Some(broker) || it.handover == Some(broker);
    reconsider(draft, concerned, |seat| {
        if seat.now.leader != Some(broker) {
            return changed(seat.now, PartitionImage { handover: None, ..seat.now.clone() });
        }
        if seat.now.handover.is_some_and(|to| seat.image.may_lead(to)) {
            return None;
        }
        match seat.best_in_sync() {
            Some(to) => seat.hand_over(to),
            None => leave_at_once(seat),
        }
    })?;
    step_out(draft, broker)
}

/// Takes a broker that is about to stop out of every ISR that has others, once it leads nothing that
/// somebody else could lead. It still follows then: no producer waits while it closes its files.
fn step_out(draft: &mut Draft<'_, '_>, broker: BrokerId) -> Result<(), ControlError> {
    let known = draft.image.broker(broker).map(|it| it.state);
    if known != Some(BrokerState::Stopping) || draft.image.broker_load(broker).handovers > 0 {
        return Ok(());
    }
    let concerned = |it: &PartitionImage| it.leader != Some(broker) && it.isr.contains(&broker);
    reconsider(draft, concerned, |seat| Seat { gone: Some(broker), ..*seat }.elect())
}

/// Another leader without a drain, if a clean election finds one.
fn leave_at_once(seat: &Seat<'_>) -> Option<PartitionImage> {
    let order = seat.order();
    let ballot = Ballot { order: &order, unclean: UncleanPolicy::Never };
    let choice = choose_leader(seat.now, &ballot, |id| seat.image.may_lead(id));
    match choice {
        Choice::Clean(to) => seat.promote(to),
        Choice::Unclean(_) | Choice::Nobody => {
            changed(seat.now, PartitionImage { handover: None, ..seat.now.clone() })
        }
    }
}

/// What becomes of a handover that its leader reports on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    Complete,
    Cancel,
}

pub(super) fn settle_handovers(
    draft: &mut Draft<'_, '_>,
    (broker, epoch): (BrokerId, BrokerEpoch),
    handovers: &[Handover],
    how: Settled,
) -> Result<Reply, ControlError> {
    super::broker::verify_epoch(&draft.image, broker, epoch)?;
    let settle = |it: &Handover| settle_handover(draft, broker, it, how);
    let settled = handovers.iter().map(settle).collect();
    step_out(draft, broker)?;
    Ok(Reply::HandoversSettled(settled))
}

fn settle_handover(
    draft: &mut Draft<'_, '_>,
    broker: BrokerId,
    it: &Handover,
    how: Settled,
) -> Result<AlteredPartition, ControlError> {
    let seen = (it.leader_epoch, it.partition_epoch);
    let (topic, now) = super::isr::verify_leader(&draft.image, it.partition, broker, seen)?;
    if now.handover != Some(it.to) {
        let message = format!("The leader was not asked to hand over to broker {}.", it.to);
        return Err(ControlError::new(ErrorCode::InvalidRequest, message));
    }
    let sources = ConfigSources::of_cluster(&draft.image, &draft.settings.fixed);
    let rules = LeaderRules::of(&draft.image, &topic, &sources);
    let seat = Seat { image: &draft.image, rules: &rules, id: it.partition, now: &now, gone: None };
    let leaves = draft.image.broker(broker).is_some_and(|it| it.state == BrokerState::Stopping);
    let next = match how {
        Settled::Complete if !draft.image.may_lead(it.to) => {
            let message = format!("Broker {} may not lead: it is stopping or fenced.", it.to);
            return Err(ControlError::new(ErrorCode::IneligibleReplica, message));
        }
        Settled::Complete => seat.promote(it.to),
        // It stops anyway: better another leader without a drain than none.
        Settled::Cancel if leaves => leave_at_once(&seat),
        Settled::Cancel => changed(&now, PartitionImage { handover: None, ..(*now).clone() }),
    };
    let next = next.unwrap_or_else(|| (*now).clone());
    let PartitionId { topic, index } = it.partition;
    let change = PartitionChange { topic, index, now: next };
    draft.accept(vec![MetadataRecord::PartitionChanged(change.clone())])?;
    Ok(AlteredPartition { now: change })
}

/// Elects leaders as an operator asks (KIP-460).
pub(super) fn elect_asked(
    draft: &mut Draft<'_, '_>,
    kind: ElectionKind,
    partitions: Option<&[PartitionRef]>,
    designate: Option<BrokerId>,
) -> Result<Reply, ControlError> {
    if let Some(id) = designate.filter(|id| draft.image.broker(*id).is_none()) {
        let message = format!("No broker with id {id} is registered.");
        return Err(ControlError::new(ErrorCode::BrokerIdNotRegistered, message));
    }
    let Some(partitions) = partitions else { return Ok(elect_all(draft, kind, designate)) };
    let mut seen = BTreeSet::new();
    let results = partitions.iter().map(|it| {
        let name = |it: &PartitionRef| match &it.topic {
            super::TopicRef::Name(name) => name.clone(),
            super::TopicRef::Id(id) => id.to_string(),
        };
        let found = find_partition(draft, it);
        let topic = found.as_ref().map_or_else(|_| name(it), |(topic, _)| topic.name.to_string());
        let result = found.and_then(|(topic, index)| {
            if !seen.insert((topic.id, index)) {
                let message = format!("Partition {}/{index} is named twice.", topic.name);
                return Err(ControlError::new(ErrorCode::InvalidRequest, message));
            }
            elect_one(draft, (&topic, index), kind, designate)
        });
        ElectedPartition { topic, index: it.index, result }
    });
    Ok(Reply::LeadersElected(results.collect()))
}

/// Every partition; those that need no election are left out of the answer, as in Kafka.
fn elect_all(draft: &mut Draft<'_, '_>, kind: ElectionKind, designate: Option<BrokerId>) -> Reply {
    let topics: Vec<Arc<TopicImage>> = draft.image.topics().cloned().collect();
    let mut results = Vec::new();
    for topic in topics {
        for index in (0..topic.partition_count()).map(PartitionIndex) {
            let result = elect_one(draft, (&topic, index), kind, designate);
            if !result.as_ref().is_err_and(|err| err.code == ErrorCode::ElectionNotNeeded) {
                let (topic, index) = (topic.name.to_string(), index.to_wire());
                results.push(ElectedPartition { topic, index, result });
            }
        }
    }
    Reply::LeadersElected(results)
}

fn find_partition(
    draft: &Draft<'_, '_>,
    it: &PartitionRef,
) -> Result<(Arc<TopicImage>, PartitionIndex), ControlError> {
    let topic = find_visible(draft, &it.topic)?;
    let index = PartitionIndex::from_wire(it.index).filter(|at| topic.partition(*at).is_some());
    let index = index.ok_or_else(|| {
        let message = format!("Topic '{}' has no partition {}.", topic.name, it.index);
        ControlError::new(ErrorCode::UnknownTopicOrPartition, message)
            .hint(format!("it has {} partitions, from 0", topic.partition_count()))
    })?;
    Ok((topic, index))
}

fn elect_one(
    draft: &mut Draft<'_, '_>,
    (topic, index): (&TopicImage, PartitionIndex),
    kind: ElectionKind,
    designate: Option<BrokerId>,
) -> Result<Elected, ControlError> {
    let id = PartitionId { topic: topic.id, index };
    let Some(now) = topic.partition(index) else {
        let message = format!("Topic '{}' has no partition {index}.", topic.name);
        return Err(ControlError::new(ErrorCode::UnknownTopicOrPartition, message));
    };
    let sources = ConfigSources::of_cluster(&draft.image, &draft.settings.fixed);
    let rules = LeaderRules::of(&draft.image, topic, &sources);
    let seat = Seat { image: &draft.image, rules: &rules, id, now, gone: None };
    if let Some(to) = designate.filter(|to| !now.replicas.contains(to)) {
        let message = format!("Broker {to} is no replica of {}/{index}.", topic.name);
        return Err(ControlError::new(ErrorCode::InvalidReplicaAssignment, message));
    }
    let next = match kind {
        ElectionKind::Preferred => preferred(draft, topic, &seat, designate)?,
        ElectionKind::Unclean => unclean(&seat, designate)?,
    };
    let new = next.handover.or(next.leader).unwrap_or_default();
    let elected = Elected {
        partition: id,
        old: now.leader,
        new,
        hands_over: next.handover.is_some(),
        partition_epoch: next.partition_epoch,
    };
    if next != **now {
        draft.accept(vec![seat.record(next)])?;
    }
    Ok(elected)
}

/// The partition once the wanted leader is asked for, or leads where nobody did.
fn preferred(
    draft: &Draft<'_, '_>,
    topic: &TopicImage,
    seat: &Seat<'_>,
    designate: Option<BrokerId>,
) -> Result<PartitionImage, ControlError> {
    let unavailable = || {
        let message = match designate {
            Some(to) => format!("Broker {to} is not in sync, or may not lead."),
            None => "The preferred leader is not in sync, or may not lead.".to_owned(),
        };
        ControlError::new(ErrorCode::PreferredLeaderNotAvailable, message)
    };
    let in_sync = |id: &BrokerId| seat.now.isr.contains(id) && seat.image.may_lead(*id);
    let Some(leader) = seat.now.leader else {
        let found = match designate {
            Some(to) => in_sync(&to).then(|| seat.promote(to)).flatten(),
            None => seat.elect().filter(|it| it.leader.is_some()),
        };
        return found.ok_or_else(unavailable);
    };
    let wanted = match designate {
        Some(to) => Some(to).filter(|to| *to == leader || in_sync(to)),
        None => seat.best_in_sync(),
    };
    let wanted = wanted.ok_or_else(unavailable)?;
    if wanted == leader {
        let most_wanted = designate.or_else(|| seat.order().first().copied());
        if most_wanted != Some(leader) {
            return Err(unavailable());
        }
        return Err(ControlError::new(
            ErrorCode::ElectionNotNeeded,
            format!("Broker {leader} leads already."),
        ));
    }
    verify_unfrozen(draft, topic)?;
    Ok(seat.hand_over(wanted).unwrap_or_else(|| seat.now.clone()))
}

/// The partition once somebody leads it who lives, in sync or not.
fn unclean(seat: &Seat<'_>, designate: Option<BrokerId>) -> Result<PartitionImage, ControlError> {
    if let Some(leader) = seat.now.leader {
        let message = format!("Broker {leader} leads; an unclean election is for no leader.");
        return Err(ControlError::new(ErrorCode::ElectionNotNeeded, message));
    }
    if let Some(clean) = seat.elect().filter(|it| it.leader.is_some()) {
        return Ok(clean);
    }
    if seat.rules.unclean == UncleanPolicy::Never {
        let message = "The leader policy never lets a replica lead that may lack records.";
        return Err(ControlError::new(ErrorCode::PolicyViolation, message)
            .hint("kq-ctl leader policy set TOPIC --unclean manual allows it"));
    }
    let live = |id: &BrokerId| seat.image.may_lead(*id);
    let by_rank = || seat.now.last_known.iter().copied().find(live);
    let chosen = match designate {
        Some(to) => Some(to).filter(live),
        None => by_rank().or_else(|| seat.order().into_iter().find(live)),
    };
    let Some(to) = chosen else {
        let message = "No replica that could lead lives.";
        return Err(ControlError::new(ErrorCode::EligibleLeadersNotAvailable, message));
    };
    let next = PartitionImage {
        leader: Some(to),
        isr: vec![to],
        elr: Vec::new(),
        last_known: Vec::new(),
        handover: None,
        unclean_epoch: Some(epoch_after(seat.now)),
        ..seat.now.clone()
    };
    Ok(changed(seat.now, next).unwrap_or_else(|| seat.now.clone()))
}
