//! KQ-S005, S010 and S011: what disks, links and leaders can take.

use std::collections::BTreeMap;

use super::super::cost::Direction;
use super::super::facts::BrokerFacts;
use super::super::moves::{Move, Plan};
use super::super::view::View;
use super::super::words::Bytes;
use super::Finding;
use crate::ids::BrokerId;
use crate::metadata::Throttle;

/// Leaders that may change hands at a time.
const LEADERS_AT_ONCE_MAX: usize = 500;

pub(super) fn disk(_: &View<'_>, plan: &Plan) -> Vec<Finding> {
    let bound = u64::from(plan.options.disk_percent_max);
    let sizes_known = plan.summary.unknown_sizes == 0;
    let judge = |peak: &super::super::cost::PeakDisk| {
        let id = peak.broker;
        let (Some(percent), Some(taken), Some(total)) = (peak.percent(), peak.peak, peak.total)
        else {
            let cause = format!("{} land on it, and its disk is unknown.", Bytes(peak.lands));
            return Some(Finding::of_broker(id, cause).told());
        };
        if percent <= bound {
            let cause = "sizes of some partitions that land on it are unknown.".to_owned();
            return (!sizes_known).then(|| Finding::of_broker(id, cause).told());
        }
        let cause = format!(
            "{} land on it before anything leaves: {} of {}, {percent}% where {bound}% is the \
             bound.",
            Bytes(peak.lands),
            Bytes(taken),
            Bytes(total)
        );
        let over = taken.saturating_sub(total / 100 * bound);
        let fits = plan.summary.bytes.saturating_sub(over);
        let found = Finding::of_broker(id, cause);
        let fewer = (fits > 0).then(|| format!("{} --max-bytes {fits}", plan.same()));
        let more = "kq-ctl log dirs".to_owned();
        let found = found.next(plan.elsewhere(id)).next(fewer);
        Some(if found.next.is_empty() { found.next(more) } else { found })
    };
    plan.summary.peaks.iter().filter_map(judge).collect()
}

pub(super) fn bandwidth(view: &View<'_>, plan: &Plan) -> Vec<Finding> {
    let Throttle::Rate(rate) = plan.options.throttle else {
        // Unthrottled moves take what is spare, and `auto` leaves a fifth of it.
        return Vec::new();
    };
    let mut traffic: BTreeMap<(BrokerId, Direction), u64> = BTreeMap::new();
    for it in plan.moves.iter().filter(|it| it.bytes != Some(0)) {
        let facts = view.measured.partitions.get(&it.partition);
        let ingest = facts.and_then(|it| it.ingest).unwrap_or(0);
        for id in it.adding() {
            *traffic.entry((id, Direction::Receive)).or_default() += ingest;
            if let Some(leader) = it.leader {
                *traffic.entry((leader, Direction::Send)).or_default() += ingest;
            }
        }
    }
    let judge = |((id, direction), ingest): (&(BrokerId, Direction), &u64)| {
        let (now, max) = capacity(view.measured.broker(*id), *direction)?;
        let predicted = now.saturating_add(rate).saturating_add(*ingest);
        if predicted <= max {
            return None;
        }
        let cause = format!(
            "it would {} {}/s ({}/s now, {}/s more from producers, {}/s of moves), measured are \
             at most {}/s.",
            direction.as_str(),
            Bytes(predicted),
            Bytes(now),
            Bytes(*ingest),
            Bytes(rate),
            Bytes(max)
        );
        let left = max.saturating_sub(now.saturating_add(*ingest));
        let found = Finding::of_broker(*id, cause);
        Some(if left > 0 {
            found.next(format!("{} --throttle {left}", plan.same()))
        } else {
            found.next(plan.elsewhere(*id)).next(format!("{} --override KQ-S010", plan.same()))
        })
    };
    traffic.iter().filter_map(judge).collect()
}

fn capacity(facts: BrokerFacts, direction: Direction) -> Option<(u64, u64)> {
    match direction {
        Direction::Send => Some((facts.out_now?, facts.out_max?)),
        Direction::Receive => Some((facts.in_now?, facts.in_max?)),
    }
}

pub(super) fn leaders_at_once(_: &View<'_>, plan: &Plan) -> Vec<Finding> {
    let leaders = plan.moves.iter().filter(|it: &&Move| it.moves_leader()).count();
    let at_once = leaders.min(plan.options.batch as usize);
    if at_once <= LEADERS_AT_ONCE_MAX {
        return Vec::new();
    }
    let cause = format!("{at_once} leaders would move at a time, {LEADERS_AT_ONCE_MAX} may.");
    let smaller = format!("{} --batch {LEADERS_AT_ONCE_MAX}", plan.same());
    vec![Finding::of_cluster(cause).next(smaller)]
}
