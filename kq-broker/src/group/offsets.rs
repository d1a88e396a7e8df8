//! The committed offsets of one group, and those that may become so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::lag::{Origin, Watch};
use super::{Now, OffsetToCommit, TopicPartition};
use crate::canary;

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
    /// Until when it is kept, where the client said so; milliseconds since 1970.
    pub expires_at_ms: Option<i64>,
}

impl CommittedOffset {
    pub(crate) fn new(offset: &OffsetToCommit, now_ms: i64, retention: Option<Duration>) -> Self {
        let kept_ms = retention.map(|it| i64::try_from(it.as_millis()).unwrap_or(i64::MAX));
        Self {
            offset: offset.offset,
            leader_epoch: offset.leader_epoch,
            metadata: offset.metadata.clone(),
            committed_at_ms: now_ms,
            expires_at_ms: kept_ms.map(|it| now_ms.saturating_add(it)),
        }
    }
}

/// When and by which rules a commit is watched.
pub(crate) struct Committed<'a> {
    /// When it was made.
    pub(crate) now: Now,
    /// Time between two rounds.
    pub(crate) round: Duration,
    /// How an offset that stood before and was not watched came about.
    pub(crate) origin_known: Origin,
    /// How many more may be watched.
    pub(crate) room: &'a mut usize,
}

/// An offset, with what is remembered of the commits before where its lag is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) offset: CommittedOffset,
    pub(crate) watch: Option<Box<Watch>>,
}

/// What a group has committed, and which partitions have a write in flight: a commit or a tombstone
/// that is in the log and may yet be committed. Only what is committed can be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Offsets {
    committed: BTreeMap<TopicPartition, Kept>,
    /// How many of them are watched.
    watch_count: usize,
    /// Writes by partition; never zero.
    in_flight: BTreeMap<TopicPartition, u32>,
}

impl Offsets {
    pub(crate) fn get(&self, partition: &TopicPartition) -> Option<&CommittedOffset> {
        self.committed.get(partition).map(|it| &it.offset)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&TopicPartition, &CommittedOffset)> {
        self.committed.iter().map(|(partition, it)| (partition, &it.offset))
    }

    /// With their watches.
    pub(crate) fn kept(&self) -> impl Iterator<Item = (&TopicPartition, &Kept)> {
        self.committed.iter()
    }

    /// The same, to be judged. Whoever takes a watch away tells how many are left.
    pub(crate) fn kept_mut(&mut self) -> impl Iterator<Item = (&TopicPartition, &mut Kept)> {
        self.committed.iter_mut()
    }

    pub(crate) fn watch_count(&self) -> usize {
        self.watch_count
    }

    pub(crate) fn count_watches(&mut self, count: usize) {
        self.watch_count = count;
    }

    /// An offset that no consumer has just committed, but that was loaded or set: the next round
    /// looks at it anew.
    pub(crate) fn set(&mut self, partition: TopicPartition, offset: CommittedOffset) {
        let before = self.committed.insert(partition, Kept { offset, watch: None });
        self.note_gone(before);
    }

    /// A consumer's commit stands. Its watch begins, if there is `room` for it.
    pub(crate) fn commit(
        &mut self,
        partition: TopicPartition,
        offset: CommittedOffset,
        at: Committed<'_>,
    ) {
        let next = u64::try_from(offset.offset).unwrap_or(0);
        let before = self.committed.remove(&partition);
        let origin = before.as_ref().map_or(Origin::FirstCommit, |_| at.origin_known);
        let mut watch = before.and_then(|it| it.watch);
        if watch.is_none() && *at.room > 0 {
            *at.room -= 1;
            self.watch_count += 1;
            watch = Some(Box::new(Watch::begin(origin, at.now)));
        }
        if let Some(watch) = &mut watch {
            watch.on_commit(next, at.now.uptime, at.round);
        }
        self.committed.insert(partition, Kept { offset, watch });
    }

    fn note_gone(&mut self, gone: Option<Kept>) {
        self.watch_count -= usize::from(gone.is_some_and(|it| it.watch.is_some()));
    }

    pub(crate) fn remove_all<'a>(
        &mut self,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
    ) {
        for partition in partitions {
            let gone = self.committed.remove(partition);
            self.note_gone(gone);
        }
    }

    /// How many are committed.
    pub(crate) fn len(&self) -> usize {
        self.committed.len()
    }

    /// Whether the log holds nothing of it, and nothing is on its way there.
    pub(crate) fn is_empty(&self) -> bool {
        self.committed.is_empty() && self.in_flight.is_empty()
    }

    /// A commit or a tombstone of each of these partitions is on its way.
    pub(crate) fn begin_writes<'a>(
        &mut self,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
    ) {
        for partition in partitions {
            *self.in_flight.entry(partition.clone()).or_default() += 1;
        }
    }

    /// They are committed, or were refused.
    pub(crate) fn end_writes<'a>(
        &mut self,
        partitions: impl IntoIterator<Item = &'a TopicPartition>,
    ) {
        for partition in partitions {
            let Some(count) = self.in_flight.get_mut(partition) else { continue };
            *count -= 1;
            if *count == 0 {
                self.in_flight.remove(partition);
            }
        }
    }

    /// Every partition of which the log holds, or may come to hold, an offset: what has to be
    /// buried when the group goes.
    pub(crate) fn all_written(&self) -> BTreeSet<TopicPartition> {
        let in_flight =
            self.in_flight.keys().filter(|_| !canary::is("delete_misses_flight")).cloned();
        self.committed.keys().cloned().chain(in_flight).collect()
    }

    /// The same, of one topic.
    pub(crate) fn written_of(&self, topic: &Arc<str>) -> BTreeSet<TopicPartition> {
        let from = TopicPartition { topic: Arc::clone(topic), partition: i32::MIN };
        let to = TopicPartition { topic: Arc::clone(topic), partition: i32::MAX };
        let committed = self.committed.range(&from..=&to).map(|(it, _)| it);
        let in_flight = self.in_flight.range(&from..=&to).map(|(it, _)| it);
        committed.chain(in_flight).cloned().collect()
    }

    /// The topics of which there are offsets.
    pub(crate) fn topics(&self) -> BTreeSet<Arc<str>> {
        self.committed.keys().chain(self.in_flight.keys()).map(|it| Arc::clone(&it.topic)).collect()
    }
}
