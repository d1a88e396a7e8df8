//! KQ-S008, S009 and S012: the cluster that a plan meets.

use std::collections::BTreeSet;

use super::super::moves::{Move, Plan};
use super::super::view::View;
use super::super::words::{Ids, and};
use super::Finding;
use crate::ids::{BrokerId, PartitionId};

pub(super) fn stale(view: &View<'_>, plan: &Plan) -> Vec<Finding> {
    let again = || plan.same().to_owned();
    if plan.cluster.is_some() && plan.cluster.as_ref() != view.image.cluster_id() {
        let name = |id: Option<&crate::ids::ClusterId>| id.map_or("none", |it| &it.0).to_owned();
        let cause = format!(
            "the plan is for cluster {}, this is {}.",
            name(plan.cluster.as_ref()),
            name(view.image.cluster_id())
        );
        return vec![Finding::of_cluster(cause).next("kq-ctl context list".to_owned())];
    }
    let judge = |it: &Move| {
        let Some((_, now)) = view.find(it.partition) else {
            return Some(Finding::of_move(it, "it is gone.".to_owned()).next(again()));
        };
        if now.partition_epoch == it.epoch {
            return None;
        }
        let cause = format!(
            "it changed since the plan was made: partition epoch {} then, {} now.",
            it.epoch, now.partition_epoch
        );
        Some(Finding::of_move(it, cause).next(again()))
    };
    plan.moves.iter().filter_map(judge).collect()
}

pub(super) fn quorum(view: &View<'_>, plan: &Plan) -> Vec<Finding> {
    let Some(cordon) = plan.cordon.filter(|it| it.decommission) else { return Vec::new() };
    let leaves = cordon.broker;
    let Some(quorum) = view.measured.quorum.as_ref().filter(|it| it.voters.contains(&leaves))
    else {
        return Vec::new();
    };
    let rest: Vec<BrokerId> = quorum.voters.iter().copied().filter(|id| *id != leaves).collect();
    let live: Vec<BrokerId> = rest.iter().copied().filter(|id| view.image.is_live(*id)).collect();
    let needed = rest.len() / 2 + 1;
    if !rest.is_empty() && live.len() >= needed {
        return Vec::new();
    }
    let cause = format!(
        "voters {} would stay, of them {} alive: {needed} are needed.",
        Ids(&rest),
        Ids(&live)
    );
    let dead: Vec<BrokerId> = rest.iter().copied().filter(|id| !live.contains(id)).collect();
    let is_voter = |id: BrokerId| quorum.voters.contains(&id);
    let learner = view.image.live_brokers().map(|it| it.id).find(|id| !is_voter(*id));
    let mut found = Finding::of_broker(leaves, cause);
    if let Some(id) = learner {
        found = found.next(format!("kq-ctl quorum add {id} && {}", plan.same()));
    }
    if let Some(id) = dead.first() {
        found = found.next(format!("kq-ctl broker wait {id} --for alive && {}", plan.same()));
    }
    if found.next.is_empty() {
        found = found.next("kq-ctl quorum status".to_owned());
    }
    vec![found]
}

pub(super) fn unhealthy(view: &View<'_>, plan: &Plan) -> Vec<Finding> {
    let (mut offline, mut under) = (Vec::new(), Vec::new());
    let healed = healed(view, plan);
    for topic in view.image.topics() {
        let min = view.min_isr(topic);
        for (index, partition) in topic.partitions() {
            let id = PartitionId { topic: topic.id, index };
            let name = || format!("{}/{index}", topic.name);
            if healed.contains(&id) {
                continue;
            }
            if partition.leader.is_none() {
                offline.push(name());
            } else if partition.isr.len() < min && partition.replicas.len() >= min {
                under.push(name());
            }
        }
    }
    let mut findings = Vec::new();
    for (what, list) in [("offline", &offline), ("below min.insync.replicas", &under)] {
        if list.is_empty() {
            continue;
        }
        let is = if list.len() == 1 { "partition is" } else { "partitions are" };
        let cause = format!("{} {is} {what}: {}.", list.len(), some(list));
        let wait = format!("kq-ctl cluster wait --for healthy && {}", plan.same());
        let anyway = format!("{} --override KQ-S012", plan.same());
        findings.push(Finding::of_cluster(cause).next(wait).next(anyway));
    }
    findings
}

/// Partitions that the plan gives live replicas and takes none of those from: that is how an
/// unhealthy cluster gets well.
fn healed(view: &View<'_>, plan: &Plan) -> BTreeSet<PartitionId> {
    let live = |id: BrokerId| view.image.is_live(id);
    let heals =
        |it: &&Move| it.leader.is_some() && it.adding().any(live) && !it.removing().any(live);
    plan.moves.iter().filter(heals).map(|it| it.partition).collect()
}

/// The first few of many.
fn some(names: &[String]) -> String {
    const SHOWN_MAX: usize = 5;
    match names.get(..SHOWN_MAX) {
        Some(first) if names.len() > SHOWN_MAX => {
            format!("{} and {} more", first.join(", "), names.len() - SHOWN_MAX)
        }
        _ => and(names),
    }
}
