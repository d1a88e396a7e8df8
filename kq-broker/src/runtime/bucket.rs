//! A rate that is kept by waiting: what has come is spent, and what it is overdrawn by is waited for.
//!
//! A bucket is empty when it is made, so that there is no burst, and it gathers a moment's worth at
//! most, which makes up for timers that ring late.

use std::time::Duration;

/// What may gather while nothing comes.
const GATHERED_MAX: Duration = Duration::from_millis(250);
/// So many parts make a byte: a rate of one byte a second is paid in nanoseconds.
const PARTS: i128 = 1_000_000_000;

/// Bytes that may still be spent now; below zero what was spent ahead of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    bytes_per_second: u64,
    /// In parts of a byte.
    left: i128,
    filled_at: Duration,
}

impl Bucket {
    /// An empty one; a rate of zero counts as one byte a second.
    pub(super) fn new(bytes_per_second: u64, now: Duration) -> Self {
        Self { bytes_per_second: bytes_per_second.max(1), left: 0, filled_at: now }
    }

    /// Its rate.
    pub(super) const fn bytes_per_second(&self) -> u64 {
        self.bytes_per_second
    }

    /// Spends so many bytes; tells until when nothing more should be spent.
    pub(super) fn spend(&mut self, bytes: u64, now: Duration) -> Option<Duration> {
        let rate = i128::from(self.bytes_per_second);
        let parts = |time: Duration| i128::try_from(time.as_nanos()).unwrap_or(i128::MAX);
        let filled = rate.saturating_mul(parts(now.saturating_sub(self.filled_at)));
        self.filled_at = now.max(self.filled_at);
        let gathered = self.left.saturating_add(filled).min(rate * parts(GATHERED_MAX));
        self.left = gathered - i128::from(bytes) * PARTS;
        if self.left >= 0 {
            return None;
        }
        let nanos = u64::try_from((-self.left - 1) / rate + 1).unwrap_or(u64::MAX);
        Some(now + Duration::from_nanos(nanos))
    }
}
