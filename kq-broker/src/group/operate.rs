//! What an operator has a group do, changes of its offsets aside, and what comes of it.

use std::sync::Arc;
use std::time::Duration;

use super::{
    GroupError, GroupId, GroupSurvey, GroupType, InstanceId, MemberId, MemberSurvey, ReplyTo,
};

/// An operator's hand on a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operate {
    /// The group.
    pub group: GroupId,
    /// What is to be done.
    pub act: Act,
    /// Only tell what would be done.
    pub validate_only: bool,
    /// Whom to answer.
    pub reply: ReplyTo,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// The group has no members, and is to be forgotten with its offsets.
    Delete {
        /// Under which name the offsets can be brought back.
        plan: Arc<str>,
        /// In the operator's words.
        reason: Arc<str>,
    },
    /// Its members are to share their partitions anew.
    Rebalance,
    /// Members are to be put out. Those that live come back as new ones.
    Remove(Chosen),
}

/// Members by any of their names, and those that are silent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    /// By their ids.
    pub members: Vec<MemberId>,
    /// By the ids of their instances.
    pub instances: Vec<InstanceId>,
    /// All that were silent for so long.
    pub silent: Option<Silence>,
}

/// For how long somebody has said nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// For half of its session: it should have been heard of several times.
    HalfSession,
    /// For this long.
    For(Duration),
}

impl Silence {
    pub(crate) fn is_kept_by(self, member: &MemberSurvey) -> bool {
        let bound = match self {
            Self::HalfSession => member.session_timeout / 2,
            Self::For(bound) => bound,
        };
        // Who waits for an answer of the coordinator cannot speak.
        !member.silent_for.is_zero() && bound <= member.silent_for
    }
}

/// It is done, or would be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operated {
    /// The group is gone.
    Deleted {
        /// Which protocol it spoke.
        group_type: GroupType,
        /// Committed offsets that went with it.
        offset_count: usize,
        /// What brings them back; none where nothing does.
        undo: Option<Arc<str>>,
        /// It counts, and fewer replicas hold it than an acknowledgement promises.
        is_thin: bool,
    },
    /// The group rebalances.
    Rebalanced {
        /// As it was before.
        before: Box<GroupSurvey>,
        /// False where there is nobody to share anything.
        under_way: bool,
        /// As of a deletion. Nothing is written of a classic group.
        is_thin: bool,
    },
    /// Members are put out.
    Removed {
        /// As they were, in the order of their ids.
        members: Vec<MemberSurvey>,
        /// Who was named and is not there.
        unknown: Unknown,
        /// Who was chosen and is left: so many do not go in one step.
        left: usize,
        /// As of a deletion. Nobody waits for what is written of a classic group.
        is_thin: bool,
    },
}

impl Operated {
    /// The same, of which it turned out that too few replicas hold it.
    pub(crate) fn held_by_few(mut self) -> Self {
        let (Self::Deleted { is_thin, .. }
        | Self::Rebalanced { is_thin, .. }
        | Self::Removed { is_thin, .. }) = &mut self;
        *is_thin = true;
        self
    }
}

/// Who was named and is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unknown {
    /// Ids of members.
    pub members: Vec<MemberId>,
    /// Ids of instances.
    pub instances: Vec<InstanceId>,
}

/// Why it is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperateRefused {
    /// These are members; where there are none, they are on their way back.
    NonEmpty(Vec<MemberSurvey>),
    /// For another reason.
    Group(GroupError),
}
