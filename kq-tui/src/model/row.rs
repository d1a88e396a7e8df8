//! Rows of tables: which thing a row shows, and its name that outlives the stream.

use std::sync::Arc;

use kq_proto::monitor::v1;

use crate::facts::{Facts, PartitionId};

/// What one row shows. Cheap to keep for each of a hundred thousand rows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    /// On the overview: something that is wrong, by its place in the verdict.
    Alarm(usize),
    /// A broker by its id.
    Broker(u32),
    /// A topic by its number in this stream.
    Topic(u32),
    /// A partition by the number of its topic.
    Partition(PartitionId),
    /// An event by its place in the page.
    Event(usize),
    /// A group by its name.
    Group(Arc<str>),
    /// A member of the group that is open, by its place there.
    Member(usize),
    /// Of the group that is open: partitions that nobody owns.
    Nobody,
    /// A partition of the group that is open, by its place there.
    Owned(usize),
    /// A plan by its place.
    Plan(usize),
    /// A member of the quorum by its broker.
    Voter(u32),
    /// A key of the configuration that is open, by its place there.
    Config(usize),
    /// A record by its number in the tail.
    Record(u64),
    /// A line of the record that is open, by its place.
    Line(usize),
}

/// What a row shows, by names that hold after the stream began anew and at any moment of the past.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "as the rows of the same names")]
pub enum RowKey {
    /// By what it is about.
    Alarm(String),
    Broker(u32),
    Topic(Arc<str>),
    Partition(Arc<str>, u32),
    /// By its number.
    Event(u64),
    Group(Arc<str>),
    Member(String),
    Nobody,
    Owned(String, u32),
    Plan(String),
    Voter(u32),
    /// By its name.
    Config(String),
    /// By its number in the tail.
    Record(u64),
    Line(usize),
}

impl Row {
    /// The name that lasts; none if the thing is gone. Alarms have theirs from the verdict, members and
    /// what they own from the group that is open, and keys from the configuration that is.
    pub fn key(&self, facts: &Facts, group: Option<&v1::GroupState>) -> Option<RowKey> {
        match self {
            Self::Alarm(_) | Self::Config(_) => None,
            Self::Broker(id) => Some(RowKey::Broker(*id)),
            Self::Topic(number) => {
                Some(RowKey::Topic(Arc::clone(&facts.topics.get(*number)?.name)))
            }
            Self::Partition(id) => {
                let topic = facts.topics.get(id.topic)?;
                Some(RowKey::Partition(Arc::clone(&topic.name), id.index))
            }
            Self::Event(at) => {
                let row = facts.events.as_ref()?.rows.get(*at)?;
                Some(RowKey::Event(row.event.as_ref()?.sequence))
            }
            Self::Group(name) => Some(RowKey::Group(Arc::clone(name))),
            Self::Member(at) => Some(RowKey::Member(group?.members.get(*at)?.member.clone())),
            Self::Nobody => Some(RowKey::Nobody),
            Self::Owned(at) => {
                let it = group?.partitions.get(*at)?;
                Some(RowKey::Owned(it.topic.clone(), it.partition))
            }
            Self::Plan(at) => Some(RowKey::Plan(facts.plans.get(*at)?.id.clone())),
            Self::Voter(id) => Some(RowKey::Voter(*id)),
            Self::Record(sequence) => Some(RowKey::Record(*sequence)),
            Self::Line(at) => Some(RowKey::Line(*at)),
        }
    }
}
