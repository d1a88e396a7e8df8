//! All that can happen to a leading replica.

use std::time::Duration;

use kq_storage::{HighWatermark, LeaderEpoch, LogEndOffset, LogStartOffset, Offset};

use super::Durability;
use crate::ids::{BrokerEpoch, BrokerId, PartitionEpoch};

/// What the topic's configuration asks of the replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// When a record counts as held.
    pub durability: Durability,
    /// In-sync replicas without which acks=all is refused; more than there are replicas counts as
    /// all of them.
    pub isr_min: usize,
    /// How long a follower may lag before it leaves the ISR.
    pub lag_max: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self { durability: Durability::Fsync, isr_min: 1, lag_max: Duration::from_secs(30) }
    }
}

/// What a leader begins with.
#[derive(Debug, Clone)]
pub struct LeaderStart {
    /// This broker.
    pub me: BrokerId,
    /// Its term of office.
    pub epoch: LeaderEpoch,
    /// The committed state that made it leader.
    pub partition_epoch: PartitionEpoch,
    /// What the topic asks for.
    pub rules: Rules,
    /// Where the local log begins.
    pub log_start: LogStartOffset,
    /// All of the local log below it is on stable storage.
    pub synced_end: LogEndOffset,
    /// Where the local log ends; the epoch begins there.
    pub log_end: LogEndOffset,
    /// What it knew as a follower; none after a restart.
    pub high_watermark: Option<HighWatermark>,
    /// All replicas, this one included.
    pub replicas: Vec<BrokerId>,
    /// The committed in-sync set, this replica included.
    pub isr: Vec<BrokerId>,
    /// The registrations of the replicas' brokers.
    pub registered: Vec<(BrokerId, BrokerEpoch)>,
    /// Whom it shall drain to, if it is about to be moved.
    pub handover: Option<BrokerId>,
    /// Time since the broker started.
    pub now: Duration,
}

/// An event, told to the replica by the shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// The local log has grown to `log_end`.
    Appended {
        /// Where the next record goes.
        log_end: LogEndOffset,
    },
    /// All of the local log below `synced_end` is on stable storage.
    Synced {
        /// The first offset that a power cut may take.
        synced_end: LogEndOffset,
    },
    /// Old records went, by retention or by request.
    LogStartMoved {
        /// The oldest record still kept.
        log_start: LogStartOffset,
    },
    /// A follower asked for records and told what it holds. Only what [`super::Leader::judge_fetch`]
    /// said to serve comes here: then all below `fetch_offset` is the same on both.
    FollowerFetched {
        /// Who asked.
        follower: BrokerId,
        /// The registration under which it asked.
        broker_epoch: BrokerEpoch,
        /// Where its log ends.
        fetch_offset: Offset,
        /// All of its log below is on stable storage.
        synced_end: Offset,
        /// Where its log begins.
        log_start: LogStartOffset,
        /// Time since the broker started.
        now: Duration,
    },
    /// Time has passed. Comes every second or so, oftener is of no use.
    Ticked {
        /// Time since the broker started.
        now: Duration,
    },
    /// The controller committed another state of the partition, in which this replica leads.
    PartitionCommitted {
        /// The term: greater than before if it was elected again.
        epoch: LeaderEpoch,
        /// Counts the states; one that is not newer is ignored.
        partition_epoch: PartitionEpoch,
        /// All replicas, this one included.
        replicas: Vec<BrokerId>,
        /// The in-sync set, this replica included.
        isr: Vec<BrokerId>,
        /// The registrations of the replicas' brokers.
        registered: Vec<(BrokerId, BrokerEpoch)>,
        /// Whom it shall drain to.
        handover: Option<BrokerId>,
        /// Time since the broker started.
        now: Duration,
    },
    /// The controller did not take up a proposal. This is the one answer to the last time that it
    /// was sent: what comes late, to an earlier time, could be about another proposal.
    ProposalRefused {
        /// The state that the proposal was made from.
        partition_epoch: PartitionEpoch,
        /// What that says about it.
        refusal: ProposalRefusal,
        /// Time since the broker started.
        now: Duration,
    },
    /// The topic's configuration changed.
    Reconfigured {
        /// The new rules.
        rules: Rules,
    },
}

/// What is known of a proposal that was not confirmed.
///
/// Dropping one that could yet be committed would let the high watermark pass a replica that the
/// controller counts as in sync; so only `Rejected` drops it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProposalRefusal {
    /// The controller saw the state that was compared, and will never commit this
    /// (`INELIGIBLE_REPLICA`, `INVALID_REQUEST`, `OPERATION_NOT_ATTEMPTED`).
    Rejected,
    /// The partition has moved on, perhaps by this very proposal (`INVALID_UPDATE_VERSION`,
    /// `FENCED_LEADER_EPOCH`, an unknown topic): the image that is on its way tells.
    Superseded,
    /// No answer, nobody to ask, or any other code: it is sent again at the next tick.
    Unanswered,
}
