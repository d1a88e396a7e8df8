//! What a group id stands for. It is one kind at a time; its committed offsets are beside it and
//! outlive a change of kind.

use std::time::Duration;

use super::classic::{Group, GroupState};
use super::consumer::{ConsumerGroup, ConsumerState};
use super::expiry::Lapse;
use super::record::{self, Key};
use super::subscription::Subscribed;
use super::{GroupId, Now, WrittenRecord};

/// The protocol that a group speaks, as clients print and filter it (KIP-848).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupType {
    /// Members join, one of them assigns.
    Classic,
    /// The coordinator assigns.
    Consumer,
}

/// Where a group of any type stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KindState {
    /// A classic group.
    Classic(GroupState),
    /// A consumer group.
    Consumer(ConsumerState),
}

impl KindState {
    /// Kafka's name of the state, as clients print and filter it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classic(it) => it.name(),
            Self::Consumer(it) => it.name(),
        }
    }

    /// Whether the group has no members.
    pub fn is_empty(self) -> bool {
        matches!(self, Self::Classic(GroupState::Empty) | Self::Consumer(ConsumerState::Empty))
    }
}

impl GroupType {
    /// Kafka's name of the type.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
        }
    }
}

/// A group with all that its protocol keeps, its offsets aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Members join, one of them assigns. A group that never had members is of this kind too.
    Classic(Box<Group>),
    /// The coordinator assigns (KIP-848).
    Consumer(Box<ConsumerGroup>),
}

impl Kind {
    /// A group that never had members.
    pub(crate) fn fresh(id: GroupId, now: Now) -> Self {
        Self::Classic(Box::new(Group::new(id, now)))
    }

    pub(crate) fn group_type(&self) -> GroupType {
        match self {
            Self::Classic(_) => GroupType::Classic,
            Self::Consumer(_) => GroupType::Consumer,
        }
    }

    pub(crate) fn state(&self) -> KindState {
        match self {
            Self::Classic(group) => KindState::Classic(group.state()),
            Self::Consumer(group) => KindState::Consumer(group.state()),
        }
    }

    /// `consumer`, `connect`, ... or nothing before the first member.
    pub(crate) fn protocol_type(&self) -> Option<&str> {
        match self {
            Self::Classic(group) => group.protocol_type().map(|it| &**it),
            Self::Consumer(_) => Some("consumer"),
        }
    }

    /// When it came to its state, in milliseconds since 1970.
    pub(crate) fn state_since_ms(&self) -> i64 {
        match self {
            Self::Classic(group) => group.state_since_ms(),
            Self::Consumer(group) => group.state_since_ms(),
        }
    }

    /// The current generation.
    pub(crate) fn generation(&self) -> i32 {
        match self {
            Self::Classic(group) => group.generation(),
            Self::Consumer(group) => group.epoch().0,
        }
    }

    pub(crate) fn member_count(&self) -> usize {
        match self {
            Self::Classic(group) => group.member_count(),
            Self::Consumer(group) => group.member_count(),
        }
    }

    /// Whether nothing of it was ever written down, nor is about to be.
    pub(crate) fn is_fresh(&self) -> bool {
        match self {
            Self::Classic(group) => self.is_over() && group.generation() == 0,
            Self::Consumer(group) => !group.is_founded(),
        }
    }

    /// Its record is gone from the log: it never had members, as far as anyone can tell. One that
    /// has members again, or is about to have them, stays as it is.
    pub(crate) fn forget_history(&mut self, now: Now) {
        match self {
            Self::Classic(group) => group.forget_history(now),
            // It was forgotten when its tombstones were appended.
            Self::Consumer(_) => {}
        }
    }

    /// The tombstones of all that the log holds of it.
    pub(crate) fn tombstones(&self, id: &GroupId) -> Vec<WrittenRecord> {
        match self {
            Self::Classic(_) => {
                let key = record::encode_key(&Key::Group(id.clone()));
                vec![WrittenRecord { key, value: None }]
            }
            Self::Consumer(group) => group.tombstones().iter().map(|it| it.to_record(id)).collect(),
        }
    }

    /// Whether its members, if it has any, are consumers.
    pub(crate) fn is_of_consumers(&self) -> bool {
        self.protocol_type() == Some("consumer")
    }

    /// The topics that members name.
    pub(crate) fn subscribed(&self) -> Subscribed<'_> {
        match self {
            Self::Classic(group) => group.subscribed(),
            Self::Consumer(group) => group.subscribed(),
        }
    }

    /// From when on the time of its offsets counts.
    pub(crate) fn lapse(&self) -> Lapse {
        match self {
            Self::Classic(group) => group.lapse(),
            Self::Consumer(group) => group.lapse(),
        }
    }

    /// Whether it has neither members nor ids handed out, so that only offsets keep it.
    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Classic(group) => group.state() == GroupState::Empty && group.is_deserted(),
            Self::Consumer(group) => group.is_empty(),
        }
    }

    /// The next moment at which a tick would change something.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Classic(group) => group.deadline(),
            Self::Consumer(group) => group.deadline(),
        }
    }
}
