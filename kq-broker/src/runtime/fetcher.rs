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
mod request;
mod response;
mod source;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{Clock, Node, Partitions};
use crate::ids::BrokerId;
use crate::metadata::MetadataImage;

/// What fetching stands on.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    /// This broker.
    pub(super) me: BrokerId,
    /// What it holds.
    pub(super) partitions: Arc<Partitions>,
    /// The cluster, as it changes.
    pub(super) images: watch::Receiver<Arc<MetadataImage>>,
    pub(super) clock: Clock,
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
            clock: node.clock,
            request_bytes_max: node.config.request_bytes_max,
            stopping: node.stopping.clone(),
        }
    }

    fn image(&self) -> Arc<MetadataImage> {
        Arc::clone(&self.images.borrow())
    }
}

/// Runs a task for every broker that something is followed from, until the broker stops.
pub(super) async fn run(ground: Ground) {
    let mut sources = ground.partitions.follows().sources();
    let mut running: BTreeMap<BrokerId, CancellationToken> = BTreeMap::new();
    loop {
        let wanted = sources.borrow_and_update().clone();
        running.retain(|source, stop| {
            let stays = wanted.contains(source);
            if !stays {
                stop.cancel();
            }
            stays
        });
        for source in wanted {
            running.entry(source).or_insert_with(|| {
                let stop = ground.stopping.child_token();
                let task = source::Source::new(ground.clone(), source);
                let until = stop.clone();
                tokio::spawn(async move { until.run_until_cancelled(task.run()).await });
                stop
            });
        }
        tokio::select! {
            () = ground.stopping.cancelled() => return,
            changed = sources.changed() => if changed.is_err() { return },
        }
    }
}
