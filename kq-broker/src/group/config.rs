//! The bounds of group coordination.

use std::time::Duration;

use super::assignor::Assignor;

/// Settings of the group coordinator. The default values are Kafka's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupConfig {
    /// Shortest session time-out that a member may ask for (`group.min.session.timeout.ms`).
    pub session_timeout_min: Duration,
    /// Longest session time-out that a member may ask for (`group.max.session.timeout.ms`).
    pub session_timeout_max: Duration,
    /// How long the first rebalance of an empty group waits for more members, counted anew when
    /// one comes (`group.initial.rebalance.delay.ms`).
    pub initial_rebalance_delay: Duration,
    /// Members of one group at most (`group.max.size`).
    pub members_max: usize,
    /// Bytes of metadata that may go with one committed offset (`offset.metadata.max.bytes`).
    pub offset_metadata_bytes_max: usize,
    /// How long the offsets of a group without members are kept (`offsets.retention.minutes`).
    pub offsets_retention: Duration,
    /// Time between two rounds of looking at lag (`group.lag.sample.ms`).
    pub lag_round: Duration,
    /// How long a change by an operator can be taken back (`group.undo.retention.minutes`).
    pub undo_retention: Duration,
    /// What holds for groups of the consumer protocol.
    pub consumer: ConsumerConfig,
}

/// Settings of consumer groups (KIP-848). The default values are Kafka's, where it has the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerConfig {
    /// How long a member may be silent (`group.consumer.session.timeout.ms`).
    pub session_timeout: Duration,
    /// How often members are told to beat (`group.consumer.heartbeat.interval.ms`).
    pub heartbeat_interval: Duration,
    /// Members of one group at most (`group.consumer.max.size`).
    pub members_max: usize,
    /// The assignors, the one that is taken without votes first (`group.consumer.assignors`).
    pub assignors: Vec<Assignor>,
    /// How long a target stands at least: who comes meanwhile waits for the next one, so that many who
    /// come at once cost few targets (`group.consumer.assignment.interval.ms`).
    pub assignment_interval: Duration,
    /// Whether groups change their protocol while they live (`group.consumer.migration.policy`).
    pub migration: Migration,
    /// Bytes of a pattern at most (`group.consumer.regex.bytes.max`).
    pub pattern_bytes_max: usize,
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            session_timeout_min: Duration::from_secs(6),
            session_timeout_max: Duration::from_mins(30),
            initial_rebalance_delay: Duration::from_secs(3),
            members_max: 10_000,
            offset_metadata_bytes_max: 4096,
            offsets_retention: Duration::from_hours(7 * 24),
            lag_round: Duration::from_secs(5),
            consumer: ConsumerConfig::default(),
            undo_retention: Duration::from_hours(7 * 24),
        }
    }
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self {
            session_timeout: Duration::from_secs(45),
            heartbeat_interval: Duration::from_secs(5),
            members_max: 10_000,
            assignors: Assignor::ALL.to_vec(),
            assignment_interval: Duration::from_millis(200),
            migration: Migration::Bidirectional,
            pattern_bytes_max: 1_024,
        }
    }
}

/// Which way groups change their protocol while they live (KIP-848).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Migration {
    /// Both.
    Bidirectional,
    /// To the consumer protocol only.
    Upgrade,
    /// To the classic protocol only.
    Downgrade,
    /// Neither.
    Disabled,
}

impl Migration {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Bidirectional, Self::Upgrade, Self::Downgrade, Self::Disabled];

    /// Kafka's name of it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bidirectional => "bidirectional",
            Self::Upgrade => "upgrade",
            Self::Downgrade => "downgrade",
            Self::Disabled => "disabled",
        }
    }

    pub(crate) const fn allows_upgrade(self) -> bool {
        matches!(self, Self::Bidirectional | Self::Upgrade)
    }

    pub(crate) const fn allows_downgrade(self) -> bool {
        matches!(self, Self::Bidirectional | Self::Downgrade)
    }
}
