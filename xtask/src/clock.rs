//! The one place of xtask that reads a clock or waits.

use std::time::{Duration, Instant};

/// How often a condition that cannot wake us is asked again.
const POLL_EVERY: Duration = Duration::from_millis(20);

/// The monotonic time.
#[expect(clippy::disallowed_methods, reason = "xtask drives real processes by the real clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Lets the time pass.
#[expect(clippy::disallowed_methods, reason = "the pace of a poll or of a refreshed screen")]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// Asks until `ready` gives a value or the time is up.
pub(crate) fn poll_until<T>(limit: Duration, mut ready: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = now() + limit;
    loop {
        if let Some(value) = ready() {
            return Some(value);
        }
        if deadline <= now() {
            return None;
        }
        pause(POLL_EVERY);
    }
}
