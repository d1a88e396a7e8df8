//! All that the coordinator can ask of the world.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::consumer::Epoch;
use super::operate::{OperateRefused, Operated};
use super::partitions::PartitionSet;
use super::{
    CommittedOffset, GroupError, InstanceId, LeavingMember, MemberId, ReplyTo, TopicPartition,
    WriteId,
};

/// A command for the shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Answer a request.
    Reply(ReplyTo, Reply),
    /// Append these records to the shard's partition in one batch, tell at once whether that was
    /// done, and later whether they are committed.
    Write {
        /// To be named in `Input::Written`.
        write: WriteId,
        /// Keys and values, in order.
        records: Vec<WrittenRecord>,
    },
    /// The shard cannot know what the log will hold: let it go, with all who wait, and load it anew.
    Reload,
}

/// One record of `__consumer_offsets`; without a value it is a tombstone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenRecord {
    /// The encoded key.
    pub key: Bytes,
    /// The encoded value.
    pub value: Option<Bytes>,
}

/// An answer to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// To a join.
    Joined(Joined),
    /// To a join that is refused; `member` is the id to come back with, or the one given.
    JoinRefused {
        /// Why.
        error: GroupError,
        /// The id that the member has or should use.
        member: Option<MemberId>,
    },
    /// To a sync.
    Synced(Result<Synced, GroupError>),
    /// To a heartbeat.
    Heartbeat(Result<(), GroupError>),
    /// To a beat of a member of a consumer group.
    ConsumerBeat(Result<Beat, GroupError>),
    /// To a leave: one result per member, in the order asked.
    Left(Vec<(LeavingMember, Result<(), GroupError>)>),
    /// To a commit or a deletion of offsets: one result per partition, in the order asked.
    Offsets(Vec<(TopicPartition, Result<(), GroupError>)>),
    /// To a deletion of offsets that is refused as a whole.
    OffsetsRefused(GroupError),
    /// To the deletion of a group.
    GroupDeleted(Result<(), GroupError>),
    /// To an operator's change of offsets.
    Reset(Result<ResetDone, ResetRefused>),
    /// To an operator's hand on a group.
    Operated(Result<Operated, OperateRefused>),
    /// To somebody who is about to look at offsets.
    Settled,
}

/// An operator's change of offsets is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetDone {
    /// What was committed before, in the order asked.
    pub before: Vec<(TopicPartition, Option<CommittedOffset>)>,
    /// How many members were put out.
    pub expelled: usize,
    /// The group's generation before; they are back in a later one.
    pub generation: i32,
    /// It counts, and fewer replicas hold it than an acknowledgement promises.
    pub is_thin: bool,
}

/// Why an operator's change of offsets is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResetRefused {
    /// Members are at work, or (0) on their way back.
    NonEmpty {
        /// How many.
        members: usize,
    },
    /// These offsets are not what the operator was shown.
    Stale(Vec<(TopicPartition, Option<i64>)>),
    /// Another operator's change of the same offsets was made meanwhile: its plan.
    Overtaken(Arc<str>),
    /// The plan was carried out already.
    Done,
    /// For another reason.
    Group(GroupError),
}

/// What a member of a consumer group learns from a beat (KIP-848).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// Whom the answer is for.
    pub member: MemberId,
    /// The epoch to come with next time.
    pub epoch: Epoch,
    /// When to come again.
    pub interval: Duration,
    /// What is its own; none where that has not changed.
    pub assignment: Option<PartitionSet>,
}

impl Beat {
    /// To a member that leaves.
    pub(crate) fn farewell(member: &MemberId, epoch: Epoch) -> Self {
        Self { member: member.clone(), epoch, interval: Duration::ZERO, assignment: None }
    }
}

/// A member is part of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The generation.
    pub generation: i32,
    /// `consumer`, `connect`, ...
    pub protocol_type: Arc<str>,
    /// The chosen assignment strategy.
    pub protocol: Arc<str>,
    /// Who assigns.
    pub leader: MemberId,
    /// Whom this answer is for.
    pub member: MemberId,
    /// A replaced static leader keeps the assignment that stands (KIP-814).
    pub skip_assignment: bool,
    /// For the leader: everybody. Empty for the others.
    pub members: Vec<JoinedMember>,
}

/// What the leader learns of each member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinedMember {
    /// Who.
    pub member: MemberId,
    /// Set for static members.
    pub instance: Option<InstanceId>,
    /// Its metadata for the chosen protocol.
    pub metadata: Bytes,
}

/// A member's share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    /// `consumer`, `connect`, ...
    pub protocol_type: Arc<str>,
    /// The chosen assignment strategy.
    pub protocol: Arc<str>,
    /// As the leader wrote it.
    pub assignment: Bytes,
}

/// A member as admin clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberDescription {
    /// Who.
    pub member: MemberId,
    /// Set for static members.
    pub instance: Option<InstanceId>,
    /// Its client id.
    pub client_id: Arc<str>,
    /// Where it connects from.
    pub client_host: Arc<str>,
    /// Its metadata for the chosen protocol; empty while none is chosen.
    pub metadata: Bytes,
    /// Its share; empty while the group is not stable.
    pub assignment: Bytes,
}
