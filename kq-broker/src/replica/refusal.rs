//! What a leading replica refuses, before anything is changed.

use kq_storage::{LeaderEpoch, Offset};

use crate::ids::BrokerId;

/// Whose possession of a record its producer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acks {
    /// Nobody's; there is no answer at all.
    None,
    /// The leader's page cache.
    Leader,
    /// Every in-sync replica, by the topic's durability.
    All,
}

/// Fewer replicas are in sync than `min.insync.replicas` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{in_sync} replicas are in sync and min.insync.replicas is {needed}")]
pub struct NotEnoughReplicas {
    /// How many there are, the leader included.
    pub in_sync: usize,
    /// How many there must be.
    pub needed: usize,
}

/// Why a leader takes no write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AppendRefused {
    /// The write asks for more replicas than are in sync.
    #[error(transparent)]
    NotEnoughReplicas(#[from] NotEnoughReplicas),
    /// The leader is about to be moved; the producer tries again and finds the next one.
    #[error("the partition is being handed over to broker {to}")]
    Draining {
        /// Who leads next.
        to: BrokerId,
    },
}

/// The client's idea of the leader epoch is not the leader's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EpochRefusal {
    /// The client knows an older leader.
    #[error("leader epoch {asked} is over, {current} is current")]
    Fenced {
        /// What the client said.
        asked: LeaderEpoch,
        /// What is so.
        current: LeaderEpoch,
    },
    /// The client knows a newer leader: this broker is behind.
    #[error("leader epoch {asked} is not known here yet, {current} is current")]
    Unknown {
        /// What the client said.
        asked: LeaderEpoch,
        /// What is so.
        current: LeaderEpoch,
    },
}

/// What becomes of a replica's fetch, as far as the logs are concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FetchVerdict {
    /// Its log is a prefix of the leader's: records go out, and what it holds counts.
    Serve,
    /// Its log parted from the leader's (KIP-320, KIP-595): it cuts its log and asks again.
    Diverging {
        /// The greatest epoch known here that is not above the follower's last.
        epoch: LeaderEpoch,
        /// Where that epoch ends here.
        end: Offset,
    },
    /// There is nothing at its offset: the leader's log begins after it, or ends before it.
    OutOfRange,
}
