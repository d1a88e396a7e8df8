//! The bytes of plans, in changes and in snapshots.

use std::sync::Arc;

use prost::Message;

use super::plan::{
    Lease, MoveImage, MoveState, PlanImage, PlanStart, PlanState, PlanStep, PlannedMove, Throttle,
};
use super::record::TimestampMs;
use super::wire::{ChangeDecodeError, id_from_wire, id_to_wire};
use crate::ids::{BrokerId, PartitionId, PartitionIndex, PlanId};

#[derive(Clone, PartialEq, Message)]
pub(super) struct WirePlanStart {
    #[prost(uint32, tag = "1")]
    id: u32,
    #[prost(string, tag = "2")]
    verb: String,
    #[prost(message, optional, tag = "3")]
    lease: Option<WireLease>,
    #[prost(uint32, tag = "4")]
    batch: u32,
    #[prost(uint32, tag = "5")]
    concurrency: u32,
    #[prost(message, repeated, tag = "6")]
    moves: Vec<WirePlannedMove>,
}

/// Without a kind, there is no throttle.
#[derive(Clone, PartialEq, Message)]
pub(super) struct WireLease {
    #[prost(bool, tag = "1")]
    auto: bool,
    #[prost(uint64, optional, tag = "2")]
    said: Option<u64>,
    #[prost(uint64, optional, tag = "3")]
    bytes_per_second: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
struct WirePlannedMove {
    #[prost(bytes = "vec", tag = "1")]
    topic: Vec<u8>,
    #[prost(uint32, tag = "2")]
    index: u32,
    #[prost(uint32, repeated, tag = "3")]
    from: Vec<u32>,
    #[prost(uint32, repeated, tag = "4")]
    to: Vec<u32>,
    #[prost(uint64, optional, tag = "5")]
    bytes: Option<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WirePlanChanged {
    #[prost(uint32, tag = "1")]
    plan: u32,
    #[prost(uint32, tag = "2")]
    state: u32,
    #[prost(message, optional, tag = "3")]
    lease: Option<WireLease>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WirePlanStep {
    #[prost(uint32, tag = "1")]
    plan: u32,
    #[prost(bytes = "vec", tag = "2")]
    topic: Vec<u8>,
    #[prost(uint32, tag = "3")]
    index: u32,
    #[prost(uint32, tag = "4")]
    state: u32,
    #[prost(string, tag = "5")]
    why: String,
    #[prost(bool, tag = "6")]
    asked: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WirePlan {
    #[prost(message, optional, tag = "1")]
    start: Option<WirePlanStart>,
    #[prost(uint32, tag = "2")]
    state: u32,
    #[prost(string, tag = "3")]
    reason: String,
    #[prost(int64, tag = "4")]
    started_at_ms: i64,
    #[prost(int64, optional, tag = "5")]
    ended_at_ms: Option<i64>,
    /// One for each move of the start, in its order.
    #[prost(message, repeated, tag = "6")]
    progress: Vec<WireProgress>,
}

#[derive(Clone, PartialEq, Message)]
struct WireProgress {
    #[prost(uint32, tag = "1")]
    state: u32,
    #[prost(string, tag = "2")]
    why: String,
    #[prost(int64, optional, tag = "3")]
    began_at_ms: Option<i64>,
    #[prost(int64, optional, tag = "4")]
    ended_at_ms: Option<i64>,
    #[prost(int64, optional, tag = "5")]
    asked_at_ms: Option<i64>,
}

const PLAN_STATES: [PlanState; 5] = [
    PlanState::Running,
    PlanState::Paused,
    PlanState::Cancelling,
    PlanState::Done,
    PlanState::Cancelled,
];

const MOVE_STATES: [MoveState; 7] = [
    MoveState::Waiting,
    MoveState::Moving,
    MoveState::Returning,
    MoveState::Done,
    MoveState::Returned,
    MoveState::Skipped,
    MoveState::Failed,
];

fn number_of<T: PartialEq>(states: &[T], state: &T) -> u32 {
    let at = states.iter().position(|it| it == state).unwrap_or(0);
    u32::try_from(at).unwrap_or(0)
}

fn state_from<T: Copy>(states: &[T], number: u32) -> Result<T, ChangeDecodeError> {
    states.get(number as usize).copied().ok_or(ChangeDecodeError::BadField("state of a plan"))
}

fn lease_to_wire(it: Lease) -> WireLease {
    WireLease {
        auto: it.throttle == Throttle::Auto,
        said: if let Throttle::Rate(rate) = it.throttle { Some(rate) } else { None },
        bytes_per_second: it.bytes_per_second,
    }
}

fn lease_from_wire(it: WireLease) -> Lease {
    let throttle = match it.said {
        Some(rate) => Throttle::Rate(rate),
        None if it.auto => Throttle::Auto,
        None => Throttle::Off,
    };
    Lease { throttle, bytes_per_second: it.bytes_per_second }
}

fn move_to_wire(it: &PlannedMove) -> WirePlannedMove {
    let list = |ids: &[BrokerId]| ids.iter().map(|id| id.0).collect();
    WirePlannedMove {
        topic: id_to_wire(it.partition.topic),
        index: it.partition.index.0,
        from: list(&it.from),
        to: list(&it.to),
        bytes: it.bytes,
    }
}

fn move_from_wire(it: WirePlannedMove) -> Result<PlannedMove, ChangeDecodeError> {
    let list = |ids: Vec<u32>| ids.into_iter().map(BrokerId).collect();
    Ok(PlannedMove {
        partition: partition_of(&it.topic, it.index)?,
        from: list(it.from),
        to: list(it.to),
        bytes: it.bytes,
    })
}

fn partition_of(topic: &[u8], index: u32) -> Result<PartitionId, ChangeDecodeError> {
    Ok(PartitionId { topic: id_from_wire(topic)?, index: PartitionIndex(index) })
}

pub(super) fn start_to_wire(it: &PlanStart) -> WirePlanStart {
    WirePlanStart {
        id: it.id.0,
        verb: it.verb.clone(),
        lease: Some(lease_to_wire(it.lease)),
        batch: it.batch,
        concurrency: it.concurrency,
        moves: it.moves.iter().map(move_to_wire).collect(),
    }
}

pub(super) fn start_from_wire(it: WirePlanStart) -> Result<PlanStart, ChangeDecodeError> {
    Ok(PlanStart {
        id: PlanId(it.id),
        verb: it.verb,
        lease: lease_from_wire(it.lease.unwrap_or_default()),
        batch: it.batch,
        concurrency: it.concurrency,
        moves: it.moves.into_iter().map(move_from_wire).collect::<Result<_, _>>()?,
    })
}

pub(super) fn changed_to_wire(plan: PlanId, state: PlanState, lease: Lease) -> WirePlanChanged {
    let state = number_of(&PLAN_STATES, &state);
    WirePlanChanged { plan: plan.0, state, lease: Some(lease_to_wire(lease)) }
}

pub(super) fn changed_from_wire(
    it: WirePlanChanged,
) -> Result<(PlanId, PlanState, Lease), ChangeDecodeError> {
    let lease = lease_from_wire(it.lease.unwrap_or_default());
    Ok((PlanId(it.plan), state_from(&PLAN_STATES, it.state)?, lease))
}

pub(super) fn step_to_wire(it: &PlanStep) -> WirePlanStep {
    WirePlanStep {
        plan: it.plan.0,
        topic: id_to_wire(it.partition.topic),
        index: it.partition.index.0,
        state: number_of(&MOVE_STATES, &it.state),
        why: it.why.clone(),
        asked: it.asked,
    }
}

pub(super) fn step_from_wire(it: WirePlanStep) -> Result<PlanStep, ChangeDecodeError> {
    Ok(PlanStep {
        plan: PlanId(it.plan),
        partition: partition_of(&it.topic, it.index)?,
        state: state_from(&MOVE_STATES, it.state)?,
        why: it.why,
        asked: it.asked,
    })
}

pub(super) fn plan_to_wire(it: &PlanImage) -> WirePlan {
    let start = WirePlanStart {
        id: it.id.0,
        verb: it.verb.to_string(),
        lease: Some(lease_to_wire(it.lease)),
        batch: it.batch,
        concurrency: it.concurrency,
        moves: it.moves().map(|it| move_to_wire(&it.planned)).collect(),
    };
    let progress = |it: &Arc<MoveImage>| WireProgress {
        state: number_of(&MOVE_STATES, &it.state),
        why: it.why.to_string(),
        began_at_ms: it.began_at.map(|at| at.0),
        ended_at_ms: it.ended_at.map(|at| at.0),
        asked_at_ms: it.asked_at.map(|at| at.0),
    };
    WirePlan {
        start: Some(start),
        state: number_of(&PLAN_STATES, &it.state),
        reason: it.reason.to_string(),
        started_at_ms: it.started_at.0,
        ended_at_ms: it.ended_at.map(|at| at.0),
        progress: it.moves().map(progress).collect(),
    }
}

pub(super) fn plan_from_wire(it: WirePlan) -> Result<PlanImage, ChangeDecodeError> {
    let mut start = start_from_wire(it.start.ok_or(ChangeDecodeError::BadField("plan"))?)?;
    let moves = std::mem::take(&mut start.moves);
    if moves.len() != it.progress.len() {
        return Err(ChangeDecodeError::BadField("progress of a plan"));
    }
    let mut plan = PlanImage::new(&start, TimestampMs(it.started_at_ms), it.reason.into());
    plan.state = state_from(&PLAN_STATES, it.state)?;
    plan.ended_at = it.ended_at_ms.map(TimestampMs);
    for (planned, progress) in moves.into_iter().zip(it.progress) {
        plan.push(MoveImage {
            planned,
            state: state_from(&MOVE_STATES, progress.state)?,
            why: progress.why.into(),
            began_at: progress.began_at_ms.map(TimestampMs),
            ended_at: progress.ended_at_ms.map(TimestampMs),
            asked_at: progress.asked_at_ms.map(TimestampMs),
        });
    }
    Ok(plan)
}
