//! The bytes of a change, in the raft log and in snapshots: protobuf, so that a newer broker may
//! add fields and an older one reads on.
//!
//! Field numbers are never used twice. A record kind that this build does not know is an error,
//! never skipped: an image that misses a fact would differ from its peers' without a sign.

use prost::{Message, Oneof};
use uuid::Uuid;

use super::config_wire::{WireConfig, config_from_wire, config_to_wire};
use super::partition_wire::{
    WireLoss, WirePartition, loss_from_wire, loss_to_wire, partition_from_wire, partition_to_wire,
};
use super::plan_wire::{self, WirePlanChanged, WirePlanStart, WirePlanStep};
use super::policy_wire::{
    WireFrozen, WireScope, WireScopedPolicy, frozen_from_wire, frozen_to_wire, scope_from_wire,
    scope_to_wire, scoped_policy_from_wire, scoped_policy_to_wire,
};
use super::record::{BrokerRegistration, Change, Endpoint, MetadataRecord, TimestampMs};
use crate::ids::{BrokerId, ClusterId, Incarnation, TopicId};

/// Bytes that are no change of this build's format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeDecodeError {
    /// Not protobuf.
    #[error("a metadata change does not decode: {0}")]
    Malformed(String),
    /// A kind of record from a newer build.
    #[error("metadata record {0} of a change is of a kind unknown to this build")]
    UnknownKind(usize),
    /// A field that this build needs is absent or not of its form.
    #[error("metadata record has no valid {0}")]
    BadField(&'static str),
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireChange {
    #[prost(int64, tag = "1")]
    time_ms: i64,
    #[prost(string, tag = "2")]
    reason: String,
    #[prost(message, repeated, tag = "3")]
    records: Vec<WireRecord>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireRecord {
    #[prost(
        oneof = "Kind",
        tags = "1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27"
    )]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Kind {
    #[prost(message, tag = "1")]
    ClusterCreated(WireCluster),
    #[prost(message, tag = "2")]
    BrokerRegistered(WireBroker),
    #[prost(message, tag = "3")]
    BrokerFenced(WireBrokerId),
    #[prost(message, tag = "4")]
    TopicCreated(WireTopic),
    #[prost(message, tag = "5")]
    TopicSoftDeleted(WireSoftDeleted),
    #[prost(message, tag = "6")]
    TopicRestored(WireTopicId),
    #[prost(message, tag = "7")]
    TopicPurged(WireTopicId),
    #[prost(message, tag = "8")]
    TopicProtected(WireProtected),
    #[prost(message, tag = "9")]
    PartitionChanged(WirePartition),
    #[prost(message, tag = "10")]
    ConfigChanged(WireConfig),
    #[prost(message, tag = "11")]
    ProducerIdsAllocated(WireProducerIds),
    #[prost(message, tag = "12")]
    BrokerStopping(WireBrokerId),
    #[prost(message, tag = "13")]
    BrokerCordoned(WireCordoned),
    #[prost(message, tag = "14")]
    BrokerUncordoned(WireBrokerId),
    #[prost(message, tag = "15")]
    BrokerUnregistered(WireBrokerId),
    #[prost(message, tag = "16")]
    LeaderPolicyChanged(WireScopedPolicy),
    #[prost(message, tag = "17")]
    LeadersFrozen(WireFrozen),
    #[prost(message, tag = "18")]
    LeadersUnfrozen(WireScope),
    #[prost(uint32, tag = "19")]
    LeadersBalanced(u32),
    #[prost(message, tag = "20")]
    PlanStarted(WirePlanStart),
    #[prost(message, tag = "21")]
    PlanChanged(WirePlanChanged),
    #[prost(message, tag = "22")]
    PlanStepped(WirePlanStep),
    #[prost(message, tag = "23")]
    RecordsLost(WireLoss),
    #[prost(message, tag = "24")]
    ControllerChanged(WireController),
    #[prost(message, tag = "25")]
    VotersChanged(WireVoters),
    #[prost(message, tag = "26")]
    QuorumTransferred(WireTransfer),
    #[prost(message, tag = "27")]
    GroupOperated(WireGroupOperated),
}

#[derive(Clone, PartialEq, Message)]
struct WireCluster {
    #[prost(string, tag = "1")]
    cluster_id: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct WireBroker {
    #[prost(uint32, tag = "1")]
    broker: u32,
    #[prost(bytes = "vec", tag = "2")]
    incarnation: Vec<u8>,
    #[prost(message, repeated, tag = "3")]
    endpoints: Vec<WireEndpoint>,
    #[prost(string, optional, tag = "4")]
    rack: Option<String>,
    #[prost(string, tag = "5")]
    version: String,
    #[prost(bool, tag = "6")]
    resumed_cleanly: bool,
    #[prost(bytes = "vec", tag = "7")]
    directory: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct WireEndpoint {
    #[prost(string, tag = "1")]
    listener: String,
    #[prost(string, tag = "2")]
    host: String,
    #[prost(uint32, tag = "3")]
    port: u32,
}

/// Field 2 said whether a broker was fenced or let in again; it is never used again.
#[derive(Clone, PartialEq, Message)]
struct WireBrokerId {
    #[prost(uint32, tag = "1")]
    broker: u32,
}

/// Who leads the quorum, and since which term.
#[derive(Clone, Copy, PartialEq, Message)]
pub(super) struct WireController {
    #[prost(uint32, tag = "1")]
    pub(super) broker: u32,
    #[prost(uint64, tag = "2")]
    pub(super) term: u64,
    /// Since when nobody was known to lead it before.
    #[prost(int64, optional, tag = "3")]
    pub(super) unled_since_ms: Option<i64>,
}

/// Who votes in the quorum.
#[derive(Clone, PartialEq, Message)]
struct WireVoters {
    #[prost(uint32, repeated, tag = "1")]
    voters: Vec<u32>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct WireTransfer {
    #[prost(uint32, tag = "1")]
    from: u32,
    #[prost(uint32, tag = "2")]
    to: u32,
}

#[derive(Clone, PartialEq, Message)]
struct WireGroupOperated {
    #[prost(string, tag = "1")]
    group: String,
    #[prost(string, tag = "2")]
    deed: String,
}

impl WireGroupOperated {
    fn into_record(self) -> MetadataRecord {
        MetadataRecord::GroupOperated { group: self.group, deed: self.deed }
    }
}

#[derive(Clone, PartialEq, Message)]
struct WireCordoned {
    #[prost(uint32, tag = "1")]
    broker: u32,
    #[prost(bool, tag = "2")]
    decommission: bool,
}

#[derive(Clone, PartialEq, Message)]
struct WireTopic {
    #[prost(bytes = "vec", tag = "1")]
    topic: Vec<u8>,
    #[prost(string, tag = "2")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct WireSoftDeleted {
    #[prost(bytes = "vec", tag = "1")]
    topic: Vec<u8>,
    #[prost(int64, tag = "2")]
    purge_at_ms: i64,
}

#[derive(Clone, PartialEq, Message)]
struct WireTopicId {
    #[prost(bytes = "vec", tag = "1")]
    topic: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct WireProtected {
    #[prost(bytes = "vec", tag = "1")]
    topic: Vec<u8>,
    #[prost(bool, tag = "2")]
    protected: bool,
}

#[derive(Clone, PartialEq, Message)]
struct WireProducerIds {
    #[prost(uint32, tag = "1")]
    broker: u32,
    #[prost(uint64, tag = "2")]
    next: u64,
}

impl WireProducerIds {
    fn into_record(self) -> MetadataRecord {
        MetadataRecord::ProducerIdsAllocated { broker: BrokerId(self.broker), next: self.next }
    }
}

impl Change {
    /// The change as it is stored.
    pub fn encode(&self) -> Vec<u8> {
        let records = self.records.iter().map(record_to_wire).collect();
        WireChange { time_ms: self.time.0, reason: self.reason.clone(), records }.encode_to_vec()
    }

    /// Reads what [`Change::encode`] wrote, here or in another version of kq.
    pub fn decode(bytes: &[u8]) -> Result<Self, ChangeDecodeError> {
        let wire = WireChange::decode(bytes)
            .map_err(|err| ChangeDecodeError::Malformed(err.to_string()))?;
        let records = wire
            .records
            .into_iter()
            .enumerate()
            .map(|(position, it)| {
                record_from_wire(it.kind.ok_or(ChangeDecodeError::UnknownKind(position))?)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { time: TimestampMs(wire.time_ms), reason: wire.reason, records })
    }
}

fn record_to_wire(record: &MetadataRecord) -> WireRecord {
    let number = |id: BrokerId| WireBrokerId { broker: id.0 };
    let only = |topic: TopicId| WireTopicId { topic: id_to_wire(topic) };
    let kind = match record {
        MetadataRecord::ClusterCreated { cluster_id } => {
            Kind::ClusterCreated(WireCluster { cluster_id: cluster_id.0.clone() })
        }
        MetadataRecord::BrokerRegistered(it) => Kind::BrokerRegistered(broker_to_wire(it)),
        MetadataRecord::BrokerFenced { broker } => Kind::BrokerFenced(number(*broker)),
        MetadataRecord::BrokerStopping { broker } => Kind::BrokerStopping(number(*broker)),
        MetadataRecord::BrokerCordoned { broker, decommission } => {
            Kind::BrokerCordoned(WireCordoned { broker: broker.0, decommission: *decommission })
        }
        MetadataRecord::BrokerUncordoned { broker } => Kind::BrokerUncordoned(number(*broker)),
        MetadataRecord::BrokerUnregistered { broker } => Kind::BrokerUnregistered(number(*broker)),
        MetadataRecord::TopicCreated { topic, name } => {
            Kind::TopicCreated(WireTopic { topic: id_to_wire(*topic), name: name.clone() })
        }
        MetadataRecord::TopicSoftDeleted { topic, purge_at } => {
            Kind::TopicSoftDeleted(WireSoftDeleted {
                topic: id_to_wire(*topic),
                purge_at_ms: purge_at.0,
            })
        }
        MetadataRecord::TopicRestored { topic } => Kind::TopicRestored(only(*topic)),
        MetadataRecord::TopicPurged { topic } => Kind::TopicPurged(only(*topic)),
        MetadataRecord::TopicProtected { topic, protected } => {
            Kind::TopicProtected(WireProtected { topic: id_to_wire(*topic), protected: *protected })
        }
        MetadataRecord::PartitionChanged(it) => {
            Kind::PartitionChanged(partition_to_wire(it.topic, it.index, &it.now))
        }
        MetadataRecord::ConfigChanged { resource, key, value } => {
            Kind::ConfigChanged(config_to_wire(resource, key, value.as_deref()))
        }
        MetadataRecord::LeaderPolicyChanged { scope, policy } => {
            Kind::LeaderPolicyChanged(scoped_policy_to_wire(*scope, policy))
        }
        MetadataRecord::LeadersFrozen { scope, until } => {
            Kind::LeadersFrozen(frozen_to_wire(*scope, *until))
        }
        MetadataRecord::LeadersUnfrozen { scope } => Kind::LeadersUnfrozen(scope_to_wire(*scope)),
        MetadataRecord::LeadersBalanced { moves } => Kind::LeadersBalanced(*moves),
        MetadataRecord::PlanStarted(it) => Kind::PlanStarted(plan_wire::start_to_wire(it)),
        MetadataRecord::PlanChanged { plan, state, lease } => {
            Kind::PlanChanged(plan_wire::changed_to_wire(*plan, *state, *lease))
        }
        MetadataRecord::ControllerChanged { broker, term, unled_since } => {
            Kind::ControllerChanged(WireController {
                broker: broker.0,
                term: *term,
                unled_since_ms: unled_since.map(|it| it.0),
            })
        }
        MetadataRecord::VotersChanged { voters } => {
            Kind::VotersChanged(WireVoters { voters: voters.iter().map(|id| id.0).collect() })
        }
        MetadataRecord::QuorumTransferred { from, to } => {
            Kind::QuorumTransferred(WireTransfer { from: from.0, to: to.0 })
        }
        MetadataRecord::GroupOperated { group, deed } => {
            Kind::GroupOperated(WireGroupOperated { group: group.clone(), deed: deed.clone() })
        }
        MetadataRecord::RecordsLost(it) => Kind::RecordsLost(loss_to_wire(it)),
        MetadataRecord::PlanStepped(it) => Kind::PlanStepped(plan_wire::step_to_wire(it)),
        MetadataRecord::ProducerIdsAllocated { broker, next } => {
            Kind::ProducerIdsAllocated(WireProducerIds { broker: broker.0, next: *next })
        }
    };
    WireRecord { kind: Some(kind) }
}

fn record_from_wire(kind: Kind) -> Result<MetadataRecord, ChangeDecodeError> {
    Ok(match kind {
        Kind::ClusterCreated(it) => {
            MetadataRecord::ClusterCreated { cluster_id: ClusterId(it.cluster_id) }
        }
        Kind::BrokerRegistered(it) => MetadataRecord::BrokerRegistered(broker_from_wire(it)?),
        Kind::BrokerFenced(it) => MetadataRecord::BrokerFenced { broker: BrokerId(it.broker) },
        Kind::BrokerStopping(it) => MetadataRecord::BrokerStopping { broker: BrokerId(it.broker) },
        Kind::BrokerCordoned(it) => MetadataRecord::BrokerCordoned {
            broker: BrokerId(it.broker),
            decommission: it.decommission,
        },
        Kind::BrokerUncordoned(it) => {
            MetadataRecord::BrokerUncordoned { broker: BrokerId(it.broker) }
        }
        Kind::BrokerUnregistered(it) => {
            MetadataRecord::BrokerUnregistered { broker: BrokerId(it.broker) }
        }
        Kind::LeaderPolicyChanged(it) => {
            let (scope, policy) = scoped_policy_from_wire(it)?;
            MetadataRecord::LeaderPolicyChanged { scope, policy }
        }
        Kind::LeadersFrozen(it) => {
            let (scope, until) = frozen_from_wire(it)?;
            MetadataRecord::LeadersFrozen { scope, until }
        }
        Kind::LeadersUnfrozen(it) => {
            MetadataRecord::LeadersUnfrozen { scope: scope_from_wire(&it)? }
        }
        Kind::LeadersBalanced(moves) => MetadataRecord::LeadersBalanced { moves },
        Kind::PlanStarted(it) => MetadataRecord::PlanStarted(plan_wire::start_from_wire(it)?),
        Kind::PlanChanged(it) => {
            let (plan, state, lease) = plan_wire::changed_from_wire(it)?;
            MetadataRecord::PlanChanged { plan, state, lease }
        }
        Kind::ControllerChanged(it) => {
            let unled_since = it.unled_since_ms.map(TimestampMs);
            let broker = BrokerId(it.broker);
            MetadataRecord::ControllerChanged { broker, term: it.term, unled_since }
        }
        Kind::VotersChanged(it) => {
            MetadataRecord::VotersChanged { voters: it.voters.into_iter().map(BrokerId).collect() }
        }
        Kind::QuorumTransferred(it) => {
            MetadataRecord::QuorumTransferred { from: BrokerId(it.from), to: BrokerId(it.to) }
        }
        Kind::GroupOperated(it) => it.into_record(),
        Kind::RecordsLost(it) => MetadataRecord::RecordsLost(loss_from_wire(&it)?),
        Kind::PlanStepped(it) => MetadataRecord::PlanStepped(plan_wire::step_from_wire(it)?),
        Kind::TopicCreated(it) => {
            MetadataRecord::TopicCreated { topic: id_from_wire(&it.topic)?, name: it.name }
        }
        Kind::TopicSoftDeleted(it) => MetadataRecord::TopicSoftDeleted {
            topic: id_from_wire(&it.topic)?,
            purge_at: TimestampMs(it.purge_at_ms),
        },
        Kind::TopicRestored(it) => {
            MetadataRecord::TopicRestored { topic: id_from_wire(&it.topic)? }
        }
        Kind::TopicPurged(it) => MetadataRecord::TopicPurged { topic: id_from_wire(&it.topic)? },
        Kind::TopicProtected(it) => MetadataRecord::TopicProtected {
            topic: id_from_wire(&it.topic)?,
            protected: it.protected,
        },
        Kind::PartitionChanged(it) => MetadataRecord::PartitionChanged(partition_from_wire(it)?),
        Kind::ConfigChanged(it) => config_from_wire(it)?,
        Kind::ProducerIdsAllocated(it) => it.into_record(),
    })
}

pub(super) fn id_to_wire(topic: TopicId) -> Vec<u8> {
    topic.0.as_bytes().to_vec()
}

pub(super) fn id_from_wire(bytes: &[u8]) -> Result<TopicId, ChangeDecodeError> {
    Uuid::from_slice(bytes).map(TopicId).map_err(|_| ChangeDecodeError::BadField("topic id"))
}

pub(super) fn broker_to_wire(it: &BrokerRegistration) -> WireBroker {
    let endpoint = |it: &Endpoint| WireEndpoint {
        listener: it.listener.clone(),
        host: it.host.clone(),
        port: it.port.into(),
    };
    WireBroker {
        broker: it.broker.0,
        incarnation: it.incarnation.0.as_bytes().to_vec(),
        endpoints: it.endpoints.iter().map(endpoint).collect(),
        rack: it.rack.clone(),
        version: it.version.clone(),
        resumed_cleanly: it.resumed_cleanly,
        directory: it.directory.as_bytes().to_vec(),
    }
}

pub(super) fn broker_from_wire(it: WireBroker) -> Result<BrokerRegistration, ChangeDecodeError> {
    let endpoint = |it: WireEndpoint| {
        let port = u16::try_from(it.port).map_err(|_| ChangeDecodeError::BadField("port"))?;
        Ok(Endpoint { listener: it.listener, host: it.host, port })
    };
    let incarnation = Uuid::from_slice(&it.incarnation)
        .map_err(|_| ChangeDecodeError::BadField("incarnation"))?;
    let directory =
        Uuid::from_slice(&it.directory).map_err(|_| ChangeDecodeError::BadField("directory"))?;
    Ok(BrokerRegistration {
        broker: BrokerId(it.broker),
        incarnation: Incarnation(incarnation),
        directory,
        endpoints: it.endpoints.into_iter().map(endpoint).collect::<Result<_, _>>()?,
        rack: it.rack,
        version: it.version,
        resumed_cleanly: it.resumed_cleanly,
    })
}
