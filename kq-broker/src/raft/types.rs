//! openraft's types, filled in.

use std::fmt;
use std::io;
use std::sync::Arc;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::metadata::Change;

/// What one entry of the log asks the state machine to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proposal(pub(super) Arc<Change>);

/// What the state machine answers: at which index the change is now part of the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Applied {
    pub(super) index: u64,
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

// openraft asks for serde; what is stored goes through the change's own encoding either way.
impl Serialize for Proposal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0.encode())
    }
}

impl<'de> Deserialize<'de> for Proposal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Vec::<u8>::deserialize(deserializer)?;
        let change = Change::decode(&bytes).map_err(D::Error::custom)?;
        Ok(Self(Arc::new(change)))
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
