//! What holds for the leaders of a topic, and how operators change it.

use std::collections::BTreeMap;
use std::sync::Arc;

use kq_proto::kafka::ErrorCode;

use super::command::Reply;
use super::decide::Draft;
use super::error::{ControlError, Refused};
use super::leader_command::{Patch, PolicyChange, PolicyTarget};
use super::leaders::elect_where;
use super::topics::find_visible;
use crate::catalogue::{ConfigSources, Durability, EffectiveTopicConfig};
use crate::ids::{BrokerId, PartitionIndex};
use crate::metadata::{
    BrokerImage, ConfigMap, LeaderPlace, LeaderPolicy, MetadataImage, MetadataRecord, PolicyScope,
    TimestampMs, TopicImage, UncleanPolicy,
};

/// How many leaders a minute go back by themselves, unless said otherwise.
const MOVES_PER_MINUTE: u32 = 60;
/// The most that may be said.
const MOVES_PER_MINUTE_MAX: u32 = 100_000;
/// Places that one list may name.
const PLACES_MAX: usize = 100;

/// All that elections of one topic go by, wherever it was said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderRules {
    /// Where leaders should be, the best place first.
    pub prefer: Vec<LeaderPlace>,
    /// Where they should be only when nobody else can lead.
    pub avoid: Vec<LeaderPlace>,
    /// What happens when nobody is known to hold everything.
    pub unclean: UncleanPolicy,
    /// Whether leaders go back to where they are preferred by themselves.
    pub auto_balance: bool,
    /// How many may in a minute.
    pub moves_per_minute: u32,
    /// The leader that single partitions should have.
    pub pins: BTreeMap<PartitionIndex, BrokerId>,
    /// How small an ISR commits nothing.
    pub min_isr: u32,
    /// Whether what is committed is on stable storage.
    pub durability: Durability,
}

impl LeaderRules {
    /// The rules of one topic. What the topic's policy says counts before its configuration, that
    /// before the cluster's policy, and that before the cluster's configuration.
    pub fn of(image: &MetadataImage, topic: &TopicImage, sources: &ConfigSources) -> Self {
        Self::resolve((&topic.leader_policy, image.leader_policy()), &topic.configs, sources)
    }

    /// The rules of a topic that is being created with these values.
    pub(super) fn of_new_topic(
        image: &MetadataImage,
        configs: &ConfigMap,
        sources: &ConfigSources,
    ) -> Self {
        Self::resolve((&LeaderPolicy::default(), image.leader_policy()), configs, sources)
    }

    fn resolve(
        (own, all): (&LeaderPolicy, &LeaderPolicy),
        configs: &ConfigMap,
        sources: &ConfigSources,
    ) -> Self {
        let config = EffectiveTopicConfig::resolve(configs, sources);
        let by_config = if config.unclean_leader_election {
            UncleanPolicy::Auto
        } else {
            UncleanPolicy::Manual
        };
        let configured = configs.contains_key("unclean.leader.election.enable");
        let unclean = own.unclean.or(all.unclean.filter(|_| !configured)).unwrap_or(by_config);
        let places = |own: &Option<Vec<_>>, all: &Option<Vec<_>>| {
            own.clone().or_else(|| all.clone()).unwrap_or_default()
        };
        Self {
            prefer: places(&own.prefer, &all.prefer),
            avoid: places(&own.avoid, &all.avoid),
            unclean,
            auto_balance: own.auto_balance.or(all.auto_balance).unwrap_or(false),
            moves_per_minute: own
                .moves_per_minute
                .or(all.moves_per_minute)
                .unwrap_or(MOVES_PER_MINUTE),
            pins: own.pins.clone(),
            min_isr: config.min_insync_replicas,
            durability: config.durability,
        }
    }

    /// The rules of a topic that says nothing of its own yet.
    pub fn of_cluster(image: &MetadataImage) -> Self {
        let all = image.leader_policy();
        Self {
            prefer: all.prefer.clone().unwrap_or_default(),
            avoid: all.avoid.clone().unwrap_or_default(),
            unclean: all.unclean.unwrap_or(UncleanPolicy::Manual),
            auto_balance: all.auto_balance.unwrap_or(false),
            moves_per_minute: all.moves_per_minute.unwrap_or(MOVES_PER_MINUTE),
            pins: BTreeMap::new(),
            min_isr: 1,
            durability: Durability::Fsync,
        }
    }

    /// The replicas of a partition, the most wanted leader first: whom a pin names, then those in
    /// preferred places, then in the order of the replicas; those in places to avoid come last.
    pub fn order(
        &self,
        image: &MetadataImage,
        index: PartitionIndex,
        replicas: &[BrokerId],
    ) -> Vec<BrokerId> {
        let mut order = replicas.to_vec();
        if self.prefer.is_empty() && self.avoid.is_empty() && self.pins.is_empty() {
            return order;
        }
        let rack = |id: BrokerId| image.broker(id).and_then(|it| it.rack.as_deref());
        let is_in = |place: &LeaderPlace, id: BrokerId| match place {
            LeaderPlace::Broker(broker) => *broker == id,
            LeaderPlace::Rack(name) => rack(id) == Some(name),
        };
        let pin = self.pins.get(&index);
        // Stable: within a class the order of the replicas stays.
        order.sort_by_key(|id| {
            let avoided = self.avoid.iter().any(|place| is_in(place, *id));
            let wanted = self.prefer.iter().position(|place| is_in(place, *id));
            (pin != Some(id), avoided, wanted.unwrap_or(usize::MAX))
        });
        order
    }
}

pub(super) fn set(
    draft: &mut Draft<'_, '_>,
    targets: &[PolicyTarget],
    change: &PolicyChange,
) -> Result<Reply, ControlError> {
    let set_one = |target: &PolicyTarget| {
        let (scope, topic) = find(draft, target)?;
        verify(&draft.image, topic.as_deref(), change)?;
        let old = match &topic {
            Some(topic) => &topic.leader_policy,
            None => draft.image.leader_policy(),
        };
        let policy = changed(old, change);
        if policy == **old {
            return Ok(false);
        }
        draft.accept(vec![MetadataRecord::LeaderPolicyChanged { scope, policy }])?;
        Ok(true)
    };
    let results = targets.iter().map(set_one).collect();
    if change.unclean != Patch::Keep {
        // Who waited for this waits no longer.
        elect_where(draft, |partition| partition.leader.is_none())?;
    }
    Ok(Reply::PoliciesSet(results))
}

pub(super) fn freeze(
    draft: &mut Draft<'_, '_>,
    targets: &[PolicyTarget],
    for_ms: Option<u64>,
) -> Reply {
    let until = for_ms
        .map(|ms| TimestampMs(draft.now.0.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX))));
    let freeze_one = |target: &PolicyTarget| {
        let (scope, _) = find(draft, target)?;
        draft.accept(vec![MetadataRecord::LeadersFrozen { scope, until }])?;
        Ok(true)
    };
    Reply::PoliciesSet(targets.iter().map(freeze_one).collect())
}

pub(super) fn unfreeze(draft: &mut Draft<'_, '_>, targets: &[PolicyTarget]) -> Reply {
    let unfreeze_one = |target: &PolicyTarget| {
        let (scope, topic) = find(draft, target)?;
        let freeze = topic.as_ref().map_or(draft.image.freeze(), |it| it.freeze.as_ref());
        if freeze.is_none() {
            return Ok(false);
        }
        draft.accept(vec![MetadataRecord::LeadersUnfrozen { scope }])?;
        Ok(true)
    };
    Reply::PoliciesSet(targets.iter().map(unfreeze_one).collect())
}

/// Refuses to move leaders that are frozen.
pub(super) fn verify_unfrozen(
    draft: &Draft<'_, '_>,
    topic: &TopicImage,
) -> Result<(), ControlError> {
    let Some(freeze) = draft.image.freeze_of(topic).filter(|it| it.holds_at(draft.now)) else {
        return Ok(());
    };
    let why = if freeze.reason.is_empty() { "no reason given" } else { &freeze.reason };
    let message = format!("The leaders of topic '{}' are frozen {freeze}: {why}", topic.name);
    Err(ControlError::new(ErrorCode::PolicyViolation, message)
        .refused(Refused::Frozen)
        .hint(format!("kq-ctl leader policy unfreeze {} lets them move", topic.name)))
}

fn changed(old: &LeaderPolicy, change: &PolicyChange) -> LeaderPolicy {
    let mut new = old.clone();
    let PolicyChange { prefer, avoid, unclean, auto_balance, moves_per_minute, pins } =
        change.clone();
    prefer.apply(&mut new.prefer);
    avoid.apply(&mut new.avoid);
    unclean.apply(&mut new.unclean);
    auto_balance.apply(&mut new.auto_balance);
    moves_per_minute.apply(&mut new.moves_per_minute);
    for (index, broker) in pins {
        match broker {
            Some(broker) => new.pins.insert(index, broker),
            None => new.pins.remove(&index),
        };
    }
    new
}

fn find(
    draft: &Draft<'_, '_>,
    target: &PolicyTarget,
) -> Result<(PolicyScope, Option<Arc<TopicImage>>), ControlError> {
    match target {
        PolicyTarget::Cluster => Ok((PolicyScope::Cluster, None)),
        PolicyTarget::Topic(topic) => {
            let topic = find_visible(draft, topic)?;
            Ok((PolicyScope::Topic(topic.id), Some(topic)))
        }
    }
}

fn verify(
    image: &MetadataImage,
    topic: Option<&TopicImage>,
    change: &PolicyChange,
) -> Result<(), ControlError> {
    for list in [&change.prefer, &change.avoid] {
        let Patch::Set(places) = list else { continue };
        if places.len() > PLACES_MAX {
            let message = format!("{} places are more than {PLACES_MAX}.", places.len());
            return Err(ControlError::new(ErrorCode::InvalidRequest, message)
                .hint("name racks instead of brokers"));
        }
        for place in places {
            verify_place(image, place)?;
        }
    }
    if let (Patch::Set(prefer), Patch::Set(avoid)) = (&change.prefer, &change.avoid)
        && let Some(both) = prefer.iter().find(|it| avoid.contains(it))
    {
        let message = format!("Leaders cannot be preferred at {both} and avoid it.");
        return Err(ControlError::new(ErrorCode::InvalidRequest, message)
            .hint(format!("name {both} in one of the two only")));
    }
    if let Patch::Set(rate) = change.moves_per_minute
        && !(1..=MOVES_PER_MINUTE_MAX).contains(&rate)
    {
        let message = format!("{rate} moves per minute: 1 to {MOVES_PER_MINUTE_MAX} are accepted.");
        return Err(ControlError::new(ErrorCode::InvalidRequest, message)
            .hint("--auto-balance off keeps leaders where they are"));
    }
    change.pins.iter().try_for_each(|(index, broker)| verify_pin(topic, *index, *broker))
}

fn verify_place(image: &MetadataImage, place: &LeaderPlace) -> Result<(), ControlError> {
    let known = |name: &dyn Fn(&BrokerImage) -> Option<String>| {
        let names: std::collections::BTreeSet<String> =
            image.brokers().filter_map(|it| name(it)).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    };
    match place {
        LeaderPlace::Broker(id) if image.broker(*id).is_none() => {
            let known = known(&|it| Some(it.id.to_string()));
            let message = format!("No broker with id {id} is registered.");
            Err(ControlError::new(ErrorCode::BrokerIdNotRegistered, message)
                .hint(format!("registered: {known}")))
        }
        LeaderPlace::Rack(name)
            if !image.brokers().any(|it| it.rack.as_deref() == Some(name.as_str())) =>
        {
            let known = known(&|it| it.rack.clone());
            let message = format!("No broker stands in rack '{name}'.");
            let hint = if known.is_empty() {
                "no broker has a rack: set broker.rack".to_owned()
            } else {
                format!("racks: {known}")
            };
            Err(ControlError::new(ErrorCode::InvalidRequest, message).hint(hint))
        }
        LeaderPlace::Broker(_) | LeaderPlace::Rack(_) => Ok(()),
    }
}

/// A pin names a replica: another broker could never lead.
fn verify_pin(
    topic: Option<&TopicImage>,
    index: PartitionIndex,
    broker: Option<BrokerId>,
) -> Result<(), ControlError> {
    let Some(topic) = topic else {
        let message = "Only partitions of a topic can be pinned, not those of all topics.";
        return Err(ControlError::new(ErrorCode::InvalidRequest, message));
    };
    let Some(broker) = broker else { return Ok(()) };
    let Some(partition) = topic.partition(index) else {
        let message = format!("Topic '{}' has no partition {index}.", topic.name);
        return Err(ControlError::new(ErrorCode::UnknownTopicOrPartition, message)
            .hint(format!("it has {} partitions, from 0", topic.partition_count())));
    };
    if partition.replicas.contains(&broker) {
        return Ok(());
    }
    let replicas: Vec<String> = partition.replicas.iter().map(ToString::to_string).collect();
    let message = format!("Broker {broker} is no replica of {}/{index}.", topic.name);
    Err(ControlError::new(ErrorCode::InvalidReplicaAssignment, message)
        .hint(format!("replicas: {}", replicas.join(", "))))
}
