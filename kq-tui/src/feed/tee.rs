//! A feed that is recorded while it is watched.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::record::Recorder;
use super::{Answers, Asks, Calls, Feed};
use crate::model::{FeedAsk, FeedEvent, Unanswered};
use crate::shell::clock::Clock;

/// Nobody who has to end waits longer.
const PATIENCE: Duration = Duration::from_millis(100);

/// Another feed, and the recording of what it tells, and of what it was asked to tell.
pub struct Tee {
    feed: Box<dyn Feed>,
    file: Tape,
    clock: Clock,
    /// The time of day when the uptime began, as it was believed then: the time of day may be set back.
    began_ms: i64,
    failed: Failed,
    asked: Arc<Mutex<Unanswered>>,
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
        let file = Tape(Arc::new(Mutex::new(Some(recorder))));
        Self { feed, file, clock, began_ms, failed, asked: Arc::default() }
    }

    /// The recording.
    pub fn tape(&self) -> Tape {
        self.file.clone()
    }

    /// A window is recorded when a frame takes it into account, as it is looked through then.
    fn looked(&self, event: &FeedEvent) -> Option<FeedEvent> {
        let FeedEvent::Frame(frame) = event else { return None };
        let window = self.asked.lock().answered(frame.window)?;
        Some(FeedEvent::Looked(Box::new(window)))
    }
}

impl Feed for Tee {
    fn next(&mut self) -> Option<FeedEvent> {
        let event = self.feed.next()?;
        let at_ms = self.began_ms.saturating_add_unsigned(self.clock.uptime_ms());
        let looked = self.looked(&event);
        let mut file = self.file.0.lock();
        if let Some(recorder) = file.as_mut()
            && let Err(error) =
                looked.iter().chain([&event]).try_for_each(|it| recorder.take(it, at_ms))
        {
            // A full disk ends the recording, never the watching.
            *file = None;
            (self.failed)(format!("the recording has ended: {error}"));
        }
        Some(event)
    }

    fn asks(&self) -> Asks {
        let asks = self.feed.asks();
        if !self.feed.tells_what_is_asked() {
            return asks;
        }
        let asked = Arc::clone(&self.asked);
        Asks::new(move |ask| {
            if let FeedAsk::Window(window) = &ask {
                asked.lock().push((**window).clone());
            }
            asks.ask(ask);
        })
    }

    fn calls(&mut self) -> (Calls, Option<Answers>) {
        self.feed.calls()
    }
}

#[cfg(test)]
#[path = "tee_test.rs"]
mod tests;
