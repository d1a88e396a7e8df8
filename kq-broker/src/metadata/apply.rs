//! Image and committed change to the next image: the only way in which metadata changes.
//!
//! A change that does not fit its image was proposed by a bug, or the raft log lies: both are
//! errors that stop the applying broker before it serves a truth that its peers do not share.

use std::fmt::Write as _;
use std::sync::Arc;

use super::event::{EVENTS_MAX, Event, EventKind};
use super::image::{
    BrokerImage, BrokerState, MetadataImage, PartitionImage, Protection, SoftDeletion, TopicImage,
    unify,
};
use super::record::{
    BrokerRegistration, Change, ConfigResource, List, MetadataRecord, PartitionChange, TimestampMs,
    Utc, clip,
};
use crate::ids::{BrokerEpoch, BrokerId, ClusterId, PartitionId, PartitionIndex, TopicId};

/// A change that does not fit the image it is applied to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The raft index does not go forward.
    #[error("change at raft index {index} comes after index {applied} was applied")]
    Order {
        /// The index of the change.
        index: u64,
        /// The index of the image.
        applied: u64,
    },
    /// It names a topic that is not there.
    #[error("a change names topic {0}, which does not exist")]
    UnknownTopic(TopicId),
    /// It names a broker that is not there.
    #[error("a change names broker {0}, which never registered")]
    UnknownBroker(BrokerId),
    /// It makes a topic whose name or id is taken.
    #[error("a change creates topic {0}, which exists")]
    TopicExists(String),
    /// The partition would be one that cannot be.
    #[error("a change makes partition {partition} invalid: {why}")]
    BadPartition {
        /// Which partition.
        partition: PartitionId,
        /// What is wrong with it.
        why: &'static str,
    },
    /// It would make another cluster of this one.
    #[error("a change makes cluster {new} of cluster {old}")]
    ClusterChanged {
        /// The id that stands.
        old: ClusterId,
        /// The id in the change.
        new: ClusterId,
    },
    /// It gives out producer ids a second time.
    #[error("a change gives out producer ids below {0} again")]
    ProducerIdsReused(u64),
}

/// The longest detail of an event: the history stays small whatever values are set.
const DETAIL_CHARS_MAX: usize = 300;

/// When, why and where in the raft log: what every event of a change shares.
struct Stamp {
    index: u64,
    time: TimestampMs,
    reason: Arc<str>,
}

impl MetadataImage {
    /// The image after one committed change; this image stays as it is.
    pub fn apply(&self, index: u64, change: &Change) -> Result<Self, ApplyError> {
        let mut next = self.advanced(index)?;
        let stamp = Stamp { index, time: change.time, reason: change.reason.as_str().into() };
        for record in &change.records {
            next.apply_record(&stamp, record)?;
        }
        next.changed_at = next.changed_at.max(change.time);
        next.assert_invariants();
        Ok(next)
    }

    /// The image after an entry of raft's own, which holds no metadata.
    pub fn advanced(&self, index: u64) -> Result<Self, ApplyError> {
        if index <= self.applied && self.applied > 0 {
            return Err(ApplyError::Order { index, applied: self.applied });
        }
        Ok(Self { applied: index, ..self.clone() })
    }

    fn apply_record(&mut self, stamp: &Stamp, record: &MetadataRecord) -> Result<(), ApplyError> {
        match record {
            MetadataRecord::ClusterCreated { cluster_id } => self.create_cluster(stamp, cluster_id),
            MetadataRecord::BrokerRegistered(it) => {
                self.register(stamp, it);
                Ok(())
            }
            MetadataRecord::BrokerFenced { broker, fenced } => self.fence(stamp, *broker, *fenced),
            MetadataRecord::TopicCreated { topic, name } => self.create(stamp, *topic, name),
            MetadataRecord::TopicSoftDeleted { topic, purge_at } => {
                self.hide(stamp, *topic, *purge_at)
            }
            MetadataRecord::TopicRestored { topic } => self.restore(stamp, *topic),
            MetadataRecord::TopicPurged { topic } => self.purge(stamp, *topic),
            MetadataRecord::TopicProtected { topic, protected } => {
                self.protect(stamp, *topic, *protected)
            }
            MetadataRecord::PartitionChanged(it) => self.change_partition(stamp, it),
            MetadataRecord::ConfigChanged { resource, key, value } => {
                self.change_config(stamp, resource, key, value.as_deref())
            }
            MetadataRecord::ProducerIdsAllocated { next, .. } => {
                if *next < self.next_producer_id {
                    return Err(ApplyError::ProducerIdsReused(*next));
                }
                self.next_producer_id = *next;
                Ok(())
            }
        }
    }

    fn create_cluster(&mut self, stamp: &Stamp, new: &ClusterId) -> Result<(), ApplyError> {
        match &self.cluster_id {
            Some(old) if old != new => {
                Err(ApplyError::ClusterChanged { old: old.clone(), new: new.clone() })
            }
            Some(_) => Ok(()),
            None => {
                self.cluster_id = Some(new.clone());
                self.record_event(stamp, EventKind::ClusterCreated, &format!("cluster {new}"), "");
                Ok(())
            }
        }
    }

    fn register(&mut self, stamp: &Stamp, it: &BrokerRegistration) {
        let image = BrokerImage {
            id: it.broker,
            incarnation: it.incarnation,
            epoch: BrokerEpoch(stamp.index),
            registered_at: stamp.time,
            endpoints: it.endpoints.clone(),
            rack: it.rack.clone(),
            version: it.version.clone(),
            resumed_cleanly: it.resumed_cleanly,
            state: BrokerState::Active,
        };
        if !it.resumed_cleanly && self.brokers.contains_key(&it.broker) {
            self.raise_leader_epochs(it.broker);
        }
        let mut detail = format!("version {}", it.version);
        for endpoint in &it.endpoints {
            let _ = write!(detail, ", {} {}:{}", endpoint.listener, endpoint.host, endpoint.port);
        }
        self.brokers.insert(it.broker, Arc::new(image));
        let subject = format!("broker {}", it.broker);
        self.record_event(stamp, EventKind::BrokerRegistered, &subject, &detail);
    }

    /// A leader that lost an unsynced tail writes those offsets again: under a new epoch, so that
    /// readers and followers can tell the two apart.
    fn raise_leader_epochs(&mut self, broker: BrokerId) {
        let leads =
            |topic: &TopicImage| topic.partitions.iter().any(|it| it.leader == Some(broker));
        let led: Vec<TopicId> =
            self.topics.values().filter(|it| leads(it)).map(|it| it.id).collect();
        for id in led {
            let Some(topic) = self.topics.get_mut(&id) else { continue };
            for partition in &mut Arc::make_mut(topic).partitions {
                if partition.leader == Some(broker) {
                    let partition = Arc::make_mut(partition);
                    partition.leader_epoch.0 = partition.leader_epoch.0.saturating_add(1);
                    partition.partition_epoch = partition.partition_epoch.next();
                }
            }
        }
    }

    fn fence(&mut self, stamp: &Stamp, id: BrokerId, fenced: bool) -> Result<(), ApplyError> {
        let broker = self.brokers.get_mut(&id).ok_or(ApplyError::UnknownBroker(id))?;
        let (state, kind) = if fenced {
            (BrokerState::Fenced, EventKind::BrokerFenced)
        } else {
            (BrokerState::Active, EventKind::BrokerUnfenced)
        };
        if broker.state != state {
            Arc::make_mut(broker).state = state;
            self.record_event(stamp, kind, &format!("broker {id}"), "");
        }
        Ok(())
    }

    fn create(&mut self, stamp: &Stamp, id: TopicId, name: &str) -> Result<(), ApplyError> {
        let shared: Arc<str> = name.into();
        if self.topics.contains_key(&id) || self.names.contains_key(name) {
            return Err(ApplyError::TopicExists(name.to_owned()));
        }
        let topic = TopicImage {
            id,
            name: shared.clone(),
            created_at: stamp.time,
            created_index: stamp.index,
            partitions: imbl::Vector::new(),
            configs: Arc::default(),
            protection: None,
            soft_deletion: None,
        };
        self.topics.insert(id, Arc::new(topic));
        self.names.insert(shared, id);
        self.unified_names.insert(unify(name).into(), id);
        self.record_event(stamp, EventKind::TopicCreated, &format!("topic {name}"), "");
        Ok(())
    }

    fn topic_mut(&mut self, id: TopicId) -> Result<&mut TopicImage, ApplyError> {
        let topic = self.topics.get_mut(&id).ok_or(ApplyError::UnknownTopic(id))?;
        Ok(Arc::make_mut(topic))
    }

    fn hide(&mut self, stamp: &Stamp, id: TopicId, at: TimestampMs) -> Result<(), ApplyError> {
        let reason = stamp.reason.clone();
        let topic = self.topic_mut(id)?;
        topic.soft_deletion = Some(SoftDeletion { deleted_at: stamp.time, purge_at: at, reason });
        let subject = format!("topic {}", topic.name);
        let detail = format!("kept until {}", Utc(at));
        self.hidden.insert(id, at);
        self.record_event(stamp, EventKind::TopicDeleted, &subject, &detail);
        Ok(())
    }

    fn restore(&mut self, stamp: &Stamp, id: TopicId) -> Result<(), ApplyError> {
        let topic = self.topic_mut(id)?;
        topic.soft_deletion = None;
        let subject = format!("topic {}", topic.name);
        self.hidden.remove(&id);
        self.record_event(stamp, EventKind::TopicRestored, &subject, "");
        Ok(())
    }

    fn purge(&mut self, stamp: &Stamp, id: TopicId) -> Result<(), ApplyError> {
        let topic = self.topics.remove(&id).ok_or(ApplyError::UnknownTopic(id))?;
        self.names.remove(&topic.name);
        self.unified_names.remove(unify(&topic.name).as_str());
        self.hidden.remove(&id);
        self.partitions_total -= u64::from(topic.partition_count());
        for partition in &topic.partitions {
            self.remove_load(partition);
        }
        let subject = format!("topic {}", topic.name);
        let detail = format!("{} partitions", topic.partition_count());
        self.record_event(stamp, EventKind::TopicPurged, &subject, &detail);
        Ok(())
    }

    fn protect(&mut self, stamp: &Stamp, id: TopicId, on: bool) -> Result<(), ApplyError> {
        let since = stamp.time;
        let reason = stamp.reason.clone();
        let topic = self.topic_mut(id)?;
        topic.protection = on.then_some(Protection { since, reason });
        let subject = format!("topic {}", topic.name);
        let kind = if on { EventKind::TopicProtected } else { EventKind::TopicUnprotected };
        self.record_event(stamp, kind, &subject, "");
        Ok(())
    }

    fn change_partition(&mut self, stamp: &Stamp, it: &PartitionChange) -> Result<(), ApplyError> {
        let topic = self.topics.get(&it.topic).ok_or(ApplyError::UnknownTopic(it.topic))?;
        let name = topic.name.clone();
        let old = topic.partition(it.index).cloned();
        let fresh_topic = topic.created_index == stamp.index;
        verify_partition(it, old.as_deref(), topic.partition_count())?;
        let new = Arc::new(it.now.clone());
        let partitions = &mut self.topic_mut(it.topic)?.partitions;
        if let Some(slot) = partitions.get_mut(it.index.position()) {
            *slot = new.clone();
        } else {
            partitions.push_back(new.clone());
            self.partitions_total += 1;
        }
        if let Some(old) = &old {
            self.remove_load(old);
        }
        self.add_load(&new);
        match old {
            Some(old) => self.record_partition_events(stamp, (&name, it.index), &old, &new),
            None if !fresh_topic => self.record_added_partition(stamp, &name, it.index),
            None => {}
        }
        Ok(())
    }

    /// One event for all the partitions that one change adds to a topic.
    fn record_added_partition(&mut self, stamp: &Stamp, topic: &str, index: PartitionIndex) {
        let subject = format!("topic {topic}");
        let same = |it: &Arc<Event>| {
            it.index == stamp.index
                && it.kind == EventKind::PartitionsAdded
                && *it.subject == *subject
        };
        let detail = format!("now {} partitions", u64::from(index.0) + 1);
        match self.events.back_mut() {
            Some(last) if same(last) => Arc::make_mut(last).detail = detail.into(),
            _ => self.record_event(stamp, EventKind::PartitionsAdded, &subject, &detail),
        }
    }

    fn record_partition_events(
        &mut self,
        stamp: &Stamp,
        (topic, index): (&str, PartitionIndex),
        old: &PartitionImage,
        new: &PartitionImage,
    ) {
        let subject = format!("partition {topic}/{index}");
        let from_to = |a: &[BrokerId], b: &[BrokerId]| format!("{} to {}", List(a), List(b));
        if old.replicas != new.replicas {
            let detail = from_to(&old.replicas, &new.replicas);
            self.record_event(stamp, EventKind::ReplicasChanged, &subject, &detail);
        }
        let left = old.isr.iter().any(|id| !new.isr.contains(id));
        let joined = new.isr.iter().any(|id| !old.isr.contains(id));
        for (kind, happened) in [(EventKind::IsrShrunk, left), (EventKind::IsrExpanded, joined)] {
            if happened {
                self.record_event(stamp, kind, &subject, &from_to(&old.isr, &new.isr));
            }
        }
        if old.leader != new.leader {
            let name = |id: Option<BrokerId>| id.map_or("none".to_owned(), |id| id.to_string());
            let detail = format!(
                "{} to {}, leader epoch {}",
                name(old.leader),
                name(new.leader),
                new.leader_epoch.0
            );
            self.record_event(stamp, EventKind::LeaderChanged, &subject, &detail);
        }
    }

    fn change_config(
        &mut self,
        stamp: &Stamp,
        resource: &ConfigResource,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), ApplyError> {
        let (subject, configs) = match resource {
            ConfigResource::Topic(id) => {
                let topic = self.topic_mut(*id)?;
                (format!("topic {}", topic.name), &mut topic.configs)
            }
            ConfigResource::Broker(id) => {
                (format!("broker {id}"), self.broker_configs.entry(*id).or_default())
            }
            ConfigResource::Cluster => ("all brokers".to_owned(), &mut self.cluster_config),
        };
        let map = Arc::make_mut(configs);
        let detail = if let Some(value) = value {
            map.insert(key.to_owned(), value.to_owned());
            format!("{key}={value}")
        } else {
            map.remove(key);
            format!("{key} back to its default")
        };
        let emptied = map.is_empty();
        if let (ConfigResource::Broker(id), true) = (resource, emptied) {
            self.broker_configs.remove(id);
        }
        self.record_event(stamp, EventKind::ConfigChanged, &subject, &detail);
        Ok(())
    }

    fn record_event(&mut self, stamp: &Stamp, kind: EventKind, subject: &str, detail: &str) {
        self.events_total += 1;
        self.events.push_back(Arc::new(Event {
            number: self.events_total,
            index: stamp.index,
            time: stamp.time,
            kind,
            subject: subject.into(),
            detail: clip(detail, DETAIL_CHARS_MAX).into(),
            reason: stamp.reason.clone(),
        }));
        if self.events.len() > EVENTS_MAX {
            self.events.pop_front();
        }
    }

    /// What holds in every image; cheap enough to stay on in release builds.
    fn assert_invariants(&self) {
        let broken = self.broken_invariant();
        assert!(broken.is_none(), "an image must hold that {}", broken.unwrap_or_default());
    }

    /// What does not hold of it, though it must.
    pub(super) fn broken_invariant(&self) -> Option<&'static str> {
        let newest = self.events.back().map_or(self.events_total, |it| it.number);
        let invariants = [
            (self.topics.len() == self.names.len(), "each topic has one name of its own"),
            (self.unified_names.len() == self.names.len(), "no two names collide"),
            (self.hidden.len() <= self.topics.len(), "hidden topics are topics"),
            (self.events.len() <= EVENTS_MAX, "the event ring is bounded"),
            (newest == self.events_total, "event numbers have no gaps"),
        ];
        invariants.into_iter().find(|(holds, _)| !holds).map(|(_, what)| what)
    }
}

/// Checks a partition against what it was, before it becomes part of an image.
fn verify_partition(
    it: &PartitionChange,
    old: Option<&PartitionImage>,
    count: u32,
) -> Result<(), ApplyError> {
    let within = |inner: &[BrokerId], outer: &[BrokerId]| inner.iter().all(|id| outer.contains(id));
    let distinct = |ids: &[BrokerId]| {
        ids.iter().enumerate().all(|(at, id)| !ids.iter().skip(at + 1).any(|other| other == id))
    };
    let now = &it.now;
    let rules = [
        (it.index.0 <= count, "its index leaves a gap"),
        (!now.replicas.is_empty(), "it has no replica"),
        (distinct(&now.replicas), "a replica is named twice"),
        (distinct(&now.isr), "an in-sync replica is named twice"),
        (within(&now.isr, &now.replicas), "its ISR is not within its replicas"),
        (within(&now.elr, &now.replicas), "its ELR is not within its replicas"),
        (!now.elr.iter().any(|id| now.isr.contains(id)), "its ELR and its ISR overlap"),
        (now.leader.is_none_or(|id| now.isr.contains(&id)), "its leader is not in its ISR"),
        (old.is_none_or(|old| old.leader_epoch <= now.leader_epoch), "its leader epoch goes back"),
        (
            old.is_none_or(|old| old.partition_epoch < now.partition_epoch),
            "its partition epoch does not go forward",
        ),
    ];
    match rules.into_iter().find(|(holds, _)| !holds) {
        Some((_, why)) => {
            let partition = PartitionId { topic: it.topic, index: it.index };
            Err(ApplyError::BadPartition { partition, why })
        }
        None => Ok(()),
    }
}
