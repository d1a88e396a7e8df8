//! The group coordinator as a state machine without I/O: who is a member, who owns what, and which
//! offsets are committed.
//!
//! A [`Shard`] holds the groups of one partition of `__consumer_offsets`. It takes an [`Input`] and
//! the time and appends [`Output`]s: replies to waiting requests, and records to be written. A
//! reply that depends on a record is sent only when the shell reports that record as committed, so
//! an acknowledged offset or assignment is never lost. Nothing here knows the wire, the log, a
//! clock or a task.

mod assignor;
mod classic;
mod config;
mod consumer;
mod deadlines;
mod embedded;
mod error;
mod expiry;
mod ids;
mod input;
mod kind;
pub mod lag;
mod member;
mod offsets;
mod operate;
mod output;
mod partitions;
pub mod record;
pub mod reset;
mod shard;
mod subscription;
mod survey;
#[cfg(test)]
mod tests;
mod undo;

pub use assignor::Assignor;
pub use classic::{Group, GroupState};
pub use config::{ConsumerConfig, GroupConfig, Migration};
pub use consumer::{
    ConsumerDescription, ConsumerMemberDescription, ConsumerState, Current, Epoch, Profile,
};
pub use error::GroupError;
pub use ids::{GroupId, InstanceId, MemberId, Now, ReplyTo, TopicPartition, WriteId};
pub use input::{
    Caller, CommitOffsets, ConsumerHeartbeat, DeleteOffsets, Heartbeat, Input, JoinGroup,
    LeaveGroup, LeavingMember, OffsetToCommit, Outcome, Phase, Protocol, ResetOffset, ResetOffsets,
    SyncGroup,
};
pub use kind::{GroupType, KindState};
pub use offsets::CommittedOffset;
pub use operate::{Act, Chosen, Operate, OperateRefused, Operated, Silence, Unknown};
pub use output::{
    Beat, Joined, JoinedMember, MemberDescription, Output, Reply, ResetDone, ResetRefused, Synced,
    WrittenRecord,
};
pub use partitions::PartitionSet;
pub use shard::{
    EXPIRY_CALLS, GroupDescription, GroupLag, GroupListing, LagLook, LagQuestions, LagVisit,
    PartitionLag, Shard,
};
pub use survey::{GroupSurvey, MemberSurvey};
pub use undo::{UNDO_ROWS_MAX, Undo, UndoRow};
