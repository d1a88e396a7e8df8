//! The only clocks of the monitor. Everything else is told the time.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Uptime by a clock that never goes back, and the time of day.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    began: Instant,
}

impl Clock {
    /// Uptime counts from here.
    #[expect(clippy::disallowed_methods, reason = "this is the clock at the edge")]
    pub fn start() -> Self {
        Self { began: Instant::now() }
    }

    /// Since the start, in milliseconds.
    pub fn uptime_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The moment of an uptime in milliseconds.
    pub fn instant(&self, uptime_ms: u64) -> Instant {
        self.began + Duration::from_millis(uptime_ms)
    }

    /// The time of day, in milliseconds since 1970.
    pub fn wall_ms(&self) -> i64 {
        Timestamp::now().as_millisecond()
    }
}
