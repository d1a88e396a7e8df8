//! The committed offsets of one group.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{OffsetToCommit, TopicPartition};

/// A committed offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The next offset to read.
    pub offset: i64,
    /// Leader epoch of the last record read, where the client knew it.
    pub leader_epoch: Option<i32>,
    /// The client's note.
    pub metadata: Arc<str>,
    /// Milliseconds since 1970.
    pub committed_at_ms: i64,
}

impl CommittedOffset {
    pub(crate) fn new(offset: &OffsetToCommit, now_ms: i64) -> Self {
        Self {
            offset: offset.offset,
            leader_epoch: offset.leader_epoch,
            metadata: offset.metadata.clone(),
            committed_at_ms: now_ms,
        }
    }
}

/// What a group has committed; only what is on stable storage is in here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Offsets {
    committed: BTreeMap<TopicPartition, CommittedOffset>,
}

impl Offsets {
    pub(crate) fn get(&self, partition: &TopicPartition) -> Option<&CommittedOffset> {
        self.committed.get(partition)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&TopicPartition, &CommittedOffset)> {
        self.committed.iter()
    }

    pub(crate) fn set(&mut self, partition: TopicPartition, offset: CommittedOffset) {
        self.committed.insert(partition, offset);
    }

    pub(crate) fn remove(&mut self, partition: &TopicPartition) {
        self.committed.remove(partition);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.committed.is_empty()
    }

    /// The offsets whose time is up: `retention` after `since_ms`, or after their own commit
    /// where the group never had members (`since_ms` is `None`).
    pub(crate) fn expired(
        &self,
        since_ms: Option<i64>,
        retention: Duration,
        now_ms: i64,
    ) -> Vec<TopicPartition> {
        let retention_ms = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
        let is_expired = |offset: &CommittedOffset| {
            let since =
                since_ms.map_or(offset.committed_at_ms, |it| it.max(offset.committed_at_ms));
            since.saturating_add(retention_ms) <= now_ms
        };
        let expired = self.committed.iter().filter(|(_, offset)| is_expired(offset));
        expired.map(|(partition, _)| partition.clone()).collect()
    }
}
