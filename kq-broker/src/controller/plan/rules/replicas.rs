//! KQ-S002, S003, S004 and S007: where a plan puts replicas.

use std::fmt::Write as _;

use super::super::moves::{Move, Plan};
use super::super::view::{Unfit, View};
use super::super::words::{Ids, Millis};
use super::Finding;
use crate::ids::BrokerId;

pub(super) fn too_few(view: &View<'_>, plan: &Plan) -> Vec<Finding> {
    let judge = |it: &Move| {
        let (topic, _) = view.find(it.partition)?;
        let (min, now, next) = (view.min_isr(topic), it.from.len(), it.to.len());
        let lower = format!(
            "kq-ctl topic alter {} --set min.insync.replicas={} && {}",
            topic.name,
            next.saturating_sub(1).max(1),
            plan.same()
        );
        let replicas = if next == 1 { "1 replica" } else { &*format!("{next} replicas") };
        if next < min {
            let cause = format!("{replicas}, min {min}: acks=all would be refused for ever.");
            return Some(Finding::of_move(it, cause).next(lower));
        }
        if next == min && next < now {
            let cause = format!("{replicas}, min {min}: no broker could fail or restart.");
            return Some(Finding::of_move(it, cause).next(lower).told());
        }
        None
    };
    plan.moves.iter().filter_map(judge).collect()
}

pub(super) fn unfit_target(view: &View<'_>, plan: &Plan) -> Vec<Finding> {
    let mut findings = Vec::new();
    for it in &plan.moves {
        let unfit = |id: BrokerId| Some((id, view.unfit(id)?));
        if let Some((id, why)) = it.adding().find_map(unfit) {
            findings.push(unfit_one(view, plan, it, (id, why)));
        }
        let stays = |id: &&BrokerId| it.from.contains(id) && !view.image.is_live(**id);
        if let Some(id) = it.to.iter().find(stays) {
            let cause = format!(
                "replica {id} stays and its broker is down: the move ends only when it is back."
            );
            findings.push(Finding::of_move(it, cause).told());
        }
    }
    findings
}

fn unfit_one(view: &View<'_>, plan: &Plan, it: &Move, (id, why): (BrokerId, Unfit)) -> Finding {
    let same = plan.same();
    let elsewhere = plan.elsewhere(id);
    match why {
        Unfit::Unknown => {
            let cause = format!("broker {id} never registered.");
            let list = "kq-ctl broker list".to_owned();
            Finding::of_move(it, cause).next(elsewhere).next(list)
        }
        Unfit::Fenced => {
            let down = view.fenced_ms(id).map(|ms| format!(", down {}", Millis(ms)));
            let cause = format!("broker {id} is fenced{}.", down.unwrap_or_default());
            let wait = format!("kq-ctl broker wait {id} --for alive && {same}");
            Finding::of_move(it, cause).next(wait).next(elsewhere)
        }
        Unfit::Stopping => {
            let cause = format!("broker {id} is about to stop.");
            let wait = format!("kq-ctl broker wait {id} --for alive && {same}");
            Finding::of_move(it, cause).next(wait).next(elsewhere)
        }
        Unfit::Draining => {
            let cause = format!("broker {id} is being drained{}.", since(view, id));
            let undrain = format!("kq-ctl broker undrain {id} && {same}");
            Finding::of_move(it, cause).next(elsewhere).next(undrain)
        }
        Unfit::Decommissioned => {
            let cause = format!("broker {id} is to be decommissioned{}.", since(view, id));
            let recommission = format!("kq-ctl broker recommission {id} && {same}");
            Finding::of_move(it, cause).next(elsewhere).next(recommission)
        }
    }
}

/// Since when a broker gets no new replicas.
fn since(view: &View<'_>, id: BrokerId) -> String {
    let cordon = view.image.broker(id).and_then(|it| it.cordon.as_ref());
    let ms = cordon.and_then(|it| u64::try_from(view.measured.at.0 - it.since.0).ok());
    ms.map(|ms| format!(" since {}", Millis(ms))).unwrap_or_default()
}

pub(super) fn one_rack(view: &View<'_>, plan: &Plan) -> Vec<Finding> {
    if view.racks_total() < 2 {
        return Vec::new();
    }
    let rack_of_all = |list: &[BrokerId]| {
        let first = view.rack(*list.first()?)?;
        (list.len() > 1 && list.iter().all(|id| view.rack(*id) == Some(first))).then_some(first)
    };
    let judge = |it: &Move| {
        let (topic, _) = view.find(it.partition)?;
        let rack = rack_of_all(&it.to)?;
        let cause = format!("{} all stand in rack {rack}.", Ids(&it.to));
        let found = Finding::of_move(it, cause);
        if rack_of_all(&it.from).is_some() {
            return Some(found.told());
        }
        let spread = format!("kq-ctl partition reassign {} --racks", topic.name);
        Some(found.next(spread).next(format!("{} --override KQ-S004", plan.same())))
    };
    plan.moves.iter().filter_map(judge).collect()
}

pub(super) fn already_moving(view: &View<'_>, plan: &Plan) -> Vec<Finding> {
    let judge = |it: &Move| {
        let (topic, partition) = view.find(it.partition)?;
        if let Some((plan_of, _)) = view.image.plan_of(it.partition) {
            let cause = format!("it is moved by plan {} ({}).", plan_of.id, plan_of.verb);
            let wait = format!("kq-ctl plan wait {} --for done && {}", plan_of.id, plan.same());
            let cancel = format!("kq-ctl plan cancel {} && {}", plan_of.id, plan.same());
            return Some(Finding::of_move(it, cause).next(wait).next(cancel));
        }
        if partition.adding.is_empty() && partition.removing.is_empty() {
            return None;
        }
        let mut cause = "it moves already:".to_owned();
        for (what, list) in [("adding", &partition.adding), ("removing", &partition.removing)] {
            if !list.is_empty() {
                let _ = write!(cause, " {what} {}", Ids(list));
            }
        }
        cause.push('.');
        let wait = format!("kq-ctl topic wait {} --for in-sync && {}", topic.name, plan.same());
        Some(Finding::of_move(it, cause).next(wait))
    };
    plan.moves.iter().filter_map(judge).collect()
}
