//! The records of consumer groups (KIP-848), each of which is one change of a group.
//!
//! ```text
//! key    int16 version     value, version 0, flexible
//!   3    group             group epoch: int32; tag 0: hash of the topics' shapes: int64
//!   4    group             shapes of topics: read over, only ever written as a tombstone
//!   5    group, member     what the member says of itself
//!   6    group             target epoch: int32
//!   7    group, member     its target share: [topic id, [int32]]
//!   8    group, member     epoch, epoch before: int32; state: int8; assigned, revoking: [topic id, [int32]]
//!  16    group, pattern    topics: [string]; metadata version, time: int64
//! ```
//! Keys are never flexible.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::RecordError;
use super::codec::{Reader, Writer};
use crate::group::assignor::Assignor;
use crate::group::consumer::{ClassicSide, Current, Epoch, MemberState, Profile};
use crate::group::partitions::PartitionSet;
use crate::group::{GroupId, InstanceId, MemberId, Protocol, WrittenRecord};
use crate::ids::{PartitionId, PartitionIndex, TopicId};

const VALUE_VERSION: i16 = 0;
const METADATA_HASH_TAG: usize = 0;
const CLASSIC_TAG: usize = 0;

/// Which part of a consumer group a record is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConsumerKey {
    /// The group itself.
    Epoch,
    /// The shapes of its topics, as earlier releases of Kafka wrote them.
    Shapes,
    /// What a member says of itself.
    Member(MemberId),
    /// Its target assignment.
    TargetEpoch,
    /// A member's target share.
    Share(MemberId),
    /// Where a member stands.
    Current(MemberId),
    /// What a pattern matches.
    Pattern(Arc<str>),
}

/// One change of a consumer group; none stands for a tombstone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The group is at an epoch, or gone.
    Epoch(Option<EpochRecord>),
    /// Shapes of topics; their content is not kept.
    Shapes {
        /// False for a tombstone.
        written: bool,
    },
    /// What a member says of itself.
    Member(MemberId, Option<Arc<Profile>>),
    /// The target assignment is of this epoch.
    TargetEpoch(Option<Epoch>),
    /// What a member is to have.
    Share(MemberId, Option<Arc<PartitionSet>>),
    /// Where a member stands.
    Current(MemberId, Option<Arc<Current>>),
    /// What a pattern matches.
    Pattern(Arc<str>, Option<Arc<ResolvedPattern>>),
}

/// A group's epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EpochRecord {
    /// It grows with every change of members, subscriptions and topics.
    pub epoch: Epoch,
    /// Of the shapes of the topics that the group subscribes to; another hash is another epoch.
    pub metadata_hash: u64,
}

/// The topics that a pattern matched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResolvedPattern {
    /// Their names.
    pub topics: BTreeSet<Arc<str>>,
    /// The index of the metadata that they were taken from.
    pub version: i64,
    /// When, in milliseconds since 1970.
    pub resolved_at_ms: i64,
}

impl ConsumerKey {
    const fn version(&self) -> i16 {
        match self {
            Self::Epoch => 3,
            Self::Shapes => 4,
            Self::Member(_) => 5,
            Self::TargetEpoch => 6,
            Self::Share(_) => 7,
            Self::Current(_) => 8,
            Self::Pattern(_) => 16,
        }
    }

    pub(super) fn encode(&self, group: &GroupId, out: &mut Writer) {
        out.i16(self.version());
        out.string(group.as_str());
        match self {
            Self::Epoch | Self::Shapes | Self::TargetEpoch => {}
            Self::Member(id) | Self::Share(id) | Self::Current(id) => out.string(id.as_str()),
            Self::Pattern(text) => out.string(text),
        }
    }

    /// What follows the version of a key; none for other kinds of groups.
    pub(super) fn decode(
        version: i16,
        input: &mut Reader<'_>,
    ) -> Result<Option<(GroupId, Self)>, RecordError> {
        if !matches!(version, 3..=8 | 16) {
            return Ok(None);
        }
        let group = GroupId(input.string()?);
        let key = match version {
            3 => Self::Epoch,
            4 => Self::Shapes,
            5 => Self::Member(MemberId(input.string()?)),
            6 => Self::TargetEpoch,
            7 => Self::Share(MemberId(input.string()?)),
            8 => Self::Current(MemberId(input.string()?)),
            _ => Self::Pattern(input.string()?),
        };
        Ok(Some((group, key)))
    }
}

impl Change {
    /// The record that tells it.
    pub fn to_record(&self, group: &GroupId) -> WrittenRecord {
        let key = super::encode_key(&super::Key::Consumer(group.clone(), self.key()));
        WrittenRecord { key, value: self.value() }
    }

    fn key(&self) -> ConsumerKey {
        match self {
            Self::Epoch(_) => ConsumerKey::Epoch,
            Self::Shapes { .. } => ConsumerKey::Shapes,
            Self::Member(id, _) => ConsumerKey::Member(id.clone()),
            Self::TargetEpoch(_) => ConsumerKey::TargetEpoch,
            Self::Share(id, _) => ConsumerKey::Share(id.clone()),
            Self::Current(id, _) => ConsumerKey::Current(id.clone()),
            Self::Pattern(text, _) => ConsumerKey::Pattern(text.clone()),
        }
    }

    fn value(&self) -> Option<Bytes> {
        let mut out = Writer::default();
        out.i16(VALUE_VERSION);
        match self {
            Self::Epoch(it) => encode_epoch((*it)?, &mut out),
            Self::Shapes { .. } => return None,
            Self::Member(_, it) => encode_profile(it.as_deref()?, &mut out),
            Self::TargetEpoch(it) => {
                out.i32((*it)?.0);
                out.tags(&[]);
            }
            Self::Share(_, it) => {
                encode_partitions(it.as_deref()?, &mut out);
                out.tags(&[]);
            }
            Self::Current(_, it) => encode_current(it.as_deref()?, &mut out),
            Self::Pattern(_, it) => encode_pattern(it.as_deref()?, &mut out),
        }
        Some(out.finish())
    }

    /// What a record says. Values of a later version are refused by name.
    pub fn from_record(key: ConsumerKey, value: Option<&Bytes>) -> Result<Self, RecordError> {
        Ok(match key {
            ConsumerKey::Epoch => Self::Epoch(read(value, "epoch", decode_epoch)?),
            ConsumerKey::Shapes => Self::Shapes { written: value.is_some() },
            ConsumerKey::Member(id) => {
                Self::Member(id, read(value, "member", decode_profile)?.map(Arc::new))
            }
            ConsumerKey::TargetEpoch => {
                Self::TargetEpoch(read(value, "target", |it| it.i32().map(Epoch))?)
            }
            ConsumerKey::Share(id) => {
                Self::Share(id, read(value, "share", decode_partitions)?.map(Arc::new))
            }
            ConsumerKey::Current(id) => {
                Self::Current(id, read(value, "assignment", decode_current)?.map(Arc::new))
            }
            ConsumerKey::Pattern(text) => {
                Self::Pattern(text, read(value, "pattern", decode_pattern)?.map(Arc::new))
            }
        })
    }
}

/// Reads a value, if there is one. Tagged fields behind what is read are left.
fn read<T>(
    value: Option<&Bytes>,
    what: &'static str,
    decode: impl FnOnce(&mut Reader<'_>) -> Result<T, RecordError>,
) -> Result<Option<T>, RecordError> {
    let Some(bytes) = value else { return Ok(None) };
    let mut input = Reader::new(bytes, what);
    input.version(VALUE_VERSION)?;
    let decoded = decode(&mut input)?;
    Ok(Some(decoded))
}

fn encode_epoch(it: EpochRecord, out: &mut Writer) {
    out.i32(it.epoch.0);
    if it.metadata_hash == 0 {
        return out.tags(&[]);
    }
    let hash = Bytes::copy_from_slice(&it.metadata_hash.to_be_bytes());
    out.tags(&[(METADATA_HASH_TAG, hash)]);
}

fn decode_epoch(input: &mut Reader<'_>) -> Result<EpochRecord, RecordError> {
    let mut it = EpochRecord { epoch: Epoch(input.i32()?), metadata_hash: 0 };
    input.tags(|tag, field| {
        if tag == METADATA_HASH_TAG {
            it.metadata_hash = field.i64()?.cast_unsigned();
        }
        Ok(())
    })?;
    Ok(it)
}

fn encode_profile(it: &Profile, out: &mut Writer) {
    out.compact_nullable_string(it.instance.as_ref().map(InstanceId::as_str));
    out.compact_nullable_string(it.rack.as_deref());
    out.compact_string(&it.client_id);
    out.compact_string(&it.client_host);
    encode_names(&it.topics, out);
    out.compact_nullable_string(it.pattern.as_deref());
    out.i32(millis(it.rebalance_timeout));
    out.compact_nullable_string(it.assignor.map(Assignor::name));
    match &it.classic {
        None => out.tags(&[]),
        Some(classic) => out.tags(&[(CLASSIC_TAG, encode_classic(classic))]),
    }
}

fn decode_profile(input: &mut Reader<'_>) -> Result<Profile, RecordError> {
    let mut profile = Profile {
        instance: input.compact_nullable_string()?.map(InstanceId),
        rack: input.compact_nullable_string()?,
        client_id: input.compact_string()?,
        client_host: input.compact_string()?,
        topics: decode_names(input)?,
        pattern: input.compact_nullable_string()?.filter(|it| !it.is_empty()),
        rebalance_timeout: duration(input.i32()?),
        // One that this broker does not have is no vote.
        assignor: input.compact_nullable_string()?.and_then(|it| Assignor::named(&it)),
        classic: None,
    };
    input.tags(|tag, field| {
        if tag == CLASSIC_TAG {
            profile.classic = decode_classic(field)?;
        }
        Ok(())
    })?;
    Ok(profile)
}

/// A structure that may be null has a byte of its own for that.
fn encode_classic(it: &ClassicSide) -> Bytes {
    let mut out = Writer::default();
    out.i8(1);
    out.i32(millis(it.session_timeout));
    out.compact_count(it.protocols.len());
    for protocol in &it.protocols {
        out.compact_string(&protocol.name);
        out.compact_bytes(&protocol.metadata);
        out.tags(&[]);
    }
    out.tags(&[]);
    out.finish()
}

fn decode_classic(input: &mut Reader<'_>) -> Result<Option<ClassicSide>, RecordError> {
    if input.i8()? < 0 {
        return Ok(None);
    }
    let session_timeout = duration(input.i32()?);
    let count = input.compact_count()?;
    let mut protocols = Vec::new();
    for _ in 0..count {
        protocols
            .push(Protocol { name: input.compact_string()?, metadata: input.compact_bytes()? });
        input.no_tags()?;
    }
    input.no_tags()?;
    Ok(Some(ClassicSide { session_timeout, protocols }))
}

fn encode_current(it: &Current, out: &mut Writer) {
    out.i32(it.epoch.0);
    out.i32(it.previous_epoch.0);
    out.i8(it.state.to_wire());
    encode_partitions(&it.assigned, out);
    encode_partitions(&it.revoking, out);
    out.tags(&[]);
}

fn decode_current(input: &mut Reader<'_>) -> Result<Current, RecordError> {
    let current = Current {
        epoch: Epoch(input.i32()?),
        previous_epoch: Epoch(input.i32()?),
        state: MemberState::from_wire(input.i8()?),
        assigned: decode_partitions(input)?,
        revoking: decode_partitions(input)?,
    };
    input.no_tags()?;
    Ok(current)
}

fn encode_pattern(it: &ResolvedPattern, out: &mut Writer) {
    encode_names(&it.topics, out);
    out.i64(it.version);
    out.i64(it.resolved_at_ms);
    out.tags(&[]);
}

fn decode_pattern(input: &mut Reader<'_>) -> Result<ResolvedPattern, RecordError> {
    let topics = decode_names(input)?;
    let pattern = ResolvedPattern { topics, version: input.i64()?, resolved_at_ms: input.i64()? };
    input.no_tags()?;
    Ok(pattern)
}

fn encode_names(names: &BTreeSet<Arc<str>>, out: &mut Writer) {
    out.compact_count(names.len());
    for name in names {
        out.compact_string(name);
    }
}

fn decode_names(input: &mut Reader<'_>) -> Result<BTreeSet<Arc<str>>, RecordError> {
    let count = input.compact_count()?;
    let mut names = BTreeSet::new();
    for _ in 0..count {
        names.insert(input.compact_string()?);
    }
    Ok(names)
}

fn encode_partitions(partitions: &PartitionSet, out: &mut Writer) {
    let topics = partitions.topics();
    out.compact_count(topics.len());
    for (topic, indexes) in topics {
        out.uuid(topic.0);
        out.compact_count(indexes.len());
        for index in indexes {
            out.i32(index.to_wire());
        }
        out.tags(&[]);
    }
}

fn decode_partitions(input: &mut Reader<'_>) -> Result<PartitionSet, RecordError> {
    let count = input.compact_count()?;
    let mut partitions = PartitionSet::default();
    for _ in 0..count {
        let topic = TopicId(input.uuid()?);
        let indexes = input.compact_count()?;
        for _ in 0..indexes {
            let index = PartitionIndex::from_wire(input.i32()?);
            let index = index.ok_or_else(|| input.malformed())?;
            partitions.insert(PartitionId { topic, index });
        }
        input.no_tags()?;
    }
    Ok(partitions)
}

fn millis(it: Duration) -> i32 {
    i32::try_from(it.as_millis()).unwrap_or(i32::MAX)
}

fn duration(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

#[cfg(test)]
#[path = "consumer_test.rs"]
mod tests;
