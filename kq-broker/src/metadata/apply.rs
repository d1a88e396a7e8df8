//! Image and committed change to the next image: the only way in which metadata changes.
//!
//! A change that does not fit its image was proposed by a bug, or the raft log lies: both are
//! errors that stop the applying broker before it serves a truth that its peers do not share.

mod brokers;
mod partitions;
mod plans;
mod policies;
mod topics;

use std::sync::Arc;

pub(super) use self::partitions::epoch_before;

use super::before::{Before, Was};
use super::event::{Detail, Event, EventKind, Subject};
use super::history::{EVENTS_BYTES_MAX, EVENTS_MAX};
use super::image::MetadataImage;
use super::record::{Change, ConfigResource, MetadataRecord, TimestampMs, clip};
use super::roster::BrokerState;
use crate::ids::{BrokerId, ClusterId, PartitionId, PlanId, TopicId};

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
    /// It forgets a broker that still holds replicas.
    #[error("a change forgets broker {0}, which still holds replicas")]
    BrokerInUse(BrokerId),
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
    /// It starts a plan whose name is taken.
    #[error("a change starts plan {0}, which exists")]
    PlanExists(PlanId),
    /// It names a plan, or a move of one, that is not there.
    #[error("a change names plan {0} or a move of it, which does not exist")]
    UnknownPlan(PlanId),
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
        let reason = self.full_reason(change);
        let stamp = Stamp { index, time: change.time, reason };
        for record in &change.records {
            next.apply_record(&stamp, record)?;
        }
        next.changed_at = next.changed_at.max(change.time);
        next.assert_invariants();
        Ok(next)
    }

    /// Why a change is made. Who sends that a broker started cannot know that its directory is
    /// another one; but that is why it left ISRs, so all events of the change tell it.
    fn full_reason(&self, change: &Change) -> Arc<str> {
        let moved_in = change.records.iter().any(|record| {
            let MetadataRecord::BrokerRegistered(it) = record else { return false };
            self.brokers.get(&it.broker).is_some_and(|known| known.directory != it.directory)
        });
        if moved_in {
            return format!("{} on a new directory, without the logs it had", change.reason).into();
        }
        change.reason.as_str().into()
    }

    /// The image after an entry of raft's own, which holds no metadata.
    pub fn advanced(&self, index: u64) -> Result<Self, ApplyError> {
        if index <= self.applied && self.applied > 0 {
            return Err(ApplyError::Order { index, applied: self.applied });
        }
        Ok(Self { applied: index, ..self.clone() })
    }

    fn apply_record(&mut self, stamp: &Stamp, record: &MetadataRecord) -> Result<(), ApplyError> {
        use MetadataRecord as Record;
        match record {
            Record::ClusterCreated { cluster_id } => self.create_cluster(stamp, cluster_id),
            Record::BrokerRegistered(it) => {
                self.register(stamp, it);
                Ok(())
            }
            Record::BrokerFenced { broker } => {
                self.change_state(stamp, *broker, BrokerState::Fenced)
            }
            Record::BrokerStopping { broker } => {
                self.change_state(stamp, *broker, BrokerState::Stopping)
            }
            Record::BrokerCordoned { broker, decommission } => {
                self.cordon(stamp, *broker, Some(*decommission))
            }
            Record::BrokerUncordoned { broker } => self.cordon(stamp, *broker, None),
            Record::BrokerUnregistered { broker } => self.unregister(stamp, *broker),
            Record::ControllerChanged { broker, term, unled_since } => {
                self.change_controller(stamp, (*broker, *term), *unled_since);
                Ok(())
            }
            Record::VotersChanged { voters } => {
                self.change_voters(stamp, voters);
                Ok(())
            }
            Record::QuorumTransferred { from, to } => {
                self.transfer_quorum(stamp, *from, *to);
                Ok(())
            }
            Record::GroupOperated { group, deed } => {
                let subject = Subject::Group(group.as_str().into());
                self.record_event(stamp, EventKind::GroupOperated, subject, Detail::text(deed));
                Ok(())
            }
            Record::TopicCreated { topic, name } => self.create(stamp, *topic, name),
            Record::TopicSoftDeleted { topic, purge_at } => self.hide(stamp, *topic, *purge_at),
            Record::TopicRestored { topic } => self.restore(stamp, *topic),
            Record::TopicPurged { topic } => self.purge(stamp, *topic),
            Record::TopicProtected { topic, protected } => self.protect(stamp, *topic, *protected),
            Record::PartitionChanged(it) => self.change_partition(stamp, it),
            Record::ConfigChanged { resource, key, value } => {
                self.change_config(stamp, resource, key, value.as_deref())
            }
            Record::LeaderPolicyChanged { scope, policy } => {
                self.change_policy(stamp, *scope, policy)
            }
            Record::LeadersFrozen { scope, until } => self.freeze_leaders(stamp, *scope, *until),
            Record::LeadersUnfrozen { scope } => self.unfreeze_leaders(stamp, *scope),
            Record::LeadersBalanced { moves } => {
                self.balance_leaders(stamp, *moves);
                Ok(())
            }
            Record::RecordsLost(it) => self.lose_records(stamp, it),
            Record::PlanStarted(it) => self.start_plan(stamp, it),
            Record::PlanChanged { plan, state, lease } => {
                self.change_plan(stamp, (*plan, *state), *lease)
            }
            Record::PlanStepped(it) => self.step_plan(stamp, it),
            Record::ProducerIdsAllocated { next, .. } => {
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
                self.record_event(
                    stamp,
                    EventKind::ClusterCreated,
                    Subject::Cluster(new.0.as_str().into()),
                    Detail::None,
                );
                Ok(())
            }
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
                (Subject::Topic(topic.name.clone()), &mut topic.configs)
            }
            ConfigResource::Broker(id) => {
                (Subject::Broker(*id), self.broker_configs.entry(*id).or_default())
            }
            ConfigResource::Cluster => (Subject::AllBrokers, &mut self.cluster_config),
        };
        let was = configs.get(key).map(|value| Arc::from(value.as_str()));
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
        let detail = Detail::text(&clip(&detail, DETAIL_CHARS_MAX));
        self.record_before(stamp, Was::Config(resource.clone(), key.into(), was));
        self.record_event(stamp, EventKind::ConfigChanged, subject, detail);
        Ok(())
    }

    fn record_event(&mut self, stamp: &Stamp, kind: EventKind, subject: Subject, detail: Detail) {
        self.history.push(Event {
            number: 0,
            index: stamp.index,
            time: stamp.time,
            kind,
            subject,
            detail,
            reason: stamp.reason.clone(),
        });
    }

    /// Keeps what was, so far as the events that follow do not say it.
    fn record_before(&mut self, stamp: &Stamp, was: Was) {
        let (index, time) = (stamp.index, stamp.time);
        self.history.push_before(Before { index, time, events: 0, was });
    }

    /// What holds in every image; cheap enough to stay on in release builds.
    fn assert_invariants(&self) {
        let broken = self.broken_invariant();
        assert!(broken.is_none(), "an image must hold that {}", broken.unwrap_or_default());
    }

    /// What does not hold of it, though it must.
    pub(super) fn broken_invariant(&self) -> Option<&'static str> {
        let newest = self.history.newest().map_or(self.history.total(), |it| it.number);
        let invariants = [
            (self.topics.len() == self.names.len(), "each topic has one name of its own"),
            (self.unified_names.len() == self.names.len(), "no two names collide"),
            (self.hidden.len() <= self.topics.len(), "hidden topics are topics"),
            (self.history.len() <= EVENTS_MAX, "the history is bounded"),
            (self.history.bytes() <= EVENTS_BYTES_MAX, "the history is bounded in bytes"),
            (newest == self.history.total(), "event numbers have no gaps"),
            (self.history.befores_are_bounded(), "what is kept of the past is bounded"),
        ];
        invariants.into_iter().find(|(holds, _)| !holds).map(|(_, what)| what)
    }
}
