//! How long to leave a broker or a partition alone that could not be served.

use std::time::Duration;

/// Doubles from a first wait up to a longest one; each wait is drawn from its upper half, so that
/// many who failed together do not come back together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Backoff {
    first: Duration,
    longest: Duration,
    failures: u32,
}

impl Backoff {
    /// No failure yet.
    pub(super) const fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest, failures: 0 }
    }

    /// The wait after one more failure; `dice` is any random number.
    pub(super) fn next(&mut self, dice: u64) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let whole = doubled.min(self.longest);
        let half = whole / 2;
        let part = u32::try_from(dice % 1024).unwrap_or(0);
        half + half * part / 1023
    }

    /// All is well again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Whether the last try failed.
    pub(super) const fn has_failed(&self) -> bool {
        self.failures > 0
    }
}

/// A random number; any will do.
pub(super) fn dice() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(50), ms(1000));
        let least: Vec<_> = (0..7).map(|_| backoff.next(0)).collect();
        assert_eq!(least, [25, 50, 100, 200, 400, 500, 500].map(ms));
        assert_eq!(backoff.next(1023), ms(1000));
        backoff.reset();
        assert!(!backoff.has_failed());
        assert_eq!(backoff.next(1023), ms(50));
    }
}
