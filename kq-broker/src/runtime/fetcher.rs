//! The follower's client: copies partitions from the brokers that lead them, by Kafka's Fetch.
//!
//! ```text
//!   Follows ──> one task a source: request ─> response ─> append ─> sync ─┐
//!                  ^                                                      │
//!                  └──────────────────── next request ────────────────────┘
//! ```
//! All partitions that are followed from one broker share one connection and one fetch session, so an
//! idle one costs nothing but its place in a map. The next request goes out as soon as what the last
//! one brought is on stable storage: it tells the leader so, and many partitions share the round.
//! A round never waits for a timer, but for errors.

mod backoff;
mod book;
#[cfg(test)]
mod book_test;
mod connection;
#[cfg(test)]
mod fetcher_test;
mod quota;
mod request;
mod response;
mod source;

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Clock, Node, Partitions};
use crate::ids::BrokerId;
use crate::metadata::MetadataImage;
use crate::observe::ReplicationMeter;
use crate::peers::Peers;

pub use quota::Quota;

/// What fetching stands on.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    /// This broker.
    pub(super) me: BrokerId,
    /// What it holds.
    pub(super) partitions: Arc<Partitions>,
    /// The cluster, as it changes.
    pub(super) images: watch::Receiver<Arc<MetadataImage>>,
    /// Where the others are reached.
    pub(super) peers: Peers,
    pub(super) clock: Clock,
    pub(super) meter: ReplicationMeter,
    /// The largest request that brokers of this cluster take, and so the largest batch there may be.
    pub(super) request_bytes_max: usize,
    /// Ends it.
    pub(super) stopping: CancellationToken,
}

impl Ground {
    pub(super) fn of(node: &Node) -> Self {
        Self {
            me: node.broker_id,
            partitions: Arc::clone(&node.partitions),
            images: node.controller.subscribe(),
            peers: node.controller.peers().clone(),
            clock: node.clock,
            meter: node.metrics.replication.clone(),
            request_bytes_max: node.config.request_bytes_max,
            stopping: node.stopping.clone(),
        }
    }

    fn image(&self) -> Arc<MetadataImage> {
        Arc::clone(&self.images.borrow())
    }
}

/// Runs a task for every broker that something was ever followed from, until the broker stops. One
/// from which nothing is followed any more waits without a connection.
pub(super) async fn run(ground: Ground) {
    let mut sources = ground.partitions.follows().sources();
    let mut running = BTreeSet::new();
    loop {
        let wanted = sources.borrow_and_update().clone();
        for source in wanted.difference(&running) {
            let task = source::Source::new(ground.clone(), *source);
            let stopping = ground.stopping.clone();
            tokio::spawn(async move { stopping.run_until_cancelled(task.run()).await });
        }
        running.extend(wanted);
        tokio::select! {
            () = ground.stopping.cancelled() => return,
            changed = sources.changed() => if changed.is_err() { return },
        }
    }
}
