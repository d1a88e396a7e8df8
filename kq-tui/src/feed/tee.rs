//! A feed that is recorded while it is watched.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::record::Recorder;
use super::{Answers, Asks, Calls, Feed};
use crate::model::FeedEvent;
use crate::shell::clock::Clock;

/// Nobody who has to end waits longer.
const PATIENCE: Duration = Duration::from_millis(100);

/// Another feed, and the recording of what it tells.
pub struct Tee {
    feed: Box<dyn Feed>,
    file: Tape,
    clock: Clock,
    /// The time of day when the uptime began, as it was believed then: the time of day may be set back.
    began_ms: i64,
    failed: Failed,
}

/// Told in words when the recording cannot be written any more.
pub type Failed = Box<dyn Fn(String) + Send>;

/// The recording, for whoever has to bring it to its end. None in it once it cannot be written.
#[derive(Debug, Clone)]
pub struct Tape(Arc<Mutex<Option<Recorder>>>);

impl Tape {
    /// Writes what was not written yet, if that needs no waiting.
    pub fn flush(&self) {
        if let Some(mut recorder) = self.0.try_lock_for(PATIENCE)
            && let Some(recorder) = recorder.as_mut()
        {
            // Whoever ends has nobody to tell.
            let _ = recorder.flush();
        }
    }
}

impl Tee {
    /// Records what a feed tells from now on.
    pub fn new(feed: Box<dyn Feed>, recorder: Recorder, clock: Clock, failed: Failed) -> Self {
        let uptime_ms = i64::try_from(clock.uptime_ms()).unwrap_or(i64::MAX);
        let began_ms = clock.wall_ms().saturating_sub(uptime_ms);
        Self { feed, file: Tape(Arc::new(Mutex::new(Some(recorder)))), clock, began_ms, failed }
    }

    /// The recording.
    pub fn tape(&self) -> Tape {
        self.file.clone()
    }
}

impl Feed for Tee {
    fn next(&mut self) -> Option<FeedEvent> {
        let event = self.feed.next()?;
        let at_ms = self.began_ms.saturating_add_unsigned(self.clock.uptime_ms());
        let mut file = self.file.0.lock();
        if let Some(recorder) = file.as_mut()
            && let Err(error) = recorder.take(&event, at_ms)
        {
            // A full disk ends the recording, never the watching.
            *file = None;
            (self.failed)(format!("the recording has ended: {error}"));
        }
        Some(event)
    }

    fn asks(&self) -> Asks {
        self.feed.asks()
    }

    fn calls(&mut self) -> (Calls, Option<Answers>) {
        self.feed.calls()
    }
}
