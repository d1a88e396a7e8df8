//! Whether this member still hears of the quorum. One that does not goes on with the image that it
//! has, and what that says of the cluster may be long untrue.

use std::time::Duration;

use openraft::Instant as _;
use openraft::async_runtime::WatchReceiver as _;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::controller::Controller;

/// When whoever leads was last heard.
#[derive(Debug)]
pub(super) struct Contact(Mutex<Instant>);

impl Default for Contact {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Contact {
    /// A leader has spoken, and it is not one of an earlier term.
    pub(super) fn renew(&self) {
        *self.0.lock() = Instant::now();
    }
}

impl Controller {
    /// How long ago this member last heard of a majority: from the leader that one elected, or, if
    /// it leads, from the others. Zero where it is the only voter.
    pub fn silence(&self) -> Duration {
        let followed = self.inner.contact.0.lock().elapsed();
        let receiver = self.inner.raft.metrics();
        let metrics = receiver.borrow_watched();
        if metrics.current_leader != Some(u64::from(self.broker().0)) {
            return followed;
        }
        if metrics.membership_config.membership().voter_ids().count() == 1 {
            return Duration::ZERO;
        }
        // Who leads only now has heard of a majority when it was elected.
        metrics.last_quorum_acked.map_or(followed, |it| it.elapsed().min(followed))
    }
}
