//! What the made-up brokers counted by a moment. Each count is a formula of the time, so that any
//! moment can be told without those before it.

use kq_proto::monitor::v1;

use super::chance::below;
use super::cluster::{Cluster, Topic};
use super::story::{BEGIN_MS, BROKERS, Standing};

const STARTED_MS: i64 = BEGIN_MS - 9 * 86_400_000;
/// Of one record.
const RECORD_BYTES: u64 = 512;
/// Of one segment: retention deletes whole ones.
const SEGMENT_RECORDS: u64 = 2_000_000;
/// What retention leaves at least.
const KEPT_RECORDS: u64 = 9_000_000;

impl Cluster {
    /// Of each broker that answers.
    pub(super) fn broker_counters(
        &self,
        at_ms: i64,
        standing: &Standing,
    ) -> Vec<v1::BrokerCounters> {
        let live = (1..=BROKERS).filter(|id| standing.out() != Some(*id));
        live.map(|id| self.counted_by(id, at_ms)).collect()
    }

    fn counted_by(&self, id: u32, at_ms: i64) -> v1::BrokerCounters {
        let seed = self.story.seed;
        let last = self.story.last_of(id, at_ms);
        let started_at_ms = last.map_or(STARTED_MS, |it| it.back_ms);
        let rate: u64 = self.topics.iter().map(|it| it.rate).sum::<u64>() / u64::from(BROKERS);
        let bytes_in = sum(seed, (id.into(), rate), at_ms - started_at_ms);
        let second = seconds(at_ms);
        v1::BrokerCounters {
            broker: id,
            at_ms,
            started_at_ms,
            bytes_in,
            records_in: bytes_in / RECORD_BYTES,
            bytes_out: bytes_in * 2 + bytes_in / 8,
            replicated_bytes_in: bytes_in * 2,
            disk_total_bytes: Some(4_000_000_000_000),
            disk_free_bytes: Some(1_600_000_000_000 - below(90_000_000_000, seed, &[id.into()])),
            connections: 110
                + u32::try_from(below(9, seed, &[id.into(), second / 10])).unwrap_or(0),
            produce_p99_us: Some(3_800 + below(900, seed, &[id.into(), second])),
            ..v1::BrokerCounters::default()
        }
    }

    /// Of a topic.
    pub(super) fn topic_counters(
        &self,
        topic: &Topic,
        at_ms: i64,
        standing: &Standing,
    ) -> v1::TopicCounters {
        let bytes_in = sum(self.story.seed, (topic.number.into(), topic.rate), at_ms - STARTED_MS);
        let untold = (0..topic.partitions)
            .filter(|at| self.partition(topic, *at, standing).leader.is_none())
            .count();
        v1::TopicCounters {
            topic: topic.number,
            at_ms,
            bytes_in,
            records_in: bytes_in / RECORD_BYTES,
            bytes_out: bytes_in * 2,
            size_bytes: bytes_in % 900_000_000_000,
            unknown_count: u32::try_from(untold).unwrap_or(0),
        }
    }

    /// Of these partitions of a topic; nobody tells of those without a leader.
    pub(super) fn partition_counters(
        &self,
        topic: &Topic,
        partitions: impl Iterator<Item = u32>,
        (at_ms, standing): (i64, &Standing),
    ) -> v1::PartitionCounters {
        let mut told = v1::PartitionCounters {
            topic: topic.number,
            at_ms,
            ..v1::PartitionCounters::default()
        };
        for at in partitions.filter(|it| *it < topic.partitions) {
            let state = self.partition(topic, at, standing);
            if state.leader.is_none() {
                continue;
            }
            let end = self.end(topic, at, at_ms);
            told.partitions.push(at);
            let start = start_before(end);
            told.start_offsets.push(start);
            told.high_watermarks.push(end);
            told.end_offsets.push(end);
            told.size_bytes.push((end - start) * RECORD_BYTES);
            let missed = standing.now.filter(|it| {
                standing.is_behind && state.replicas.contains(&it.broker) && topic.copies > 1
            });
            if let Some(it) = missed {
                let then = self.end(topic, at, it.fenced_ms);
                told.behind.push(v1::FollowerLag {
                    partition: at,
                    broker: it.broker,
                    records: end.saturating_sub(then),
                    caught_up_at_ms: Some(it.fenced_ms),
                });
            }
        }
        told
    }

    /// The log end offset of a partition.
    pub(super) fn end(&self, topic: &Topic, partition: u32, at_ms: i64) -> u64 {
        let rate = topic.rate / u64::from(topic.partitions.max(1)) / RECORD_BYTES;
        let of = (u64::from(topic.number) << 32) | u64::from(partition);
        sum(self.story.seed, (of, rate.max(1)), at_ms - STARTED_MS)
    }

    /// What came in during a minute since 1970, of all topics.
    pub(super) fn minute_bytes(&self, minute: u32) -> u64 {
        let rate: u64 = self.topics.iter().map(|it| it.rate).sum();
        rate * 60 + below(rate * 9, self.story.seed, &[minute.into(), 60])
    }
}

/// The log start offset of a partition whose log ends there.
pub(super) const fn start_before(end: u64) -> u64 {
    let old = end.saturating_sub(KEPT_RECORDS);
    old - old % SEGMENT_RECORDS
}

/// What comes to a rate a second in so many milliseconds, a little more or less each second, and never
/// less than before.
fn sum(seed: u64, (of, rate): (u64, u64), elapsed_ms: i64) -> u64 {
    let second = seconds(elapsed_ms);
    rate * second + below(rate / 4, seed, &[of, second])
}

fn seconds(ms: i64) -> u64 {
    u64::try_from(ms / 1_000).unwrap_or(0)
}
