//! KQ-S001 and KQ-S006: what a plan does to the replicas in sync.
//!
//! A plan removes a replica only when all that stay are in sync, so a healthy partition never has
//! fewer copies on its way. One that is not healthy hangs on replicas that may never come back.

use std::fmt::Write as _;

use super::super::moves::{Move, Plan};
use super::super::view::View;
use super::super::words::{Bytes, Ids, Millis, and};
use super::Finding;
use crate::ids::BrokerId;

pub(super) fn below_min_isr(view: &View<'_>, plan: &Plan) -> Vec<Finding> {
    plan.moves.iter().filter_map(|it| one_below(view, plan, it)).collect()
}

fn one_below(view: &View<'_>, plan: &Plan, it: &Move) -> Option<Finding> {
    let (topic, partition) = view.find(it.partition)?;
    let min = view.min_isr(topic);
    let isr = view.live_isr(partition);
    let stay: Vec<BrokerId> = isr.iter().copied().filter(|id| it.to.contains(id)).collect();
    let stays = |id: &&BrokerId| it.to.contains(id);
    let behind: Vec<BrokerId> =
        it.from.iter().filter(stays).copied().filter(|id| !isr.contains(id)).collect();
    let goes: Vec<BrokerId> = it.removing().filter(|id| isr.contains(id)).collect();
    if stay.len() >= min || goes.is_empty() || behind.is_empty() {
        return None;
    }
    let mut cause = format!("isr {}, min {min}.", Ids(&isr));
    for id in &behind {
        let _ = write!(cause, "  {}.", why_behind(view, it, *id));
    }
    let all_dead = behind.iter().all(|id| !view.image.is_live(*id));
    if !all_dead {
        if let Some(last) = cause.strip_suffix('.').map(str::len) {
            cause.truncate(last);
        }
        let _ = write!(cause, "; removing {} leaves isr {}", and(&goes), Ids(&stay));
        let adding: Vec<BrokerId> = it.adding().collect();
        if !adding.is_empty() {
            let verb = if adding.len() == 1 { "catches" } else { "catch" };
            let _ = write!(cause, " until {} {verb} up", and(&adding));
            if let Some(ms) = it.eta_ms {
                let _ = write!(cause, " (~{})", Millis(ms));
            }
        }
        cause.push('.');
    }
    let wait = format!("kq-ctl topic wait {} --for in-sync && {}", topic.name, plan.same());
    Some(Finding::of_move(it, cause).next(wait))
}

/// Why a replica that stays is not in sync, with figures where they are known.
fn why_behind(view: &View<'_>, it: &Move, id: BrokerId) -> String {
    if !view.image.is_live(id) {
        let down = view.fenced_ms(id).map(|ms| format!(", down {}", Millis(ms)));
        return format!("Replica {id} is offline (broker {id}{})", down.unwrap_or_default());
    }
    let facts = view.measured.replicas.get(&(it.partition, id)).copied().unwrap_or_default();
    match (facts.lag_ms, facts.lag_bytes) {
        (Some(ms), Some(bytes)) => {
            format!("Replica {id} is {} behind ({})", Millis(ms), Bytes(bytes))
        }
        (Some(ms), None) => format!("Replica {id} is {} behind", Millis(ms)),
        (None, Some(bytes)) => format!("Replica {id} is {} behind", Bytes(bytes)),
        (None, None) => format!("Replica {id} is not in sync, by how much is unknown"),
    }
}

pub(super) fn last_in_sync(view: &View<'_>, plan: &Plan) -> Vec<Finding> {
    plan.moves.iter().filter_map(|it| one_last(view, plan, it)).collect()
}

fn one_last(view: &View<'_>, plan: &Plan, it: &Move) -> Option<Finding> {
    let (topic, partition) = view.find(it.partition)?;
    let live = view.live_isr(partition);
    // Whoever holds all that is committed, alive or not.
    let holders: Vec<BrokerId> = partition.isr.iter().chain(&partition.elr).copied().collect();
    if holders.iter().any(|id| it.to.contains(id)) {
        return None;
    }
    let copies = it.adding().next().is_some() && !live.is_empty();
    if copies {
        return None;
    }
    let cause = if live.is_empty() {
        format!(
            "only {} hold all that is committed, none of them is alive to copy it from, and \
             none stays.",
            Ids(&holders)
        )
    } else {
        format!("isr {} would go, and {} are not in sync.", Ids(&live), Ids(&it.to))
    };
    let wait = format!("kq-ctl topic wait {} --for in-sync && {}", topic.name, plan.same());
    Some(Finding::of_move(it, cause).next(wait))
}
