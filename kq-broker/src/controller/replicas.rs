//! Replicas that their broker cannot serve, though it lives: their directory is offline, or their log
//! is damaged or gone. And those that came back with more than the leader has.

use std::collections::BTreeSet;

use super::command::Reply;
use super::decide::Draft;
use super::election::changed;
use super::error::ControlError;
use super::leaders::{Seat, reconsider};
use crate::ids::{BrokerEpoch, BrokerId, PartitionId};
use crate::metadata::{Loss, MetadataRecord, PartitionImage};

/// Takes these replicas of a broker out of ISR and ELR, and lets others lead them.
pub(super) fn fail(
    draft: &mut Draft<'_, '_>,
    (broker, epoch): (BrokerId, BrokerEpoch),
    partitions: &[PartitionId],
) -> Result<Reply, ControlError> {
    super::broker::verify_epoch(&draft.image, broker, epoch)?;
    let failed: BTreeSet<PartitionId> = partitions.iter().copied().collect();
    let holds = |partition: &PartitionImage| partition.replicas.contains(&broker);
    reconsider(draft, holds, |seat| {
        failed.contains(&seat.id).then(|| set_aside(seat, broker)).flatten()
    })?;
    Ok(Reply::Done)
}

/// Keeps with the history what replicas of a broker had to cut off.
pub(super) fn note_losses(
    draft: &mut Draft<'_, '_>,
    (broker, epoch): (BrokerId, BrokerEpoch),
    losses: &[Loss],
) -> Result<Reply, ControlError> {
    super::broker::verify_epoch(&draft.image, broker, epoch)?;
    // Of a topic that is gone there is nothing left to tell.
    let exists = |it: &&Loss| draft.image.any_topic(it.partition.topic).is_some();
    let told = losses.iter().filter(exists);
    let told = told.map(|it| MetadataRecord::RecordsLost(Loss { broker, ..*it })).collect();
    draft.accept(told)?;
    Ok(Reply::Done)
}

/// As if the broker were fenced, for this partition: others in sync go on without it. Where nobody
/// can, all stays as it is, so that clients hear from it what is wrong.
fn set_aside(seat: &Seat<'_>, broker: BrokerId) -> Option<PartitionImage> {
    let now = seat.now;
    let elected = Seat { gone: Some(broker), ..*seat }.elect();
    let mut next = elected.unwrap_or_else(|| now.clone());
    next.leader?;
    // It lives, and would be elected from there.
    next.elr.retain(|id| *id != broker);
    let epochs = PartitionImage {
        leader_epoch: now.leader_epoch,
        partition_epoch: now.partition_epoch,
        ..next
    };
    changed(now, epochs)
}
