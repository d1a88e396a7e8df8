//! Why the coordinator says no. Each variant is one of Kafka's error codes.

use std::time::Duration;

/// A refusal, with what the caller needs in order to act.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// `INVALID_GROUP_ID`.
    #[error("the group id is empty; a name of at least one character is needed")]
    InvalidGroupId,
    /// `UNKNOWN_MEMBER_ID`: not a member, or no longer; it must join again.
    #[error("not a member of this group; join again without a member id")]
    UnknownMember,
    /// `ILLEGAL_GENERATION`: the group has rebalanced since.
    #[error("generation {given} is not the current one; join again")]
    IllegalGeneration {
        /// The generation that the request carried.
        given: i32,
    },
    /// `FENCED_MEMBER_EPOCH` (KIP-848): it must give up all that it owns and join again.
    #[error("member epoch {given} is not the current one; give up all partitions and join again")]
    FencedMemberEpoch {
        /// The epoch that the request carried.
        given: i32,
    },
    /// `STALE_MEMBER_EPOCH` (KIP-848): the member is at another epoch, of which it will hear.
    #[error(
        "member epoch {given} is not the current one; try again with the one of the next heartbeat"
    )]
    StaleMemberEpoch {
        /// The epoch that the request carried.
        given: i32,
    },
    /// `UNRELEASED_INSTANCE_ID` (KIP-848): the process that has the instance has not left.
    #[error("another member has this group.instance.id and has not left")]
    UnreleasedInstance,
    /// `INVALID_REGULAR_EXPRESSION` (KIP-848).
    #[error("the pattern of topics cannot be used: {why}")]
    InvalidPattern {
        /// What is wrong with it.
        why: String,
    },
    /// `UNKNOWN_SERVER_ERROR`: a group can be changed 2^31 times.
    #[error("the group's epochs are used up; delete it and begin anew")]
    EpochsUsedUp,
    /// `REBALANCE_IN_PROGRESS`: the member must join the coming generation.
    #[error("the group is rebalancing; join again")]
    RebalanceInProgress,
    /// `INCONSISTENT_GROUP_PROTOCOL`.
    #[error("no protocol in common with the group's members")]
    InconsistentProtocol,
    /// `INVALID_SESSION_TIMEOUT`.
    #[error("session timeout {given:?} is outside {min:?} to {max:?}")]
    InvalidSessionTimeout {
        /// What was asked for.
        given: Duration,
        /// The shortest accepted.
        min: Duration,
        /// The longest accepted.
        max: Duration,
    },
    /// `MEMBER_ID_REQUIRED` (KIP-394): the reply carries the id to join with.
    #[error("join again with the member id that this answer carries")]
    MemberIdRequired,
    /// `FENCED_INSTANCE_ID` (KIP-345): another process took this static member's place.
    #[error("another process has joined with the same group.instance.id")]
    FencedInstance,
    /// `GROUP_MAX_SIZE_REACHED`.
    #[error("the group has {max} members, the most that it may have")]
    GroupFull {
        /// The bound.
        max: usize,
    },
    /// `NON_EMPTY_GROUP`.
    #[error("the group still has members")]
    NonEmptyGroup,
    /// `GROUP_ID_NOT_FOUND`.
    #[error("there is no such group")]
    GroupNotFound,
    /// `GROUP_SUBSCRIBED_TO_TOPIC`.
    #[error("the group is subscribed to the topic; its offsets cannot be deleted")]
    SubscribedToTopic,
    /// `OFFSET_METADATA_TOO_LARGE`.
    #[error("{given} bytes of offset metadata; at most {max} are accepted")]
    MetadataTooLarge {
        /// Bytes given.
        given: usize,
        /// The bound.
        max: usize,
    },
    /// `COORDINATOR_NOT_AVAILABLE`: what should have been written could not be.
    #[error("the group's records cannot be written now; try again")]
    NotAvailable,
}
