//! The numbers that topics have in one stream: short, and never given twice.

use std::collections::BTreeMap;

use crate::ids::TopicId;

/// Which number each topic has that was told.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    by_topic: BTreeMap<TopicId, u32>,
    next: u32,
}

impl Numbers {
    /// The number of a topic, a new one at its first use.
    pub(super) fn assign(&mut self, topic: TopicId) -> u32 {
        let next = &mut self.next;
        *self.by_topic.entry(topic).or_insert_with(|| {
            *next = next.wrapping_add(1);
            *next
        })
    }

    /// The number of a topic that was told.
    pub(super) fn get(&self, topic: TopicId) -> Option<u32> {
        self.by_topic.get(&topic).copied()
    }

    /// The topic is gone. Should it come back, it gets another number.
    pub(super) fn forget(&mut self, topic: TopicId) -> Option<u32> {
        self.by_topic.remove(&topic)
    }
}
