//! The one timer of all partitions: old segments go, and what could not be made is tried again.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::Node;
use crate::env;

/// Looks at every partition each `log.retention.check.interval.ms`, until the broker stops.
pub(super) async fn run(node: Arc<Node>, stopping: CancellationToken) {
    let period = Duration::from_millis(node.config.retention_check_ms);
    let mut ticks = tokio::time::interval_at(tokio::time::Instant::now() + period, period);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let node = Arc::clone(&node);
        let look = env::spawn_blocking(move || look_at_all(&node));
        if look.await.is_err() {
            return;
        }
    }
}

fn look_at_all(node: &Node) {
    for partition in node.partitions.all() {
        match partition.apply_retention() {
            Ok(0) => {}
            Ok(count) => tracing::info!(?partition, count, "segments deleted by retention"),
            Err(err) => tracing::warn!(?partition, %err, "retention failed"),
        }
    }
    node.partitions.retry_failed();
}
