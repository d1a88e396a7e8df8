//! What the metadata quorum and its image tell when someone looks.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::gauge::ConstGauge;

use crate::metadata::MetadataImage;
use crate::raft::{Controller, ControllerStatus};

/// Reads one broker's controller.
#[derive(Debug)]
pub(super) struct QuorumMetrics {
    controller: Controller,
}

/// How the partitions of the cluster stand.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct PartitionSum {
    total: u64,
    offline: u64,
    under_replicated: u64,
}

impl QuorumMetrics {
    pub(super) fn new(controller: &Controller) -> Self {
        Self { controller: controller.clone() }
    }
}

impl Collector for QuorumMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (status, image) = (self.controller.status(), self.controller.image());
        for (name, help, value) in gauges(&status, &image) {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        Ok(())
    }
}

fn gauges(
    status: &ControllerStatus,
    image: &MetadataImage,
) -> [(&'static str, &'static str, u64); 11] {
    let sum = PartitionSum::of(image);
    let active = image.live_brokers().count() as u64;
    let fenced = image.brokers().count() as u64 - active;
    [
        ("quorum_has_leader", "Whether a controller leads", u64::from(status.leader.is_some())),
        (
            "quorum_voters",
            "Voters that a majority is counted of, in the smaller set while they change",
            status.deciding as u64,
        ),
        ("quorum_term", "The term of the metadata quorum", status.term),
        (
            "quorum_log_index",
            "The index of the last entry in this voter's log",
            status.last_log_index.unwrap_or(0),
        ),
        (
            "quorum_snapshot_index",
            "The index of the last entry in this voter's snapshot",
            status.snapshot_index.unwrap_or(0),
        ),
        ("cluster_brokers_active", "Brokers that may lead", active),
        ("cluster_brokers_fenced", "Brokers that may not lead", fenced),
        (
            "cluster_topics",
            "Topics, deleted ones that are kept included",
            image.topics_total() as u64,
        ),
        ("cluster_partitions", "Partitions of the visible topics", sum.total),
        ("cluster_partitions_offline", "Partitions without a leader", sum.offline),
        (
            "cluster_partitions_under_replicated",
            "Partitions with a replica out of the ISR, those that a reassignment adds left out",
            sum.under_replicated,
        ),
    ]
}

impl PartitionSum {
    fn of(image: &MetadataImage) -> Self {
        let mut sum = Self::default();
        for partition in image.topics().flat_map(|topic| &topic.partitions) {
            sum.total += 1;
            sum.offline += u64::from(partition.leader.is_none());
            sum.under_replicated += u64::from(partition.is_under_replicated());
        }
        sum
    }
}
