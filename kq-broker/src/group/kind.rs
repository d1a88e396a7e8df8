//! What a group id stands for. It is one kind at a time; its committed offsets are beside it and
//! outlive a change of kind.

use std::time::Duration;

use super::classic::{Group, GroupState};
use super::expiry::Lapse;
use super::subscription::Subscribed;
use super::{GroupId, MemberDescription, Now};

/// The protocol that a group speaks, as clients print and filter it (KIP-848).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupType {
    /// Members join, one of them assigns.
    Classic,
}

impl GroupType {
    /// Kafka's name of the type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
        }
    }
}

/// A group with all that its protocol keeps, its offsets aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Members join, one of them assigns. A group that never had members is of this kind too.
    Classic(Group),
}

impl Kind {
    /// A group that never had members.
    pub(crate) fn fresh(id: GroupId, now: Now) -> Self {
        Self::Classic(Group::new(id, now))
    }

    pub(crate) fn group_type(&self) -> GroupType {
        match self {
            Self::Classic(_) => GroupType::Classic,
        }
    }

    pub(crate) fn state(&self) -> GroupState {
        match self {
            Self::Classic(group) => group.state(),
        }
    }

    /// `consumer`, `connect`, ... or nothing before the first member.
    pub(crate) fn protocol_type(&self) -> Option<&str> {
        match self {
            Self::Classic(group) => group.protocol_type().map(|it| &**it),
        }
    }

    /// The chosen assignment strategy.
    pub(crate) fn protocol(&self) -> Option<&str> {
        match self {
            Self::Classic(group) => group.protocol().map(|it| &**it),
        }
    }

    /// When it came to its state, in milliseconds since 1970.
    pub(crate) fn state_since_ms(&self) -> i64 {
        match self {
            Self::Classic(group) => group.state_since_ms(),
        }
    }

    pub(crate) fn member_count(&self) -> usize {
        match self {
            Self::Classic(group) => group.member_count(),
        }
    }

    pub(crate) fn describe_members(&self) -> Vec<MemberDescription> {
        match self {
            Self::Classic(group) => group.describe_members(),
        }
    }

    /// Whether nothing of it was ever written down, nor is about to be.
    pub(crate) fn is_fresh(&self) -> bool {
        match self {
            Self::Classic(group) => self.is_over() && group.generation() == 0,
        }
    }

    /// Its record is gone from the log: it never had members, as far as anyone can tell. One that
    /// has members again, or is about to have them, stays as it is.
    pub(crate) fn forget_history(&mut self, now: Now) {
        match self {
            Self::Classic(group) => group.forget_history(now),
        }
    }

    /// The topics that members name.
    pub(crate) fn subscribed(&self) -> Subscribed<'_> {
        match self {
            Self::Classic(group) => group.subscribed(),
        }
    }

    /// From when on the time of its offsets counts.
    pub(crate) fn lapse(&self) -> Lapse {
        match self {
            Self::Classic(group) => group.lapse(),
        }
    }

    /// Whether it has neither members nor ids handed out, so that only offsets keep it.
    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Classic(group) => group.state() == GroupState::Empty && group.is_deserted(),
        }
    }

    /// The next moment at which a tick would change something.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Classic(group) => group.deadline(),
        }
    }
}
