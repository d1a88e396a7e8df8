//! How fast this broker takes in replicas that a move brings here. What it follows anyway is never
//! held up: a throttled ISR would be a slow cluster.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;

/// A rate for all sources together; unlimited until one is set.
#[derive(Debug, Default)]
pub struct Quota {
    bucket: Mutex<Option<Bucket>>,
    changed: watch::Sender<()>,
}

/// Bytes that may still be spent now; below zero what was spent ahead of time.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    bytes_per_second: u64,
    left: i128,
    filled_at: Duration,
}

/// So many parts make a byte: a rate of one byte a second is paid in nanoseconds.
const PARTS: i128 = 1_000_000_000;

impl Quota {
    /// Sets the rate; none for as fast as it goes.
    pub fn set(&self, bytes_per_second: Option<u64>, now: Duration) {
        let mut bucket = self.bucket.lock();
        let same = bucket.as_ref().map(|it| it.bytes_per_second) == bytes_per_second;
        if !same {
            let full = |rate: u64| i128::from(rate) * PARTS;
            *bucket = bytes_per_second.map(|rate| Bucket {
                bytes_per_second: rate.max(1),
                left: full(rate),
                filled_at: now,
            });
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

    /// Spends what has come; tells until when nothing more should be asked for.
    pub(super) fn spend(&self, bytes: usize, now: Duration) -> Option<Duration> {
        let mut bucket = self.bucket.lock();
        let bucket = bucket.as_mut()?;
        let rate = i128::from(bucket.bytes_per_second);
        let gone_by = now.saturating_sub(bucket.filled_at).as_nanos();
        let filled =
            bucket.left + rate.saturating_mul(i128::try_from(gone_by).unwrap_or(i128::MAX));
        bucket.filled_at = now;
        // At most one second's worth gathers.
        bucket.left = filled.min(rate * PARTS) - i128::try_from(bytes).unwrap_or(i128::MAX) * PARTS;
        if bucket.left >= 0 {
            return None;
        }
        let nanos = u64::try_from(-bucket.left / rate).unwrap_or(u64::MAX);
        Some(now + Duration::from_nanos(nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn nothing_is_held_up_without_a_rate() {
        let quota = Quota::default();
        assert!(!quota.is_set());
        assert_eq!(quota.spend(usize::MAX, seconds(1)), None);
    }

    #[test]
    fn what_is_spent_ahead_is_waited_for() {
        let quota = Quota::default();
        quota.set(Some(1000), seconds(10));
        assert_eq!(quota.spend(1000, seconds(10)), None, "a second's worth is there");
        assert_eq!(quota.spend(3000, seconds(10)), Some(seconds(13)));
        assert_eq!(quota.spend(0, seconds(13)), None);
        assert_eq!(quota.spend(500, seconds(13)), Some(Duration::from_millis(13_500)));
    }

    #[test]
    fn no_more_than_a_second_gathers() {
        let quota = Quota::default();
        quota.set(Some(1000), seconds(0));
        assert_eq!(quota.spend(2000, seconds(1000)), Some(seconds(1001)));
        quota.set(Some(1000), seconds(1000));
        assert_eq!(
            quota.spend(0, seconds(1000)),
            Some(seconds(1001)),
            "the same rate changes nothing"
        );
        quota.set(None, seconds(1000));
        assert_eq!(quota.spend(9, seconds(1000)), None);
    }
}
