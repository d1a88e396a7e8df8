//! A recording, played: as fast as it was, faster, or standing at a moment. A seek goes to the nearest
//! whole frame before its moment and applies what followed.
//!
//! Moments are those of the cluster's clock, which is what screens show and users type. How fast it
//! plays goes by the clock of whoever recorded, which never goes back.

mod place;
mod search;

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use kq_proto::monitor::v1;

use self::place::{Place, Reached, reach, reach_end};
use super::record::Recording;
use super::{Asks, Feed};
use crate::model::{FeedAsk, FeedEvent};
use crate::shell::clock::Clock;

/// As fast as it was, in hundredths.
const AS_IT_WAS: u32 = 100;

/// A recording that plays.
#[derive(Debug)]
pub struct Replay {
    recording: Recording,
    /// The cluster's clock at its first and last frame.
    span_ms: Option<(i64, i64)>,
    name: String,
    clock: Clock,
    asks: Receiver<FeedAsk>,
    /// Kept so that the feed never runs out of askers.
    asker: Sender<FeedAsk>,
    at: Place,
    /// The cluster's clock as it was told last.
    shown_ms: Option<i64>,
    /// In hundredths of how fast it was; 0 = it stands.
    speed: u32,
    /// The uptime at which this moment of the recording was played, by the clock of whoever recorded.
    anchor: (u64, i64),
    /// The newest window that was asked for: a recording shows what it has, whatever is asked.
    window: u64,
    waiting: VecDeque<FeedEvent>,
    has_ended: bool,
}

impl Replay {
    /// Plays from the beginning. The name is shown as where frames come from.
    pub fn new(recording: Recording, name: String, clock: Clock) -> Self {
        let (asker, asks) = channel();
        let begin_ms = recording.begin_ms().unwrap_or(0);
        Self {
            span_ms: recording.span_ms(),
            recording,
            waiting: VecDeque::from([FeedEvent::Open { to: name.clone() }]),
            name,
            anchor: (clock.uptime_ms(), begin_ms),
            clock,
            asks,
            asker,
            at: Place::default(),
            shown_ms: None,
            speed: AS_IT_WAS,
            window: 0,
            has_ended: false,
        }
    }

    /// What tells an empty store all that was known at a moment of the cluster's clock, with its rates:
    /// frames, and the windows that they tell of.
    pub fn told_at(recording: &Recording, clock_ms: i64) -> Vec<FeedEvent> {
        reach(recording, clock_ms).told
    }

    /// When the last trouble before a moment began, or the first after it; why there is none, in words.
    pub fn trouble(
        recording: &Recording,
        from_ms: i64,
        is_after: bool,
    ) -> Result<i64, &'static str> {
        let step = if is_after { v1::Step::TroubleOn } else { v1::Step::TroubleBack };
        search::find(recording, step, from_ms)
    }

    fn fulfil(&mut self, ask: FeedAsk) {
        self.anchor = (self.clock.uptime_ms(), self.playing_ms());
        match ask {
            FeedAsk::Window(window) => self.window = self.window.max(window.number),
            FeedAsk::Speed(speed) => self.speed = speed,
            FeedAsk::Resume => {
                // What is now was never recorded: the end is the nearest to it.
                if self.span_ms.is_some() {
                    self.go_to(None, reach_end(&self.recording), "");
                }
            }
            FeedAsk::Seek(seek) => self.seek(&seek),
        }
    }

    fn seek(&mut self, seek: &v1::Seek) {
        let Some((first_ms, last_ms)) = self.span_ms else {
            self.miss(seek.number, "nothing was recorded");
            return;
        };
        let (found, words) = match seek.step() {
            v1::Step::Unspecified if seek.at_ms > last_ms => {
                let landing = (seek.number, None);
                self.go_to(Some(landing), reach_end(&self.recording), "the recording ends here");
                return;
            }
            v1::Step::Unspecified if seek.at_ms < first_ms => {
                (Ok(first_ms), "the recording begins here")
            }
            v1::Step::Unspecified => (Ok(seek.at_ms), ""),
            step @ (v1::Step::EventBack
            | v1::Step::EventOn
            | v1::Step::TroubleBack
            | v1::Step::TroubleOn) => (search::find(&self.recording, step, seek.at_ms), ""),
        };
        match found {
            Ok(at_ms) => {
                let landing = (seek.number, Some(at_ms));
                self.go_to(Some(landing), reach(&self.recording, at_ms), words);
            }
            Err(why) => self.miss(seek.number, why),
        }
    }

    /// Tells what was known at a moment: whole a little before it, and what came then, so that there
    /// are rates. A landing is told by its number, and by its moment or that of the last frame.
    fn go_to(&mut self, landing: Option<(u64, Option<i64>)>, to: Reached, words: &str) {
        let Reached { told, place, at_ms } = to;
        self.at = place;
        self.anchor = (self.clock.uptime_ms(), at_ms);
        self.has_ended = false;
        let last = told.iter().rposition(|it| matches!(it, FeedEvent::Frame(_)));
        for (nth, mut event) in told.into_iter().enumerate() {
            if let FeedEvent::Frame(frame) = &mut event
                && let Some((number, clock_ms)) = landing.filter(|_| Some(nth) == last)
            {
                let at_ms = clock_ms.unwrap_or(frame.now_ms);
                frame.landing = Some(self.landing(number, at_ms, words));
            }
            self.push(event);
        }
    }

    fn landing(&self, number: u64, at_ms: i64, words: &str) -> v1::Landing {
        v1::Landing {
            number,
            found: true,
            at_ms,
            words: words.to_owned(),
            oldest_at_ms: self.span_ms.map(|(first_ms, _)| first_ms),
            ..v1::Landing::default()
        }
    }

    /// Tells why a seek found nothing; nothing moves.
    fn miss(&mut self, number: u64, words: &str) {
        let now_ms = self.shown_ms.unwrap_or(0);
        let landing = v1::Landing { found: false, ..self.landing(number, now_ms, words) };
        let landing = Some(landing);
        let frame = v1::WatchResponse { now_ms, landing, ..v1::WatchResponse::default() };
        self.push(FeedEvent::Frame(Box::new(frame)));
    }

    fn push(&mut self, mut event: FeedEvent) {
        if let FeedEvent::Frame(frame) = &mut event {
            frame.window = self.window;
            self.shown_ms = Some(frame.now_ms);
        }
        self.waiting.push_back(event);
    }

    /// The moment of the recording that is played now.
    fn playing_ms(&self) -> i64 {
        let (uptime_ms, at_ms) = self.anchor;
        let played_ms = self.clock.uptime_ms().saturating_sub(uptime_ms);
        let played_ms = played_ms.saturating_mul(u64::from(self.speed)) / u64::from(AS_IT_WAS);
        let at_ms = at_ms.saturating_add_unsigned(played_ms);
        at_ms.min(self.recording.end_ms().unwrap_or(at_ms))
    }

    /// How long until a moment is played; none while it stands.
    fn until(&self, at_ms: i64) -> Option<Duration> {
        let ahead_ms = u64::try_from(at_ms.saturating_sub(self.playing_ms())).unwrap_or(0);
        let speed = u64::from(self.speed);
        let wait_ms = ahead_ms.saturating_mul(u64::from(AS_IT_WAS)).checked_div(speed)?;
        Some(Duration::from_millis(wait_ms))
    }

    /// What is played next, if it is time; otherwise how long until then, if it plays at all.
    fn play(&mut self) -> Result<FeedEvent, Option<Duration>> {
        let Some(next_ms) = self.at.peek(&self.recording).map(|it| it.at_ms) else {
            return self.end();
        };
        let wait = self.until(next_ms);
        if wait != Some(Duration::ZERO) {
            return Err(wait);
        }
        let next = self.at.next(&self.recording);
        for event in next.map(|it| it.news(self.shown_ms.is_some())).unwrap_or_default() {
            self.push(event);
        }
        self.waiting.pop_front().ok_or(Some(Duration::ZERO))
    }

    /// Tells once that there is no more.
    fn end(&mut self) -> Result<FeedEvent, Option<Duration>> {
        if self.has_ended {
            return Err(None);
        }
        self.has_ended = true;
        let why = if self.recording.is_empty() {
            format!("{}: nothing was recorded", self.name)
        } else {
            format!("{}: the recording ends here", self.name)
        };
        Ok(FeedEvent::Ended { why })
    }
}

impl Feed for Replay {
    fn next(&mut self) -> Option<FeedEvent> {
        loop {
            while let Ok(ask) = self.asks.try_recv() {
                self.fulfil(ask);
            }
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            let ask = match self.play() {
                Ok(event) => return Some(event),
                Err(Some(wait)) => self.asks.recv_timeout(wait),
                Err(None) => self.asks.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match ask {
                Ok(ask) => self.fulfil(ask),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    fn asks(&self) -> Asks {
        let asker = self.asker.clone();
        // If nobody plays any more, nobody wants anything of it either.
        Asks::new(move |ask| drop(asker.send(ask)))
    }

    fn tells_what_is_asked(&self) -> bool {
        false
    }
}

#[cfg(test)]
#[path = "replay_test.rs"]
mod tests;

#[cfg(test)]
mod windows_test;
