//! The one place of xtask that reads a clock or waits.

use std::time::{Duration, Instant, SystemTime};

/// How often a condition that cannot wake us is asked again.
const POLL_EVERY: Duration = Duration::from_millis(20);

/// The monotonic time.
#[expect(clippy::disallowed_methods, reason = "xtask drives real processes by the real clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The wall clock, in milliseconds since 1970; 0 if it lies before.
#[expect(clippy::disallowed_methods, reason = "held against times that brokers wrote down")]
pub(crate) fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.ok().and_then(|it| i64::try_from(it.as_millis()).ok()).unwrap_or(0)
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
