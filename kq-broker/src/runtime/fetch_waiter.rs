//! One parked fetch, known to every partition it reads.
//!
//! A fetch over many partitions has one waiter; each partition tells it how many bytes became
//! readable, and it wakes once that is enough. The order that loses no wake-up: `watch` every
//! partition, read them all, `arm` with what is still missing, wait.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Notify;

use super::partition::Partition;

/// Wakes one fetch.
#[derive(Debug)]
pub struct FetchWaiter {
    /// Bytes that are still missing; partitions count it down from the moment they are watched.
    missing: AtomicI64,
    notify: Notify,
}

impl FetchWaiter {
    /// A waiter that is not armed yet: growth is counted, nobody is woken by it.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { missing: AtomicI64::new(i64::MAX / 2), notify: Notify::new() })
    }

    /// Forgets what was counted. Call it before reading the partitions, so that growth after the
    /// reading counts and growth before it does not count twice.
    pub fn reset(&self) {
        self.missing.store(i64::MAX / 2, Ordering::Release);
    }

    /// Wakes once `bytes` more have become readable than at the last `reset`, also when some of
    /// them came before this call.
    pub fn arm(&self, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX / 2).min(i64::MAX / 2);
        let taken_off = i64::MAX / 2 - bytes;
        if self.missing.fetch_sub(taken_off, Ordering::AcqRel) <= taken_off {
            self.notify.notify_one();
        }
    }

    /// Waits until there is enough, or something happened that the fetch must look at.
    pub async fn ready(&self) {
        self.notify.notified().await;
    }

    /// Told by a partition: `bytes` more are readable.
    pub(super) fn grew(&self, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX / 4);
        if self.missing.fetch_sub(bytes, Ordering::AcqRel) <= bytes {
            self.notify.notify_one();
        }
    }

    /// Told by a partition: it went away, or its leader did.
    pub(super) fn interrupt(&self) {
        self.notify.notify_one();
    }
}

/// A fetch's place at one partition; leaves it when dropped.
pub struct Watch {
    partition: Arc<Partition>,
    waiter: Arc<FetchWaiter>,
}

impl Watch {
    pub(super) fn new(partition: Arc<Partition>, waiter: Arc<FetchWaiter>) -> Self {
        Self { partition, waiter }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&self.partition.id()).finish()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.partition.unwatch(&self.waiter);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn is_ready(waiter: &FetchWaiter) -> bool {
        waiter.ready().now_or_never().is_some()
    }

    #[test]
    fn enough_bytes_wake_and_fewer_do_not() {
        let waiter = FetchWaiter::new();
        waiter.arm(10);
        waiter.grew(9);
        assert!(!is_ready(&waiter));
        waiter.grew(1);
        assert!(is_ready(&waiter));
    }

    #[test]
    fn growth_between_reset_and_arm_counts() {
        let waiter = FetchWaiter::new();
        waiter.reset();
        waiter.grew(7);
        waiter.arm(5);
        assert!(is_ready(&waiter));
        waiter.reset();
        assert!(!is_ready(&waiter));
        waiter.arm(5);
        waiter.grew(4);
        assert!(!is_ready(&waiter));
    }
}
