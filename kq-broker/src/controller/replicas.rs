//! Replicas that their broker cannot serve, though it lives: their directory is offline, or their log
//! is damaged or gone, or a leader's disk is full. And those that came back with more than the leader
//! has.

use std::collections::{BTreeMap, BTreeSet};

use super::command::Reply;
use super::decide::Draft;
use super::election::{changed, with_isr};
use super::error::ControlError;
use super::leader_command::LedPartition;
use super::leaders::{Seat, reconsider};
use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch, PartitionId};
use crate::metadata::{EventKind, Loss, MetadataImage, MetadataRecord, PartitionImage, Subject};

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

/// Lets others in sync lead what this broker leads and cannot append to. Who has been elected meanwhile
/// is not meant.
pub(super) fn give_up_lead(
    draft: &mut Draft<'_, '_>,
    (broker, epoch): (BrokerId, BrokerEpoch),
    led: &[LedPartition],
) -> Result<Reply, ControlError> {
    super::broker::verify_epoch(&draft.image, broker, epoch)?;
    let led: BTreeMap<PartitionId, LeaderEpoch> =
        led.iter().map(|it| (it.partition, it.leader_epoch)).collect();
    let leads = |partition: &PartitionImage| partition.leader == Some(broker);
    reconsider(draft, leads, |seat| {
        let is_meant = led.get(&seat.id) == Some(&seat.now.leader_epoch);
        is_meant.then(|| without_leader(seat, broker)).flatten()
    })?;
    Ok(Reply::Done)
}

/// Keeps with the history what replicas of a broker have to cut off, each of it once: who crashed after
/// telling it, or did not hear the answer, tells it again.
pub(super) fn note_losses(
    draft: &mut Draft<'_, '_>,
    (broker, epoch): (BrokerId, BrokerEpoch),
    losses: &[Loss],
) -> Result<Reply, ControlError> {
    super::broker::verify_epoch(&draft.image, broker, epoch)?;
    let mut news: BTreeMap<Subject, Vec<Loss>> = BTreeMap::new();
    for it in losses {
        // Of a topic that is gone there is nothing left to tell.
        let Some(topic) = draft.image.any_topic(it.partition.topic) else { continue };
        let subject = Subject::Partition(topic.name.clone(), it.partition.index);
        news.entry(subject).or_default().push(Loss { broker, ..*it });
    }
    let told = untold(&draft.image, news).into_iter().map(MetadataRecord::RecordsLost).collect();
    draft.accept(told)?;
    Ok(Reply::Done)
}

/// Those that the history does not tell since the partition's last unclean election.
fn untold(image: &MetadataImage, mut open: BTreeMap<Subject, Vec<Loss>>) -> Vec<Loss> {
    let mut untold = Vec::new();
    for event in image.events().rev() {
        if open.is_empty() {
            break;
        }
        if event.kind == EventKind::LeaderElectedUncleanly {
            untold.extend(open.remove(&event.subject).unwrap_or_default());
        } else if event.kind == EventKind::RecordsLost
            && let Some(losses) = open.get_mut(&event.subject)
        {
            let known = event.detail.to_string();
            losses.retain(|it| it.to_string() != known);
        }
    }
    untold.extend(open.into_values().flatten());
    untold.sort_unstable();
    untold
}

/// Somebody else in sync leads; none if there is nobody. The old leader leaves the ISR at once, since it
/// cannot follow either: the next one need not wait for it, and no balancing brings it back. It holds
/// all that is committed, so it stays eligible while too few are left to commit more.
fn without_leader(seat: &Seat<'_>, broker: BrokerId) -> Option<PartitionImage> {
    let isr = seat.now.isr.iter().copied().filter(|id| *id != broker).collect();
    let rest = with_isr(seat.now, isr, seat.rules.min_isr);
    let to = Seat { now: &rest, ..*seat }.best_in_sync()?;
    changed(seat.now, PartitionImage { leader: Some(to), handover: None, ..rest })
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
