//! `kq.admin.v1.Brokers`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use kq_proto::admin::v1::brokers_server::Brokers;
use tonic::{Code, Request, Response, Status};
use uuid::Uuid;

use super::Admin;
use super::answer::{Answer, is_dry_run};
use super::brokers_change::Change;
use super::gather::{Figures, Wanted};
use super::rates::{Chunks, chunks};
use crate::controller::Command;
use crate::env;
use crate::ids::BrokerId;
use crate::metadata::{BrokerImage, BrokerState, MetadataImage};
use crate::monitor::{since_of, state_of};

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
        let wanted = |it: &&Arc<BrokerImage>| asked.is_empty() || asked.contains(&it.id.0);
        let figures = if request.with_figures {
            let live = image.live_brokers().filter(wanted).map(|it| it.id);
            self.figures(live, Wanted::Brokers).await
        } else {
            Figures::default()
        };
        for broker in image.brokers().filter(wanted) {
            let mut row = row_of(&image, broker);
            row.leader_count = leaders.get(&broker.id).copied().unwrap_or(0);
            row.controller = controller == Some(broker.id);
            if let Some(told) = figures.broker(broker.id) {
                add_figures(&mut row, told);
            }
            answer.brokers.push(row);
        }
        Ok(Response::new(answer))
    }

    async fn log_dirs(&self, request: Request<v1::LogDirsRequest>) -> Answer<v1::LogDirsResponse> {
        let request = request.into_inner();
        let image = self.node.image();
        let mut answer = v1::LogDirsResponse::default();
        let asked: BTreeSet<BrokerId> = if request.brokers.is_empty() {
            image.brokers().map(|it| it.id).collect()
        } else {
            request.brokers.iter().map(|id| BrokerId(*id)).collect()
        };
        let wanted = if request.with_replicas { Wanted::Everything } else { Wanted::Brokers };
        let live = asked.iter().copied().filter(|id| image.is_live(*id));
        let figures = self.figures(live, wanted).await;
        for id in asked {
            match figures.broker(id) {
                Some(told) => answer.dirs.extend(dirs_of(id, told, &figures)),
                None => answer.errors.push(silent(&image, id).into_item(format!("broker {id}"))),
            }
        }
        Ok(Response::new(answer))
    }

    async fn cordon(
        &self,
        request: Request<v1::CordonBrokersRequest>,
    ) -> Answer<v1::CordonBrokersResponse> {
        let v1::CordonBrokersRequest { brokers, decommission, intent } = request.into_inner();
        let change = Change {
            command: &|broker, validate_only| Command::CordonBroker {
                broker,
                decommission,
                validate_only,
            },
            stands: &|image, id| {
                let cordon = image.broker(id).and_then(|it| it.cordon.as_ref());
                cordon.is_some_and(|it| it.decommission == decommission)
            },
        };
        let (brokers, errors) = self.change_brokers(&brokers, intent.as_ref(), change).await;
        Ok(Response::new(v1::CordonBrokersResponse { brokers, errors }))
    }

    async fn uncordon(
        &self,
        request: Request<v1::UncordonBrokersRequest>,
    ) -> Answer<v1::UncordonBrokersResponse> {
        let v1::UncordonBrokersRequest { brokers, intent } = request.into_inner();
        let change = Change {
            command: &|broker, validate_only| Command::UncordonBroker { broker, validate_only },
            stands: &|image, id| image.broker(id).is_some_and(|it| it.cordon.is_none()),
        };
        let (brokers, errors) = self.change_brokers(&brokers, intent.as_ref(), change).await;
        Ok(Response::new(v1::UncordonBrokersResponse { brokers, errors }))
    }

    async fn unregister(
        &self,
        request: Request<v1::UnregisterBrokersRequest>,
    ) -> Answer<v1::UnregisterBrokersResponse> {
        let v1::UnregisterBrokersRequest { brokers, intent } = request.into_inner();
        let change = Change {
            command: &|broker, validate_only| Command::UnregisterBroker { broker, validate_only },
            stands: &|_, _| false,
        };
        let (brokers, mut errors) = self.change_brokers(&brokers, intent.as_ref(), change).await;
        if !is_dry_run(intent.as_ref()) {
            for it in &brokers {
                errors.extend(self.forget_member(it.broker, intent.as_ref()).await.err());
            }
        }
        Ok(Response::new(v1::UnregisterBrokersResponse { brokers, errors }))
    }

    async fn restart_check(
        &self,
        request: Request<v1::RestartCheckRequest>,
    ) -> Answer<v1::RestartCheckResponse> {
        let broker = BrokerId(request.into_inner().broker);
        Ok(Response::new(self.check_restart(broker).await?))
    }

    async fn figures(&self, request: Request<v1::FiguresRequest>) -> Answer<v1::FiguresResponse> {
        Ok(Response::new(self.own_figures(&request.into_inner())))
    }

    async fn measure(&self, request: Request<v1::MeasureRequest>) -> Answer<v1::MeasureResponse> {
        self.find_rates(&request.into_inner()).await;
        let broker = self.node.broker_id.0;
        Ok(Response::new(v1::MeasureResponse { broker, rates: self.own_rates() }))
    }

    type StreamStream = Chunks;

    async fn stream(&self, request: Request<v1::StreamRequest>) -> Answer<Chunks> {
        Ok(Response::new(chunks(request.into_inner().bytes)))
    }

    async fn heads(&self, request: Request<v1::HeadsRequest>) -> Answer<v1::HeadsResponse> {
        let (node, request) = (Arc::clone(&self.node), request.into_inner());
        // It reads headers of batches, and batches where it is to be exact.
        let answer = env::spawn_blocking(move || node.own_heads(&request)).await;
        answer.map(Response::new).map_err(|_| Status::internal("the look-up was interrupted"))
    }
}

impl Admin {
    /// The log directories of this broker, without what is in them one by one.
    pub(super) fn own_dirs(&self) -> Vec<v1::LogDir> {
        let mut dirs: BTreeMap<Uuid, v1::LogDir> = BTreeMap::new();
        for dir in self.node.partitions.log_dirs() {
            let described = dir.describe();
            let row = v1::LogDir {
                broker: self.node.broker_id.0,
                path: described.path.display().to_string(),
                online: described.offline.is_none(),
                error: described.offline.map(|why| why.to_string()).unwrap_or_default(),
                total_bytes: described.space.map(|it| it.total_bytes),
                free_bytes: described.space.map(|it| it.free_bytes),
                ..v1::LogDir::default()
            };
            dirs.insert(described.id, row);
        }
        for partition in self.node.partitions.all() {
            let Some(row) = dirs.get_mut(&partition.log_dir().id()) else { continue };
            row.replica_count += 1;
            row.used_bytes += partition.describe().map_or(0, |it| it.size_bytes);
        }
        let mut dirs: Vec<v1::LogDir> = dirs.into_values().collect();
        dirs.sort_by(|a, b| a.path.cmp(&b.path));
        dirs
    }
}

/// What only the broker itself knows.
fn add_figures(row: &mut v1::Broker, told: &v1::FiguresResponse) {
    row.version = Some(told.version.clone());
    row.size_bytes = Some(told.dirs.iter().map(|it| it.used_bytes).sum());
    row.disk_total_bytes = told.dirs.iter().map(|it| it.total_bytes).sum();
    row.disk_free_bytes = told.dirs.iter().map(|it| it.free_bytes).sum();
}

/// The directories of one broker, with their replicas if they were asked for.
fn dirs_of(id: BrokerId, told: &v1::FiguresResponse, figures: &Figures) -> Vec<v1::LogDir> {
    let mut dirs = told.dirs.clone();
    for replica in figures.replicas_on(id) {
        let Some(dir) = dirs.iter_mut().find(|it| it.path == replica.log_dir) else { continue };
        dir.replicas.push(v1::ReplicaSize {
            topic: replica.topic.clone(),
            partition: replica.partition,
            size_bytes: replica.size_bytes,
            segment_count: replica.segment_count,
        });
    }
    dirs
}

/// Why there is nothing to tell of a broker.
fn silent(image: &MetadataImage, id: BrokerId) -> AdminError {
    match image.broker(id) {
        None => unknown_broker(id.0),
        Some(it) if it.is_live() => {
            let message = format!("broker {id} did not answer in time");
            AdminError::new(Code::Unavailable, "kq.UNREACHABLE", message)
                .hint("try again, or ask that broker itself by --brokers")
        }
        Some(_) => {
            let message = format!("broker {id} is fenced and cannot be asked");
            AdminError::new(Code::Unavailable, "kq.UNREACHABLE", message)
                .hint(format!("kq-ctl broker describe {id}"))
        }
    }
}

fn row_of(image: &MetadataImage, broker: &BrokerImage) -> v1::Broker {
    let endpoint = broker.endpoints.first();
    let (since_at_ms, state_reason) = since_of(broker);
    let replicas = image.broker_load(broker.id).replicas;
    v1::Broker {
        id: broker.id.0,
        host: endpoint.map(|it| it.host.clone()).unwrap_or_default(),
        port: endpoint.map_or(0, |it| it.port.into()),
        rack: broker.rack.clone(),
        state: state_of(broker).into(),
        version: Some(broker.version.clone()),
        replica_count: u32::try_from(replicas).unwrap_or(u32::MAX),
        started_at_ms: Some(broker.registered_at.0),
        epoch: broker.epoch.0,
        cordon: broker.cordon.as_ref().map(|it| v1::Cordon {
            since_at_ms: it.since.0,
            reason: it.reason.to_string(),
            decommission: it.decommission,
        }),
        state_since_at_ms: Some(since_at_ms),
        state_reason: state_reason.to_owned(),
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

pub(super) fn wire_state(state: BrokerState) -> v1::BrokerState {
    match state {
        BrokerState::Active => v1::BrokerState::Running,
        BrokerState::Stopping => v1::BrokerState::ShuttingDown,
        BrokerState::Fenced => v1::BrokerState::Fenced,
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

pub(super) fn unknown_broker(id: u32) -> AdminError {
    let message = format!("no broker with id {id} is registered");
    AdminError::new(Code::NotFound, "kafka.BROKER_ID_NOT_REGISTERED", message)
        .hint("see 'kq-ctl broker list' for the brokers there are")
}
