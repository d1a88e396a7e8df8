//! The bounds of group coordination.

use std::time::Duration;

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
        }
    }
}
