//! Identities and epochs. Each is its own type, so that one cannot be passed for another.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
pub use kq_storage::LeaderEpoch;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A broker, as numbered by the operator.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct BrokerId(pub u32);

/// The raft index at which a broker's registration was committed; a later registration of the
/// same broker fences all that the earlier one may still ask for.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct BrokerEpoch(pub u64);

/// One process life of a broker, drawn at its start.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Incarnation(pub Uuid);

/// A topic for all its life: a topic made again under the same name has another id.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct TopicId(pub Uuid);

/// The place of a partition within its topic, from zero.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct PartitionIndex(pub u32);

/// A partition of one topic.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct PartitionId {
    /// The topic.
    pub topic: TopicId,
    /// The place within it.
    pub index: PartitionIndex,
}

/// A plan's short name, drawn from what it does: `8c1f`.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct PlanId(pub u32);

/// Counts every change of one partition's replicas, ISR or leader: `AlterPartition` compares it.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct PartitionEpoch(pub u32);

/// The cluster, drawn once when its first voter starts on an empty directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusterId(pub String);

/// A random id, whose text never begins with a dash: command lines would take it for a flag.
pub fn draw() -> Uuid {
    loop {
        let id = Uuid::new_v4();
        if !URL_SAFE_NO_PAD.encode(id.as_bytes()).starts_with('-') {
            return id;
        }
    }
}

impl BrokerId {
    /// The id as the Kafka protocol carries it.
    pub fn to_wire(self) -> i32 {
        i32::try_from(self.0).unwrap_or(i32::MAX)
    }

    /// An id from the Kafka protocol; negative numbers stand for no broker there.
    pub fn from_wire(id: i32) -> Option<Self> {
        u32::try_from(id).ok().map(Self)
    }
}

impl PartitionIndex {
    /// The index as the Kafka protocol carries it.
    pub fn to_wire(self) -> i32 {
        i32::try_from(self.0).unwrap_or(i32::MAX)
    }

    /// An index from the Kafka protocol, where it is signed.
    pub fn from_wire(index: i32) -> Option<Self> {
        u32::try_from(index).ok().map(Self)
    }

    /// The index as a position in a list.
    pub const fn position(self) -> usize {
        self.0 as usize
    }
}

impl PartitionEpoch {
    /// The epoch after one more change.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl ClusterId {
    /// A cluster's id in Kafka's form: 16 bytes as 22 letters of URL-safe base64.
    pub fn from_uuid(id: Uuid) -> Self {
        Self(URL_SAFE_NO_PAD.encode(id.as_bytes()))
    }
}

impl fmt::Display for BrokerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for BrokerEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for PartitionIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for PartitionEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Topic ids read as in Kafka's tools: 22 letters of URL-safe base64.
impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }
}

/// A text that is no topic id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no topic id: expected 22 letters of URL-safe base64 or a UUID with hyphens")]
pub struct TopicIdError(String);

impl FromStr for TopicId {
    type Err = TopicIdError;

    fn from_str(text: &str) -> Result<Self, TopicIdError> {
        if let Ok(id) = Uuid::parse_str(text) {
            return Ok(Self(id));
        }
        let wrong = || TopicIdError(text.chars().take(64).collect());
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?;
        Uuid::from_slice(&bytes).map(Self).map_err(|_| wrong())
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}", self.0)
    }
}

/// A text that is no plan's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no plan: expected hexadecimal digits as in 8c1f")]
pub struct PlanIdError(String);

impl FromStr for PlanId {
    type Err = PlanIdError;

    fn from_str(text: &str) -> Result<Self, PlanIdError> {
        let wrong = |_| PlanIdError(text.chars().take(64).collect());
        u32::from_str_radix(text, 16).map(Self).map_err(wrong)
    }
}

impl fmt::Display for PartitionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_ids_read_back_from_both_forms() {
        let id = TopicId(Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef));
        assert_eq!(id.to_string(), "ASNFZ4mrze8BI0VniavN7w");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.0.to_string().parse(), Ok(id));
        assert!("orders".parse::<TopicId>().is_err());
    }

    #[test]
    fn negative_wire_numbers_are_no_ids() {
        assert_eq!(BrokerId::from_wire(-1), None);
        assert_eq!(PartitionIndex::from_wire(-1), None);
        assert_eq!(BrokerId::from_wire(7), Some(BrokerId(7)));
    }

    #[test]
    fn no_id_begins_with_a_dash() {
        let text = |_| TopicId(draw()).to_string();
        assert!((0..2_000).map(text).all(|it| !it.starts_with('-')));
    }
}
