//! One reader, known to every partition that it reads.
//!
//! A partition tells it two things: how many bytes more there are to read, which wakes it once that
//! is enough, and under which of the reader's own numbers that was, so that a reader of ten
//! thousand partitions looks again at those that changed and at no other.
//!
//! The order that loses no wake-up: `watch` a partition before it is read for the first time; then
//! `reset`, `take_changed`, read, `arm` with what is still missing, wait.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::partition::Partition;

/// What is there to read for whoever waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sees {
    /// What is committed: a consumer.
    Committed,
    /// All that the log holds: a follower.
    Appended,
}

/// Wakes one reader.
#[derive(Debug)]
pub struct FetchWaiter {
    sees: Sees,
    /// How many fetches sit and wait here: one, but for the moment in which a newer one takes over.
    parked: AtomicUsize,
    /// Bytes that are still missing; partitions count it down from the moment they are watched.
    missing: AtomicI64,
    notify: Notify,
    /// The reader's numbers of partitions in which something happened.
    changed: Mutex<BTreeSet<u32>>,
}

impl FetchWaiter {
    /// The waiter of a consumer that does nothing but wait. It is not armed yet: growth is counted,
    /// nobody is woken by it.
    pub fn new() -> Arc<Self> {
        Self::made(Sees::Committed, 1)
    }

    /// A waiter for many fetches in turn, each of which says when it parks.
    pub fn shared(sees: Sees) -> Arc<Self> {
        Self::made(sees, 0)
    }

    fn made(sees: Sees, parked: usize) -> Arc<Self> {
        Arc::new(Self {
            sees,
            parked: AtomicUsize::new(parked),
            missing: AtomicI64::new(i64::MAX / 2),
            notify: Notify::new(),
            changed: Mutex::default(),
        })
    }

    /// Says that a fetch sits and waits here until the answer is dropped. Call it before the last
    /// reading, so that what is appended afterwards is known to be awaited.
    pub fn park(self: &Arc<Self>) -> Parked {
        self.parked.fetch_add(1, Ordering::AcqRel);
        Parked(Arc::clone(self))
    }

    /// Forgets what was counted. Call it before reading the partitions, so that growth after the
    /// reading counts and growth before it does not count twice.
    pub fn reset(&self) {
        self.missing.store(i64::MAX / 2, Ordering::Release);
    }

    /// The numbers of the partitions in which something happened since the last call.
    pub fn take_changed(&self) -> BTreeSet<u32> {
        std::mem::take(&mut *self.changed.lock())
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

    /// Wakes whoever waits, to look again.
    pub fn interrupt(&self) {
        self.notify.notify_one();
    }

    fn is_parked(&self) -> bool {
        self.parked.load(Ordering::Acquire) > 0
    }

    fn changed(&self, number: u32) {
        self.changed.lock().insert(number);
    }

    fn grew(&self, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX / 4);
        if self.missing.fetch_sub(bytes, Ordering::AcqRel) <= bytes {
            self.notify.notify_one();
        }
    }
}

/// A fetch that waits.
#[derive(Debug)]
pub struct Parked(Arc<FetchWaiter>);

impl Drop for Parked {
    fn drop(&mut self) {
        self.0.parked.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Those that read one partition; kept under its lock.
#[derive(Debug, Default)]
pub(super) struct Watchers(Vec<(Arc<FetchWaiter>, u32)>);

impl Watchers {
    pub(super) fn add(&mut self, waiter: &Arc<FetchWaiter>, number: u32) {
        self.0.push((Arc::clone(waiter), number));
    }

    pub(super) fn remove(&mut self, waiter: &Arc<FetchWaiter>, number: u32) {
        let same = |it: &(Arc<FetchWaiter>, u32)| Arc::ptr_eq(&it.0, waiter) && it.1 == number;
        if let Some(at) = self.0.iter().position(same) {
            self.0.swap_remove(at);
        }
    }

    /// The log has grown. Consumers are told as well: what they cannot see yet may have to be synced
    /// for them.
    pub(super) fn appended(&self, bytes: u64) {
        for (waiter, number) in &self.0 {
            waiter.changed(*number);
            if waiter.sees == Sees::Appended {
                waiter.grew(bytes);
            }
        }
    }

    /// So many bytes more are committed. To a follower that is news and nothing to read: it is
    /// woken all the same, and decides how soon it tells.
    pub(super) fn committed(&self, bytes: u64) {
        for (waiter, number) in &self.0 {
            waiter.changed(*number);
            match waiter.sees {
                Sees::Committed => waiter.grew(bytes),
                Sees::Appended if waiter.is_parked() => waiter.interrupt(),
                Sees::Appended => {}
            }
        }
    }

    /// The log's start has moved. Consumers hear of it with their next answer.
    pub(super) fn log_start_moved(&self) {
        for (waiter, number) in &self.0 {
            waiter.changed(*number);
            if waiter.sees == Sees::Appended && waiter.is_parked() {
                waiter.interrupt();
            }
        }
    }

    /// The partition went away, or its leader did, or its term is another one.
    pub(super) fn interrupt(&self) {
        for (waiter, number) in &self.0 {
            waiter.changed(*number);
            waiter.interrupt();
        }
    }

    /// Whether a consumer sits and waits for something to be committed.
    pub(super) fn a_consumer_waits(&self) -> bool {
        self.0.iter().any(|(waiter, _)| waiter.sees == Sees::Committed && waiter.is_parked())
    }
}

/// A reader's place at one partition; leaves it when dropped.
pub struct Watch {
    partition: Arc<Partition>,
    waiter: Arc<FetchWaiter>,
    number: u32,
}

impl Watch {
    pub(super) fn new(partition: Arc<Partition>, waiter: Arc<FetchWaiter>, number: u32) -> Self {
        Self { partition, waiter, number }
    }

    /// Whether it is a place at this one: a partition that was closed and opened again is another.
    pub fn is_at(&self, partition: &Arc<Partition>) -> bool {
        Arc::ptr_eq(&self.partition, partition)
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&self.partition.id()).finish()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.partition.unwatch(&self.waiter, self.number);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn is_ready(waiter: &FetchWaiter) -> bool {
        waiter.ready().now_or_never().is_some()
    }

    fn watched_by(waiter: &Arc<FetchWaiter>, number: u32) -> Watchers {
        let mut watchers = Watchers::default();
        watchers.add(waiter, number);
        watchers
    }

    #[test]
    fn enough_bytes_wake_and_fewer_do_not() {
        let waiter = FetchWaiter::new();
        let watchers = watched_by(&waiter, 0);
        waiter.arm(10);
        watchers.committed(9);
        assert!(!is_ready(&waiter));
        watchers.committed(1);
        assert!(is_ready(&waiter));
    }

    #[test]
    fn growth_between_reset_and_arm_counts() {
        let waiter = FetchWaiter::new();
        let watchers = watched_by(&waiter, 0);
        waiter.reset();
        watchers.committed(7);
        waiter.arm(5);
        assert!(is_ready(&waiter));
        waiter.reset();
        assert!(!is_ready(&waiter));
        waiter.arm(5);
        watchers.committed(4);
        assert!(!is_ready(&waiter));
    }

    #[test]
    fn consumers_wake_for_commits_and_followers_for_appends() {
        let consumer = FetchWaiter::shared(Sees::Committed);
        let follower = FetchWaiter::shared(Sees::Appended);
        let mut watchers = watched_by(&consumer, 3);
        watchers.add(&follower, 4);
        let _parked = (consumer.park(), follower.park());
        consumer.arm(1);
        follower.arm(1);
        watchers.appended(10);
        assert_eq!((is_ready(&consumer), is_ready(&follower)), (false, true));
        watchers.committed(10);
        assert_eq!((is_ready(&consumer), is_ready(&follower)), (true, true));
        let changed = (consumer.take_changed(), follower.take_changed());
        assert_eq!(changed, (BTreeSet::from([3]), BTreeSet::from([4])));
    }

    #[test]
    fn who_does_not_wait_is_not_woken_by_commits() {
        let follower = FetchWaiter::shared(Sees::Appended);
        let watchers = watched_by(&follower, 1);
        watchers.committed(5);
        watchers.log_start_moved();
        assert!(!is_ready(&follower));
        assert_eq!(follower.take_changed(), BTreeSet::from([1]), "but it will look");
        assert!(!watchers.a_consumer_waits());
    }
}
