//! What brokers tell for a plan. Who does not answer leaves his part unknown.

use std::sync::Arc;

use super::super::Admin;
use super::super::gather::{Figures, Wanted};
use crate::controller::plan::{BrokerFacts, Measured, PartitionFacts, QuorumFacts, ReplicaFacts};
use crate::ids::{BrokerId, PartitionId};
use crate::metadata::{MetadataImage, PlanImage};

impl Admin {
    /// The facts that the image does not hold. Rates of links and disks are not measured yet, so
    /// they stay unknown.
    pub(super) async fn measured(&self, image: &MetadataImage) -> Measured {
        let figures = self.all_figures(Wanted::Everything).await;
        let status = self.node.controller.status();
        let mut measured = Measured {
            at: self.node.clock.now(),
            quorum: Some(QuorumFacts { voters: status.voters }),
            ..Measured::default()
        };
        for topic in image.topics() {
            for (index, partition) in topic.partitions() {
                let id = PartitionId { topic: topic.id, index };
                let Some(leader) = figures.leader(partition.leader, &topic.name, index.0) else {
                    continue;
                };
                let bytes = Some(leader.size_bytes);
                measured.partitions.insert(id, PartitionFacts { bytes, ingest: None });
                for it in &leader.followers {
                    let caught_up = it.last_caught_up_at_ms;
                    let lag_ms = caught_up.and_then(|at| u64::try_from(measured.at.0 - at).ok());
                    let facts = ReplicaFacts { lag_bytes: None, lag_ms };
                    measured.replicas.insert((id, BrokerId(it.broker)), facts);
                }
            }
        }
        for it in figures.answers() {
            let online = || it.dirs.iter().filter(|dir| dir.online);
            let facts = BrokerFacts {
                disk_total: online().map(|dir| dir.total_bytes).sum(),
                disk_free: online().map(|dir| dir.free_bytes).sum(),
                ..BrokerFacts::default()
            };
            measured.brokers.insert(BrokerId(it.broker), facts);
        }
        measured
    }

    /// What brokers tell of the topics that plans move now.
    pub(super) async fn figures_of_plans(
        &self,
        image: &MetadataImage,
        plans: &[&Arc<PlanImage>],
    ) -> Figures {
        let moving = plans.iter().filter(|it| super::is_under_way(it));
        let moves = moving.flat_map(|it| it.under_way());
        let topics = moves.filter_map(|it| image.any_topic(it.planned.partition.topic));
        let mut names: Vec<String> = topics.map(|it| it.name.to_string()).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Figures::default();
        }
        self.all_figures(Wanted::Topics(&names)).await
    }
}
