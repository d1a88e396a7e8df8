//! What the broker tells of itself: metrics for machines, log lines for people.

mod api_meter;
mod cleaner_metrics;
mod group_metrics;
mod http;
mod logging;
mod metrics;
mod os;
mod panics;
mod quorum_metrics;
mod replication_meter;
mod store_metrics;

pub use api_meter::ApiMeter;
pub use http::router;
pub use logging::start_logging;
pub use metrics::{Connections, Metrics, Refused, SyncMeter};
pub use panics::abort_on_panic;
pub use replication_meter::ReplicationMeter;
