//! What brokers tell for a plan. Who does not answer leaves his part unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::Admin;
use super::super::gather::{Figures, Wanted};
use crate::controller::plan::{
    Measured, MeasuredRate, PartitionFacts, Plan, QuorumFacts, ReplicaFacts, auto_rate, links_left,
};
use crate::ids::{BrokerId, PartitionId};
use crate::metadata::{MetadataImage, PlanImage};

impl Admin {
    /// A plan with the facts that the image does not hold. Those that only a plan's own links and
    /// disks have are found out for it, and it is made again with them.
    pub(super) async fn measured_plan<E>(
        &self,
        image: &MetadataImage,
        make: impl Fn(&Measured) -> Result<Plan, E>,
    ) -> Result<(Plan, Measured), E> {
        let mut figures = self.all_figures(Wanted::Everything).await;
        let measured = self.measured(image, &figures);
        let plan = make(&measured)?;
        let unknown = unknown(&measured, plan.links());
        if unknown.is_empty() {
            return Ok((plan, measured));
        }
        self.find_figures(&unknown, &mut figures).await;
        let measured = self.measured(image, &figures);
        Ok((make(&measured)?, measured))
    }

    /// What `--throttle auto` comes to for the rest of a plan.
    pub(super) async fn measured_auto(
        &self,
        image: &MetadataImage,
        plan: &PlanImage,
    ) -> Option<u64> {
        let mut figures = self.all_figures(Wanted::Everything).await;
        let unknown = unknown(&self.measured(image, &figures), links_left(plan, image));
        self.find_figures(&unknown, &mut figures).await;
        auto_rate(plan, image, &self.node.fixed, &self.measured(image, &figures))
    }

    fn measured(&self, image: &MetadataImage, figures: &Figures) -> Measured {
        let status = self.node.controller.status();
        let mut measured = Measured {
            at: self.node.clock.now(),
            quorum: Some(QuorumFacts { voters: status.voters }),
            ..Measured::default()
        };
        add_partitions(&mut measured, image, figures);
        for it in figures.answers() {
            let online = || it.dirs.iter().filter(|dir| dir.online);
            let broker = BrokerId(it.broker);
            let facts = measured.brokers.entry(broker).or_default();
            facts.disk_total = online().map(|dir| dir.total_bytes).sum();
            facts.disk_free = online().map(|dir| dir.free_bytes).sum();
            measured.add_rates(it.rates.iter().map(|rate| MeasuredRate {
                broker,
                from: rate.from.map(BrokerId),
                bytes_per_second: rate.bytes_per_second,
                bytes: rate.bytes,
                age_ms: rate.age_ms,
                probed: rate.probed,
            }));
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

/// What leaders know of their partitions, and what brokers take in and send for those in sync: what a
/// plan copies is not among it.
fn add_partitions(measured: &mut Measured, image: &MetadataImage, figures: &Figures) {
    for it in figures.answers() {
        let facts = measured.brokers.entry(BrokerId(it.broker)).or_default();
        (facts.in_now, facts.out_now) = (Some(0), Some(0));
    }
    for topic in image.topics() {
        for (index, partition) in topic.partitions() {
            let id = PartitionId { topic: topic.id, index };
            let Some(leader) = figures.leader(partition.leader, &topic.name, index.0) else {
                continue;
            };
            let (bytes, ingest) = (leader.size_bytes, leader.intake_bytes_per_second);
            let facts = PartitionFacts { bytes: Some(bytes), ingest: Some(ingest) };
            measured.partitions.insert(id, facts);
            for it in &leader.followers {
                let caught_up = it.last_caught_up_at_ms;
                let lag_ms = caught_up.and_then(|at| u64::try_from(measured.at.0 - at).ok());
                let facts = ReplicaFacts { lag_bytes: None, lag_ms };
                measured.replicas.insert((id, BrokerId(it.broker)), facts);
            }
            for member in &partition.isr {
                let takes = measured.brokers.entry(*member).or_default();
                takes.in_now = takes.in_now.map(|sum| sum.saturating_add(ingest));
            }
            let copies = partition.isr.len().saturating_sub(1) as u64;
            let gives = partition.leader.and_then(|id| measured.brokers.get_mut(&id));
            if let Some(gives) = gives {
                let out = ingest.saturating_mul(copies);
                gives.out_now = gives.out_now.map(|sum| sum.saturating_add(out));
            }
        }
    }
}

/// The links of a plan with a rate that nobody knows, and the brokers whose disks have none.
fn unknown(
    measured: &Measured,
    links: BTreeMap<BrokerId, BTreeSet<BrokerId>>,
) -> BTreeMap<BrokerId, BTreeSet<BrokerId>> {
    let lacks = |to: BrokerId, from: BTreeSet<BrokerId>| {
        let unknown = from.into_iter().filter(|from| !measured.links.contains_key(&(*from, to)));
        let unknown: BTreeSet<BrokerId> = unknown.collect();
        let disks = measured.broker(to).write_max.is_none();
        (disks || !unknown.is_empty()).then_some((to, unknown))
    };
    links.into_iter().filter_map(|(to, from)| lacks(to, from)).collect()
}
