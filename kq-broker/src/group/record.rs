//! The records of `__consumer_offsets`, in Kafka's own formats, so that outside tools can read them.
//!
//! ```text
//! key    int16 version   0, 1: a committed offset    group, topic: string   partition: int32
//!                        2: a classic group          group: string
//!                        3 to 8, 16: a consumer group, see `record/consumer.rs`
//!                        0x6b71: see `record/undo.rs`
//! value  int16 version   offset 0..=3, group 0..=3; written: 3 of both, and 1 of an offset that
//!                        its client wants kept until a time, which only that version holds
//! ```
//!
//! Strings are an int16 length and UTF-8; byte fields an int32 length. Versions from the future are
//! refused by name: a coordinator that does not understand its own log must not serve it.

mod codec;
mod consumer;
mod flexible;
mod undo;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use self::codec::{Reader, Writer};
pub use self::consumer::{Change, ConsumerKey, EpochRecord, ResolvedPattern};
use super::member::Member;
use super::{
    CommittedOffset, GroupId, InstanceId, MemberId, Protocol, TopicPartition, Undo, WrittenRecord,
};

const OFFSET_KEY_VERSION: i16 = 1;
const GROUP_KEY_VERSION: i16 = 2;
/// Far above Kafka's own, which pass over it.
const UNDO_KEY_VERSION: i16 = 0x6b71;
const OFFSET_VALUE_VERSION: i16 = 3;
const EXPIRING_OFFSET_VERSION: i16 = 1;
const GROUP_VALUE_VERSION: i16 = 3;

/// A record that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It ends too early or a length makes no sense.
    #[error("{what} of a record in __consumer_offsets is malformed")]
    Malformed {
        /// Which part.
        what: &'static str,
    },
    /// It was written by a later version of the format.
    #[error("{what} has version {version}; versions up to {max} are understood")]
    UnknownVersion {
        /// Which part.
        what: &'static str,
        /// The version found.
        version: i16,
        /// The newest one understood.
        max: i16,
    },
}

/// What a record is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A group's committed offset of one partition.
    Offset(GroupId, TopicPartition),
    /// A classic group's generation and members.
    Group(GroupId),
    /// A part of a consumer group.
    Consumer(GroupId, ConsumerKey),
    /// A part of what takes a change of offsets back, by the name of its plan.
    Undo(GroupId, Arc<str>, i32),
}

/// A group as it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRecord {
    /// Empty when the group never had members.
    pub protocol_type: Arc<str>,
    /// The generation.
    pub generation: i32,
    /// The chosen strategy.
    pub protocol: Option<Arc<str>>,
    /// Who assigned.
    pub leader: Option<MemberId>,
    /// When the group came to its state, in milliseconds since 1970.
    pub state_since_ms: Option<i64>,
    /// Its members with their shares.
    pub members: Vec<MemberRecord>,
}

/// A member as it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberRecord {
    /// Who.
    pub member: MemberId,
    /// Set for static members.
    pub instance: Option<InstanceId>,
    /// Its client id.
    pub client_id: Arc<str>,
    /// Where it connects from.
    pub client_host: Arc<str>,
    /// Milliseconds.
    pub rebalance_timeout_ms: i32,
    /// Milliseconds.
    pub session_timeout_ms: i32,
    /// Its metadata for the chosen strategy.
    pub subscription: Bytes,
    /// Its share.
    pub assignment: Bytes,
}

impl MemberRecord {
    pub(crate) fn new(member: &Member, subscription: Bytes, assignment: Bytes) -> Self {
        let ms = |it: Duration| i32::try_from(it.as_millis()).unwrap_or(i32::MAX);
        Self {
            member: member.id.clone(),
            instance: member.instance.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            rebalance_timeout_ms: ms(member.rebalance_timeout),
            session_timeout_ms: ms(member.session_timeout),
            subscription,
            assignment,
        }
    }

    pub(crate) fn into_member(self, protocol: Option<&Arc<str>>, now: Duration) -> Member {
        let duration = |ms: i32| Duration::from_millis(u64::try_from(ms).unwrap_or(0));
        let session_timeout = duration(self.session_timeout_ms);
        let name = protocol.cloned().unwrap_or_else(|| "".into());
        Member {
            id: self.member,
            instance: self.instance,
            client_id: self.client_id,
            client_host: self.client_host,
            session_timeout,
            rebalance_timeout: duration(self.rebalance_timeout_ms),
            protocols: vec![Protocol { name, metadata: self.subscription }],
            assignment: self.assignment,
            waiting_join: None,
            waiting_sync: None,
            session_deadline: now + session_timeout,
        }
    }
}

/// The key of a record.
pub fn encode_key(key: &Key) -> Bytes {
    let mut out = Writer::default();
    match key {
        Key::Offset(group, partition) => {
            out.i16(OFFSET_KEY_VERSION);
            out.string(group.as_str());
            out.string(&partition.topic);
            out.i32(partition.partition);
        }
        Key::Group(group) => {
            out.i16(GROUP_KEY_VERSION);
            out.string(group.as_str());
        }
        Key::Consumer(group, key) => key.encode(group, &mut out),
        Key::Undo(group, plan, part) => {
            out.i16(UNDO_KEY_VERSION);
            out.string(group.as_str());
            out.string(plan);
            out.i32(*part);
        }
    }
    out.finish()
}

/// Reads a key. `None` is a kind of record that this coordinator does not keep (share groups' and
/// others have key versions of their own).
pub fn decode_key(bytes: &Bytes) -> Result<Option<Key>, RecordError> {
    let mut input = Reader::new(bytes, "key");
    match input.i16()? {
        0 | OFFSET_KEY_VERSION => {
            let group = GroupId(input.string()?);
            let topic = input.string()?;
            let partition = input.i32()?;
            Ok(Some(Key::Offset(group, TopicPartition { topic, partition })))
        }
        GROUP_KEY_VERSION => Ok(Some(Key::Group(GroupId(input.string()?)))),
        UNDO_KEY_VERSION => {
            let group = GroupId(input.string()?);
            let plan = input.string()?;
            Ok(Some(Key::Undo(group, plan, input.i32()?)))
        }
        version => {
            let found = ConsumerKey::decode(version, &mut input)?;
            Ok(found.map(|(group, key)| Key::Consumer(group, key)))
        }
    }
}

/// The value of a committed offset.
pub fn encode_offset(offset: &CommittedOffset) -> Bytes {
    let mut out = Writer::default();
    let version =
        if offset.expires_at_ms.is_some() { EXPIRING_OFFSET_VERSION } else { OFFSET_VALUE_VERSION };
    out.i16(version);
    out.i64(offset.offset);
    if version == OFFSET_VALUE_VERSION {
        out.i32(offset.leader_epoch.unwrap_or(-1));
    }
    out.string(&offset.metadata);
    out.i64(offset.committed_at_ms);
    if let Some(at_ms) = offset.expires_at_ms {
        out.i64(at_ms);
    }
    out.finish()
}

/// Reads the value of a committed offset.
pub fn decode_offset(bytes: &Bytes) -> Result<CommittedOffset, RecordError> {
    let mut input = Reader::new(bytes, "offset value");
    let version = input.version(OFFSET_VALUE_VERSION)?;
    let offset = input.i64()?;
    let leader_epoch = if 3 <= version { input.i32()? } else { -1 };
    let metadata = input.string()?;
    let committed_at_ms = input.i64()?;
    let expires_at_ms = if version == EXPIRING_OFFSET_VERSION { input.i64()? } else { -1 };
    let leader_epoch = (0 <= leader_epoch).then_some(leader_epoch);
    let expires_at_ms = (0 <= expires_at_ms).then_some(expires_at_ms);
    Ok(CommittedOffset { offset, leader_epoch, metadata, committed_at_ms, expires_at_ms })
}

/// The records of a change that can be taken back, all of which belong into one batch.
pub(crate) fn undo_records(undo: &Undo) -> Vec<WrittenRecord> {
    let parts = undo.rows.chunks(undo::ROWS_MAX).zip(0..);
    let record = |(rows, part)| WrittenRecord {
        key: encode_key(&Key::Undo(undo.group.clone(), Arc::clone(&undo.plan), part)),
        value: Some(undo::encode(undo, rows)),
    };
    parts.map(record).collect()
}

/// Reads the value of one part of a change that can be taken back.
pub(crate) fn decode_undo(
    group: GroupId,
    plan: Arc<str>,
    value: &Bytes,
) -> Result<Undo, RecordError> {
    undo::decode(group, plan, value)
}

/// The value of a group.
pub fn encode_group(group: &GroupRecord) -> Bytes {
    let mut out = Writer::default();
    out.i16(GROUP_VALUE_VERSION);
    out.string(&group.protocol_type);
    out.i32(group.generation);
    out.nullable_string(group.protocol.as_deref());
    out.nullable_string(group.leader.as_ref().map(MemberId::as_str));
    out.i64(group.state_since_ms.unwrap_or(-1));
    out.count(group.members.len());
    for member in &group.members {
        out.string(member.member.as_str());
        out.nullable_string(member.instance.as_ref().map(InstanceId::as_str));
        out.string(&member.client_id);
        out.string(&member.client_host);
        out.i32(member.rebalance_timeout_ms);
        out.i32(member.session_timeout_ms);
        out.bytes(&member.subscription);
        out.bytes(&member.assignment);
    }
    out.finish()
}

/// Reads the value of a group.
pub fn decode_group(bytes: &Bytes) -> Result<GroupRecord, RecordError> {
    let mut input = Reader::new(bytes, "group value");
    let version = input.version(GROUP_VALUE_VERSION)?;
    let protocol_type = input.string()?;
    let generation = input.i32()?;
    let protocol = input.nullable_string()?;
    let leader = input.nullable_string()?.map(MemberId);
    let since = if 2 <= version { input.i64()? } else { -1 };
    let count = input.count()?;
    let mut members = Vec::new();
    for _ in 0..count {
        members.push(decode_member(&mut input, version)?);
    }
    let state_since_ms = (0 <= since).then_some(since);
    Ok(GroupRecord { protocol_type, generation, protocol, leader, state_since_ms, members })
}

fn decode_member(input: &mut Reader<'_>, version: i16) -> Result<MemberRecord, RecordError> {
    let member = MemberId(input.string()?);
    let instance = if 3 <= version { input.nullable_string()?.map(InstanceId) } else { None };
    let client_id = input.string()?;
    let client_host = input.string()?;
    let rebalance_timeout = if 1 <= version { Some(input.i32()?) } else { None };
    let session_timeout_ms = input.i32()?;
    let subscription = input.bytes()?;
    let assignment = input.bytes()?;
    Ok(MemberRecord {
        member,
        instance,
        client_id,
        client_host,
        rebalance_timeout_ms: rebalance_timeout.unwrap_or(session_timeout_ms),
        session_timeout_ms,
        subscription,
        assignment,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition() -> TopicPartition {
        TopicPartition { topic: "t".into(), partition: 7 }
    }

    #[test]
    fn keys_come_back_and_have_kafkas_bytes() {
        let key = Key::Offset("g".into(), partition());
        let bytes = encode_key(&key);
        assert_eq!(&bytes[..], b"\0\x01\0\x01g\0\x01t\0\0\0\x07");
        assert_eq!(decode_key(&bytes), Ok(Some(key)));
        let key = Key::Group("g".into());
        assert_eq!(decode_key(&encode_key(&key)), Ok(Some(key)));
    }

    #[test]
    fn records_of_other_kinds_are_left_alone() {
        assert_eq!(decode_key(&Bytes::from_static(b"\0\x09\0\x01g")), Ok(None));
    }

    #[test]
    fn an_offset_comes_back_whole() {
        let offset = CommittedOffset {
            offset: 42,
            leader_epoch: Some(3),
            metadata: "note ☂".into(),
            committed_at_ms: 1_700_000_000_000,
            expires_at_ms: None,
        };
        assert_eq!(decode_offset(&encode_offset(&offset)), Ok(offset.clone()));
        let expiring = CommittedOffset {
            leader_epoch: None,
            expires_at_ms: Some(1_700_000_000_009),
            ..offset
        };
        assert_eq!(decode_offset(&encode_offset(&expiring)), Ok(expiring));
    }

    #[test]
    fn a_value_from_the_future_is_refused_by_name() {
        let err = decode_offset(&Bytes::from_static(b"\0\x09rest")).unwrap_err();
        assert_eq!(err.to_string(), "offset value has version 9; versions up to 3 are understood");
    }

    #[test]
    fn every_cut_of_a_group_is_malformed() {
        let member = MemberRecord {
            member: "m".into(),
            instance: Some("i".into()),
            client_id: "c".into(),
            client_host: "/127.0.0.1".into(),
            rebalance_timeout_ms: 5,
            session_timeout_ms: 6,
            subscription: Bytes::from_static(b"sub"),
            assignment: Bytes::from_static(b"share"),
        };
        let group = GroupRecord {
            protocol_type: "consumer".into(),
            generation: 9,
            protocol: Some("range".into()),
            leader: Some("m".into()),
            state_since_ms: Some(1),
            members: vec![member],
        };
        let bytes = encode_group(&group);
        assert_eq!(decode_group(&bytes), Ok(group));
        for len in 0..bytes.len() {
            assert!(decode_group(&bytes.slice(..len)).is_err(), "cut at {len}");
        }
    }
}
