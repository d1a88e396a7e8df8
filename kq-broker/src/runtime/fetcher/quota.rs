//! How fast this broker takes in replicas that a move brings here. What it follows anyway is never
//! held up: a throttled ISR would be a slow cluster.
//!
//! A bucket for all sources together. Requests ask for a small portion each.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::super::bucket::Bucket;

/// Portions in a second, as long as they are neither tiny nor huge.
const PORTIONS_PER_SECOND: u64 = 20;
const PORTION_BYTES_MIN: u64 = 16 << 10;
const PORTION_BYTES_MAX: u64 = 1 << 20;

/// A rate for all sources together; unlimited until one is set.
#[derive(Debug, Default)]
pub struct Quota {
    bucket: Mutex<Option<Bucket>>,
    changed: watch::Sender<()>,
}

impl Quota {
    /// Sets the rate; none for as fast as it goes.
    pub fn set(&self, bytes_per_second: Option<u64>, now: Duration) {
        let rate = bytes_per_second.map(|rate| rate.max(1));
        let mut bucket = self.bucket.lock();
        if bucket.as_ref().map(Bucket::bytes_per_second) != rate {
            *bucket = rate.map(|rate| Bucket::new(rate, now));
            self.changed.send_replace(());
        }
    }

    /// Tells of each new rate: what the old one holds up need not wait any more.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Whether there is a rate at all.
    pub(super) fn is_set(&self) -> bool {
        self.bucket.lock().is_some()
    }

    /// How much to ask for at a time, of one partition; none without a rate.
    pub(super) fn portion(&self) -> Option<i32> {
        let rate = self.bucket.lock().as_ref()?.bytes_per_second();
        let portion = rate / PORTIONS_PER_SECOND;
        i32::try_from(portion.clamp(PORTION_BYTES_MIN, PORTION_BYTES_MAX)).ok()
    }

    /// Spends what has come; tells until when nothing more should be asked for.
    pub(super) fn spend(&self, bytes: usize, now: Duration) -> Option<Duration> {
        self.bucket.lock().as_mut()?.spend(bytes as u64, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn millis(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn nothing_is_held_up_without_a_rate() {
        let quota = Quota::default();
        assert!(!quota.is_set());
        assert_eq!((quota.portion(), quota.spend(usize::MAX, millis(1))), (None, None));
    }

    #[test]
    fn what_is_spent_ahead_is_waited_for() {
        let quota = Quota::default();
        quota.set(Some(1000), millis(10_000));
        assert_eq!(quota.spend(3000, millis(10_000)), Some(millis(13_000)), "no burst");
        assert_eq!(quota.spend(0, millis(13_000)), None);
        assert_eq!(quota.spend(500, millis(13_000)), Some(millis(13_500)));
    }

    #[test]
    fn no_more_than_a_moment_gathers() {
        let quota = Quota::default();
        quota.set(Some(1000), millis(0));
        assert_eq!(quota.spend(1250, millis(1_000_000)), Some(millis(1_001_000)));
        quota.set(Some(1000), millis(1_000_000));
        assert_eq!(quota.spend(0, millis(1_000_000)), Some(millis(1_001_000)), "the rate stands");
        quota.set(None, millis(1_000_000));
        assert_eq!(quota.spend(9, millis(1_000_000)), None);
    }

    #[test]
    fn portions_are_small_parts_of_the_rate() {
        let quota = Quota::default();
        let portion = |rate| {
            quota.set(Some(rate), millis(0));
            quota.portion()
        };
        assert_eq!(portion(1), Some(16 << 10));
        assert_eq!(portion(10 << 20), Some(512 << 10));
        assert_eq!(portion(10 << 30), Some(1 << 20));
    }

    /// A second's worth in portions, each asked for when the last one is paid, with timers that ring
    /// up to 100 ms late.
    #[test]
    fn the_rate_is_kept_though_timers_ring_late() {
        const RATE: u64 = 8 << 20;
        let quota = Quota::default();
        quota.set(Some(RATE), millis(0));
        let (mut now, mut bytes) = (millis(0), 0);
        for round in 0..400_u64 {
            let portion = usize::try_from(quota.portion().unwrap()).unwrap();
            bytes += portion as u64;
            now = quota.spend(portion, now).unwrap_or(now) + millis(round * 37 % 100);
        }
        let due = u128::from(bytes) * 1000 / u128::from(RATE);
        let off = now.as_millis().abs_diff(due);
        assert!(off * 100 < due, "{bytes} bytes in {now:?}, {due} ms are due");
    }
}
