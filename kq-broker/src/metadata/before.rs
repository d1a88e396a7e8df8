//! What was before a change, as far as its events do not say it.
//!
//! Most events say from what to what something changed, and so how to take it back. What they leave
//! out (an epoch that went up in silence, all that a broker was before it registered) stands here,
//! between the events: with both, the image of each moment that the history reaches back to can be
//! made from the newest one.

use std::sync::Arc;

use super::image::{Protection, SoftDeletion};
use super::record::{ConfigResource, TimestampMs};
use super::roster::BrokerImage;
use crate::ids::{BrokerId, LeaderEpoch, PartitionId, TopicId};

/// What was before a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Before {
    /// The raft index that committed the change.
    pub(super) index: u64,
    /// When.
    pub(super) time: TimestampMs,
    /// How many events there had ever been when it was noted. Those of the same change are younger.
    pub(super) events: u64,
    /// What was.
    pub(super) was: Was,
}

/// What something was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Was {
    /// The leader epoch of a partition, where it is not told by who led.
    Epoch(PartitionId, LeaderEpoch),
    /// The ISR of a partition, where no event has it.
    Isr(PartitionId, Arc<[BrokerId]>),
    /// What a reassignment of a partition was adding and removing.
    Moves(PartitionId, Arc<[BrokerId]>, Arc<[BrokerId]>),
    /// The epochs of all that this broker leads were one less.
    EpochsRaised(BrokerId),
    /// A broker; none if it had never registered.
    Broker(BrokerId, Option<Arc<BrokerImage>>),
    /// Who led the quorum, and since which term.
    Controller(Option<(BrokerId, u64)>),
    /// Nobody was known to lead the quorum from then on.
    NoController(TimestampMs),
    /// It was not known yet who votes.
    NoVoters,
    /// How many partitions a topic had.
    Partitions(TopicId, u32),
    /// Whether a topic was hidden, and why.
    Deletion(TopicId, Option<SoftDeletion>),
    /// Whether a topic was protected, and why.
    Protection(TopicId, Option<Protection>),
    /// A topic was hidden already when it was purged, or hidden once more.
    Hidden(Arc<str>),
    /// A value that was set; none if the default held.
    Config(ConfigResource, Arc<str>, Option<Arc<str>>),
}

impl Before {
    /// Bytes that it takes, counted as if it shared nothing.
    pub(super) fn bytes(&self) -> u64 {
        let ids = |list: &[BrokerId]| size_of_val(list);
        let more = match &self.was {
            Was::Epoch(..)
            | Was::EpochsRaised(_)
            | Was::Controller(_)
            | Was::NoController(_)
            | Was::NoVoters
            | Was::Partitions(..)
            | Was::Broker(_, None)
            | Was::Deletion(_, None)
            | Was::Protection(_, None) => 0,
            Was::Isr(_, isr) => ids(isr),
            Was::Moves(_, adding, removing) => ids(adding) + ids(removing),
            Was::Broker(_, Some(it)) => broker_bytes(it),
            Was::Deletion(_, Some(it)) => it.reason.len(),
            Was::Protection(_, Some(it)) => it.reason.len(),
            Was::Hidden(name) => name.len(),
            Was::Config(_, key, value) => key.len() + value.as_ref().map_or(0, |it| it.len()),
        };
        (size_of::<Self>() + more) as u64
    }
}

fn broker_bytes(it: &BrokerImage) -> usize {
    let endpoint =
        |it: &super::record::Endpoint| size_of_val(it) + it.host.len() + it.listener.len();
    let words = it.state_reason.len() + it.cordon.as_ref().map_or(0, |it| it.reason.len());
    let names = it.version.len() + it.rack.as_ref().map_or(0, String::len);
    size_of::<BrokerImage>() + words + names + it.endpoints.iter().map(endpoint).sum::<usize>()
}
