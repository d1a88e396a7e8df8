//! In-sync replicas, as leaders propose them.

use std::sync::Arc;

use kq_proto::kafka::ErrorCode;

use super::command::Reply;
use super::decide::Draft;
use super::election::with_isr;
use super::error::ControlError;
use super::leader_command::{AlterPartition, AlteredPartition};
use crate::canary;
use crate::catalogue::{ConfigSources, EffectiveTopicConfig};
use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch, PartitionEpoch, PartitionId};
use crate::metadata::{MetadataImage, MetadataRecord, PartitionChange, PartitionImage, TopicImage};

pub(super) fn alter(
    draft: &mut Draft<'_, '_>,
    (broker, epoch): (BrokerId, BrokerEpoch),
    proposals: &[AlterPartition],
) -> Result<Reply, ControlError> {
    super::broker::verify_epoch(&draft.image, broker, epoch)?;
    let results = proposals.iter().map(|it| alter_one(draft, broker, it)).collect();
    Ok(Reply::PartitionsAltered(results))
}

/// Whether a report about a partition comes from its leader and saw its newest state.
pub(super) fn verify_leader(
    image: &MetadataImage,
    partition: PartitionId,
    sender: BrokerId,
    (leader_epoch, partition_epoch): (LeaderEpoch, PartitionEpoch),
) -> Result<(Arc<TopicImage>, Arc<PartitionImage>), ControlError> {
    let refuse = |code, message: String| Err(ControlError::new(code, message));
    let Some(topic) = image.topic_by_id(partition.topic) else {
        let message = format!("Topic id {} is unknown.", partition.topic);
        return refuse(ErrorCode::UnknownTopicId, message);
    };
    let Some(now) = topic.partition(partition.index) else {
        let message = format!("Topic '{}' has no partition {}.", topic.name, partition.index);
        return refuse(ErrorCode::UnknownTopicOrPartition, message);
    };
    if now.leader != Some(sender) || now.leader_epoch > leader_epoch {
        let message = format!("Broker {sender} does not lead in epoch {}.", now.leader_epoch.0);
        return refuse(ErrorCode::FencedLeaderEpoch, message);
    }
    if now.leader_epoch < leader_epoch || now.partition_epoch < partition_epoch {
        return refuse(ErrorCode::NotController, "The proposer knows a newer state.".to_owned());
    }
    if now.partition_epoch != partition_epoch && !canary::is("partition_epoch_not_compared") {
        let message = format!(
            "The partition is at epoch {}, the proposal saw {partition_epoch}.",
            now.partition_epoch
        );
        return refuse(ErrorCode::InvalidUpdateVersion, message);
    }
    Ok((topic.clone(), now.clone()))
}

fn alter_one(
    draft: &mut Draft<'_, '_>,
    proposer: BrokerId,
    it: &AlterPartition,
) -> Result<AlteredPartition, ControlError> {
    let seen = (it.leader_epoch, it.partition_epoch);
    let (topic, now) = verify_leader(&draft.image, it.partition, proposer, seen)?;
    let isr: Vec<BrokerId> = it.isr.iter().map(|(id, _)| *id).collect();
    if !isr.contains(&proposer) || !isr.iter().all(|id| now.replicas.contains(id)) {
        let message = "An ISR holds its leader and nothing but replicas.".to_owned();
        return Err(ControlError::new(ErrorCode::InvalidRequest, message));
    }
    for (id, epoch) in &it.isr {
        verify_member(&draft.image, (*id, *epoch), now.isr.contains(id))?;
    }
    let sources = ConfigSources::of_cluster(&draft.image, &draft.settings.fixed);
    let min_isr = EffectiveTopicConfig::resolve(&topic.configs, &sources).min_insync_replicas;
    let mut next = with_isr(&now, isr, min_isr);
    next.handover = now.handover.filter(|to| next.isr.contains(to));
    next.partition_epoch = now.partition_epoch.next();
    let PartitionId { topic, index } = it.partition;
    let changed = PartitionChange { topic, index, now: next };
    draft.accept(vec![MetadataRecord::PartitionChanged(changed.clone())])?;
    Ok(AlteredPartition { now: changed })
}

/// Whether a broker may be in an ISR: it lives, in the life that the leader means, and it joins
/// only while it is not about to stop (KIP-841, KIP-903).
fn verify_member(
    image: &MetadataImage,
    (id, epoch): (BrokerId, Option<BrokerEpoch>),
    is_in: bool,
) -> Result<(), ControlError> {
    let ineligible = |why: &str| {
        let message = format!("Broker {id} {why}.");
        Err(ControlError::new(ErrorCode::IneligibleReplica, message))
    };
    match image.broker(id) {
        None => ineligible("is not registered"),
        Some(broker) if !broker.is_live() => ineligible("is fenced"),
        Some(broker)
            if epoch.is_some_and(|epoch| epoch != broker.epoch)
                && !canary::is("no_broker_epoch_check") =>
        {
            ineligible("has registered again")
        }
        Some(broker) if !broker.may_lead() && !is_in => ineligible("is about to stop"),
        Some(_) => Ok(()),
    }
}
