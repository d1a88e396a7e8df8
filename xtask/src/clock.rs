//! The one place of xtask that reads a clock.

use std::time::Instant;

/// The monotonic time.
#[expect(clippy::disallowed_methods, reason = "xtask drives real processes by the real clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
