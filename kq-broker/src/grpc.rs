//! The control door: gRPC services of `kq.admin.v1` and `kq.monitor.v1`, with reflection and health, beside `/metrics`,
//! `/healthz` and `/readyz`, all in one axum router for the one port.
//!
//! ```text
//!   request -> guard (right cluster? up to date?) -> service -> image, or Controller::submit, or partitions
//! ```
//! Services read the image and speak to the runtime; they decide nothing. What a command refuses
//! for one of many items travels as that item's error.

mod answer;
mod brokers;
mod brokers_change;
mod cluster;
mod compact;
#[cfg(test)]
mod compact_test;
mod configs;
mod doctor;
mod early;
mod error;
mod events;
mod gather;
#[cfg(test)]
mod group_lag_test;
#[cfg(test)]
mod grpc_test;

mod groups;
#[cfg(test)]
mod groups_change_test;
#[cfg(test)]
mod groups_test;
mod guard;
mod health;
mod leaders;
mod members;
mod monitor;
#[cfg(test)]
mod monitor_test;
mod offset_admin;
mod offsets;
#[cfg(test)]
mod operator_test;
mod partitions;
mod passing;
#[cfg(test)]
mod passing_test;
mod plans;
mod quorum;
mod rates;
mod records;
mod restart;
mod shape;
mod spare;
mod topics;

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use kq_proto::admin::FILE_DESCRIPTOR_SET;
use kq_proto::admin::v1::brokers_server::BrokersServer;
use kq_proto::admin::v1::cluster_server::ClusterServer;
use kq_proto::admin::v1::configs_server::ConfigsServer;
use kq_proto::admin::v1::events_server::EventsServer;
use kq_proto::admin::v1::groups_server::GroupsServer;
use kq_proto::admin::v1::leaders_server::LeadersServer;
use kq_proto::admin::v1::offsets_server::OffsetsServer;
use kq_proto::admin::v1::partitions_server::PartitionsServer;
use kq_proto::admin::v1::plans_server::PlansServer;
use kq_proto::admin::v1::quorum_server::QuorumServer;
use kq_proto::admin::v1::records_server::RecordsServer;
use kq_proto::admin::v1::topics_server::TopicsServer;
use kq_proto::monitor::v1::monitor_server::MonitorServer;
use tonic::codec::CompressionEncoding;
use tonic::service::Routes;

use crate::runtime::{Groups, Node};

pub use early::Early;

/// Serves one node; each service holds it.
#[derive(Debug, Clone)]
pub(crate) struct Admin {
    node: Arc<Node>,
    groups: Arc<Groups>,
    parts: records::PartsMemory,
    /// Held by whoever tries how fast something is.
    probing: Arc<tokio::sync::Mutex<()>>,
}

/// The services of the control door and the pages of `observe`, on one router.
pub fn router(node: Arc<Node>, groups: Arc<Groups>) -> Router {
    let parts = records::PartsMemory::new(node.config.request_bytes_max);
    let admin = Admin { node: Arc::clone(&node), groups, parts, probing: Arc::default() };
    let bytes_max = node.config.grpc_message_bytes_max;
    let watching = monitor::Watching::new(admin.clone());
    let (health, health_service) = tonic_health::server::health_reporter();
    tokio::spawn(report_health(health, Arc::clone(&node)));
    let mut routes = Routes::builder();
    routes
        .add_service(TopicsServer::new(admin.clone()).max_decoding_message_size(bytes_max))
        .add_service(ConfigsServer::new(admin.clone()).max_decoding_message_size(bytes_max))
        .add_service(BrokersServer::new(admin.clone()).max_decoding_message_size(bytes_max))
        .add_service(ClusterServer::new(admin.clone()).max_decoding_message_size(bytes_max))
        .add_service(PartitionsServer::new(admin.clone()).max_decoding_message_size(bytes_max))
        .add_service(LeadersServer::new(admin.clone()).max_decoding_message_size(bytes_max))
        .add_service(PlansServer::new(admin.clone()).max_decoding_message_size(bytes_max))
        .add_service(QuorumServer::new(admin.clone()).max_decoding_message_size(bytes_max))
        .add_service(EventsServer::new(admin.clone()).max_decoding_message_size(bytes_max))
        .add_service(GroupsServer::new(admin.clone()).max_decoding_message_size(bytes_max))
        .add_service(OffsetsServer::new(admin.clone()).max_decoding_message_size(bytes_max))
        .add_service(RecordsServer::new(admin).max_decoding_message_size(bytes_max))
        .add_service(
            MonitorServer::new(watching)
                .max_decoding_message_size(bytes_max)
                .accept_compressed(CompressionEncoding::Gzip)
                .send_compressed(CompressionEncoding::Gzip),
        )
        .add_service(health_service);
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
    match reflection.build_v1() {
        Ok(service) => drop(routes.add_service(service)),
        // The descriptors are compiled in: a broker without them serves everything else.
        Err(err) => tracing::error!(%err, "gRPC reflection is not served"),
    }
    let services = routes.routes().into_axum_router();
    let guarded = services.layer(middleware::from_fn_with_state(Arc::clone(&node), guard::admit));
    guarded.merge(crate::observe::router(node))
}

/// Tells health checks of the whole server: serving until the broker begins to stop.
async fn report_health(health: tonic_health::server::HealthReporter, node: Arc<Node>) {
    let stopping = node.stopping.clone();
    drop(node);
    health.set_service_status("", tonic_health::ServingStatus::Serving).await;
    stopping.cancelled().await;
    health.set_service_status("", tonic_health::ServingStatus::NotServing).await;
}
