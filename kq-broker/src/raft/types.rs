//! openraft's types, filled in.

use std::fmt;
use std::io;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::metadata::Change;

/// What one entry of the log asks the state machine to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proposal {
    pub(super) change: Arc<Change>,
    /// The entry of the last change in the image that it was decided on. After any other change it
    /// changes nothing, so that no decision ever meets an image that it did not look at.
    pub(super) base: Option<u64>,
}

impl Proposal {
    pub(super) fn new(change: Arc<Change>, base: Option<u64>) -> Self {
        Self { change, base }
    }
}

/// What the state machine answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Applied {
    /// Where the change is part of the image.
    pub(super) index: u64,
    /// False if it was decided on another image than it met, and changed nothing.
    pub(super) held: bool,
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.change.fmt(f)
    }
}

// openraft asks for serde; what is stored goes through the change's own encoding either way.
impl Serialize for Proposal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.change.encode(), self.base).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Proposal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (bytes, base) = <(Vec<u8>, Option<u64>)>::deserialize(deserializer)?;
        let change = Change::decode(&bytes).map_err(D::Error::custom)?;
        Ok(Self::new(Arc::new(change), base))
    }
}

openraft::declare_raft_types!(
    /// The quorum of kq: standard leader ids, so that a term has one leader.
    pub(super) Types:
        D = Proposal,
        R = Applied,
        Node = openraft::BasicNode,
        LeaderId = openraft::impls::leader_id_std::LeaderId<u64, u64>
);

pub(super) type Raft = openraft::Raft<Types, super::machine::Machine>;
pub(super) type LogId = openraft::alias::LogIdOf<Types>;
pub(super) type Vote = openraft::alias::VoteOf<Types>;
pub(super) type Entry = openraft::alias::EntryOf<Types>;
pub(super) type StoredMembership = openraft::alias::StoredMembershipOf<Types>;
pub(super) type SnapshotMeta = openraft::alias::SnapshotMetaOf<Types>;
pub(super) type Snapshot = openraft::alias::SnapshotOf<Types, Vec<u8>>;

/// A fault of the store as openraft takes it.
pub(super) fn store_error(err: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::other(err)
}
