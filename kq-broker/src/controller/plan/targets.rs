//! From a goal to the replicas that each partition is to have: rack-aware, with as few moves as it
//! takes, and always the same for the same image.

use std::collections::BTreeSet;

use kq_proto::kafka::ErrorCode;

use super::balance;
use super::goal::{Goal, Options, Request};
use super::moves::LeftOut;
use super::sites::Sites;
use super::view::View;
use crate::controller::error::ControlError;
use crate::ids::{BrokerId, PartitionId, PartitionIndex, PlanId};
use crate::metadata::{MoveState, PartitionImage, PlannedMove};

/// Partitions with the brokers that they are to be on.
pub(super) type Wanted = Vec<(PartitionId, Vec<BrokerId>)>;

/// What a goal makes of the cluster; partitions that it leaves as they are may be among them. With
/// `skip_unsafe` also those for which it finds no place; else these are no plan.
pub(super) fn targets(
    view: &View<'_>,
    request: &Request,
) -> Result<(Wanted, Vec<LeftOut>), ControlError> {
    let scope = partitions(view, &request.options)?;
    verify_brokers(view, request)?;
    let mut sites = Sites::new(view, &request.options);
    let mut left_out = Vec::new();
    let wanted: Wanted = match &request.goal {
        Goal::Assign(lists) => lists
            .iter()
            .map(|(id, list)| verify_list(view, *id, list).map(|()| (*id, list.clone())))
            .collect::<Result<_, _>>()?,
        Goal::To(list) => {
            let turned = |id: &PartitionId| (*id, turned(view, &request.options, *id, list));
            let wanted: Wanted = scope.iter().map(turned).collect();
            wanted.iter().try_for_each(|(id, list)| verify_list(view, *id, list))?;
            wanted
        }
        Goal::Undo(id) => undo(view, *id)?,
        Goal::Balance(objective) => {
            balance::balance(view, &mut sites, &scope, (*objective, request.options.bytes_max))
        }
        goal @ (Goal::Replace { .. }
        | Goal::Add(_)
        | Goal::Remove(_)
        | Goal::ReplicationFactor(_)
        | Goal::Racks
        | Goal::Drain { .. }
        | Goal::Decommission(_)) => {
            let (wanted, homeless) = one_by_one(view, &mut sites, &scope, goal);
            if !request.options.skip_unsafe {
                verify_homes(&sites, (&wanted, &homeless), request)?;
            }
            left_out = homeless;
            wanted
        }
    };
    Ok((wanted, left_out))
}

/// Where a plan's moves came from, as far as they were carried out and nobody has moved them since.
fn undo(view: &View<'_>, id: PlanId) -> Result<Wanted, ControlError> {
    let plan = view.image.plan(id).ok_or_else(|| super::orders::unknown_plan(id))?;
    if plan.state.is_active() {
        let message = format!("plan {id} is {} and has not ended", plan.state);
        return Err(ControlError::new(ErrorCode::ReassignmentInProgress, message)
            .hint(format!("kq-ctl plan cancel {id}, then roll it back")));
    }
    let done = plan.moves().filter(|it| it.state == MoveState::Done).map(|it| &it.planned);
    let stands =
        |it: &&PlannedMove| view.find(it.partition).is_some_and(|(_, now)| now.replicas == it.to);
    Ok(done.filter(stands).map(|it| (it.partition, it.from.clone())).collect())
}

/// Goals that are reached partition by partition, and the partitions of which they cannot be.
fn one_by_one(
    view: &View<'_>,
    sites: &mut Sites<'_>,
    scope: &[PartitionId],
    goal: &Goal,
) -> (Wanted, Vec<LeftOut>) {
    let racks_total = view.racks_total();
    let mut wanted = Wanted::new();
    let mut homeless = Vec::new();
    for id in scope {
        let Some((topic, partition)) = view.find(*id) else { continue };
        let now = settled(partition);
        let next = match goal {
            Goal::Replace { old, new } => replace(sites, &now, *old, Some(*new)),
            Goal::Drain { broker, leaders_only: true } => Some(put_last(&now, *broker)),
            Goal::Drain { broker, .. } | Goal::Decommission(broker) => {
                replace(sites, &now, *broker, None)
            }
            Goal::Add(broker) => Some(added(&now, *broker)),
            Goal::Remove(broker) => Some(removed(&now, *broker)),
            Goal::ReplicationFactor(factor) => resized(view, sites, partition, *factor),
            Goal::Racks => Some(spread_over_racks(sites, &now, racks_total)),
            Goal::Assign(_) | Goal::To(_) | Goal::Balance(_) | Goal::Undo(_) => Some(now.clone()),
        };
        let why = match next {
            Some(next) if next.is_empty() => NO_REPLICA_LEFT.to_owned(),
            Some(next) => {
                sites.shift(*id, &now, &next);
                wanted.push((*id, next));
                continue;
            }
            None => {
                let open = open_words(sites, goal);
                format!(
                    "no broker is left that could take a replica of it, of those that could: {open}"
                )
            }
        };
        homeless.push(LeftOut {
            partition: *id,
            name: format!("{}/{}", topic.name, id.index),
            why,
        });
    }
    (wanted, homeless)
}

/// The replicas of a partition without those that are still being added.
pub(super) fn settled(partition: &PartitionImage) -> Vec<BrokerId> {
    partition.settled().collect()
}

/// Another broker in the place of `old`: `new`, or the best there is when nobody is named or who
/// is named holds a replica already or is excluded.
fn replace(
    sites: &Sites<'_>,
    now: &[BrokerId],
    old: BrokerId,
    new: Option<BrokerId>,
) -> Option<Vec<BrokerId>> {
    if !now.contains(&old) {
        return Some(now.to_vec());
    }
    let rest = removed(now, old);
    let excluded = |id: &BrokerId| sites.by_id.get(id).is_some_and(|it| it.excluded);
    let free = new.filter(|id| !rest.contains(id) && !excluded(id));
    let taker = free.or_else(|| sites.pick(&rest, &[old]))?;
    Some(now.iter().map(|id| if *id == old { taker } else { *id }).collect())
}

fn removed(now: &[BrokerId], out: BrokerId) -> Vec<BrokerId> {
    now.iter().copied().filter(|id| *id != out).collect()
}

fn added(now: &[BrokerId], broker: BrokerId) -> Vec<BrokerId> {
    let mut next = now.to_vec();
    if !next.contains(&broker) {
        next.push(broker);
    }
    next
}

/// The same replicas with one broker as the last choice to lead.
fn put_last(now: &[BrokerId], broker: BrokerId) -> Vec<BrokerId> {
    if now.first() != Some(&broker) {
        return now.to_vec();
    }
    added(&removed(now, broker), broker)
}

fn resized(
    view: &View<'_>,
    sites: &Sites<'_>,
    partition: &PartitionImage,
    factor: usize,
) -> Option<Vec<BrokerId>> {
    let mut next = settled(partition);
    while next.len() < factor {
        next.push(sites.pick(&next, &[])?);
    }
    while next.len() > factor {
        // The first is the preferred leader, so it goes only when nobody else is left to go.
        let victim = (1..next.len().max(2)).rev().max_by_key(|at| {
            let id = next.get(*at).copied().unwrap_or_default();
            let weight = sites.by_id.get(&id).map_or(0, |it| it.weight);
            let useless = (!view.image.is_live(id), !partition.isr.contains(&id));
            (useless, sites.rack_mates(id, &next), weight)
        })?;
        next.remove(victim.min(next.len() - 1));
    }
    Some(next)
}

/// Moves replicas out of racks that hold several while another rack holds none.
fn spread_over_racks(sites: &Sites<'_>, now: &[BrokerId], racks_total: usize) -> Vec<BrokerId> {
    let mut next = now.to_vec();
    for _ in 0..now.len() {
        let racks: BTreeSet<_> = next.iter().filter_map(|id| sites.rack(*id)).collect();
        if racks.len() >= next.len().min(racks_total) {
            break;
        }
        let crowded = next.iter().copied().enumerate().rev().max_by_key(|(_, id)| {
            let weight = sites.by_id.get(id).map_or(0, |it| it.weight);
            (sites.rack_mates(*id, &next), weight)
        });
        let Some((at, crowded)) = crowded else { break };
        let rest = removed(&next, crowded);
        let taker = sites.pick(&rest, &[crowded]);
        let Some(taker) = taker.filter(|id| sites.rack_mates(*id, &rest) == 0) else { break };
        if let Some(slot) = next.get_mut(at) {
            *slot = taker;
        }
    }
    next
}

/// The list for one partition: one that is named has it as it stands, those of a whole topic take
/// turns at who is first, or one broker would be preferred to lead them all.
fn turned(view: &View<'_>, options: &Options, id: PartitionId, list: &[BrokerId]) -> Vec<BrokerId> {
    let topic = view.find(id).map(|(topic, _)| &*topic.name);
    let named = options
        .scope
        .iter()
        .any(|it| topic == Some(it.topic.as_str()) && it.partitions.contains(&id.index.0));
    let mut list = list.to_vec();
    if !named && !list.is_empty() {
        let turn = id.index.position() % list.len();
        list.rotate_left(turn);
    }
    list
}

/// The partitions in scope, in the order of topics' names.
fn partitions(view: &View<'_>, options: &Options) -> Result<Vec<PartitionId>, ControlError> {
    let mut ids = Vec::new();
    let mut topics: Vec<_> = Vec::new();
    for scope in &options.scope {
        let topic = view.image.topic_by_name(&scope.topic).ok_or_else(|| {
            let message = format!("topic '{}' does not exist", scope.topic);
            ControlError::new(ErrorCode::UnknownTopicOrPartition, message)
        })?;
        if let Some(index) = scope.partitions.iter().find(|it| **it >= topic.partition_count()) {
            let message = format!("topic '{}' has no partition {index}", scope.topic);
            return Err(ControlError::new(ErrorCode::UnknownTopicOrPartition, message));
        }
        topics.push((topic, scope.partitions.clone()));
    }
    if options.scope.is_empty() {
        topics = view.image.topics().map(|it| (it, Vec::new())).collect();
    }
    let mut seen = BTreeSet::new();
    for (topic, partitions) in topics {
        for index in (0..topic.partition_count()).map(PartitionIndex) {
            let id = PartitionId { topic: topic.id, index };
            let wanted = partitions.is_empty() || partitions.contains(&index.0);
            if wanted && seen.insert(id) {
                ids.push(id);
            }
        }
    }
    Ok(ids)
}

/// A broker that is named must exist: a slip of the pen is no dead broker.
fn verify_brokers(view: &View<'_>, request: &Request) -> Result<(), ControlError> {
    let mut named: Vec<BrokerId> = match &request.goal {
        Goal::To(list) => list.clone(),
        Goal::Replace { old, new } => vec![*old, *new],
        Goal::Add(broker)
        | Goal::Remove(broker)
        | Goal::Drain { broker, .. }
        | Goal::Decommission(broker) => vec![*broker],
        Goal::Assign(lists) => lists.values().flatten().copied().collect(),
        Goal::ReplicationFactor(0) => {
            let message = "a replication factor is at least 1";
            return Err(ControlError::new(ErrorCode::InvalidReplicationFactor, message)
                .hint("kq-ctl topic delete TOPIC takes a topic away"));
        }
        Goal::ReplicationFactor(_) | Goal::Balance(_) | Goal::Racks | Goal::Undo(_) => Vec::new(),
    };
    named.extend(&request.options.brokers);
    named.extend(&request.options.exclude);
    match named.into_iter().find(|id| view.image.broker(*id).is_none()) {
        Some(id) => {
            let message = format!("no broker with id {id} is registered");
            Err(ControlError::new(ErrorCode::BrokerIdNotRegistered, message)
                .hint("see 'kq-ctl broker list' for the brokers there are"))
        }
        None => Ok(()),
    }
}

fn verify_list(view: &View<'_>, id: PartitionId, list: &[BrokerId]) -> Result<(), ControlError> {
    let refuse = |code, message: String| {
        Err(ControlError::new(code, message).hint("kq-ctl partition list shows what there is"))
    };
    let Some((topic, _)) = view.find(id) else {
        return refuse(ErrorCode::UnknownTopicOrPartition, format!("partition {id} is unknown"));
    };
    let name = format!("{}/{}", topic.name, id.index);
    if list.is_empty() {
        let message = format!("{name} would have no replica");
        return refuse(ErrorCode::InvalidReplicaAssignment, message);
    }
    let distinct: BTreeSet<_> = list.iter().collect();
    if distinct.len() < list.len() {
        let named: Vec<String> = list.iter().map(ToString::to_string).collect();
        let message = format!("a broker is named twice for {name}: {}", named.join(","));
        let error = ControlError::new(ErrorCode::InvalidReplicaAssignment, message);
        return Err(error.hint("name each broker once, the preferred leader first"));
    }
    Ok(())
}

/// Of those that nothing is left for.
const NO_REPLICA_LEFT: &str = "it would have no replica left";

/// Each partition must have a place, unless those without one are to be left out.
fn verify_homes(
    sites: &Sites<'_>,
    (wanted, homeless): (&Wanted, &[LeftOut]),
    request: &Request,
) -> Result<(), ControlError> {
    let Some(first) = homeless.first() else { return Ok(()) };
    let others = if wanted.is_empty() {
        String::new()
    } else {
        format!("; or leave these out: {} --skip-unsafe", request.same_command())
    };
    if let Some(it) = homeless.iter().find(|it| it.why == NO_REPLICA_LEFT) {
        let message = format!("{} would have no replica left", it.name);
        return Err(ControlError::new(ErrorCode::InvalidReplicaAssignment, message).hint(format!(
            "move its last replica to another broker instead of removing it{others}"
        )));
    }
    let message = format!(
        "{} partitions find no broker for a replica, {} first; brokers that could take one: {}",
        homeless.len(),
        first.name,
        open_words(sites, &request.goal)
    );
    let hint = if let Goal::Drain { broker, .. } = request.goal {
        format!(
            "start another broker, or move only the leaders: kq-ctl broker drain {broker} \
             --leaders-only"
        )
    } else if let Goal::ReplicationFactor(_) = request.goal {
        "ask for fewer replicas or start more brokers".to_owned()
    } else {
        "start another broker, or lower the replication factor first".to_owned()
    };
    Err(ControlError::new(ErrorCode::InvalidReplicationFactor, message)
        .hint(format!("{hint}{others}")))
}

/// Brokers that take replicas and are not the one to be emptied.
fn open_words(sites: &Sites<'_>, goal: &Goal) -> String {
    let leaves = |id: BrokerId| matches!(goal, Goal::Drain { broker, .. } | Goal::Decommission(broker) if *broker == id);
    let open = sites.open().map(|(id, _)| id).filter(|id| !leaves(*id));
    let open: Vec<String> = open.map(|id| id.to_string()).collect();
    if open.is_empty() { "none".to_owned() } else { open.join(", ") }
}
