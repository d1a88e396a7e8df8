//! The one timer of all leading replicas: who in sync lags, whose proposal got no answer, which move
//! takes too long. Only partitions to which time matters are ticked; without any it sleeps.

use std::sync::Arc;
use std::time::Duration;

use super::Node;

/// The longest time between two ticks of a partition.
const PERIOD_MAX: Duration = Duration::from_secs(1);

/// Ticks until the broker stops.
pub(super) async fn run(node: Arc<Node>) {
    // A follower leaves the ISR at most half its allowance late.
    let lag_max = Duration::from_millis(node.config.replica_lag_ms_max);
    let period = PERIOD_MAX.min(lag_max / 2).max(Duration::from_millis(10));
    let wishes = node.partitions.wishes();
    loop {
        tokio::select! {
            () = node.stopping.cancelled() => return,
            () = wishes.watched() => {}
        }
        tokio::select! {
            () = node.stopping.cancelled() => return,
            () = tokio::time::sleep(period) => {}
        }
        for id in wishes.take_watching() {
            node.partitions.tick(id);
        }
    }
}
