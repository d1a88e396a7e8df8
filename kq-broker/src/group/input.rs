//! All that can happen to the groups of a shard.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::assignor::Assignor;
use super::consumer::Epoch;
use super::operate::Operate;
use super::partitions::PartitionSet;
use super::{GroupError, GroupId, InstanceId, MemberId, ReplyTo, TopicPartition, WriteId};
use crate::ids::TopicId;
use crate::metadata::MetadataImage;

/// An event, told to a [`super::Shard`] by the shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A member wants to be part of the next generation.
    Join(JoinGroup),
    /// A member asks for its assignment; the leader brings all of them.
    Sync(SyncGroup),
    /// A member says that it lives.
    Heartbeat(Heartbeat),
    /// A member of a consumer group lives, and says what changed (KIP-848).
    ConsumerHeartbeat(ConsumerHeartbeat),
    /// Members leave.
    Leave(LeaveGroup),
    /// Offsets are to be committed.
    Commit(CommitOffsets),
    /// Offsets are to be forgotten (`OffsetDelete`).
    DeleteOffsets(DeleteOffsets),
    /// A group without members is to be forgotten with its offsets.
    DeleteGroup {
        /// The group.
        group: GroupId,
        /// Whom to answer.
        reply: ReplyTo,
    },
    /// An operator changes committed offsets.
    Reset(ResetOffsets),
    /// An operator has the group do something else.
    Operate(Operate),
    /// Someone is about to look at a group's offsets: answered when they are what they will be.
    Settle {
        /// The group.
        group: GroupId,
        /// Whom to answer.
        reply: ReplyTo,
    },
    /// The cluster's topics are these now.
    Image(Arc<MetadataImage>),
    /// What became of what [`super::Output::Write`] asked for. Each write is told twice: at once, before
    /// any other input, whether it was appended; and if it was, in the order of the log, how it ended.
    Written {
        /// Which write.
        write: WriteId,
        /// How far it got.
        outcome: Outcome,
    },
    /// Time has passed: deadlines may be due.
    Tick,
    /// The next share of the groups is to be searched for offsets whose time is up. So many calls
    /// ([`super::EXPIRY_CALLS`]) look at all of them once.
    ExpireOffsets,
}

impl Input {
    /// The group that is spoken to; none where the shard is.
    pub fn group(&self) -> Option<&GroupId> {
        match self {
            Self::Join(it) => Some(&it.group),
            Self::Sync(it) => Some(&it.caller.group),
            Self::Heartbeat(it) => Some(&it.caller.group),
            Self::ConsumerHeartbeat(it) => Some(&it.group),
            Self::Leave(it) => Some(&it.group),
            Self::Commit(it) => Some(&it.caller.group),
            Self::DeleteOffsets(it) => Some(&it.group),
            Self::Reset(it) => Some(&it.group),
            Self::Operate(it) => Some(&it.group),
            Self::DeleteGroup { group, .. } | Self::Settle { group, .. } => Some(group),
            Self::Image(_) | Self::Written { .. } | Self::Tick | Self::ExpireOffsets => None,
        }
    }
}

/// How far a write got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log, and may be committed.
    Appended,
    /// Nothing was written, and nothing of it will ever be read.
    Refused(GroupError),
    /// It is committed: every later coordinator will know it.
    Committed,
    /// It is committed like any other, and fewer replicas hold it than an acknowledgement promises.
    Thin,
    /// It was appended, and whether it will be committed cannot be told.
    Unknown,
}

/// Who speaks: a member of a generation, or (without generation) an admin client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The group.
    pub group: GroupId,
    /// Empty for a client outside the membership.
    pub member: MemberId,
    /// Set by static members.
    pub instance: Option<InstanceId>,
    /// Negative for a client outside the membership.
    pub generation: i32,
}

/// One assignment strategy that a member supports, with what the leader needs to know for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protocol {
    /// The strategy's name.
    pub name: Arc<str>,
    /// Opaque to the broker but for `OffsetDelete`, which reads the topics.
    pub metadata: Bytes,
}

/// `JoinGroup`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinGroup {
    /// The group.
    pub group: GroupId,
    /// `None` at the first join.
    pub member: Option<MemberId>,
    /// Set by static members.
    pub instance: Option<InstanceId>,
    /// The id for a member that has none yet, made by the shell from the client id and chance.
    pub fresh_member: MemberId,
    /// Whether a dynamic member must come back with its id first (KIP-394, `JoinGroup` from v4).
    pub needs_known_member: bool,
    /// Whether a replaced static leader can be told to skip the assignment (KIP-814, from v9).
    pub can_skip_assignment: bool,
    /// For descriptions.
    pub client_id: Arc<str>,
    /// For descriptions.
    pub client_host: Arc<str>,
    /// How long a member may be silent.
    pub session_timeout: Duration,
    /// How long the others wait for this member to join a new generation.
    pub rebalance_timeout: Duration,
    /// `consumer`, `connect`, ...
    pub protocol_type: Arc<str>,
    /// Best first.
    pub protocols: Vec<Protocol>,
    /// Whom to answer.
    pub reply: ReplyTo,
}

/// `SyncGroup`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncGroup {
    /// Who asks.
    pub caller: Caller,
    /// Checked against the group's, where given.
    pub protocol_type: Option<Arc<str>>,
    /// Checked against the chosen protocol, where given.
    pub protocol: Option<Arc<str>>,
    /// From the leader: what each member gets.
    pub assignments: Vec<(MemberId, Bytes)>,
    /// Whom to answer.
    pub reply: ReplyTo,
}

/// `Heartbeat`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Who lives.
    pub caller: Caller,
    /// Whom to answer.
    pub reply: ReplyTo,
}

/// `ConsumerGroupHeartbeat`. What a member leaves out has not changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerHeartbeat {
    /// The group.
    pub group: GroupId,
    /// Who beats; drawn by the shell where the client has no name yet.
    pub member: MemberId,
    /// Where it stands.
    pub phase: Phase,
    /// Set by static members.
    pub instance: Option<InstanceId>,
    /// Where it runs.
    pub rack: Option<Arc<str>>,
    /// How long it may take to give partitions back.
    pub rebalance_timeout: Option<Duration>,
    /// The topics that it names.
    pub topics: Option<BTreeSet<Arc<str>>>,
    /// A pattern whose topics it wants as well; an empty one takes that back.
    pub pattern: Option<Arc<str>>,
    /// The assignor that it votes for.
    pub assignor: Option<Assignor>,
    /// What it owns.
    pub owned: Option<PartitionSet>,
    /// For descriptions.
    pub client_id: Arc<str>,
    /// For descriptions.
    pub client_host: Arc<str>,
    /// Whom to answer.
    pub reply: ReplyTo,
}

/// Where the sender of a beat stands: on the wire, the special values of its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It joins and owns nothing.
    Join,
    /// It is a member at this epoch.
    At(Epoch),
    /// It leaves for good.
    Leave,
    /// It is static, leaves, and will be back.
    LeaveForAWhile,
}

impl ConsumerHeartbeat {
    /// Whether it says all that a member can say: it wants to hear all as well.
    pub(crate) fn is_full(&self) -> bool {
        let subscribes = self.topics.is_some() || self.pattern.is_some();
        let says_all = self.rebalance_timeout.is_some() && subscribes && self.owned.is_some();
        self.phase == Phase::Join || says_all
    }
}

/// `LeaveGroup`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaveGroup {
    /// The group.
    pub group: GroupId,
    /// Who leaves.
    pub members: Vec<LeavingMember>,
    /// Whom to answer.
    pub reply: ReplyTo,
}

/// One member that leaves, by either of its names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeavingMember {
    /// May be empty where the instance is named.
    pub member: MemberId,
    /// Set for static members.
    pub instance: Option<InstanceId>,
}

/// One offset to commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetToCommit {
    /// Which partition.
    pub partition: TopicPartition,
    /// The next offset to read.
    pub offset: i64,
    /// Leader epoch of the last record read, where the client knows it.
    pub leader_epoch: Option<i32>,
    /// The client's note.
    pub metadata: Arc<str>,
}

/// `OffsetCommit`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitOffsets {
    /// Who commits.
    pub caller: Caller,
    /// How long the offsets are to be kept, where the client says so (`OffsetCommit` v2 to v4).
    pub retention: Option<Duration>,
    /// What to commit.
    pub offsets: Vec<OffsetToCommit>,
    /// Whom to answer.
    pub reply: ReplyTo,
}

/// `OffsetDelete`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeleteOffsets {
    /// The group.
    pub group: GroupId,
    /// Which offsets.
    pub partitions: Vec<TopicPartition>,
    /// Whom to answer.
    pub reply: ReplyTo,
}

/// One committed offset that an operator changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetOffset {
    /// Which partition.
    pub partition: TopicPartition,
    /// Its topic.
    pub topic: TopicId,
    /// What the operator was shown; none = nothing was committed. Not compared if `live`.
    pub expected: Option<i64>,
    /// What it is to be; none = what is committed is taken away.
    pub to: Option<OffsetToCommit>,
}

/// An operator's change of committed offsets: all of it, or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResetOffsets {
    /// The group; made if there is none.
    pub group: GroupId,
    /// Under which name it is taken back.
    pub plan: Arc<str>,
    /// `reset`, `delete` or `undo`.
    pub verb: Arc<str>,
    /// In the operator's words.
    pub reason: Arc<str>,
    /// Members are put out for it, and come back.
    pub live: bool,
    /// The newest change of the group's offsets that the operator knows; none = there was none. It
    /// counts if `live`: members move on while an operator thinks, other operators must not.
    pub after: Option<Arc<str>>,
    /// Each partition once.
    pub rows: Vec<ResetOffset>,
    /// Only tell whether it would be done.
    pub validate_only: bool,
    /// Whom to answer.
    pub reply: ReplyTo,
}
