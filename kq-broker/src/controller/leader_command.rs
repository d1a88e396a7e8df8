//! What commands about leaders and the brokers that may lead are made of.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ControlError;
use super::command::TopicRef;
use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch, PartitionEpoch, PartitionId, PartitionIndex};
use crate::metadata::{LeaderPlace, PartitionChange, UncleanPolicy};

/// Why a broker is fenced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FenceReason {
    /// It was not heard of for a whole session.
    SessionExpired,
    /// Its connection to the controller broke without a farewell.
    ConnectionClosed,
    /// It said farewell: it has stopped in order.
    ControlledShutdown,
    /// An operator wanted it.
    Operator,
}

impl fmt::Display for FenceReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SessionExpired => "session expired",
            Self::ConnectionClosed => "connection closed",
            Self::ControlledShutdown => "controlled shutdown",
            Self::Operator => "asked by an operator",
        })
    }
}

/// An ISR that a leader proposes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlterPartition {
    /// The partition.
    pub partition: PartitionId,
    /// The epoch in which the proposer leads.
    pub leader_epoch: LeaderEpoch,
    /// The state it has seen: a change in between refuses the proposal.
    pub partition_epoch: PartitionEpoch,
    /// The ISR it proposes, each with the registration it knows; none is not compared (KIP-903).
    pub isr: Vec<(BrokerId, Option<BrokerEpoch>)>,
}

/// What became of a proposed ISR.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlteredPartition {
    /// The partition as it is now.
    pub now: PartitionChange,
}

/// A partition in the epoch in which the sender leads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedPartition {
    /// The partition.
    pub partition: PartitionId,
    /// The epoch.
    pub leader_epoch: LeaderEpoch,
}

/// A handover as the leader saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Handover {
    /// The partition.
    pub partition: PartitionId,
    /// The epoch in which the sender leads.
    pub leader_epoch: LeaderEpoch,
    /// The state it has seen: a change in between refuses what it says.
    pub partition_epoch: PartitionEpoch,
    /// To whom.
    pub to: BrokerId,
}

/// Among which replicas a leader is elected (KIP-460).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ElectionKind {
    /// Those in sync, the preferred one first. A leader that lives hands over.
    Preferred,
    /// All that live, where nobody leads: records may be lost.
    Unclean,
}

/// A partition by its topic and number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionRef {
    /// The topic.
    pub topic: TopicRef,
    /// The partition, as it was sent.
    pub index: i32,
}

/// What became of the leader of one partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ElectedPartition {
    /// The topic's name, as far as it is known.
    pub topic: String,
    /// The partition, as it was sent.
    pub index: i32,
    /// How it went.
    pub result: Result<Elected, ControlError>,
}

/// A leader that was elected, or is about to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elected {
    /// Which partition.
    pub partition: PartitionId,
    /// Who led.
    pub old: Option<BrokerId>,
    /// Who leads, or will.
    pub new: BrokerId,
    /// False when `new` leads already, true when `old` is to drain first.
    pub hands_over: bool,
    /// The partition's epoch after this: whoever waits for a handover waits for a later one.
    pub partition_epoch: PartitionEpoch,
}

/// For which leaders something is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyTarget {
    /// Those of all topics that say nothing of their own.
    Cluster,
    /// Those of one topic.
    Topic(TopicRef),
}

/// What is to become of one thing said about leaders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Patch<T> {
    /// It stays as it is.
    #[default]
    Keep,
    /// It is said no more, so that what the cluster says, or the default, holds.
    Unset,
    /// It becomes this.
    Set(T),
}

/// A change of what is said about leaders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyChange {
    /// Where leaders should be.
    pub prefer: Patch<Vec<LeaderPlace>>,
    /// Where they should not be.
    pub avoid: Patch<Vec<LeaderPlace>>,
    /// What happens when nobody in sync is left.
    pub unclean: Patch<UncleanPolicy>,
    /// Whether leaders go back by themselves.
    pub auto_balance: Patch<bool>,
    /// How many a minute.
    pub moves_per_minute: Patch<u32>,
    /// Partitions with the leader that each should have; none takes the pin away.
    pub pins: Vec<(PartitionIndex, Option<BrokerId>)>,
}

impl<T> Patch<T> {
    /// What is said afterwards.
    pub(super) fn apply(self, now: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Unset => *now = None,
            Self::Set(value) => *now = Some(value),
        }
    }
}
