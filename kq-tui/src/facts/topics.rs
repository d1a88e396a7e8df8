//! Topics and their partitions, as the frames tell them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kq_proto::monitor::v1;

use super::bounds::{PARTITIONS_MAX, REPLICAS_MAX, TOPICS_MAX};
use super::partition::{Behind, Moving};
use super::{Partition, PartitionId, Rate, Tally};

/// So many sets of replicas are kept without asking whether anybody has them.
const REPLICA_SETS_MIN: usize = 4_096;

/// One topic.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Topic {
    /// Its number in this stream.
    pub number: u32,
    /// Its name.
    pub name: Arc<str>,
    /// The 16 bytes of its id.
    pub id: Vec<u8>,
    /// So many replicas must be in sync for a write with acks=all.
    pub min_insync_replicas: u32,
    /// Whether it belongs to the cluster itself.
    pub is_internal: bool,
    /// Whether it must not be deleted.
    pub is_protected: bool,
    /// When it was created, in milliseconds since 1970.
    pub created_at_ms: i64,
    /// Its partitions, in order.
    pub partitions: Vec<Partition>,
    /// They, counted.
    pub tally: Tally,
    /// What goes through it; none until it was told.
    pub counters: Option<TopicCounters>,
}

/// What goes through one topic.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct TopicCounters {
    /// Bytes from producers.
    pub bytes_in: Rate,
    /// Records from producers.
    pub records_in: Rate,
    /// Bytes to readers.
    pub bytes_out: Rate,
    /// Of the leaders' logs that are known.
    pub size_bytes: u64,
    /// Partitions whose leader did not tell.
    pub unknown_count: u32,
}

impl TopicCounters {
    fn interrupt(&mut self) {
        let rates = [&mut self.bytes_in, &mut self.records_in, &mut self.bytes_out];
        rates.into_iter().for_each(Rate::interrupt);
    }
}

/// All topics.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Topics {
    by_number: BTreeMap<u32, Topic>,
    by_name: BTreeMap<Arc<str>, u32>,
    /// Sets of replicas, each kept once: most partitions share one with many others.
    replica_sets: BTreeSet<Arc<[u32]>>,
    /// When there are so many of them, those that no partition has any more go.
    replica_sets_max: usize,
    /// There was no room for all that was told.
    is_cut: bool,
    /// Of these partitions alone are rates found, of hundreds of thousands; none = of any.
    in_sight: Option<BTreeSet<PartitionId>>,
    /// All partitions, counted.
    pub tally: Tally,
}

impl Topics {
    /// A topic by its number.
    pub fn get(&self, number: u32) -> Option<&Topic> {
        self.by_number.get(&number)
    }

    /// A topic by its name.
    pub fn named(&self, name: &str) -> Option<&Topic> {
        self.by_number.get(self.by_name.get(name)?)
    }

    /// All of them in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Topic> {
        self.by_name.values().filter_map(|number| self.by_number.get(number))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_number.len()
    }

    /// Whether there was no room for all that was told.
    pub const fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// A partition and its topic.
    pub fn partition(&self, id: PartitionId) -> Option<(&Topic, &Partition)> {
        let topic = self.by_number.get(&id.topic)?;
        Some((topic, topic.partitions.get(usize::try_from(id.index).ok()?)?))
    }

    /// A partition by the name of its topic.
    pub fn partition_named(&self, topic: &str, index: u32) -> Option<PartitionId> {
        let id = PartitionId { topic: *self.by_name.get(topic)?, index };
        self.partition(id).map(|_| id)
    }

    /// All partitions in the order of topic names and indexes.
    pub fn partitions(&self) -> impl Iterator<Item = (PartitionId, &Topic, &Partition)> {
        self.iter().flat_map(|topic| {
            let row = move |(index, it)| (PartitionId { topic: topic.number, index }, topic, it);
            (0..).zip(&topic.partitions).map(row)
        })
    }

    pub(super) fn remove(&mut self, number: u32) {
        let Some(topic) = self.by_number.remove(&number) else { return };
        if self.by_name.get(&topic.name) == Some(&number) {
            self.by_name.remove(&topic.name);
        }
        for partition in &topic.partitions {
            self.tally.remove(partition, topic.min_insync_replicas);
        }
    }

    /// A topic that is new, or differs in itself; without partitions it keeps those that it has.
    pub(super) fn put(&mut self, it: v1::TopicState) {
        let before = self.by_number.get(&it.number);
        let (old, counters) = match before {
            Some(before) => (before.partitions.clone(), before.counters),
            None => (Vec::new(), None),
        };
        if before.is_none() && self.by_number.len() >= TOPICS_MAX {
            self.is_cut = true;
            return;
        }
        self.remove(it.number);
        let partitions = if it.leaders.is_empty() { old } else { self.columns(&it) };
        // A name is one topic's: whoever had it is gone.
        if let Some(other) = self.by_name.get(it.name.as_str()).copied() {
            self.remove(other);
        }
        let mut topic = Topic {
            number: it.number,
            name: it.name.into(),
            id: it.id.to_vec(),
            min_insync_replicas: it.min_insync_replicas,
            is_internal: it.internal,
            is_protected: it.protected,
            created_at_ms: it.created_at_ms,
            partitions,
            tally: Tally::default(),
            counters,
        };
        for partition in &topic.partitions {
            topic.tally.add(partition, topic.min_insync_replicas);
            self.tally.add(partition, topic.min_insync_replicas);
        }
        self.by_name.insert(Arc::clone(&topic.name), topic.number);
        self.by_number.insert(topic.number, topic);
    }

    /// The partitions of a topic that was told in columns. Where a column is too short the partition
    /// has nothing there.
    fn columns(&mut self, it: &v1::TopicState) -> Vec<Partition> {
        let mut replicas = it.replicas.as_slice();
        let room = PARTITIONS_MAX.saturating_sub(self.tally.partitions);
        let room = usize::try_from(room).unwrap_or(0).min(it.leaders.len());
        self.is_cut |= room < it.leaders.len();
        let mut partitions = Vec::with_capacity(room);
        for (at, leader) in it.leaders.iter().enumerate().take(room) {
            let counts = &it.replica_counts;
            let count = if counts.len() == 1 { counts.first() } else { counts.get(at) };
            let count = count.and_then(|it| usize::try_from(*it).ok()).unwrap_or(0);
            let (own, rest) = replicas.split_at(count.min(replicas.len()));
            replicas = rest;
            partitions.push(Partition {
                leader: leader.checked_sub(1),
                leader_epoch: it.leader_epochs.get(at).copied().unwrap_or(0),
                replicas: self.replica_set(own),
                in_sync: it.in_sync.get(at).copied().unwrap_or(0),
                ..Partition::default()
            });
        }
        let place = |index: &u32| usize::try_from(*index).ok();
        for (index, at_ms) in it.changed.iter().zip(&it.changed_at_ms) {
            if let Some(partition) = place(index).and_then(|at| partitions.get_mut(at)) {
                partition.changed_at_ms = Some(*at_ms);
            }
        }
        for moved in &it.moves {
            if let Some(partition) = place(&moved.partition).and_then(|at| partitions.get_mut(at)) {
                partition.moving = moving(moved.adding.clone(), moved.removing.clone());
            }
        }
        partitions
    }

    /// A partition that differs. One of a topic that was never told, or beyond its end by more than
    /// one, is left out: a frame that follows tells the topic.
    pub(super) fn change(&mut self, it: v1::PartitionState) {
        let replicas = self.replica_set(&it.replicas);
        let Some(topic) = self.by_number.get_mut(&it.topic) else { return };
        let Ok(at) = usize::try_from(it.partition) else { return };
        let min = topic.min_insync_replicas;
        match topic.partitions.get(at) {
            Some(old) => {
                topic.tally.remove(old, min);
                self.tally.remove(old, min);
            }
            None if self.tally.partitions >= PARTITIONS_MAX => {
                self.is_cut = true;
                return;
            }
            None if at == topic.partitions.len() => topic.partitions.push(Partition::default()),
            None => return,
        }
        let Some(partition) = topic.partitions.get_mut(at) else { return };
        partition.leader = it.leader;
        partition.leader_epoch = it.leader_epoch;
        partition.replicas = replicas;
        partition.in_sync = it.in_sync;
        partition.changed_at_ms = it.changed_at_ms;
        partition.moving = moving(it.adding, it.removing);
        topic.tally.add(partition, min);
        self.tally.add(partition, min);
    }

    pub(super) fn count_topic(&mut self, it: &v1::TopicCounters, told_ms: i64) {
        let Some(topic) = self.by_number.get_mut(&it.topic) else { return };
        let counters = topic.counters.get_or_insert_default();
        if counters.unknown_count != it.unknown_count {
            // A sum over others than before: the difference came in over years, or never.
            counters.interrupt();
        }
        counters.bytes_in.count(it.at_ms, it.bytes_in, told_ms);
        counters.records_in.count(it.at_ms, it.records_in, told_ms);
        counters.bytes_out.count(it.at_ms, it.bytes_out, told_ms);
        counters.size_bytes = it.size_bytes;
        counters.unknown_count = it.unknown_count;
    }

    pub(super) fn count_partitions(&mut self, it: &v1::PartitionCounters, told_ms: i64) {
        let Some(topic) = self.by_number.get_mut(&it.topic) else { return };
        let mut behind: BTreeMap<u32, Vec<Behind>> = BTreeMap::new();
        for follower in &it.behind {
            behind.entry(follower.partition).or_default().push(behind_of(follower));
        }
        let rows = it.partitions.iter().zip(&it.start_offsets).zip(&it.high_watermarks);
        let rows = rows.zip(&it.end_offsets).zip(&it.size_bytes);
        for ((((index, start), high_watermark), end), size) in rows {
            let at = usize::try_from(*index).ok();
            let Some(partition) = at.and_then(|at| topic.partitions.get_mut(at)) else { continue };
            let counters = partition.counters.get_or_insert_default();
            counters.start_offset = *start;
            counters.high_watermark = *high_watermark;
            counters.size_bytes = *size;
            counters.end_offset.count(it.at_ms, *end, told_ms);
            partition.behind = behind.remove(index).unwrap_or_default().into();
            if let Some(in_sight) = &mut self.in_sight {
                in_sight.insert(PartitionId { topic: it.topic, index: *index });
            }
        }
    }

    /// Topics are not counted from now on.
    pub(super) fn interrupt_topics(&mut self) {
        let counters = self.by_number.values_mut().filter_map(|it| it.counters.as_mut());
        counters.for_each(TopicCounters::interrupt);
    }

    /// Only these partitions are counted from now on; none = all of them.
    pub(super) fn interrupt_all_but(&mut self, kept: Option<BTreeSet<PartitionId>>) {
        let before = std::mem::replace(&mut self.in_sight, kept);
        let Some(kept) = &self.in_sight else { return };
        if let Some(before) = before {
            for id in before.difference(kept) {
                let topic = self.by_number.get_mut(&id.topic);
                let at = usize::try_from(id.index).ok();
                if let Some(it) = topic.zip(at).and_then(|(it, at)| it.partitions.get_mut(at)) {
                    it.interrupt();
                }
            }
            return;
        }
        for topic in self.by_number.values_mut() {
            for (index, partition) in (0..).zip(&mut topic.partitions) {
                if !kept.contains(&PartitionId { topic: topic.number, index }) {
                    partition.interrupt();
                }
            }
        }
    }

    /// Forgets what was counted: it is of another time.
    pub(super) fn forget_counters(&mut self) {
        for topic in self.by_number.values_mut() {
            topic.counters = None;
            for partition in &mut topic.partitions {
                partition.counters = None;
                partition.behind = Box::default();
            }
        }
    }

    fn replica_set(&mut self, of: &[u32]) -> Arc<[u32]> {
        let of = of.get(..REPLICAS_MAX).unwrap_or(of);
        if let Some(known) = self.replica_sets.get(of) {
            return Arc::clone(known);
        }
        if self.replica_sets.len() >= self.replica_sets_max {
            self.replica_sets.retain(|it| Arc::strong_count(it) > 1);
            self.replica_sets_max = self.replica_sets.len().saturating_mul(2).max(REPLICA_SETS_MIN);
        }
        let new: Arc<[u32]> = of.into();
        self.replica_sets.insert(Arc::clone(&new));
        new
    }
}

fn moving(adding: Vec<u32>, removing: Vec<u32>) -> Option<Box<Moving>> {
    let is_moved = !adding.is_empty() || !removing.is_empty();
    is_moved.then(|| Box::new(Moving { adding, removing }))
}

fn behind_of(it: &v1::FollowerLag) -> Behind {
    Behind { broker: it.broker, records: it.records, caught_up_at_ms: it.caught_up_at_ms }
}
