//! Since when partitions that are not well are as they are.
//!
//! Found once by going back through the history, and carried on by the events that come.

use std::collections::{BTreeMap, BTreeSet};

use super::topics::{MinIsr, is_ill};
use crate::ids::{PartitionId, TopicId};
use crate::metadata::{Event, EventKind, MetadataImage, Subject};

/// When each ill partition came to be as it is, in milliseconds since 1970.
#[derive(Debug, Default)]
pub(super) struct Since {
    by_partition: BTreeMap<PartitionId, i64>,
}

impl Since {
    /// Of all ill partitions of an image, as far as its history reaches.
    pub(super) fn of(image: &MetadataImage, min_isr: MinIsr) -> Self {
        let mut since = Self::default();
        let mut sought: BTreeSet<PartitionId> = BTreeSet::new();
        for topic in image.topics() {
            let min_isr = min_isr.of_topic(topic);
            let ill = topic.partitions().filter(|(_, it)| is_ill(it, min_isr));
            sought.extend(ill.map(|(index, _)| PartitionId { topic: topic.id, index }));
        }
        let mut events = image.events().rev();
        while !sought.is_empty() {
            let Some(event) = events.next() else { break };
            let Some(id) = changed_by(image, event) else { continue };
            if sought.remove(&id) {
                since.by_partition.insert(id, event.time.0);
            }
        }
        since
    }

    /// Takes in what has happened since, up to this image.
    pub(super) fn follow(&mut self, image: &MetadataImage, events_before: u64) {
        for event in image.events_after(events_before) {
            if let Some(id) = changed_by(image, event) {
                self.by_partition.insert(id, event.time.0);
            }
        }
    }

    pub(super) fn get(&self, id: PartitionId) -> Option<i64> {
        self.by_partition.get(&id).copied()
    }

    /// A partition that is well again has nothing to be remembered.
    pub(super) fn forget(&mut self, id: PartitionId) {
        self.by_partition.remove(&id);
    }

    /// A topic is gone.
    pub(super) fn forget_topic(&mut self, topic: TopicId) {
        self.by_partition.retain(|id, _| id.topic != topic);
    }
}

/// The partition whose standing an event changed.
fn changed_by(image: &MetadataImage, event: &Event) -> Option<PartitionId> {
    let of_standing = matches!(
        event.kind,
        EventKind::IsrShrunk
            | EventKind::IsrExpanded
            | EventKind::LeaderChanged
            | EventKind::LeaderElectedUncleanly
            | EventKind::ReplicasChanged
    );
    if !of_standing {
        return None;
    }
    let Subject::Partition(name, index) = &event.subject else { return None };
    // An older topic of that name is another one.
    let topic = image.topic_by_name(name).filter(|it| it.created_index <= event.index)?;
    Some(PartitionId { topic: topic.id, index: *index })
}
