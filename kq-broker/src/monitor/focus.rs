//! What has happened to one partition, and to the brokers that hold it.

use kq_proto::monitor::v1;

use super::event_words::event_of;
use crate::ids::{BrokerId, PartitionIndex};
use crate::metadata::{Event, EventKind, MetadataImage, Subject};

/// Events of one partition that are told.
const EVENTS_MAX: usize = 200;

/// The partition that a watcher looks at closely.
#[derive(Debug)]
pub(super) struct Focus {
    asked: v1::PartitionKey,
    /// The number of the newest event that was looked at.
    seen: u64,
    /// What was told; none if nothing was.
    told: Option<v1::Focus>,
}

impl Focus {
    pub(super) fn new(asked: v1::PartitionKey) -> Self {
        Self { asked, seen: 0, told: None }
    }

    /// Whether it is about this partition.
    pub(super) fn is_on(&self, key: &v1::PartitionKey) -> bool {
        self.asked == *key
    }

    /// The events up to an image, if they are not what was told. Goes back through the history only
    /// if there is something new in it that matters, or at another moment.
    pub(super) fn tell(&mut self, image: &MetadataImage, jumped: bool) -> Option<v1::Focus> {
        let holders = self.holders(image);
        let seen = std::mem::replace(&mut self.seen, image.events_total());
        let is_first = self.told.is_none() || jumped;
        if !is_first && !image.events_after(seen).any(|it| self.concerns(it, &holders)) {
            return None;
        }
        let events = image.events().rev().filter(|it| self.concerns(it, &holders));
        let focus = v1::Focus {
            partition: Some(self.asked.clone()),
            events: events.take(EVENTS_MAX).map(event_of).collect(),
        };
        if self.told.as_ref() == Some(&focus) {
            return None;
        }
        self.told = Some(focus.clone());
        Some(focus)
    }

    fn holders(&self, image: &MetadataImage) -> Vec<BrokerId> {
        let index = PartitionIndex(self.asked.partition);
        let partition = image.topic_by_name(&self.asked.topic).and_then(|it| it.partition(index));
        partition.map(|it| it.replicas.clone()).unwrap_or_default()
    }

    fn concerns(&self, event: &Event, holders: &[BrokerId]) -> bool {
        match &event.subject {
            Subject::Partition(name, index) => {
                index.0 == self.asked.partition && **name == *self.asked.topic
            }
            Subject::Broker(id) => {
                let of_life = matches!(
                    event.kind,
                    EventKind::BrokerRegistered
                        | EventKind::BrokerFenced
                        | EventKind::BrokerStopping
                        | EventKind::BrokerUnregistered
                );
                of_life && holders.contains(id)
            }
            Subject::Topic(name) => {
                let of_its_life = matches!(
                    event.kind,
                    EventKind::TopicCreated
                        | EventKind::TopicDeleted
                        | EventKind::TopicRestored
                        | EventKind::PartitionsAdded
                );
                of_its_life && **name == *self.asked.topic
            }
            Subject::Cluster(_)
            | Subject::AllBrokers
            | Subject::AllTopics
            | Subject::Plan(_)
            | Subject::Group(_) => false,
        }
    }
}
