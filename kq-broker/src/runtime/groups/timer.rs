//! The one timer of all groups: it sleeps until the next member could be overdue.

use std::sync::Arc;
use std::time::Duration;

use kq_storage::TimestampMs;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::Groups;
use crate::group::{EXPIRY_CALLS, Now};
use crate::runtime::Clock;

/// Wakes the coordinator at its next deadline.
#[derive(Debug)]
pub(super) struct Timer {
    clock: Clock,
    /// When it wakes, in time since start; none while nothing is due.
    wakes_at: Mutex<Option<Duration>>,
    sooner: Notify,
}

impl Timer {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, wakes_at: Mutex::new(None), sooner: Notify::new() }
    }

    /// The time, on both clocks.
    pub(super) fn now(&self) -> Now {
        Now { uptime: self.clock.elapsed(), wall_ms: self.clock.now().0 }
    }

    pub(super) fn wall(&self) -> TimestampMs {
        self.clock.now()
    }

    /// Wakes no later than at `deadline`.
    pub(super) fn arm(&self, deadline: Option<Duration>) {
        let Some(deadline) = deadline else { return };
        let mut wakes_at = self.wakes_at.lock();
        if wakes_at.is_none_or(|it| deadline < it) {
            *wakes_at = Some(deadline);
            self.sooner.notify_one();
        }
    }

    fn set(&self, deadline: Option<Duration>) {
        *self.wakes_at.lock() = deadline;
    }

    async fn sleep(&self) {
        let wakes_at = *self.wakes_at.lock();
        match wakes_at {
            Some(at) => tokio::time::sleep(at.saturating_sub(self.clock.elapsed())).await,
            None => std::future::pending().await,
        }
    }
}

/// Ticks the shards that are due, until the broker stops. Now and then it has all of them forget
/// what is too old, a share of their groups at a time.
pub(super) async fn run(groups: Arc<Groups>) {
    let timer = &groups.ground.timer;
    let check_interval = Duration::from_millis(groups.node.config.offsets_retention_check_ms);
    let pause = (check_interval / EXPIRY_CALLS).max(Duration::from_millis(1));
    let mut expiry_at = timer.clock.elapsed() + pause;
    loop {
        tokio::select! {
            () = groups.node.stopping.cancelled() => return,
            () = timer.sleep() => {}
            // Once more around, to sleep until the sooner moment.
            () = timer.sooner.notified() => continue,
        }
        let now = timer.clock.elapsed();
        let is_expiry_due = expiry_at <= now;
        if is_expiry_due {
            expiry_at = now + pause;
        }
        let hosts = groups.hosts();
        timer.set(None);
        for host in &hosts {
            if is_expiry_due {
                host.expire_offsets();
            }
            if host.deadline().is_some_and(|it| it <= now) {
                host.tick();
            }
            timer.arm(host.deadline());
        }
        // Without shards there is nothing to expire, and nothing to wake for.
        timer.arm((!hosts.is_empty()).then_some(expiry_at));
    }
}
