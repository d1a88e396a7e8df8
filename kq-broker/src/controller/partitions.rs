//! Partitions: how many, and where.

use std::collections::BTreeMap;

use kq_proto::kafka::ErrorCode;

use super::command::{ManualAssignment, NewPartitions, NewTopic, Reply};
use super::decide::Draft;
use super::election::with_isr;
use super::error::ControlError;
use super::leader_policy::LeaderRules;
use super::placement::{PlacementError, Share, Site, place};
use crate::catalogue::ConfigSources;
use crate::ids::{BrokerId, LeaderEpoch, PartitionEpoch, PartitionId, PartitionIndex, TopicId};
use crate::metadata::{
    MetadataImage, MetadataRecord, MoveState, PartitionChange, PartitionImage, TopicImage,
};

/// The brokers of each partition of a topic that is being created.
pub(super) fn of_new_topic(
    draft: &Draft<'_, '_>,
    new: &NewTopic,
) -> Result<Vec<Vec<BrokerId>>, ControlError> {
    if !new.assignments.is_empty() {
        return by_hand(draft, new);
    }
    let factor = new
        .replication_factor
        .map_or_else(|| default_number(draft, "default.replication.factor"), i64::from);
    if factor < 1 {
        let message = "Replication factor must be larger than 0, or -1 to use the default value.";
        return Err(ControlError::new(ErrorCode::InvalidReplicationFactor, message));
    }
    let count = new.partitions.map_or_else(|| default_number(draft, "num.partitions"), i64::from);
    if count < 1 {
        let message = format!(
            "Number of partitions was set to {count}: at least 1 is needed, or -1 to use \
                     the default value."
        );
        return Err(ControlError::new(ErrorCode::InvalidPartitions, message));
    }
    let count = verify_growth(draft, count)?;
    let factor = usize::try_from(factor).unwrap_or(usize::MAX);
    place(&sites(draft, None), 0, count, factor).map_err(|err| unplaced(draft, factor, &err))
}

/// The partitions of a topic as records, from index `first` on: the most wanted live replica
/// leads, the live ones are in sync. All the others hold all of an empty log, and are as if they
/// had just left the ISR: while that is too small to commit anything, any of them may lead.
pub(super) fn first_records(
    draft: &Draft<'_, '_>,
    topic: (TopicId, &LeaderRules),
    first: u32,
    assignments: &[Vec<BrokerId>],
) -> Vec<MetadataRecord> {
    let (topic, rules) = topic;
    let record = |(index, replicas): (u32, &Vec<BrokerId>)| {
        let index = PartitionIndex(index);
        let isr: Vec<_> = replicas.iter().copied().filter(|id| draft.image.may_lead(*id)).collect();
        let order = rules.order(&draft.image, index, replicas);
        let whole = PartitionImage {
            replicas: replicas.clone(),
            isr: replicas.clone(),
            leader: order.into_iter().find(|id| isr.contains(id)),
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(0),
            ..PartitionImage::default()
        };
        let now = with_isr(&whole, isr, rules.min_isr);
        MetadataRecord::PartitionChanged(PartitionChange { topic, index, now })
    };
    (first..).zip(assignments).map(record).collect()
}

pub(super) fn create(draft: &mut Draft<'_, '_>, topics: &[NewPartitions]) -> Reply {
    let mut uses: BTreeMap<&str, u32> = BTreeMap::new();
    for new in topics {
        *uses.entry(&new.topic).or_default() += 1;
    }
    let results = topics
        .iter()
        .map(|new| {
            if uses.get(new.topic.as_str()).is_some_and(|count| *count > 1) {
                let message = format!("Duplicate topic name '{}' in one request.", new.topic);
                return Err(ControlError::new(ErrorCode::InvalidRequest, message));
            }
            create_one(draft, new)
        })
        .collect();
    Reply::PartitionsCreated(results)
}

/// How many replicas a new partition gets: as many as the first one will have when it rests. A move
/// that is called back will have had no effect on it.
fn factor_of(image: &MetadataImage, topic: &TopicImage) -> usize {
    let first = PartitionId { topic: topic.id, index: PartitionIndex(0) };
    let returns = image.plan_of(first).is_some_and(|(_, it)| it.state == MoveState::Returning);
    match topic.partition(first.index).filter(|_| returns) {
        Some(partition) => partition.settled().count(),
        None => topic.replication_factor(),
    }
}

fn create_one(draft: &mut Draft<'_, '_>, new: &NewPartitions) -> Result<u32, ControlError> {
    let topic = draft.image.topic_by_name(&new.topic).cloned().ok_or_else(|| {
        let message = format!("Topic '{}' does not exist.", new.topic);
        ControlError::new(ErrorCode::UnknownTopicOrPartition, message)
    })?;
    let old = topic.partition_count();
    let added = i64::from(new.total) - i64::from(old);
    if added < 1 {
        let message = if added == 0 {
            format!("Topic already has {old} partition(s).")
        } else {
            format!(
                "The topic {} currently has {old} partition(s); {} would not be an increase.",
                new.topic, new.total
            )
        };
        return Err(ControlError::new(ErrorCode::InvalidPartitions, message)
            .hint("partitions can be added and never taken away"));
    }
    let added = verify_growth(draft, added)?;
    let factor = factor_of(&draft.image, &topic);
    let assignments = match &new.assignments {
        Some(lists) => {
            if u32::try_from(lists.len()) != Ok(added) {
                let message = format!(
                    "{added} partition(s) are to be added, but {} assignment(s) are given.",
                    lists.len()
                );
                return Err(ControlError::new(ErrorCode::InvalidReplicaAssignment, message));
            }
            lists
                .iter()
                .map(|it| verify_brokers(draft, it, Some(factor)))
                .collect::<Result<_, _>>()?
        }
        None => place(&sites(draft, Some(&topic)), old, added, factor)
            .map_err(|err| unplaced(draft, factor, &err))?,
    };
    let sources = ConfigSources::of_cluster(&draft.image, &draft.settings.fixed);
    let rules = LeaderRules::of(&draft.image, &topic, &sources);
    draft.accept(first_records(draft, (topic.id, &rules), old, &assignments))?;
    Ok(old)
}

fn by_hand(draft: &Draft<'_, '_>, new: &NewTopic) -> Result<Vec<Vec<BrokerId>>, ControlError> {
    for (is_set, what) in [
        (new.replication_factor.is_some(), "replication factor"),
        (new.partitions.is_some(), "number of partitions"),
    ] {
        if is_set {
            let message =
                format!("Replicas are assigned by hand, so the {what} must be left at -1.");
            return Err(ControlError::new(ErrorCode::InvalidRequest, message));
        }
    }
    let count = i64::try_from(new.assignments.len()).unwrap_or(i64::MAX);
    verify_growth(draft, count)?;
    let mut sorted: Vec<&ManualAssignment> = new.assignments.iter().collect();
    sorted.sort_by_key(|it| it.partition);
    let mut factor = None;
    let mut lists: Vec<Vec<BrokerId>> = Vec::with_capacity(sorted.len());
    for (expected, it) in (0..).zip(sorted) {
        if it.partition != expected {
            let message = format!(
                "Assigned partitions must count up from 0 without gaps and repeats: found {} in \
                 place of {expected}.",
                it.partition
            );
            return Err(ControlError::new(ErrorCode::InvalidReplicaAssignment, message));
        }
        let list = verify_brokers(draft, &it.brokers, factor)?;
        factor = Some(list.len());
        lists.push(list);
    }
    Ok(lists)
}

/// Checks the brokers of one partition chosen by hand.
fn verify_brokers(
    draft: &Draft<'_, '_>,
    brokers: &[i32],
    factor: Option<usize>,
) -> Result<Vec<BrokerId>, ControlError> {
    let refuse =
        |message: String| Err(ControlError::new(ErrorCode::InvalidReplicaAssignment, message));
    let mut list: Vec<BrokerId> = Vec::with_capacity(brokers.len());
    for &id in brokers {
        let Some(broker) = BrokerId::from_wire(id).filter(|id| draft.image.broker(*id).is_some())
        else {
            return refuse(format!(
                "The manual partition assignment includes broker {id}, but no such broker is registered."
            ));
        };
        if draft.image.broker(broker).is_some_and(|it| it.cordon.is_some()) {
            return refuse(format!("Broker {id} is cordoned: it takes no new replicas."));
        }
        if list.contains(&broker) {
            return refuse(format!("An assignment names broker {id} more than once."));
        }
        list.push(broker);
    }
    if list.is_empty() {
        return refuse("An assignment has an empty list of brokers.".to_owned());
    }
    if let Some(factor) = factor.filter(|factor| *factor != list.len()) {
        return refuse(format!(
            "An assignment has {} replica(s), the other partitions have {factor}.",
            list.len()
        ));
    }
    if !list.iter().any(|id| draft.image.may_lead(*id)) {
        return refuse("All brokers of an assignment are fenced.".to_owned());
    }
    Ok(list)
}

/// Checks a number of additional partitions against the limits.
fn verify_growth(draft: &Draft<'_, '_>, added: i64) -> Result<u32, ControlError> {
    let limits = &draft.settings.limits;
    let refuse =
        |message, hint| Err(ControlError::new(ErrorCode::PolicyViolation, message).hint(hint));
    let max = limits.command_partitions_max;
    let before = draft.partitions_added();
    let at_once = u32::try_from(added).ok().filter(|it| before + u64::from(*it) <= u64::from(max));
    let Some(added) = at_once else {
        let added = added.saturating_add_unsigned(before);
        let message = format!("{added} new partitions are more than {max} at a time.");
        return refuse(message, format!("at most {max} now, and more by later changes"));
    };
    let total = draft.image.partitions_total() + u64::from(added);
    if total > limits.cluster_partitions_max {
        let max = limits.cluster_partitions_max;
        let message = format!("The cluster would have {total} partitions, more than {max}.");
        return refuse(message, "delete and purge topics that nobody needs".to_owned());
    }
    Ok(added)
}

/// Brokers that new replicas may go to: all but the cordoned ones. Those that do not take part right
/// now are chosen last. A topic that has partitions already counts as it will be when its moves are
/// done.
fn sites(draft: &Draft<'_, '_>, topic: Option<&TopicImage>) -> Vec<Site> {
    let mut of_topic: BTreeMap<BrokerId, Share> = BTreeMap::new();
    for (_, partition) in topic.into_iter().flat_map(TopicImage::partitions) {
        let stay = partition.replicas.iter().filter(|id| !partition.removing.contains(id));
        for (at, id) in stay.enumerate() {
            let share = of_topic.entry(*id).or_default();
            share.replicas += 1;
            share.leaders += u64::from(at == 0);
        }
    }
    let site = |broker: &std::sync::Arc<crate::metadata::BrokerImage>| {
        let load = draft.image.broker_load(broker.id);
        Site {
            broker: broker.id,
            rack: broker.rack.clone(),
            live: broker.may_lead(),
            of_topic: of_topic.get(&broker.id).copied().unwrap_or_default(),
            of_all: Share { replicas: load.replicas, leaders: load.preferred },
        }
    };
    draft.image.brokers().filter(|it| it.cordon.is_none()).map(site).collect()
}

fn default_number(draft: &Draft<'_, '_>, key: &str) -> i64 {
    let sources = ConfigSources::of_cluster(&draft.image, &draft.settings.fixed);
    sources.broker_number(key).unwrap_or(1)
}

fn unplaced(draft: &Draft<'_, '_>, factor: usize, err: &PlacementError) -> ControlError {
    let message = format!("Unable to replicate the partition {factor} time(s): {err}");
    let error = ControlError::new(ErrorCode::InvalidReplicationFactor, message);
    match draft.image.brokers().filter(|it| it.cordon.is_some()).count() {
        0 => error.hint("ask for fewer replicas or start more brokers"),
        cordoned => error.hint(format!(
            "ask for fewer replicas, start more brokers or uncordon one of {cordoned}"
        )),
    }
}
