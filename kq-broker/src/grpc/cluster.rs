//! `kq.admin.v1.Cluster`.

use kq_proto::admin::v1;
use kq_proto::admin::v1::cluster_server::Cluster;
use tonic::{Request, Response};

use super::Admin;
use super::answer::Answer;
use super::gather::Wanted;
use super::shape::{PartitionHealth, Shapes, count};
use crate::metadata::BrokerImage;

#[tonic::async_trait]
impl Cluster for Admin {
    async fn describe(
        &self,
        _: Request<v1::DescribeClusterRequest>,
    ) -> Answer<v1::DescribeClusterResponse> {
        let mut shapes = self.shapes();
        shapes.figures = self.all_figures(Wanted::Brokers).await;
        let image = &shapes.image;
        let status = self.node.controller.status();
        let mut answer = v1::DescribeClusterResponse {
            cluster_id: image.cluster_id().map(|id| id.0.clone()).unwrap_or_default(),
            controller: status.leader.map(|id| id.0),
            metadata_index: image.applied(),
            metadata_committed_index: status.applied_index.unwrap_or(0).max(image.applied()),
            answered_by: self.node.broker_id.0,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            broker_count: count(image.brokers().count()),
            broker_running_count: count(image.live_brokers().count()),
            deleted_topic_count: count(image.hidden_topics().count()),
            size_bytes: all_bytes(&shapes),
            voters: status.voters.iter().map(|id| id.0).collect(),
            ..v1::DescribeClusterResponse::default()
        };
        for topic in image.topics() {
            answer.topic_count += 1;
            answer.partition_count += topic.partition_count();
            let min_isr = shapes.config_of(topic).min_insync_replicas;
            for (_, partition) in topic.partitions() {
                let health = PartitionHealth::of(partition, min_isr);
                answer.under_replicated_count += u32::from(health.is_under_replicated);
                answer.at_min_isr_count += u32::from(health.is_at_min_isr);
                answer.under_min_isr_count += u32::from(health.is_under_min_isr);
                answer.offline_count += u32::from(health.is_offline);
                let preferred = partition.replicas.first().copied();
                answer.not_preferred_count +=
                    u32::from(partition.leader.is_some() && partition.leader != preferred);
            }
        }
        Ok(Response::new(answer))
    }

    async fn health(
        &self,
        request: Request<v1::ClusterHealthRequest>,
    ) -> Answer<v1::ClusterHealthResponse> {
        Ok(Response::new(self.judge(request.into_inner().per_check_max).await))
    }

    async fn doctor(&self, request: Request<v1::DoctorRequest>) -> Answer<v1::DoctorResponse> {
        Ok(Response::new(self.examine(request.into_inner()).await?))
    }
}

/// Bytes of all logs of all brokers; none unless every broker has told.
fn all_bytes(shapes: &Shapes) -> Option<u64> {
    let told = |it: &std::sync::Arc<BrokerImage>| {
        let dirs = &shapes.figures.broker(it.id)?.dirs;
        Some(dirs.iter().map(|it| it.used_bytes).sum::<u64>())
    };
    shapes.image.brokers().map(told).sum()
}
