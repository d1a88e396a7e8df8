//! Whether a broker can be restarted now: the facts of the check, and its answer on the wire.

use std::collections::BTreeMap;

use kq_proto::admin::v1;
use tonic::Status;

use super::Admin;
use super::brokers::unknown_broker;
use super::gather::{Figures, Wanted};
use super::shape::count;
use crate::catalogue::ConfigSources;
use crate::controller::{FollowerLag, RestartFacts, Risk, RiskKind, check_restart};
use crate::ids::{BrokerId, PartitionId};
use crate::metadata::MetadataImage;

impl Admin {
    /// What a restart of a broker would do.
    pub(super) async fn check_restart(
        &self,
        broker: BrokerId,
    ) -> Result<v1::RestartCheckResponse, Status> {
        let image = self.node.image();
        if image.broker(broker).is_none() {
            return Err(unknown_broker(broker.0).into());
        }
        let figures = if image.is_live(broker) {
            self.figures([broker], Wanted::Everything).await
        } else {
            Figures::default()
        };
        let facts = RestartFacts {
            voters: self.node.controller.status().voters,
            followers: followers(&image, &figures, broker),
        };
        let sources = ConfigSources::of_cluster(&image, &self.node.fixed);
        let risks = check_restart(&image, &sources, &facts, broker);
        let partitions = || image.topics().flat_map(|it| &it.partitions);
        let held = partitions().filter(|it| it.replicas.contains(&broker)).count();
        Ok(v1::RestartCheckResponse {
            safe: risks.is_empty(),
            leader_count: count(partitions().filter(|it| it.leader == Some(broker)).count()),
            replica_count: count(held),
            risks: risks.into_iter().map(risk_of).collect(),
        })
    }
}

/// How far the followers of what a broker leads are.
fn followers(
    image: &MetadataImage,
    figures: &Figures,
    leader: BrokerId,
) -> BTreeMap<PartitionId, Vec<FollowerLag>> {
    let Some(told) = figures.broker(leader) else { return BTreeMap::new() };
    let lags = |led: &v1::ReplicaFigures| -> Vec<FollowerLag> {
        let lag = |it: &v1::FollowerFigures| {
            let caught_up_at = it.last_caught_up_at_ms?;
            Some(FollowerLag {
                broker: BrokerId(it.broker),
                records: led.log_end_offset.saturating_sub(it.log_end_offset?),
                behind_ms: u64::try_from(told.now_ms - caught_up_at).unwrap_or(0),
            })
        };
        led.followers.iter().filter_map(lag).collect()
    };
    let led = figures.replicas_on(leader).filter(|it| it.leads);
    led.filter_map(|it| {
        let topic = image.topic_by_name(&it.topic)?;
        let index = crate::ids::PartitionIndex(it.partition);
        Some((PartitionId { topic: topic.id, index }, lags(it)))
    })
    .collect()
}

fn risk_of(risk: Risk) -> v1::RestartRisk {
    let kind = match risk.kind {
        RiskKind::NoQuorum => v1::RiskKind::NoQuorum,
        RiskKind::OneReplica => v1::RiskKind::OneReplica,
        RiskKind::Offline => v1::RiskKind::Offline,
        RiskKind::UnderMinIsr => v1::RiskKind::UnderMinIsr,
        RiskKind::AcksOneLoss => v1::RiskKind::AcksOneLoss,
    };
    let (topic, partition) = risk.partition.map(|(topic, at)| (topic.to_string(), at.0)).unzip();
    v1::RestartRisk { topic, partition, kind: kind.into(), why: risk.why, until: risk.until }
}
