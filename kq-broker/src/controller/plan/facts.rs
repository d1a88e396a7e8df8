//! What was measured before a plan was made. What is not known is absent, and told as unknown:
//! never taken for zero.

use std::collections::BTreeMap;

use crate::ids::{BrokerId, PartitionId};
use crate::metadata::TimestampMs;

/// Facts that the image does not hold, gathered by the broker that was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measured {
    /// When.
    pub at: TimestampMs,
    /// Of partitions, as their leaders see them.
    pub partitions: BTreeMap<PartitionId, PartitionFacts>,
    /// Of single replicas.
    pub replicas: BTreeMap<(PartitionId, BrokerId), ReplicaFacts>,
    /// Of brokers.
    pub brokers: BTreeMap<BrokerId, BrokerFacts>,
    /// Of the quorum.
    pub quorum: Option<QuorumFacts>,
}

/// What a leader knows of its partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PartitionFacts {
    /// Bytes of its log.
    pub bytes: Option<u64>,
    /// Bytes that producers bring in a second.
    pub ingest: Option<u64>,
}

/// How far a replica is behind its leader.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ReplicaFacts {
    /// In bytes.
    pub lag_bytes: Option<u64>,
    /// In time since it last had everything.
    pub lag_ms: Option<u64>,
}

/// What a broker knows of its disk and its link; rates are bytes a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BrokerFacts {
    /// Bytes of its disks.
    pub disk_total: Option<u64>,
    /// Bytes that are free on them.
    pub disk_free: Option<u64>,
    /// What it takes in now.
    pub in_now: Option<u64>,
    /// What it was measured to take in at most.
    pub in_max: Option<u64>,
    /// What it sends now.
    pub out_now: Option<u64>,
    /// What it was measured to send at most.
    pub out_max: Option<u64>,
}

/// Who votes on the metadata.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuorumFacts {
    /// The voters.
    pub voters: Vec<BrokerId>,
}

impl Measured {
    /// Bytes of a partition's log.
    pub fn bytes(&self, partition: PartitionId) -> Option<u64> {
        self.partitions.get(&partition)?.bytes
    }

    /// What `--throttle auto` comes to: four fifths of what the slowest broker can spare.
    pub fn auto_rate(&self) -> Option<u64> {
        let rates = self.brokers.values().flat_map(|it| [it.in_spare(), it.out_spare()]);
        rates.flatten().min().map(|rate| rate / 5 * 4)
    }

    /// What is known of a broker.
    pub fn broker(&self, id: BrokerId) -> BrokerFacts {
        self.brokers.get(&id).copied().unwrap_or_default()
    }
}

impl BrokerFacts {
    /// Bytes on its disks that are taken.
    pub fn disk_used(&self) -> Option<u64> {
        Some(self.disk_total?.saturating_sub(self.disk_free?))
    }

    /// What it could take in beside what it takes now.
    pub fn in_spare(&self) -> Option<u64> {
        Some(self.in_max?.saturating_sub(self.in_now?))
    }

    /// What it could send beside what it sends now.
    pub fn out_spare(&self) -> Option<u64> {
        Some(self.out_max?.saturating_sub(self.out_now?))
    }
}
