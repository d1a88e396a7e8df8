//! Counters of brokers, topics and partitions: what one broker counted, and what all of them told.
//!
//! ```text
//!   partitions --sample--> Counts --changes_since--> SampleResponse --merge--> Counts of the cluster
//! ```
//! The maps share what has not changed, so that a copy costs nothing, and the difference of two of
//! them what differs. So whoever asks keeps what it was told last, and gets what has changed since,
//! however long ago that was.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::OrdMap;
use imbl::ordmap::DiffItem;
use kq_proto::monitor::v1;
use uuid::Uuid;

use crate::ids::{BrokerId, PartitionId, PartitionIndex, TopicId};

/// Counters at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Counts {
    pub(super) brokers: OrdMap<BrokerId, Arc<v1::BrokerCounters>>,
    /// What each broker told of a topic.
    pub(super) topics: OrdMap<(TopicId, BrokerId), TopicRow>,
    /// What the leader of a partition told last.
    pub(super) partitions: OrdMap<PartitionId, PartitionRow>,
    pub(super) silent: Arc<BTreeMap<BrokerId, Silence>>,
}

/// Why a broker's counters are old.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silence {
    /// Since when it does not tell them, in milliseconds since 1970.
    pub since_ms: i64,
    /// Why, in words.
    pub why: String,
}

/// What a broker counted of one topic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TopicRow {
    /// When it last changed, by the clock of the broker.
    pub at_ms: i64,
    /// What it was then.
    pub figures: TopicFigures,
}

/// What goes through a topic on one broker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TopicFigures {
    /// Bytes from producers.
    pub bytes_in: u64,
    /// Records from producers.
    pub records_in: u64,
    /// Bytes to readers.
    pub bytes_out: u64,
    /// Of the logs of the partitions that it leads.
    pub size_bytes: u64,
}

/// What a leader counted of its partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionRow {
    /// Who told.
    pub by: BrokerId,
    /// When it last changed, by the clock of that broker.
    pub at_ms: i64,
    /// What it was then.
    pub figures: PartitionFigures,
}

/// A partition as its leader sees it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PartitionFigures {
    /// The log start offset.
    pub start: u64,
    /// The high watermark.
    pub high_watermark: u64,
    /// The log end offset.
    pub end: u64,
    /// Of its log.
    pub size_bytes: u64,
    /// Followers that have lacked something for more than a second.
    pub behind: Option<Arc<[Behind]>>,
}

/// A follower that lacks something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    /// Which broker.
    pub broker: BrokerId,
    /// Records that it lacks.
    pub records: u64,
    /// When it last held everything, in milliseconds since 1970.
    pub caught_up_at_ms: i64,
}

impl Counts {
    /// Takes in what this broker counted of the partitions that it leads and of topics; both come in
    /// the order of their keys. What it leads no longer is forgotten.
    pub fn sample(
        &mut self,
        (me, at_ms): (BrokerId, i64),
        partitions: impl IntoIterator<Item = (PartitionId, PartitionFigures)>,
        topics: impl IntoIterator<Item = (TopicId, TopicFigures)>,
    ) {
        let mut sizes: BTreeMap<TopicId, u64> = BTreeMap::new();
        let mut changed = Vec::new();
        let mut gone = Vec::new();
        let mut before = self.partitions.iter().peekable();
        let mut of_topic: Option<(TopicId, u64)> = None;
        for (id, figures) in partitions {
            of_topic = match of_topic {
                Some((topic, sum)) if topic == id.topic => Some((topic, sum + figures.size_bytes)),
                other => {
                    sizes.extend(other);
                    Some((id.topic, figures.size_bytes))
                }
            };
            while let Some((key, _)) = before.next_if(|(key, _)| **key < id) {
                gone.push(*key);
            }
            let was = before.next_if(|(key, _)| **key == id);
            if was.is_none_or(|(_, row)| row.figures != figures) {
                changed.push((id, PartitionRow { by: me, at_ms, figures }));
            }
        }
        sizes.extend(of_topic);
        gone.extend(before.map(|(key, _)| *key));
        for id in gone {
            self.partitions.remove(&id);
        }
        for (id, row) in changed {
            self.partitions.insert(id, row);
        }
        let topics = topics.into_iter().map(|(topic, figures)| {
            let size_bytes = sizes.get(&topic).copied().unwrap_or(0);
            (topic, TopicFigures { size_bytes, ..figures })
        });
        self.sample_topics(me, at_ms, topics.collect());
    }

    fn sample_topics(&mut self, me: BrokerId, at_ms: i64, now: BTreeMap<TopicId, TopicFigures>) {
        let gone = self.topics.keys().filter(|(topic, _)| !now.contains_key(topic));
        for key in gone.copied().collect::<Vec<_>>() {
            self.topics.remove(&key);
        }
        for (topic, figures) in now {
            let key = (topic, me);
            if self.topics.get(&key).is_none_or(|row| row.figures != figures) {
                self.topics.insert(key, TopicRow { at_ms, figures });
            }
        }
    }

    /// Nobody wants to know of topics and partitions.
    pub fn forget_partitions(&mut self) {
        self.topics = OrdMap::new();
        self.partitions = OrdMap::new();
    }

    /// What a broker counted of itself.
    pub fn put_broker(&mut self, counters: v1::BrokerCounters) {
        self.brokers.insert(BrokerId(counters.broker), Arc::new(counters));
    }

    /// Who does not tell its counters.
    pub fn put_silent(&mut self, silent: BTreeMap<BrokerId, Silence>) {
        if *self.silent != silent {
            self.silent = Arc::new(silent);
        }
    }

    /// What one broker counted, or what has changed of it since.
    pub fn changes_since(&self, before: Option<&Self>, of: BrokerId) -> v1::SampleResponse {
        let nothing = Self::default();
        let before = before.unwrap_or(&nothing);
        let mut places = Places::default();
        let mut answer = v1::SampleResponse {
            broker: self.brokers.get(&of).map(|it| v1::BrokerCounters::clone(it)),
            ..v1::SampleResponse::default()
        };
        for ((topic, _), row) in news(before.topics.diff(&self.topics)) {
            answer.topics.push(topic_counters(places.of(*topic), row.at_ms, row.figures));
        }
        let mut rows = Rows::default();
        for (id, row) in news(before.partitions.diff(&self.partitions)) {
            rows.add(places.of(id.topic), id.index, row);
        }
        answer.partitions = rows.into_messages();
        answer.topic_ids = places.ids;
        answer
    }

    /// Takes in what a broker told. The first that it tells is all, and takes the place of what was
    /// known by it. What makes no sense is left out.
    pub fn merge(&mut self, from: BrokerId, is_first: bool, told: v1::SampleResponse) {
        if is_first {
            self.forget_told_by(from);
        }
        if let Some(broker) = told.broker.filter(|it| it.broker == from.0) {
            self.put_broker(broker);
        }
        let ids: Vec<Option<TopicId>> =
            told.topic_ids.iter().map(|id| Uuid::from_slice(id).ok().map(TopicId)).collect();
        let topic_of = |place: u32| *ids.get(usize::try_from(place).ok()?)?;
        for it in told.topics {
            let Some(topic) = topic_of(it.topic) else { continue };
            let v1::TopicCounters { at_ms, bytes_in, records_in, bytes_out, size_bytes, .. } = it;
            let figures = TopicFigures { bytes_in, records_in, bytes_out, size_bytes };
            self.topics.insert((topic, from), TopicRow { at_ms, figures });
        }
        for it in told.partitions {
            let Some(topic) = topic_of(it.topic) else { continue };
            self.merge_partitions(from, topic, &it);
        }
    }

    fn merge_partitions(&mut self, from: BrokerId, topic: TopicId, it: &v1::PartitionCounters) {
        let mut behind: BTreeMap<u32, Vec<Behind>> = BTreeMap::new();
        for lag in &it.behind {
            behind.entry(lag.partition).or_default().push(Behind {
                broker: BrokerId(lag.broker),
                records: lag.records,
                caught_up_at_ms: lag.caught_up_at_ms.unwrap_or(0),
            });
        }
        let offsets = it.start_offsets.iter().zip(&it.high_watermarks).zip(&it.end_offsets);
        let rows = it.partitions.iter().zip(offsets).zip(&it.size_bytes);
        for ((index, ((start, high_watermark), end)), size_bytes) in rows {
            let figures = PartitionFigures {
                start: *start,
                high_watermark: *high_watermark,
                end: *end,
                size_bytes: *size_bytes,
                behind: behind.remove(index).map(Into::into),
            };
            let id = PartitionId { topic, index: PartitionIndex(*index) };
            self.partitions.insert(id, PartitionRow { by: from, at_ms: it.at_ms, figures });
        }
    }

    fn forget_told_by(&mut self, broker: BrokerId) {
        let by = self.partitions.iter().filter(|(_, row)| row.by == broker);
        for id in by.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.partitions.remove(&id);
        }
        let by = self.topics.keys().filter(|(_, by)| *by == broker);
        for key in by.copied().collect::<Vec<_>>() {
            self.topics.remove(&key);
        }
    }

    /// A broker is no member of the cluster any more.
    pub fn forget_broker(&mut self, broker: BrokerId) {
        self.brokers.remove(&broker);
        self.forget_told_by(broker);
    }

    /// A topic is gone.
    pub fn forget_topic(&mut self, topic: TopicId) {
        for key in self.of_topic(topic).map(|(by, _)| (topic, by)).collect::<Vec<_>>() {
            self.topics.remove(&key);
        }
        for id in self.partitions_of(topic).map(|(id, _)| id).collect::<Vec<_>>() {
            self.partitions.remove(&id);
        }
    }

    /// Whether a broker has told anything of itself.
    pub fn knows(&self, broker: BrokerId) -> bool {
        self.brokers.contains_key(&broker)
    }

    /// The brokers that have told.
    pub fn brokers(&self) -> impl Iterator<Item = BrokerId> {
        self.brokers.keys().copied()
    }

    /// Why a broker's counters are old; none if they are not.
    pub fn silence_of(&self, broker: BrokerId) -> Option<&Silence> {
        self.silent.get(&broker)
    }

    /// What brokers told of a topic.
    pub(super) fn of_topic(&self, topic: TopicId) -> impl Iterator<Item = (BrokerId, &TopicRow)> {
        let all = (topic, BrokerId(0))..=(topic, BrokerId(u32::MAX));
        self.topics.range(all).map(|((_, by), row)| (*by, row))
    }

    /// What leaders told of a topic's partitions.
    pub(super) fn partitions_of(
        &self,
        topic: TopicId,
    ) -> impl Iterator<Item = (PartitionId, &PartitionRow)> {
        let at = |index| PartitionId { topic, index: PartitionIndex(index) };
        self.partitions.range(at(0)..=at(u32::MAX)).map(|(id, row)| (*id, row))
    }
}

/// What is new or has changed in a map.
pub(super) fn news<'a, K, V>(
    diff: impl Iterator<Item = DiffItem<'a, 'a, K, V>>,
) -> impl Iterator<Item = (&'a K, &'a V)>
where
    K: 'a,
    V: 'a,
{
    diff.filter_map(|item| match item {
        DiffItem::Add(key, value) | DiffItem::Update { new: (key, value), .. } => {
            Some((key, value))
        }
        DiffItem::Remove(..) => None,
    })
}

/// Topics in the order in which they are first named.
#[derive(Debug, Default)]
struct Places {
    ids: Vec<bytes::Bytes>,
    by_topic: BTreeMap<TopicId, u32>,
}

impl Places {
    fn of(&mut self, topic: TopicId) -> u32 {
        let Self { ids, by_topic } = self;
        *by_topic.entry(topic).or_insert_with(|| {
            ids.push(bytes::Bytes::copy_from_slice(topic.0.as_bytes()));
            u32::try_from(ids.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

/// Rows of partitions, gathered by topic and by when they were counted.
#[derive(Debug, Default)]
pub(super) struct Rows {
    messages: BTreeMap<(u32, i64), v1::PartitionCounters>,
}

impl Rows {
    pub(super) fn add(&mut self, topic: u32, index: PartitionIndex, row: &PartitionRow) {
        let PartitionFigures { start, high_watermark, end, size_bytes, behind } = &row.figures;
        let message = self.messages.entry((topic, row.at_ms)).or_default();
        (message.topic, message.at_ms) = (topic, row.at_ms);
        message.partitions.push(index.0);
        message.start_offsets.push(*start);
        message.high_watermarks.push(*high_watermark);
        message.end_offsets.push(*end);
        message.size_bytes.push(*size_bytes);
        message.behind.extend(behind.iter().flat_map(|it| it.iter()).map(|it| v1::FollowerLag {
            partition: index.0,
            broker: it.broker.0,
            records: it.records,
            caught_up_at_ms: Some(it.caught_up_at_ms).filter(|at| *at > 0),
        }));
    }

    pub(super) fn into_messages(self) -> Vec<v1::PartitionCounters> {
        self.messages.into_values().collect()
    }
}

pub(super) fn topic_counters(topic: u32, at_ms: i64, of: TopicFigures) -> v1::TopicCounters {
    let TopicFigures { bytes_in, records_in, bytes_out, size_bytes } = of;
    v1::TopicCounters {
        topic,
        at_ms,
        bytes_in,
        records_in,
        bytes_out,
        size_bytes,
        unknown_count: 0,
    }
}
