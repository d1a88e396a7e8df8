//! The data door: the Kafka protocol on the broker's one port.
//!
//! ```text
//!   listener ─ connection ─ frame ─ dispatch ─ api/* ─> runtime
//!                  `─ outbound ─ transport <── answers, in the order of their requests
//! ```
//! A connection's bytes become frames, a frame becomes a request of one API and version, and its
//! handler speaks to the runtime; this module knows no file formats and no locks of partitions.

pub mod answer;
pub mod api;
pub mod connection;
#[cfg(test)]
mod connection_test;
pub mod connections;
pub mod dispatch;
pub mod door;
#[cfg(test)]
mod door_test;
pub mod frame;
pub mod in_flight;
pub mod leaders;
pub mod lent;
pub mod listener;
#[cfg(test)]
mod listener_test;
pub mod noise;
pub mod outbound;
pub mod pipeline;
pub mod producer_ids;
pub mod region;
pub mod sessions;
pub mod topic_key;
pub mod transport;

use std::sync::Arc;

use axum::Router;

use crate::config::BrokerConfig;
use crate::observe::Metrics;
use crate::runtime::{Groups, Node};

pub use connections::{ConnectionLimits, Connections};
pub use dispatch::{APIS, Api, Dispatch};
pub use door::{Door, DoorLimits};
pub use listener::{Port, PortLimits};

/// The port of a broker that does not serve yet: HTTP and gRPC by the router.
pub fn port(config: &BrokerConfig, metrics: Arc<Metrics>, router: Router) -> Arc<Port<Dispatch>> {
    Port::closed(router, PortLimits::of(config), metrics)
}

/// Serves Kafka's clients from now on.
pub fn open(port: &Port<Dispatch>, node: Arc<Node>, groups: Arc<Groups>) {
    port.open_to(Arc::new(Dispatch(Door::new(node, groups))));
}
