//! A whole image as bytes, so that the raft log behind it can be trimmed.
//!
//! ```text
//!   "KQMS"  version u16  state hash u64  protobuf of the image
//! ```
//! All big-endian. The hash is FNV-1a over the protobuf: any one changed byte changes it, and two
//! brokers compare their whole state by it.

use std::sync::Arc;

use prost::Message;

use super::history::ToldFrom;
use super::history_wire::{WireHistory, history_from_wire, history_to_wire};
use super::image::{MetadataImage, TopicImage, unify};
use super::partition_wire::{WirePartition, partition_from_wire, partition_to_wire};
use super::plan_wire::{WirePlan, plan_from_wire, plan_to_wire};
use super::policy::LeaderPolicy;
use super::policy_wire::{
    WireFreeze, WireLeaderPolicy, freeze_from_wire, freeze_to_wire, leader_policy_from_wire,
    leader_policy_to_wire,
};
use super::record::TimestampMs;
use super::state_wire::{
    WireBrokerState, WireProtection, WireSoftDeletion, broker_state_from_wire,
    broker_state_to_wire, deletion_from_wire, deletion_to_wire, protection_from_wire,
    protection_to_wire,
};
use super::wire::{ChangeDecodeError, WireController, id_from_wire, id_to_wire};
use crate::ids::{BrokerId, ClusterId, TopicId};

const MAGIC: &[u8; 4] = b"KQMS";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 14;

/// A snapshot that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// Not a metadata snapshot at all.
    #[error("not a metadata snapshot: expected it to begin with KQMS")]
    Magic,
    /// Written by a newer build.
    #[error("metadata snapshot of version {0}; this build reads version 1")]
    Version(u16),
    /// Its bytes are not those that were written.
    #[error("metadata snapshot is damaged: state hash {found:016x}, expected {expected:016x}")]
    Hash {
        /// As its header says.
        expected: u64,
        /// As its bytes give.
        found: u64,
    },
    /// Its parts do not decode.
    #[error("metadata snapshot does not decode: {0}")]
    Malformed(String),
}

/// Fields 9 and 10 held the history in an older form; they are never used again.
#[derive(Clone, PartialEq, Message)]
struct WireImage {
    #[prost(uint64, tag = "1")]
    applied: u64,
    #[prost(int64, tag = "2")]
    changed_at_ms: i64,
    #[prost(string, optional, tag = "3")]
    cluster_id: Option<String>,
    #[prost(message, repeated, tag = "4")]
    topics: Vec<WireTopic>,
    #[prost(message, repeated, tag = "5")]
    brokers: Vec<WireBrokerState>,
    #[prost(message, repeated, tag = "6")]
    broker_configs: Vec<WireBrokerConfig>,
    #[prost(btree_map = "string, string", tag = "7")]
    cluster_config: std::collections::BTreeMap<String, String>,
    #[prost(uint64, tag = "8")]
    next_producer_id: u64,
    #[prost(message, optional, tag = "15")]
    history: Option<WireHistory>,
    #[prost(message, optional, tag = "11")]
    leader_policy: Option<WireLeaderPolicy>,
    #[prost(message, optional, tag = "12")]
    freeze: Option<WireFreeze>,
    #[prost(int64, tag = "13")]
    balanced_at_ms: i64,
    #[prost(message, repeated, tag = "14")]
    plans: Vec<WirePlan>,
    #[prost(message, optional, tag = "16")]
    controller: Option<WireController>,
    #[prost(uint32, repeated, tag = "17")]
    voters: Vec<u32>,
}

#[derive(Clone, PartialEq, Message)]
struct WireTopic {
    #[prost(bytes = "vec", tag = "1")]
    id: Vec<u8>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(int64, tag = "3")]
    created_at_ms: i64,
    #[prost(message, repeated, tag = "4")]
    partitions: Vec<WirePartition>,
    #[prost(btree_map = "string, string", tag = "5")]
    configs: std::collections::BTreeMap<String, String>,
    #[prost(message, optional, tag = "6")]
    protection: Option<WireProtection>,
    #[prost(message, optional, tag = "7")]
    soft_deletion: Option<WireSoftDeletion>,
    #[prost(uint64, tag = "8")]
    created_index: u64,
    #[prost(message, optional, tag = "9")]
    leader_policy: Option<WireLeaderPolicy>,
    #[prost(message, optional, tag = "10")]
    freeze: Option<WireFreeze>,
}

#[derive(Clone, PartialEq, Message)]
struct WireBrokerConfig {
    #[prost(uint32, tag = "1")]
    broker: u32,
    #[prost(btree_map = "string, string", tag = "2")]
    values: std::collections::BTreeMap<String, String>,
}

impl MetadataImage {
    /// The image as a snapshot.
    pub fn to_snapshot(&self) -> Vec<u8> {
        let body = self.to_wire().encode_to_vec();
        let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&state_hash(&body).to_be_bytes());
        bytes.extend_from_slice(&body);
        bytes
    }

    /// The image that a snapshot holds.
    pub fn from_snapshot(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let (magic, rest) = bytes.split_first_chunk::<4>().ok_or(SnapshotError::Magic)?;
        if magic != MAGIC {
            return Err(SnapshotError::Magic);
        }
        let short = || SnapshotError::Malformed("its header is cut short".to_owned());
        let (version, rest) = rest.split_first_chunk::<2>().ok_or_else(short)?;
        let version = u16::from_be_bytes(*version);
        if version != VERSION {
            return Err(SnapshotError::Version(version));
        }
        let (hash, body) = rest.split_first_chunk::<8>().ok_or_else(short)?;
        let (expected, found) = (u64::from_be_bytes(*hash), state_hash(body));
        if expected != found {
            return Err(SnapshotError::Hash { expected, found });
        }
        let wire =
            WireImage::decode(body).map_err(|err| SnapshotError::Malformed(err.to_string()))?;
        let image = Self::from_wire(wire)?;
        match image.broken_invariant() {
            Some(what) => Err(SnapshotError::Malformed(format!("it does not hold that {what}"))),
            None => Ok(image),
        }
    }

    /// One number for the whole state: equal on two brokers exactly if their images are.
    pub fn state_hash(&self) -> u64 {
        state_hash(&self.to_wire().encode_to_vec())
    }

    fn to_wire(&self) -> WireImage {
        WireImage {
            applied: self.applied,
            changed_at_ms: self.changed_at.0,
            cluster_id: self.cluster_id.as_ref().map(|id| id.0.clone()),
            topics: self.topics.values().map(|it| topic_to_wire(it)).collect(),
            brokers: self.brokers.values().map(|it| broker_state_to_wire(it)).collect(),
            broker_configs: self
                .broker_configs
                .iter()
                .map(|(id, map)| WireBrokerConfig { broker: id.0, values: map.as_ref().clone() })
                .collect(),
            cluster_config: self.cluster_config.as_ref().clone(),
            next_producer_id: self.next_producer_id,
            history: Some(history_to_wire(&self.history)),
            leader_policy: Some(leader_policy_to_wire(&self.leader_policy)),
            freeze: self.freeze.as_ref().map(freeze_to_wire),
            balanced_at_ms: self.balanced_at.0,
            plans: self.plans.values().map(|it| plan_to_wire(it)).collect(),
            controller: self.controller.map(|(id, term)| WireController {
                broker: id.0,
                term,
                unled_since_ms: None,
            }),
            voters: self.voters.iter().map(|id| id.0).collect(),
        }
    }

    fn from_wire(wire: WireImage) -> Result<Self, SnapshotError> {
        // What was before is not in snapshots of builds that did not keep it.
        let unknown_before =
            ToldFrom { index: wire.applied, time: TimestampMs(wire.changed_at_ms) };
        let mut image = Self {
            applied: wire.applied,
            changed_at: TimestampMs(wire.changed_at_ms),
            cluster_id: wire.cluster_id.map(ClusterId),
            cluster_config: Arc::new(wire.cluster_config),
            controller: wire.controller.map(|it| (BrokerId(it.broker), it.term)),
            voters: wire.voters.into_iter().map(BrokerId).collect(),
            next_producer_id: wire.next_producer_id,
            history: wire
                .history
                .map(|it| history_from_wire(it, unknown_before))
                .transpose()
                .map_err(malformed)?
                .unwrap_or_default(),
            leader_policy: said(wire.leader_policy)?,
            freeze: wire.freeze.map(freeze_from_wire),
            balanced_at: TimestampMs(wire.balanced_at_ms),
            ..Self::default()
        };
        for topic in wire.topics {
            image.insert_topic(topic_from_wire(topic)?)?;
        }
        for broker in wire.brokers {
            let broker = broker_state_from_wire(broker).map_err(malformed)?;
            image.brokers.insert(broker.id, Arc::new(broker));
        }
        for config in wire.broker_configs {
            image.broker_configs.insert(BrokerId(config.broker), Arc::new(config.values));
        }
        for plan in wire.plans {
            let plan = plan_from_wire(plan).map_err(malformed)?;
            image.plans.insert(plan.id, Arc::new(plan));
        }
        Ok(image)
    }

    fn insert_topic(&mut self, topic: TopicImage) -> Result<(), SnapshotError> {
        let id: TopicId = topic.id;
        self.partitions_total += u64::from(topic.partition_count());
        for partition in &topic.partitions {
            self.add_load(partition);
        }
        if let Some(deletion) = &topic.soft_deletion {
            self.hidden.insert(id, deletion.purge_at);
        }
        let twice = self.names.insert(topic.name.clone(), id).is_some()
            || self.unified_names.insert(unify(&topic.name).into(), id).is_some();
        if self.topics.insert(id, Arc::new(topic)).is_some() || twice {
            return Err(SnapshotError::Malformed(format!("topic {id} is in it twice")));
        }
        self.attend(id);
        Ok(())
    }
}

fn topic_to_wire(it: &TopicImage) -> WireTopic {
    WireTopic {
        id: id_to_wire(it.id),
        name: it.name.to_string(),
        created_at_ms: it.created_at.0,
        created_index: it.created_index,
        partitions: it
            .partitions()
            .map(|(index, partition)| partition_to_wire(it.id, index, partition))
            .collect(),
        configs: it.configs.as_ref().clone(),
        protection: it.protection.as_ref().map(protection_to_wire),
        soft_deletion: it.soft_deletion.as_ref().map(deletion_to_wire),
        leader_policy: Some(leader_policy_to_wire(&it.leader_policy)),
        freeze: it.freeze.as_ref().map(freeze_to_wire),
    }
}

fn topic_from_wire(wire: WireTopic) -> Result<TopicImage, SnapshotError> {
    let partition = |wire| partition_from_wire(wire).map(|it| Arc::new(it.now)).map_err(malformed);
    Ok(TopicImage {
        id: id_from_wire(&wire.id).map_err(malformed)?,
        name: wire.name.into(),
        created_at: TimestampMs(wire.created_at_ms),
        created_index: wire.created_index,
        partitions: wire.partitions.into_iter().map(partition).collect::<Result<_, _>>()?,
        configs: Arc::new(wire.configs),
        protection: wire.protection.map(protection_from_wire),
        soft_deletion: wire.soft_deletion.map(deletion_from_wire),
        leader_policy: said(wire.leader_policy)?,
        freeze: wire.freeze.map(freeze_from_wire),
    })
}

fn said(wire: Option<WireLeaderPolicy>) -> Result<Arc<LeaderPolicy>, SnapshotError> {
    let policy = wire.map(leader_policy_from_wire).transpose().map_err(malformed)?;
    Ok(Arc::new(policy.unwrap_or_default()))
}

fn malformed(err: ChangeDecodeError) -> SnapshotError {
    SnapshotError::Malformed(err.to_string())
}

/// FNV-1a, 64 bits.
fn state_hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
