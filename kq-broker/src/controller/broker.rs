//! Brokers: registered, fenced, given producer ids; and the elections that follow.

use kq_proto::kafka::ErrorCode;

use super::command::{ProducerIdBlock, Reply};
use super::decide::Draft;
use super::election::{Choice, ElectionPolicy, choose_leader};
use super::error::ControlError;
use crate::catalogue::{ConfigSources, EffectiveTopicConfig};
use crate::ids::{BrokerEpoch, BrokerId, PartitionIndex};
use crate::metadata::{
    BrokerRegistration, MetadataImage, MetadataRecord, PartitionChange, PartitionImage, TopicImage,
};

/// The last producer id: the protocol carries it in a signed field.
const PRODUCER_ID_MAX: u64 = i64::MAX.unsigned_abs();

pub(super) fn register(
    draft: &mut Draft<'_, '_>,
    it: &BrokerRegistration,
) -> Result<Reply, ControlError> {
    let known = draft.image.broker(it.broker);
    if let Some(same) = known.filter(|known| known.registration() == *it && known.is_live()) {
        return Ok(Reply::BrokerRegistered { epoch: same.epoch });
    }
    draft.accept(vec![MetadataRecord::BrokerRegistered(it.clone())])?;
    elect(draft, |partition| partition.leader.is_none())?;
    Ok(Reply::BrokerRegistered { epoch: BrokerEpoch(0) })
}

pub(super) fn fence(
    draft: &mut Draft<'_, '_>,
    broker: BrokerId,
    fenced: bool,
) -> Result<Reply, ControlError> {
    let Some(known) = draft.image.broker(broker) else {
        let message = format!("broker {broker} never registered");
        return Err(ControlError::new(ErrorCode::BrokerIdNotRegistered, message));
    };
    if known.is_live() != fenced {
        return Ok(Reply::Done);
    }
    draft.accept(vec![MetadataRecord::BrokerFenced { broker, fenced }])?;
    elect(draft, |partition| partition.leader.is_none() || partition.isr.contains(&broker))?;
    Ok(Reply::Done)
}

pub(super) fn allocate_producer_ids(
    draft: &mut Draft<'_, '_>,
    broker: BrokerId,
    epoch: BrokerEpoch,
) -> Result<Reply, ControlError> {
    verify_epoch(&draft.image, broker, epoch)?;
    let first = draft.image.next_producer_id();
    let count = draft.settings.limits.producer_id_block;
    let next = first + u64::from(count);
    if next > PRODUCER_ID_MAX {
        let message = "all producer ids are given out";
        return Err(ControlError::new(ErrorCode::UnknownServerError, message));
    }
    draft.accept(vec![MetadataRecord::ProducerIdsAllocated { broker, next }])?;
    Ok(Reply::ProducerIds(ProducerIdBlock { first, count }))
}

/// Whether a request comes from the life of a broker that registered last.
pub(super) fn verify_epoch(
    image: &MetadataImage,
    broker: BrokerId,
    epoch: BrokerEpoch,
) -> Result<(), ControlError> {
    let Some(known) = image.broker(broker) else {
        let message = format!("broker {broker} never registered");
        return Err(ControlError::new(ErrorCode::BrokerIdNotRegistered, message));
    };
    if known.epoch != epoch {
        let message =
            format!("broker {broker} is at epoch {}, the request came from {epoch}", known.epoch);
        return Err(ControlError::new(ErrorCode::StaleBrokerEpoch, message));
    }
    Ok(())
}

/// Elects anew where `concerned`: fenced brokers leave ISR and lead.
fn elect(
    draft: &mut Draft<'_, '_>,
    concerned: impl Fn(&PartitionImage) -> bool,
) -> Result<(), ControlError> {
    let mut records = Vec::new();
    let sources = ConfigSources::of_cluster(&draft.image, &draft.settings.fixed);
    for topic in draft.image.all_topics() {
        if !topic.partitions.iter().any(|it| concerned(it)) {
            continue;
        }
        let config = EffectiveTopicConfig::resolve(&topic.configs, &sources);
        for (index, partition) in topic.partitions().filter(|(_, it)| concerned(it)) {
            records.extend(elect_one(&draft.image, (topic, index), partition, &config));
        }
    }
    if records.is_empty() { Ok(()) } else { draft.accept(records) }
}

fn elect_one(
    image: &MetadataImage,
    (topic, index): (&TopicImage, PartitionIndex),
    old: &PartitionImage,
    config: &EffectiveTopicConfig,
) -> Option<MetadataRecord> {
    let live = |id: BrokerId| image.is_live(id);
    let policy =
        ElectionPolicy { unclean: config.unclean_leader_election, ..ElectionPolicy::default() };
    let choice = choose_leader(&old.replicas, (&old.isr, &old.elr), live, &policy);
    let mut new = old.clone();
    let in_sync: Vec<BrokerId> = old.isr.iter().copied().filter(|id| live(*id)).collect();
    new.leader = choice.leader();
    new.isr = match new.leader {
        // The last one to be in sync stays in the ISR, so that it alone can lead again.
        None => old.isr.clone(),
        Some(leader) if in_sync.contains(&leader) => in_sync,
        Some(leader) => vec![leader],
    };
    new.elr = match choice {
        // Nobody else is known to hold what this one lacks.
        Choice::Unclean(_) => Vec::new(),
        Choice::Clean(_) | Choice::Nobody => {
            eligible_outside((&old.isr, &old.elr), &new.isr, config.min_insync_replicas)
        }
    };
    if old.leader == new.leader && old.isr == new.isr {
        return None;
    }
    if old.leader != new.leader {
        new.leader_epoch.0 = old.leader_epoch.0.saturating_add(1);
    }
    new.partition_epoch = old.partition_epoch.next();
    Some(MetadataRecord::PartitionChanged(PartitionChange { topic: topic.id, index, now: new }))
}

/// Who is eligible to lead beside the ISR (KIP-966): who left it while too few stayed still holds
/// everything that is committed, for nothing is committed until enough are back.
pub(super) fn eligible_outside(
    (old_isr, old_elr): (&[BrokerId], &[BrokerId]),
    new_isr: &[BrokerId],
    min_isr: u32,
) -> Vec<BrokerId> {
    if new_isr.len() >= min_isr as usize {
        return Vec::new();
    }
    let mut eligible: Vec<BrokerId> = old_elr.to_vec();
    eligible.extend(old_isr.iter().filter(|id| !old_elr.contains(id)));
    eligible.retain(|id| !new_isr.contains(id));
    eligible
}
