//! `kq.admin.v1.Brokers`.

use std::collections::{BTreeMap, BTreeSet};

use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use kq_proto::admin::v1::brokers_server::Brokers;
use tonic::{Code, Request, Response};

use super::Admin;
use super::answer::Answer;
use super::shape::count;
use crate::ids::{BrokerId, PartitionId};
use crate::metadata::{BrokerImage, BrokerState, MetadataImage};

#[tonic::async_trait]
impl Brokers for Admin {
    async fn list(
        &self,
        request: Request<v1::ListBrokersRequest>,
    ) -> Answer<v1::ListBrokersResponse> {
        let request = request.into_inner();
        let image = self.node.image();
        let leaders = leaders(&image);
        let controller = self.node.controller.leader();
        let mut answer = v1::ListBrokersResponse::default();
        let asked: BTreeSet<u32> = request.ids.iter().copied().collect();
        for id in asked.iter().filter(|id| image.broker(BrokerId(**id)).is_none()) {
            answer.errors.push(unknown_broker(*id).into_item(format!("broker {id}")));
        }
        for broker in image.brokers().filter(|it| asked.is_empty() || asked.contains(&it.id.0)) {
            let mut row = row_of(&image, broker);
            row.leader_count = leaders.get(&broker.id).copied().unwrap_or(0);
            row.controller = controller == Some(broker.id);
            if request.with_figures && broker.id == self.node.broker_id {
                self.add_figures(&mut row);
            }
            answer.brokers.push(row);
        }
        Ok(Response::new(answer))
    }

    async fn log_dirs(&self, request: Request<v1::LogDirsRequest>) -> Answer<v1::LogDirsResponse> {
        let request = request.into_inner();
        let mut answer = v1::LogDirsResponse::default();
        let me = self.node.broker_id.0;
        for id in request.brokers.iter().filter(|id| **id != me) {
            answer.errors.push(unknown_broker(*id).into_item(format!("broker {id}")));
        }
        if request.brokers.is_empty() || request.brokers.contains(&me) {
            answer.dirs = self.own_dirs(request.with_replicas);
        }
        Ok(Response::new(answer))
    }
}

impl Admin {
    /// What only the broker itself knows.
    fn add_figures(&self, row: &mut v1::Broker) {
        let (mut total, mut free) = (0, 0);
        for dir in self.node.partitions.log_dirs() {
            if let Some(space) = dir.describe().space {
                total += space.total_bytes;
                free += space.free_bytes;
            }
        }
        row.size_bytes = Some(self.own_bytes());
        row.disk_total_bytes = Some(total);
        row.disk_free_bytes = Some(free);
    }

    /// Bytes of all logs on this broker.
    pub(super) fn own_bytes(&self) -> u64 {
        let all = self.node.partitions.all();
        all.iter().filter_map(|it| it.describe().ok()).map(|it| it.size_bytes).sum()
    }

    fn own_dirs(&self, with_replicas: bool) -> Vec<v1::LogDir> {
        let all = self.node.partitions.all();
        let row = |dir: &std::sync::Arc<crate::runtime::LogDir>| {
            let described = dir.describe();
            let mut row = v1::LogDir {
                broker: self.node.broker_id.0,
                path: described.path.display().to_string(),
                online: described.offline.is_none(),
                error: described.offline.map(|why| why.to_string()).unwrap_or_default(),
                total_bytes: described.space.map(|it| it.total_bytes),
                free_bytes: described.space.map(|it| it.free_bytes),
                ..v1::LogDir::default()
            };
            for partition in all.iter().filter(|it| it.log_dir().id() == described.id) {
                let PartitionId { index, .. } = partition.id();
                row.replica_count += 1;
                let Ok(figures) = partition.describe() else { continue };
                row.used_bytes += figures.size_bytes;
                if with_replicas {
                    row.replicas.push(v1::ReplicaSize {
                        topic: partition.topic().to_string(),
                        partition: index.0,
                        size_bytes: figures.size_bytes,
                        segment_count: count(figures.segment_count),
                    });
                }
            }
            row
        };
        self.node.partitions.log_dirs().iter().map(row).collect()
    }
}

fn row_of(image: &MetadataImage, broker: &BrokerImage) -> v1::Broker {
    let endpoint = broker.endpoints.first();
    let state = match broker.state {
        BrokerState::Active => v1::BrokerState::Running,
        BrokerState::Stopping => v1::BrokerState::ShuttingDown,
        BrokerState::Fenced => v1::BrokerState::Fenced,
    };
    let replicas = image.broker_load(broker.id).replicas;
    v1::Broker {
        id: broker.id.0,
        host: endpoint.map(|it| it.host.clone()).unwrap_or_default(),
        port: endpoint.map_or(0, |it| it.port.into()),
        rack: broker.rack.clone(),
        state: state.into(),
        version: Some(broker.version.clone()),
        replica_count: u32::try_from(replicas).unwrap_or(u32::MAX),
        started_at_ms: Some(broker.registered_at.0),
        epoch: broker.epoch.0,
        endpoints: broker
            .endpoints
            .iter()
            .map(|it| v1::Endpoint {
                listener: it.listener.clone(),
                host: it.host.clone(),
                port: it.port.into(),
                security_protocol: "PLAINTEXT".to_owned(),
            })
            .collect(),
        ..v1::Broker::default()
    }
}

/// How many partitions each broker leads.
fn leaders(image: &MetadataImage) -> BTreeMap<BrokerId, u32> {
    let mut leaders = BTreeMap::new();
    for topic in image.topics() {
        for leader in topic.partitions.iter().filter_map(|it| it.leader) {
            *leaders.entry(leader).or_default() += 1;
        }
    }
    leaders
}

fn unknown_broker(id: u32) -> AdminError {
    let message = format!("no broker with id {id} is registered");
    AdminError::new(Code::NotFound, "kafka.BROKER_ID_NOT_REGISTERED", message)
        .hint("see 'kq-ctl broker list' for the brokers there are")
}
