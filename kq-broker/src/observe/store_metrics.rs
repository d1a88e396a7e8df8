//! What the partitions tell when someone looks; between looks it costs nothing.

use std::fmt;
use std::sync::{Arc, Weak};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::runtime::{Description, Partitions, TopicCounts};

/// Topics with series of their own; the others are summed up under one name, so that the number
/// of series stays bounded however many topics there are.
const TOPIC_SERIES_MAX: usize = 1_000;
/// The name of the sum. No topic can have it: `<` is not allowed in a topic's name.
const OTHERS: &str = "<others>";

/// Reads the partitions of one broker.
#[derive(Debug)]
pub(super) struct StoreMetrics {
    store: Weak<Partitions>,
}

/// Counts, sizes and the number of partitions of one topic.
#[derive(Debug, Default)]
struct TopicSum {
    name: String,
    counts: TopicCounts,
    size_bytes: u64,
    segments: usize,
    partitions: usize,
    in_sync: usize,
    under_replicated: usize,
}

/// One column of the topics: its name, what it means, and its value.
type Column = (&'static str, &'static str, MetricType, fn(&TopicSum) -> u64);

const COLUMNS: &[Column] = &[
    ("topic_received_bytes", "Bytes of record batches appended", MetricType::Counter, |it| {
        it.counts.bytes_in
    }),
    ("topic_received_records", "Records appended", MetricType::Counter, |it| it.counts.records_in),
    ("topic_received_batches", "Record batches appended", MetricType::Counter, |it| {
        it.counts.batches_in
    }),
    (
        "topic_sent_bytes",
        "Bytes of record batches in answers to readers",
        MetricType::Counter,
        |it| it.counts.bytes_out,
    ),
    ("topic_log_size_bytes", "Bytes of segments", MetricType::Gauge, |it| it.size_bytes),
    ("topic_log_segments", "Segments", MetricType::Gauge, |it| it.segments as u64),
    ("topic_partitions", "Partitions led by this broker", MetricType::Gauge, |it| {
        it.partitions as u64
    }),
    (
        "topic_in_sync_replicas",
        "In-sync replicas of the partitions led by this broker, added up",
        MetricType::Gauge,
        |it| it.in_sync as u64,
    ),
    (
        "topic_under_replicated_partitions",
        "Partitions led by this broker of which some replica is not in sync and not just being added",
        MetricType::Gauge,
        |it| it.under_replicated as u64,
    ),
];

impl StoreMetrics {
    pub(super) fn new(store: &Arc<Partitions>) -> Self {
        Self { store: Arc::downgrade(store) }
    }
}

impl Collector for StoreMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(store) = self.store.upgrade() else { return Ok(()) };
        encode_store(&store, &mut encoder)?;
        encode_dirs(&store, &mut encoder)?;
        let topics = sums(&store);
        for (name, help, kind, value) in COLUMNS {
            let mut family = encoder.encode_descriptor(name, help, None, *kind)?;
            for topic in &topics {
                let labels = [("topic", topic.name.as_str())];
                let one = family.encode_family(&labels)?;
                if matches!(kind, MetricType::Counter) {
                    ConstCounter::new(value(topic)).encode(one)?;
                } else {
                    ConstGauge::new(value(topic)).encode(one)?;
                }
            }
        }
        Ok(())
    }
}

fn encode_store(store: &Partitions, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let failed = ConstGauge::new(store.failed().len() as u64);
    let help = "Partitions that are given to this broker and cannot be served";
    failed.encode(encoder.encode_descriptor(
        "partitions_failed",
        help,
        None,
        failed.metric_type(),
    )?)?;
    let applied = ConstGauge::new(store.applied());
    let help = "The index of the last metadata entry that stands in files";
    applied.encode(encoder.encode_descriptor(
        "metadata_applied",
        help,
        None,
        applied.metric_type(),
    )?)
}

fn encode_dirs(store: &Partitions, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let dirs: Vec<_> = store.log_dirs().iter().map(|dir| dir.describe()).collect();
    let help = "Whether a log directory is offline";
    let mut family = encoder.encode_descriptor("log_dir_offline", help, None, MetricType::Gauge)?;
    for dir in &dirs {
        let path = dir.path.display().to_string();
        let value = ConstGauge::new(u64::from(dir.offline.is_some()));
        value.encode(family.encode_family(&[("dir", path.as_str())])?)?;
    }
    let help = "Bytes that can still be written to a log directory's volume";
    let mut family =
        encoder.encode_descriptor("log_dir_free_bytes", help, None, MetricType::Gauge)?;
    for dir in &dirs {
        let Some(space) = dir.space else { continue };
        let path = dir.path.display().to_string();
        ConstGauge::new(space.free_bytes)
            .encode(family.encode_family(&[("dir", path.as_str())])?)?;
    }
    Ok(())
}

fn sums(store: &Partitions) -> Vec<TopicSum> {
    let mut sums: Vec<TopicSum> = Vec::new();
    for (name, meter) in store.meters() {
        let sum =
            TopicSum { name: name.to_string(), counts: meter.counts(), ..TopicSum::default() };
        sums.push(sum);
    }
    sums.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    for partition in store.all() {
        let Ok(description) = partition.describe() else { continue };
        let topic = partition.topic();
        if let Ok(at) = sums.binary_search_by(|it| it.name.as_str().cmp(topic))
            && let Some(sum) = sums.get_mut(at)
        {
            sum.add(&description);
        }
    }
    fold_rest(sums)
}

fn fold_rest(mut sums: Vec<TopicSum>) -> Vec<TopicSum> {
    let rest = sums.split_off(sums.len().min(TOPIC_SERIES_MAX));
    if !rest.is_empty() {
        let mut others = TopicSum { name: OTHERS.to_owned(), ..TopicSum::default() };
        for topic in &rest {
            others.add_sum(topic);
        }
        sums.push(others);
    }
    sums
}

impl TopicSum {
    fn add(&mut self, partition: &Description) {
        self.size_bytes += partition.size_bytes;
        self.segments += partition.segment_count;
        self.partitions += usize::from(partition.leads);
        self.in_sync += partition.in_sync_count;
        self.under_replicated += usize::from(partition.is_under_replicated);
    }

    fn add_sum(&mut self, other: &Self) {
        self.counts = self.counts.plus(other.counts);
        self.size_bytes += other.size_bytes;
        self.segments += other.segments;
        self.partitions += other.partitions;
        self.in_sync += other.in_sync;
        self.under_replicated += other.under_replicated;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_beyond_the_limit_share_one_series() {
        let topic = |number: usize| TopicSum {
            name: format!("t{number:05}"),
            size_bytes: 1,
            ..TopicSum::default()
        };
        let folded = fold_rest((0..TOPIC_SERIES_MAX + 7).map(topic).collect());
        assert_eq!(folded.len(), TOPIC_SERIES_MAX + 1);
        assert_eq!(folded.last().map(|it| (it.name.as_str(), it.size_bytes)), Some((OTHERS, 7)));
    }
}
