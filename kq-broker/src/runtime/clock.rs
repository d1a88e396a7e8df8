//! The time of day and the time since start, read here and nowhere else in the runtime.

use std::time::{Duration, Instant, SystemTime};

use kq_storage::TimestampMs;

use crate::env;

/// Reads the time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock whose monotonic time begins now.
    pub fn start() -> Self {
        Self { started: env::instant() }
    }

    /// The time of day.
    pub fn now(&self) -> TimestampMs {
        let since_1970 = env::time_of_day().duration_since(SystemTime::UNIX_EPOCH);
        let millis = since_1970.unwrap_or_default().as_millis();
        TimestampMs(i64::try_from(millis).unwrap_or(i64::MAX))
    }

    /// The time since start; never goes back.
    pub fn elapsed(&self) -> Duration {
        self.instant().saturating_duration_since(self.started)
    }

    /// The moment of now, for deadlines of threads.
    pub fn instant(&self) -> Instant {
        env::instant()
    }
}
