//! All that can happen to a leading replica.

use std::collections::BTreeSet;
use std::time::Duration;

use kq_storage::{LeaderEpoch, LogEndOffset, LogStartOffset, Offset};

use super::Durability;
use crate::ids::BrokerId;

/// What the topic's configuration asks of the replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// When a record counts as held.
    pub durability: Durability,
    /// In-sync replicas without which acks=all is refused.
    pub isr_min: usize,
    /// How long a follower may lag before it leaves the ISR.
    pub lag_max: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self { durability: Durability::Fsync, isr_min: 1, lag_max: Duration::from_secs(30) }
    }
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
    /// A follower asked for records and told what it holds.
    FollowerFetched {
        /// Who asked.
        follower: BrokerId,
        /// The first offset it does not hold, by the topic's durability.
        has_below: Offset,
        /// Time since the broker started.
        now: Duration,
    },
    /// Time has passed.
    Ticked {
        /// Time since the broker started.
        now: Duration,
    },
    /// The controller committed another in-sync set.
    IsrCommitted {
        /// The whole set, the leader included.
        isr: BTreeSet<BrokerId>,
    },
    /// The controller gave this replica another term as leader.
    Reelected {
        /// The new term, later than the one before.
        epoch: LeaderEpoch,
    },
    /// The topic's configuration changed.
    Reconfigured {
        /// The new rules.
        rules: Rules,
    },
}
