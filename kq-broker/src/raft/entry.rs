//! The bytes of raft's own state: log entries, the vote, what was purged, snapshots' heads.
//!
//! Protobuf, like the changes within, so that fields can be added.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use openraft::alias::CommittedLeaderIdOf;
use openraft::impls::leader_id_std::LeaderId;
use openraft::{BasicNode, EntryPayload, Membership};
use prost::{Message, Oneof};

use super::types::{
    Entry, LogId, Proposal, SnapshotMeta, StoredMembership, Types, Vote, store_error,
};
use crate::metadata::Change;

#[derive(Clone, PartialEq, Message)]
struct WireEntry {
    #[prost(message, optional, tag = "1")]
    id: Option<WireLogId>,
    #[prost(oneof = "Payload", tags = "2, 3, 4")]
    payload: Option<Payload>,
    /// With a change: the entry of the change that it was decided after.
    #[prost(uint64, optional, tag = "5")]
    base: Option<u64>,
}

#[derive(Clone, PartialEq, Oneof)]
enum Payload {
    #[prost(bool, tag = "2")]
    Blank(bool),
    #[prost(bytes = "vec", tag = "3")]
    Change(Vec<u8>),
    #[prost(message, tag = "4")]
    Membership(WireMembership),
}

#[derive(Clone, Copy, PartialEq, Message)]
struct WireLogId {
    #[prost(uint64, tag = "1")]
    term: u64,
    #[prost(uint64, tag = "2")]
    index: u64,
}

#[derive(Clone, PartialEq, Message)]
struct WireMembership {
    #[prost(message, repeated, tag = "1")]
    configs: Vec<WireVoters>,
    #[prost(btree_map = "uint64, string", tag = "2")]
    nodes: BTreeMap<u64, String>,
}

#[derive(Clone, PartialEq, Message)]
struct WireVoters {
    #[prost(uint64, repeated, tag = "1")]
    ids: Vec<u64>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct WireVote {
    #[prost(uint64, tag = "1")]
    term: u64,
    #[prost(uint64, tag = "2")]
    node: u64,
    #[prost(bool, tag = "3")]
    committed: bool,
}

#[derive(Clone, PartialEq, Message)]
struct WireHardState {
    #[prost(message, optional, tag = "1")]
    vote: Option<WireVote>,
    #[prost(message, optional, tag = "2")]
    purged: Option<WireLogId>,
}

#[derive(Clone, PartialEq, Message)]
struct WireSnapshot {
    #[prost(message, optional, tag = "1")]
    last: Option<WireLogId>,
    #[prost(message, optional, tag = "2")]
    membership_at: Option<WireLogId>,
    #[prost(message, optional, tag = "3")]
    membership: Option<WireMembership>,
    #[prost(bytes = "vec", tag = "4")]
    image: Vec<u8>,
    #[prost(uint64, optional, tag = "5")]
    changed: Option<u64>,
}

/// What a snapshot holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SnapshotContent {
    pub(super) meta: SnapshotMeta,
    /// The last entry that changed the image.
    pub(super) changed: Option<u64>,
    pub(super) image: Vec<u8>,
}

/// What a voter must never forget: whom it voted for, and where its log begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HardState {
    pub(super) vote: Option<Vote>,
    pub(super) purged: Option<LogId>,
}

impl HardState {
    pub(super) fn encode(&self) -> Vec<u8> {
        let vote = self.vote.as_ref().map(|vote| WireVote {
            term: vote.leader_id.term,
            node: vote.leader_id.voted_for,
            committed: vote.committed,
        });
        WireHardState { vote, purged: self.purged.as_ref().map(id_to_wire) }.encode_to_vec()
    }

    pub(super) fn decode(bytes: &[u8]) -> io::Result<Self> {
        let wire = WireHardState::decode(bytes).map_err(store_error)?;
        let vote = wire.vote.map(|it| Vote {
            leader_id: LeaderId { term: it.term, voted_for: it.node },
            committed: it.committed,
        });
        Ok(Self { vote, purged: wire.purged.map(id_from_wire) })
    }
}

/// The term of the first voter's first leadership.
const FIRST_TERM: u64 = 1;

/// The entries every log begins with: one voter, in a term before all others, and the cluster.
pub(super) fn first_entries(
    (voter, address): (u64, &str),
    first: &Change,
) -> io::Result<[Entry; 2]> {
    let nodes = BTreeMap::from([(voter, BasicNode::new(address))]);
    let membership = Membership::new(vec![BTreeSet::from([voter])], nodes).map_err(store_error)?;
    let entry = |term, index, payload| Entry {
        log_id: LogId { leader_id: CommittedLeaderIdOf::<Types>::new(term), index },
        payload,
    };
    let cluster = EntryPayload::Normal(Proposal::new(Arc::new(first.clone()), None));
    Ok([entry(0, 0, EntryPayload::Membership(membership)), entry(FIRST_TERM, 1, cluster)])
}

/// The first voter's vote for itself.
pub(super) fn first_vote(voter: u64) -> Vote {
    Vote { leader_id: LeaderId { term: FIRST_TERM, voted_for: voter }, committed: true }
}

pub(super) fn encode_entry(entry: &Entry) -> Vec<u8> {
    let (payload, base) = match &entry.payload {
        EntryPayload::Blank => (Payload::Blank(true), None),
        EntryPayload::Normal(it) => (Payload::Change(it.change.encode()), it.base),
        EntryPayload::Membership(it) => (Payload::Membership(members_to_wire(it)), None),
    };
    let id = Some(id_to_wire(&entry.log_id));
    WireEntry { id, payload: Some(payload), base }.encode_to_vec()
}

pub(super) fn decode_entry(bytes: &[u8]) -> io::Result<Entry> {
    let wire = WireEntry::decode(bytes).map_err(store_error)?;
    let id = wire.id.ok_or_else(|| store_error("a raft log entry has no id"))?;
    let payload = match wire.payload {
        Some(Payload::Blank(_)) => EntryPayload::Blank,
        Some(Payload::Change(bytes)) => {
            let change = Change::decode(&bytes).map_err(store_error)?;
            EntryPayload::Normal(Proposal::new(Arc::new(change), wire.base))
        }
        Some(Payload::Membership(it)) => EntryPayload::Membership(members_from_wire(it)?),
        None => return Err(store_error("a raft log entry is of a kind unknown to this build")),
    };
    Ok(Entry { log_id: id_from_wire(id), payload })
}

/// The members of the quorum, if the entry names them.
pub(super) fn members_in_entry(bytes: &[u8]) -> io::Result<Option<BTreeSet<u64>>> {
    let wire = WireEntry::decode(bytes).map_err(store_error)?;
    Ok(match wire.payload {
        Some(Payload::Membership(it)) => Some(it.nodes.into_keys().collect()),
        Some(Payload::Blank(_) | Payload::Change(_)) | None => None,
    })
}

pub(super) fn encode_snapshot(content: SnapshotContent) -> Vec<u8> {
    let SnapshotContent { meta, changed, image } = content;
    WireSnapshot {
        last: meta.last_log_id.as_ref().map(id_to_wire),
        membership_at: meta.last_membership.log_id().as_ref().map(id_to_wire),
        membership: Some(members_to_wire(meta.last_membership.membership())),
        image,
        changed,
    }
    .encode_to_vec()
}

pub(super) fn decode_snapshot(bytes: &[u8]) -> io::Result<SnapshotContent> {
    let wire = WireSnapshot::decode(bytes).map_err(store_error)?;
    let membership = match wire.membership {
        Some(it) if !it.configs.is_empty() => {
            StoredMembership::new(wire.membership_at.map(id_from_wire), members_from_wire(it)?)
        }
        _ => StoredMembership::default(),
    };
    let meta =
        SnapshotMeta { last_log_id: wire.last.map(id_from_wire), last_membership: membership };
    Ok(SnapshotContent { meta, changed: wire.changed, image: wire.image })
}

fn id_to_wire(id: &LogId) -> WireLogId {
    WireLogId { term: id.leader_id.term, index: id.index }
}

fn id_from_wire(id: WireLogId) -> LogId {
    LogId { leader_id: CommittedLeaderIdOf::<Types>::new(id.term), index: id.index }
}

fn members_to_wire(membership: &Membership<u64, BasicNode>) -> WireMembership {
    let voters = |ids: &BTreeSet<u64>| WireVoters { ids: ids.iter().copied().collect() };
    WireMembership {
        configs: membership.get_joint_config().iter().map(voters).collect(),
        nodes: membership.nodes().map(|(id, node)| (*id, node.addr.clone())).collect(),
    }
}

fn members_from_wire(wire: WireMembership) -> io::Result<Membership<u64, BasicNode>> {
    let configs = wire.configs.into_iter().map(|it| it.ids.into_iter().collect()).collect();
    let nodes: BTreeMap<u64, BasicNode> =
        wire.nodes.into_iter().map(|(id, addr)| (id, BasicNode::new(addr))).collect();
    Membership::new(configs, nodes).map_err(store_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_readers_panic(
            bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200),
            at in 0..100_usize,
        ) {
            let _ = HardState::decode(&bytes);
            let _ = decode_entry(&bytes);
            let _ = decode_snapshot(&bytes);
            let entries = first_entries((1, ""), &Change::default()).unwrap();
            for entry in &entries {
                let mut valid = encode_entry(entry);
                valid.splice(at.min(valid.len()).., bytes.iter().copied());
                let _ = decode_entry(&valid);
            }
        }
    }

    #[test]
    fn the_first_entries_and_the_vote_read_back() {
        let entries =
            first_entries((7, "host:1"), &Change::new(kq_storage::TimestampMs(5), "why")).unwrap();
        for entry in &entries {
            assert_eq!(decode_entry(&encode_entry(entry)).unwrap(), *entry);
        }
        let hard = HardState { vote: Some(first_vote(7)), purged: Some(entries[1].log_id) };
        assert_eq!(HardState::decode(&hard.encode()).unwrap(), hard);
    }
}
