//! Kafka's `AlterPartitionReassignments` (KIP-455): the same work, as a plan.

use std::collections::BTreeSet;

use kq_proto::kafka::ErrorCode;
use serde::{Deserialize, Serialize};

use super::super::command::Reply;
use super::super::decide::Draft;
use super::super::error::ControlError;
use super::rate_keys::lease_of_keys;
use super::targets::settled;
use crate::ids::{BrokerId, PartitionId, PartitionIndex, PlanId};
use crate::metadata::{
    MetadataRecord, MoveState, PartitionImage, PlanStart, PlanStep, PlannedMove,
};

/// By this verb the plans of Kafka's clients are known.
pub(super) const VERB: &str = "partition reassign (kafka)";

/// One partition of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reassignment {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub index: i32,
    /// Its new replicas; none to go back to the old ones.
    pub replicas: Option<Vec<i32>>,
}

/// Starts one plan for all partitions that are to move, and takes back those that are not to.
pub(in crate::controller) fn alter(
    draft: &mut Draft<'_, '_>,
    asked: &[Reassignment],
    allow_factor_change: bool,
) -> Result<Reply, ControlError> {
    let mut moves = Vec::new();
    let mut in_place = Vec::new();
    let mut results = Vec::with_capacity(asked.len());
    let mut seen = BTreeSet::new();
    for it in asked {
        if !seen.insert((it.topic.as_str(), it.index)) {
            let message = format!("Partition {}-{} is named twice.", it.topic, it.index);
            results.push(Err(ControlError::new(ErrorCode::InvalidRequest, message)));
            continue;
        }
        results.push(match &it.replicas {
            None => cancel(draft, it),
            Some(list) => match planned(draft, it, list, allow_factor_change) {
                Ok(next) => {
                    if let Some((next, replaces)) = next {
                        in_place.extend(replaces.then_some(next.partition));
                        moves.push(next);
                    }
                    Ok(())
                }
                Err(err) => Err(err),
            },
        });
    }
    if !moves.is_empty() {
        let batch = u32::try_from(moves.len()).unwrap_or(u32::MAX);
        let id = fresh_id(draft);
        let lease = lease_of_keys(draft, moves.iter());
        draft.accept(vec![MetadataRecord::PlanStarted(PlanStart {
            id,
            verb: VERB.to_owned(),
            lease,
            batch,
            concurrency: batch,
            moves,
        })])?;
        for partition in in_place {
            super::step::begin_in_place(draft, id, partition)?;
        }
    }
    Ok(Reply::ReassignmentsAltered(results))
}

/// The move of one partition, and whether it takes the place of one that is under way; none when it
/// is where it is to be.
fn planned(
    draft: &mut Draft<'_, '_>,
    it: &Reassignment,
    list: &[i32],
    allow_factor_change: bool,
) -> Result<Option<(PlannedMove, bool)>, ControlError> {
    let (partition, now) = find(draft, it)?;
    let to = verify_list(draft, it, list)?;
    let from = settled(&now);
    if !allow_factor_change && to.len() != from.len() {
        let message = format!(
            "The replication factor is changed from {} to {}, and that is not allowed here.",
            from.len(),
            to.len()
        );
        return Err(ControlError::new(ErrorCode::InvalidReplicationFactor, message));
    }
    let mut replaces = false;
    if let Some((plan, old)) = draft.image.plan_of(partition) {
        if old.planned.to == to && old.state != MoveState::Returning {
            return Ok(None);
        }
        // As in Kafka, a new target takes the place of the old one.
        let (id, state) = (plan.id, old.state);
        replaces = state.is_under_way();
        end_for_another(draft, (id, state), partition)?;
    }
    let same = to == from && now.adding.is_empty() && now.removing.is_empty();
    Ok((!same).then_some((PlannedMove { partition, from, to, bytes: None }, replaces)))
}

/// Ends a move for the sake of another, which begins where this one is.
fn end_for_another(
    draft: &mut Draft<'_, '_>,
    (plan, state): (PlanId, MoveState),
    partition: PartitionId,
) -> Result<(), ControlError> {
    let waits = state == MoveState::Waiting;
    let state = if waits { MoveState::Skipped } else { MoveState::Returned };
    let why = "reassigned anew".to_owned();
    let step = PlanStep { plan, partition, state, why, asked: false };
    draft.accept(vec![MetadataRecord::PlanStepped(step)])
}

fn cancel(draft: &mut Draft<'_, '_>, it: &Reassignment) -> Result<(), ControlError> {
    let (partition, _) = find(draft, it)?;
    let found = draft.image.plan_of(partition).map(|(plan, it)| (plan.id, it.state));
    let Some((plan, state)) = found else {
        let message = format!("Partition {}-{} is not being reassigned.", it.topic, it.index);
        return Err(ControlError::new(ErrorCode::NoReassignmentInProgress, message));
    };
    if state == MoveState::Returning {
        return Ok(());
    }
    let waits = state == MoveState::Waiting;
    let next = if waits { MoveState::Skipped } else { MoveState::Returning };
    let why = "cancelled by a client".to_owned();
    let step = PlanStep { plan, partition, state: next, why, asked: false };
    draft.accept(vec![MetadataRecord::PlanStepped(step)])
}

fn find(
    draft: &Draft<'_, '_>,
    it: &Reassignment,
) -> Result<(PartitionId, PartitionImage), ControlError> {
    let unknown = || {
        let message = format!("There is no partition {}-{}.", it.topic, it.index);
        ControlError::new(ErrorCode::UnknownTopicOrPartition, message)
    };
    let topic = draft.image.topic_by_name(&it.topic).ok_or_else(unknown)?;
    let index = PartitionIndex::from_wire(it.index).ok_or_else(unknown)?;
    let now = topic.partition(index).ok_or_else(unknown)?;
    Ok((PartitionId { topic: topic.id, index }, PartitionImage::clone(now)))
}

fn verify_list(
    draft: &Draft<'_, '_>,
    it: &Reassignment,
    list: &[i32],
) -> Result<Vec<BrokerId>, ControlError> {
    let refuse =
        |message: String| Err(ControlError::new(ErrorCode::InvalidReplicaAssignment, message));
    if list.is_empty() {
        return refuse("The replica assignment has an empty list of replicas.".to_owned());
    }
    let now = find(draft, it).map(|(_, now)| now.replicas).unwrap_or_default();
    let mut to: Vec<BrokerId> = Vec::with_capacity(list.len());
    for id in list {
        let known = BrokerId::from_wire(*id).filter(|id| draft.image.broker(*id).is_some());
        let Some(broker) = known else {
            return refuse(format!("The replica assignment names broker {id}, which is unknown."));
        };
        if to.contains(&broker) {
            return refuse(format!("The replica assignment names broker {id} twice."));
        }
        let open = draft.image.broker(broker).is_some_and(|it| it.cordon.is_none());
        if !open && !now.contains(&broker) {
            return refuse(format!("Broker {id} is given no new replicas: it is being emptied."));
        }
        to.push(broker);
    }
    Ok(to)
}

/// A name that no plan has, always the same for the same image.
fn fresh_id(draft: &Draft<'_, '_>) -> PlanId {
    let mut hash = draft.image.applied().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
    loop {
        let id = PlanId(u32::try_from(hash & 0xffff_ffff).unwrap_or(u32::MAX));
        if draft.image.plan(id).is_none() {
            return id;
        }
        hash += 1;
    }
}
