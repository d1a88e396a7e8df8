//! Whether this process stood still for a while.
//!
//! A process that was stopped (SIGSTOP, a machine that froze) was silent for the others and may have
//! been replaced. It does not know: what was said to it before the stop still lies in its sockets and
//! looks as if it were said now. For a session after it went on it is in doubt.

use std::time::Duration;

use parking_lot::Mutex;

/// Told of by a tick that should come every quarter of a session, or oftener.
#[derive(Debug)]
pub struct Standstill {
    session: Duration,
    ticks: Mutex<Ticks>,
}

#[derive(Debug, Default)]
struct Ticks {
    last: Option<Duration>,
    in_doubt_until: Duration,
}

impl Standstill {
    /// One that has not begun. The session is how long the others bear with a silent broker.
    pub fn new(session: Duration) -> Self {
        Self { session, ticks: Mutex::default() }
    }

    /// The process runs.
    pub fn tick(&self, now: Duration) {
        let mut ticks = self.ticks.lock();
        if self.is_late(&ticks, now) {
            // Half a session more than a session: what was heard last counts for one, too.
            ticks.in_doubt_until = now + self.session * 3 / 2;
        }
        ticks.last = Some(now);
    }

    /// Whether it may have been replaced while it stood still.
    pub fn is_in_doubt(&self, now: Duration) -> bool {
        let ticks = self.ticks.lock();
        now < ticks.in_doubt_until || self.is_late(&ticks, now)
    }

    fn is_late(&self, ticks: &Ticks, now: Duration) -> bool {
        ticks.last.is_some_and(|last| now.saturating_sub(last) > self.session / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn a_process_that_stood_still_is_in_doubt_for_a_session() {
        let standstill = Standstill::new(MS(3000));
        assert!(!standstill.is_in_doubt(MS(60_000)), "it has not begun");
        for at in [0, 700, 1400, 2900] {
            standstill.tick(MS(at));
            assert!(!standstill.is_in_doubt(MS(at + 1500)));
        }
        assert!(standstill.is_in_doubt(MS(6000)), "before its first tick after the stop");
        standstill.tick(MS(6000));
        standstill.tick(MS(6700));
        assert!(standstill.is_in_doubt(MS(9000)));
        for at in [7400, 8800, 10_200] {
            standstill.tick(MS(at));
        }
        assert!(!standstill.is_in_doubt(MS(10_500)));
    }
}
