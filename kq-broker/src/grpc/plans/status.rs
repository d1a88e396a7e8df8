//! How far plans are that were applied.

use std::collections::BTreeMap;

use kq_proto::admin::v1;

use super::super::gather::Figures;
use super::super::shape::count;
use super::tell::{ids, throttle};
use crate::metadata::{MetadataImage, MoveImage, MoveState, PlanImage};

pub(super) fn plan(
    image: &MetadataImage,
    it: &PlanImage,
    figures: &Figures,
    now_ms: i64,
) -> v1::PlanStatus {
    let mut by_state: BTreeMap<String, u32> = BTreeMap::new();
    let (mut bytes, mut moved, mut left) = (0_u64, 0_u64, Some(0_u64));
    for one in it.moves() {
        *by_state.entry(one.state.as_str().to_owned()).or_default() += 1;
        let all = one.planned.bytes.unwrap_or(0);
        bytes = bytes.saturating_add(all);
        let arrived = arrived(image, one, figures);
        moved = moved.saturating_add(arrived.unwrap_or(0));
        let open = one.state.is_under_way() || one.state == MoveState::Waiting;
        if open {
            let rest = arrived.filter(|_| one.planned.bytes.is_some());
            left = left.zip(rest).map(|(sum, arrived)| sum + all.saturating_sub(arrived));
        }
    }
    let until = it.ended_at.map_or(now_ms, |at| at.0);
    let ran_ms = u64::try_from(until - it.started_at.0).unwrap_or(0);
    let rate = (moved > 0 && ran_ms > 0).then(|| per_second(moved, ran_ms));
    let goes_on = it.state.is_active();
    let eta = rate.zip(left).filter(|_| goes_on);
    v1::PlanStatus {
        id: it.id.to_string(),
        verb: it.verb.to_string(),
        state: it.state.to_string(),
        reason: it.reason.to_string(),
        started_at_ms: it.started_at.0,
        ended_at_ms: it.ended_at.map(|at| at.0),
        throttle: Some(throttle(it.lease.throttle)),
        bytes_per_second: it.lease.bytes_per_second,
        batch: it.batch,
        concurrency: it.concurrency,
        move_count: count(it.moves_total()),
        moves_by_state: by_state,
        bytes,
        bytes_left: left,
        rate,
        eta_ms: eta.map(|(rate, left)| left.saturating_mul(1_000) / rate.max(1)),
    }
}

pub(super) fn one_move(image: &MetadataImage, it: &MoveImage, figures: &Figures) -> v1::MoveStatus {
    let planned = &it.planned;
    let topic = image.any_topic(planned.partition.topic);
    v1::MoveStatus {
        topic: topic.map_or_else(|| planned.partition.topic.to_string(), |it| it.name.to_string()),
        partition: planned.partition.index.0,
        from: ids(&planned.from),
        to: ids(&planned.to),
        state: it.state.to_string(),
        why: why(image, it),
        bytes: planned.bytes,
        bytes_moved: arrived(image, it, figures),
        began_at_ms: it.began_at.map(|at| at.0),
        ended_at_ms: it.ended_at.map(|at| at.0),
    }
}

/// Bytes that have arrived on the replicas that are being added.
fn arrived(image: &MetadataImage, it: &MoveImage, figures: &Figures) -> Option<u64> {
    match it.state {
        MoveState::Waiting | MoveState::Skipped | MoveState::Returned | MoveState::Failed => {
            Some(0)
        }
        MoveState::Done => it.planned.bytes,
        MoveState::Moving | MoveState::Returning => {
            let topic = image.any_topic(it.planned.partition.topic)?;
            let index = it.planned.partition.index.0;
            it.planned.adding().try_fold(0_u64, |sum, id| {
                let replica = figures.replica(id, &topic.name, index)?;
                Some(sum.saturating_add(replica.size_bytes))
            })
        }
    }
}

/// Why a move is where it is: what was committed with it, or whom it waits for.
fn why(image: &MetadataImage, it: &MoveImage) -> String {
    let open = it.state.is_under_way() || it.state == MoveState::Waiting;
    if !open || !it.why.is_empty() {
        return it.why.to_string();
    }
    let down = it.planned.to.iter().find(|id| !image.is_live(**id));
    if let Some(id) = down {
        return format!("waits for broker {id}, which is down");
    }
    let cordoned =
        it.planned.adding().find(|id| image.broker(*id).is_some_and(|it| !it.takes_replicas()));
    match cordoned.filter(|_| it.state == MoveState::Waiting) {
        Some(id) => format!("waits for broker {id}, which takes no new replicas"),
        None => String::new(),
    }
}

fn per_second(bytes: u64, ms: u64) -> u64 {
    u64::try_from(u128::from(bytes) * 1_000 / u128::from(ms.max(1))).unwrap_or(u64::MAX)
}
