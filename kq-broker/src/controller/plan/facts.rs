//! What was measured before a plan was made. What is not known is absent, and told as unknown:
//! never taken for zero.

use std::collections::BTreeMap;

use super::flows::{Direction, Site};
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
    /// What one broker was measured to take in from another one at most: from, to.
    pub links: BTreeMap<(BrokerId, BrokerId), u64>,
    /// Where the rates above come from.
    pub rates: Vec<MeasuredRate>,
}

/// A rate, and how it came to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MeasuredRate {
    /// The broker that takes the bytes in.
    pub broker: BrokerId,
    /// Where from; none for onto its disks.
    pub from: Option<BrokerId>,
    /// At most so much.
    pub bytes_per_second: u64,
    /// Of so many bytes.
    pub bytes: u64,
    /// So long ago.
    pub age_ms: u64,
    /// By a probe, and not by what went through anyway.
    pub probed: bool,
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
    /// What its replicas take in now, from producers and leaders.
    pub in_now: Option<u64>,
    /// What it was measured to take in at most.
    pub in_max: Option<u64>,
    /// What it sends to followers now.
    pub out_now: Option<u64>,
    /// What it was measured to send at most.
    pub out_max: Option<u64>,
    /// What its slowest log directory was measured to bring to stable storage at most.
    pub write_max: Option<u64>,
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

    /// Takes rates in: a broker can take in and send what its best link was measured to carry.
    pub fn add_rates(&mut self, rates: impl IntoIterator<Item = MeasuredRate>) {
        for it in rates {
            let rate = Some(it.bytes_per_second);
            let receiver = self.brokers.entry(it.broker).or_default();
            match it.from {
                None => receiver.write_max = rate,
                Some(from) => {
                    receiver.in_max = receiver.in_max.max(rate);
                    let sender = self.brokers.entry(from).or_default();
                    sender.out_max = sender.out_max.max(rate);
                    self.links.insert((from, it.broker), it.bytes_per_second);
                }
            }
            self.rates.push(it);
        }
    }

    /// What one broker could take in from another one beside what it takes in now.
    pub fn link_spare(&self, from: BrokerId, to: BrokerId) -> Option<u64> {
        Some(self.links.get(&(from, to))?.saturating_sub(self.broker(to).in_now?))
    }

    /// The measuring that tells how much a place can carry.
    pub(super) fn source_of(&self, (id, direction): Site) -> Option<MeasuredRate> {
        let at = |it: &&MeasuredRate| match direction {
            Direction::Write => it.broker == id && it.from.is_none(),
            Direction::ReceiveFrom(from) => it.broker == id && it.from == Some(from),
            Direction::Receive => it.broker == id && it.from.is_some(),
            Direction::Send => it.from == Some(id),
        };
        self.rates.iter().filter(at).max_by_key(|it| it.bytes_per_second).copied()
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

    /// What its disks could write beside what they write now.
    pub fn write_spare(&self) -> Option<u64> {
        Some(self.write_max?.saturating_sub(self.in_now?))
    }

    /// What it could send beside what it sends now.
    pub fn out_spare(&self) -> Option<u64> {
        Some(self.out_max?.saturating_sub(self.out_now?))
    }
}
