//! Topics and partitions of the image, told with their health.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use kq_proto::admin::v1::{self, Health};

use super::Admin;
use super::answer::id_bytes;
use super::gather::{Figures, Wanted};
use crate::catalogue::{ConfigSources, EffectiveTopicConfig, topic_value};
use crate::ids::{BrokerId, PartitionIndex};
use crate::metadata::{ConfigMap, MetadataImage, PartitionImage, TopicImage};

/// One image with what is needed to describe its topics.
pub(super) struct Shapes {
    pub(super) image: Arc<MetadataImage>,
    pub(super) sources: ConfigSources,
    /// What a topic without values of its own goes by.
    plain: Arc<EffectiveTopicConfig>,
    /// What brokers were asked for; empty unless they were.
    pub(super) figures: Figures,
    /// The broker that answers, and for how long it has lost the controller, if it has.
    pub(super) lost: Option<(BrokerId, Duration)>,
}

/// The states of one partition; several can be true at once.
#[expect(clippy::struct_excessive_bools, reason = "each is counted by itself")]
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PartitionHealth {
    pub(super) is_under_replicated: bool,
    pub(super) is_at_min_isr: bool,
    pub(super) is_under_min_isr: bool,
    pub(super) is_offline: bool,
}

impl PartitionHealth {
    pub(super) fn of(partition: &PartitionImage, min_isr: u32) -> Self {
        let (replicas, in_sync) = (partition.settled().count(), partition.isr.len());
        let min_isr = min_isr as usize;
        Self {
            is_under_replicated: partition.is_under_replicated(),
            is_at_min_isr: in_sync == min_isr && min_isr < replicas,
            is_under_min_isr: in_sync < min_isr,
            is_offline: partition.leader.is_none(),
        }
    }

    /// The worst of its states.
    pub(super) fn worst(self) -> Health {
        if self.is_offline {
            Health::Offline
        } else if self.is_under_min_isr {
            Health::UnderMinIsr
        } else if self.is_at_min_isr {
            Health::AtMinIsr
        } else if self.is_under_replicated {
            Health::UnderReplicated
        } else {
            Health::Ok
        }
    }
}

impl Admin {
    /// The newest image, ready to be described.
    pub(super) fn shapes(&self) -> Shapes {
        let image = self.node.image();
        let sources = ConfigSources::of(&image, self.node.broker_id, &self.node.fixed);
        let plain = Arc::new(EffectiveTopicConfig::resolve(&ConfigMap::new(), &sources));
        let lost = self.node.silence().map(|it| (self.node.broker_id, it));
        Shapes { image, sources, plain, figures: Figures::default(), lost }
    }

    /// The same with figures of the brokers that hold replicas of these topics.
    pub(super) async fn shapes_with(&self, topics: &[String]) -> Shapes {
        let mut shapes = self.shapes();
        let image = Arc::clone(&shapes.image);
        let holders = topics.iter().filter_map(|name| image.topic_by_name(name));
        let holders = holders.flat_map(|it| it.partitions.iter().flat_map(|it| &it.replicas));
        let holders: BTreeSet<BrokerId> =
            holders.copied().filter(|id| image.is_live(*id)).collect();
        shapes.figures = self.figures(holders, Wanted::Topics(topics)).await;
        shapes
    }
}

impl Shapes {
    /// Live brokers that did not answer, when all were asked.
    pub(super) fn silent(&self) -> impl Iterator<Item = BrokerId> {
        let live = self.image.live_brokers().map(|it| it.id);
        live.filter(|id| self.figures.broker(*id).is_none())
    }

    pub(super) fn config_of(&self, topic: &TopicImage) -> Arc<EffectiveTopicConfig> {
        if topic.configs.is_empty() {
            return Arc::clone(&self.plain);
        }
        Arc::new(EffectiveTopicConfig::resolve(&topic.configs, &self.sources))
    }

    /// One row of a list.
    pub(super) fn summary(&self, topic: &TopicImage, with_sizes: bool) -> v1::TopicSummary {
        let config = self.config_of(topic);
        let mut row = v1::TopicSummary {
            name: topic.name.to_string(),
            id: id_bytes(topic.id),
            partition_count: topic.partition_count(),
            replication_factor: count(topic.replication_factor()),
            min_insync_replicas: Some(config.min_insync_replicas),
            internal: topic.is_internal(),
            override_count: count(topic.configs.len()),
            protection: protection(topic),
            created_at_ms: Some(topic.created_at.0),
            retention_ms: config.retention_ms.and_then(|ms| i64::try_from(ms).ok()),
            cleanup_policy: topic_value(&topic.configs, &self.sources, "cleanup.policy")
                .unwrap_or_default(),
            leader_skew: Some(leader_skew(topic)),
            ..v1::TopicSummary::default()
        };
        let mut worst = Health::Ok;
        for (_, partition) in topic.partitions() {
            let health = PartitionHealth::of(partition, config.min_insync_replicas);
            row.under_replicated_count += u32::from(health.is_under_replicated);
            row.at_min_isr_count += u32::from(health.is_at_min_isr);
            row.under_min_isr_count += u32::from(health.is_under_min_isr);
            row.offline_count += u32::from(health.is_offline);
            worst = worst.max(health.worst());
        }
        row.set_health(worst);
        if with_sizes {
            (row.size_bytes, row.offset_span) = self.sizes(topic);
        }
        row
    }

    /// Bytes of all replicas and records of all partitions, as far as all who know have told.
    fn sizes(&self, topic: &TopicImage) -> (Option<u64>, Option<u64>) {
        let replicas = topic
            .partitions()
            .flat_map(|(index, partition)| partition.replicas.iter().map(move |id| (index, *id)));
        let bytes = replicas
            .map(|(index, id)| Some(self.figures.replica(id, &topic.name, index.0)?.size_bytes))
            .sum();
        let span = topic.partitions().map(|(index, partition)| {
            let leader = self.figures.leader(partition.leader, &topic.name, index.0)?;
            Some(leader.high_watermark.saturating_sub(leader.log_start_offset))
        });
        (bytes, span.sum())
    }

    /// All partitions of a topic.
    pub(super) fn partitions(&self, topic: &TopicImage) -> Vec<v1::PartitionDescription> {
        let min_isr = self.config_of(topic).min_insync_replicas;
        topic
            .partitions()
            .map(|(index, partition)| self.partition(topic, (index, partition), min_isr))
            .collect()
    }

    /// One of them.
    pub(super) fn partition(
        &self,
        topic: &TopicImage,
        (index, partition): (PartitionIndex, &PartitionImage),
        min_isr: u32,
    ) -> v1::PartitionDescription {
        let list = |ids: &[BrokerId]| ids.iter().map(|id| id.0).collect();
        let leader = self.figures.leader(partition.leader, &topic.name, index.0);
        let health = PartitionHealth::of(partition, min_isr);
        let mut row = v1::PartitionDescription {
            index: index.0,
            leader: partition.leader.map(|id| id.0),
            preferred_leader: partition.replicas.first().map(|id| id.0),
            leader_epoch: partition.leader_epoch.0,
            partition_epoch: partition.partition_epoch.0,
            replicas: list(&partition.replicas),
            isr: list(&partition.isr),
            elr: list(&partition.elr),
            adding: list(&partition.adding),
            removing: list(&partition.removing),
            log_start_offset: leader.map(|it| it.log_start_offset),
            last_stable_offset: leader.map(|it| it.last_stable_offset),
            high_watermark: leader.map(|it| it.high_watermark),
            log_end_offset: leader.map(|it| it.log_end_offset),
            size_bytes: leader.map(|it| it.size_bytes),
            why: why(partition, health, min_isr),
            health: 0,
        };
        row.set_health(health.worst());
        row
    }
}

/// Why a partition is not well, in words.
pub(super) fn why(partition: &PartitionImage, health: PartitionHealth, min_isr: u32) -> String {
    let outside: Vec<String> = partition
        .settled()
        .filter(|id| !partition.isr.contains(id))
        .map(|id| id.to_string())
        .collect();
    let (noun, be) = if outside.len() == 1 { ("broker", "is") } else { ("brokers", "are") };
    let outside = format!("{noun} {} {be} not in sync", outside.join(", "));
    match health.worst() {
        Health::Offline if nobody_holds_all(partition) => {
            let earlier = match &partition.last_known[..] {
                [] => String::new(),
                list => format!("; left the ISR before: {}", ids(list)),
            };
            format!("no replica may lead: the last in sync came back without its log{earlier}")
        }
        Health::Offline => {
            let holders = [&partition.isr[..], &partition.elr[..]].concat();
            format!("no replica may lead; the last in sync: {}", ids(&holders))
        }
        Health::UnderMinIsr => {
            format!("{} in sync, {min_isr} needed for acks=all", partition.isr.len())
        }
        Health::AtMinIsr => format!("{outside}; one more stops acks=all"),
        Health::UnderReplicated => outside,
        Health::Ok | Health::Unspecified => String::new(),
    }
}

/// Whether the last replica that held all that is committed lost its log: what was committed while
/// it was alone, nobody can count.
pub(super) fn nobody_holds_all(partition: &PartitionImage) -> bool {
    partition.isr.is_empty() && partition.elr.is_empty()
}

fn ids(list: &[BrokerId]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

pub(super) fn protection(topic: &TopicImage) -> Option<v1::Protection> {
    topic
        .protection
        .as_ref()
        .map(|it| v1::Protection { reason: it.reason.to_string(), since_at_ms: Some(it.since.0) })
}

/// Most leaders on one broker minus fewest, over brokers that hold replicas.
fn leader_skew(topic: &TopicImage) -> u32 {
    let mut leaders: BTreeMap<BrokerId, u32> = BTreeMap::new();
    for (_, partition) in topic.partitions() {
        for id in &partition.replicas {
            *leaders.entry(*id).or_default() += u32::from(partition.leader == Some(*id));
        }
    }
    let most = leaders.values().max().copied().unwrap_or(0);
    most - leaders.values().min().copied().unwrap_or(0)
}

/// A number of things as the wire carries it.
pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As in Kafka: a healthy partition stays one while a move brings replicas to it.
    #[test]
    fn what_a_move_still_copies_is_no_fault_and_what_fell_behind_is() {
        let ids = |list: &[u32]| list.iter().copied().map(BrokerId).collect::<Vec<_>>();
        let health = |isr: &[u32], adding: &[u32]| {
            let partition = PartitionImage {
                replicas: ids(&[1, 2, 3]),
                isr: ids(isr),
                adding: ids(adding),
                leader: isr.first().copied().map(BrokerId),
                ..PartitionImage::default()
            };
            PartitionHealth::of(&partition, 1).worst()
        };
        assert_eq!(health(&[1, 2], &[3]), Health::Ok);
        assert_eq!(health(&[1, 3], &[3]), Health::UnderReplicated, "2 is out, whoever is added");
        assert_eq!(health(&[1, 2], &[]), Health::UnderReplicated);
        assert_eq!(health(&[1], &[3]), Health::AtMinIsr);
    }
}
