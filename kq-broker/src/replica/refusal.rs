//! What a leading replica refuses, before anything is changed.

use kq_storage::LeaderEpoch;

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
