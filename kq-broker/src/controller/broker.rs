//! Brokers: registered, fenced, stopped, cordoned, forgotten; and the elections that follow.

use std::sync::Arc;

use kq_proto::kafka::ErrorCode;

use super::command::{ProducerIdBlock, Reply};
use super::decide::Draft;
use super::election::{changed, epoch_after, with_isr, without};
use super::error::{ControlError, Refused};
use super::leaders::{Seat, elect_where, leave, reconsider};
use super::quorum::UnledSince;
use crate::canary;
use crate::catalogue::Durability;
use crate::ids::{BrokerEpoch, BrokerId};
use crate::metadata::{
    BrokerImage, BrokerRegistration, BrokerState, MetadataImage, MetadataRecord, PartitionImage,
    TimestampMs,
};

/// The last producer id: the protocol carries it in a signed field.
const PRODUCER_ID_MAX: u64 = i64::MAX.unsigned_abs();
/// Elections take a second or so, and nobody misses anything by that.
const UNLED_MS_MIN: i64 = 3_000;

/// A broker process is up, and its earlier life is over: what that may have lost, others go on with.
pub(super) fn register(
    draft: &mut Draft<'_, '_>,
    it: &BrokerRegistration,
) -> Result<Reply, ControlError> {
    let broker = it.broker;
    let known = draft.image.broker(broker).cloned();
    if let Some(known) = &known {
        if known.registration() == *it && known.may_lead() {
            return Ok(Reply::BrokerRegistered { epoch: known.epoch });
        }
        verify_one_life(known, it)?;
    }
    let disk_is_new = known.as_ref().is_some_and(|known| known.directory != it.directory)
        && !canary::is("new_disk_kept");
    let holds = |partition: &PartitionImage| partition.replicas.contains(&broker);
    reconsider(
        draft,
        holds,
        |seat| {
            if disk_is_new { lose(seat, broker) } else { step_back(seat, it) }
        },
    )?;
    draft.accept(vec![MetadataRecord::BrokerRegistered(it.clone())])?;
    elect_where(draft, |partition| partition.leader.is_none())?;
    Ok(Reply::BrokerRegistered { epoch: BrokerEpoch(0) })
}

/// A broker says that it leads the quorum. The same lead is told once, and an older one not at all.
pub(super) fn take_lead(
    draft: &mut Draft<'_, '_>,
    (broker, term): (BrokerId, u64),
    unled: Option<UnledSince>,
) -> Result<Reply, ControlError> {
    if draft.image.controller().is_none_or(|(_, known)| known < term) {
        let unled_since = unled_since(draft, unled);
        let record = MetadataRecord::ControllerChanged { broker, term, unled_since };
        draft.accept(vec![record])?;
    }
    Ok(Reply::Done)
}

/// Since when nobody was known to lead, if that is worth telling. After a start of all brokers that
/// is since the last thing that was known before.
fn unled_since(draft: &Draft<'_, '_>, unled: Option<UnledSince>) -> Option<TimestampMs> {
    draft.image.controller()?;
    let since = match unled? {
        UnledSince::Moment(since) => since,
        UnledSince::Start(started, known) => {
            draft.image.last_change_by(started).max(known.filter(|it| *it <= started))?
        }
    };
    (draft.now.0.saturating_sub(since.0) >= UNLED_MS_MIN).then_some(since)
}

/// Two processes must not be one broker. A life that still counts as live ends by being fenced; or
/// by another process holding its directory, for a directory has one owner at a time.
fn verify_one_life(known: &BrokerImage, new: &BrokerRegistration) -> Result<(), ControlError> {
    let same_process = known.incarnation == new.incarnation;
    if !known.is_live() || same_process || known.directory == new.directory {
        return Ok(());
    }
    let message = format!(
        "broker {} is registered already: its process {} lives, on another directory",
        known.id, known.incarnation
    );
    Err(ControlError::new(ErrorCode::DuplicateBrokerRegistration, message)
        .hint("stop that process, or give this one a node.id of its own"))
}

/// A partition of which a broker lost everything with its disk (KIP-903). It is in no ISR and no
/// ELR any more, also where it was the last one.
fn lose(seat: &Seat<'_>, broker: BrokerId) -> Option<PartitionImage> {
    let poorer = without(seat.now, broker);
    let elected = Seat { now: &poorer, gone: Some(broker), ..*seat }.elect();
    changed(seat.now, seat.at_old_epochs(elected.unwrap_or(poorer)))
}

/// A partition after a replica of it stopped and came back before that was noticed. One that holds
/// all that counted as held by it is what it was: others in the ISR may have stopped with it and not
/// be back, as after a power cut of all. If it may lack something, others in sync go on without it,
/// and where there are none it goes on as the last that was in sync.
fn step_back(seat: &Seat<'_>, it: &BrokerRegistration) -> Option<PartitionImage> {
    let broker = it.broker;
    let now = seat.now;
    if it.resumed_cleanly || seat.rules.durability == Durability::Fsync {
        return resume(now, it);
    }
    let mut next = now.clone();
    if now.isr.contains(&broker) {
        let others: Vec<BrokerId> = now.isr.iter().copied().filter(|id| *id != broker).collect();
        if others.is_empty() {
            return None;
        }
        next = with_isr(now, others, seat.rules.min_isr);
        next.leader = now.leader.filter(|id| *id != broker);
    }
    // What it had not synced is gone, and that may be anything that was committed.
    next.elr.retain(|id| *id != broker);
    next.handover = now.handover.filter(|to| *to != broker && next.leader.is_some());
    let elected = Seat { now: &next, gone: Some(broker), ..*seat }.elect();
    changed(now, seat.at_old_epochs(elected.unwrap_or(next)))
}

/// A partition of which a broker that came back holds what it held. If it led, it leads on in another
/// epoch: what it knew of its followers is gone, and its high watermark begins anew. After a crash
/// all that it leads gets one when it is registered.
fn resume(now: &PartitionImage, it: &BrokerRegistration) -> Option<PartitionImage> {
    let leads = now.leader == Some(it.broker);
    let mut next = now.clone();
    next.handover = now.handover.filter(|to| *to != it.broker && !leads);
    if leads && it.resumed_cleanly && now.isr.len() > 1 {
        next.leader_epoch = epoch_after(now);
    }
    changed(now, next)
}

/// Takes a broker out of every ISR and lets others lead what it led.
pub(super) fn fence(
    draft: &mut Draft<'_, '_>,
    broker: BrokerId,
    epoch: Option<BrokerEpoch>,
) -> Result<Reply, ControlError> {
    let known = find(&draft.image, broker)?;
    if let Some(epoch) = epoch {
        verify_epoch(&draft.image, broker, epoch)?;
    }
    if !known.is_live() {
        return Ok(Reply::Done);
    }
    draft.accept(vec![MetadataRecord::BrokerFenced { broker }])?;
    elect_where(draft, |partition| partition.isr.contains(&broker))?;
    Ok(Reply::Done)
}

/// A broker is about to stop. Asked again, it tries again for what could not move before.
pub(super) fn begin_shutdown(
    draft: &mut Draft<'_, '_>,
    broker: BrokerId,
    epoch: BrokerEpoch,
) -> Result<Reply, ControlError> {
    verify_epoch(&draft.image, broker, epoch)?;
    match find(&draft.image, broker)?.state {
        BrokerState::Fenced => return Ok(Reply::Done),
        BrokerState::Stopping => {}
        BrokerState::Active => draft.accept(vec![MetadataRecord::BrokerStopping { broker }])?,
    }
    leave(draft, broker)?;
    Ok(Reply::Done)
}

/// Whether a broker that is to stop has nothing left that could move away first.
pub fn may_stop(image: &MetadataImage, broker: BrokerId) -> bool {
    let leaves = image.broker(broker).is_none_or(|it| !it.may_lead());
    leaves && image.broker_load(broker).handovers == 0
}

pub(super) fn cordon(
    draft: &mut Draft<'_, '_>,
    broker: BrokerId,
    decommission: bool,
) -> Result<Reply, ControlError> {
    let known = find(&draft.image, broker)?;
    if known.cordon.as_ref().is_none_or(|it| it.decommission != decommission) {
        draft.accept(vec![MetadataRecord::BrokerCordoned { broker, decommission }])?;
    }
    Ok(Reply::Done)
}

pub(super) fn uncordon(draft: &mut Draft<'_, '_>, broker: BrokerId) -> Result<Reply, ControlError> {
    if find(&draft.image, broker)?.cordon.is_some() {
        draft.accept(vec![MetadataRecord::BrokerUncordoned { broker }])?;
    }
    Ok(Reply::Done)
}

pub(super) fn unregister(
    draft: &mut Draft<'_, '_>,
    broker: BrokerId,
) -> Result<Reply, ControlError> {
    let known = find(&draft.image, broker)?;
    let in_use = |message: String, hint: String| {
        Err(ControlError::new(ErrorCode::InvalidRequest, message)
            .refused(Refused::BrokerInUse)
            .hint(hint))
    };
    if known.is_live() {
        let message = format!("broker {broker} is {}, not fenced", known.state.as_str());
        return in_use(message, "stop its process first".to_owned());
    }
    let replicas = draft.image.broker_load(broker).replicas;
    if replicas > 0 {
        let message = format!("broker {broker} still holds {replicas} replicas");
        let hint = format!("kq-ctl broker decommission {broker} moves them to other brokers");
        return in_use(message, hint);
    }
    draft.accept(vec![MetadataRecord::BrokerUnregistered { broker }])?;
    Ok(Reply::Done)
}

fn find(image: &MetadataImage, broker: BrokerId) -> Result<Arc<BrokerImage>, ControlError> {
    image.broker(broker).cloned().ok_or_else(|| {
        let message = format!("broker {broker} never registered");
        ControlError::new(ErrorCode::BrokerIdNotRegistered, message)
    })
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
    let known = find(image, broker)?;
    if known.epoch != epoch {
        let message =
            format!("broker {broker} is at epoch {}, the request came from {epoch}", known.epoch);
        return Err(ControlError::new(ErrorCode::StaleBrokerEpoch, message));
    }
    Ok(())
}
