//! The time of day and the time since start, read here and nowhere else in the runtime.

use std::time::{Duration, Instant, SystemTime};

use kq_storage::TimestampMs;

/// Reads the time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock whose monotonic time begins now.
    #[expect(clippy::disallowed_methods, reason = "the clock at the edge is where time is read")]
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }

    /// The time of day.
    #[expect(clippy::disallowed_methods, reason = "the clock at the edge is where time is read")]
    pub fn now(&self) -> TimestampMs {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let millis = since_1970.unwrap_or_default().as_millis();
        TimestampMs(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    /// The time since start; never goes back.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The moment of now, for deadlines of threads.
    #[expect(clippy::disallowed_methods, reason = "the clock at the edge is where time is read")]
    pub fn instant(&self) -> Instant {
        Instant::now()
    }
}
