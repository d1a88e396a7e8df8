//! A recording, played: as fast as it was, faster, or standing at a moment. A seek goes to the nearest
//! whole frame before its moment and applies what followed.

mod search;

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use kq_proto::monitor::v1;

use super::record::{Moment, Recording, Told};
use super::{Asks, Feed};
use crate::facts::Facts;
use crate::model::{FeedAsk, FeedEvent};
use crate::shell::clock::Clock;

/// As fast as it was, in hundredths.
const AS_IT_WAS: u32 = 100;

/// A recording that plays.
#[derive(Debug)]
pub struct Replay {
    recording: Recording,
    name: String,
    clock: Clock,
    asks: Receiver<FeedAsk>,
    /// Kept so that the feed never runs out of askers.
    asker: Sender<FeedAsk>,
    at: Place,
    /// In hundredths of how fast it was; 0 = it stands.
    speed: u32,
    /// The uptime at which this moment of the recording was played.
    anchor: (u64, i64),
    /// The newest window that was asked for: a recording shows what it has, whatever is asked.
    window: u64,
    waiting: VecDeque<FeedEvent>,
    has_ended: bool,
}

/// What comes next in a recording.
#[derive(Debug, Default)]
struct Place {
    /// The block behind those that were read.
    block: usize,
    moments: VecDeque<Moment>,
}

impl Place {
    fn peek(&mut self, recording: &Recording) -> Option<&Moment> {
        while self.moments.is_empty() {
            self.moments = recording.moments(self.block)?.into();
            self.block += 1;
        }
        self.moments.front()
    }

    fn next(&mut self, recording: &Recording) -> Option<Moment> {
        self.peek(recording)?;
        self.moments.pop_front()
    }
}

impl Replay {
    /// Plays from the beginning. The name is shown as where frames come from.
    pub fn new(recording: Recording, name: String, clock: Clock) -> Self {
        let (asker, asks) = channel();
        let begin_ms = recording.span_ms().map_or(0, |(first_ms, _)| first_ms);
        Self {
            recording,
            waiting: VecDeque::from([FeedEvent::Open { to: name.clone() }]),
            name,
            anchor: (clock.uptime_ms(), begin_ms),
            clock,
            asks,
            asker,
            at: Place::default(),
            speed: AS_IT_WAS,
            window: 0,
            has_ended: false,
        }
    }

    /// Everything that was known at a moment, as one frame; none if nothing was by then.
    pub fn whole_at(recording: &Recording, at_ms: i64) -> Option<v1::WatchResponse> {
        let (facts, _) = state_at(recording, at_ms);
        facts.now_ms.is_some().then(|| facts.whole_frame())
    }

    fn fulfil(&mut self, ask: FeedAsk) {
        self.anchor = (self.clock.uptime_ms(), self.playing_ms());
        match ask {
            FeedAsk::Window(window) => self.window = self.window.max(window.number),
            FeedAsk::Speed(speed) => self.speed = speed,
            FeedAsk::Resume => self.speed = AS_IT_WAS,
            FeedAsk::Seek(seek) => self.seek(&seek),
        }
    }

    fn seek(&mut self, seek: &v1::Seek) {
        let Some((first_ms, last_ms)) = self.recording.span_ms() else {
            self.land(seek.number, None, "nothing was recorded");
            return;
        };
        let found = match seek.step() {
            v1::Step::Unspecified => Ok(seek.at_ms.clamp(first_ms, last_ms)),
            step @ (v1::Step::EventBack
            | v1::Step::EventOn
            | v1::Step::TroubleBack
            | v1::Step::TroubleOn) => search::find(&self.recording, step, seek.at_ms),
        };
        match found {
            Ok(at_ms) => self.go_to(seek.number, at_ms),
            Err(why) => self.land(seek.number, None, why),
        }
    }

    fn go_to(&mut self, number: u64, at_ms: i64) {
        let (facts, place) = state_at(&self.recording, at_ms);
        self.at = place;
        self.anchor = (self.clock.uptime_ms(), at_ms);
        self.has_ended = false;
        if facts.now_ms.is_some() {
            let frame = facts.whole_frame();
            self.push(frame, Some((number, at_ms)));
        } else {
            self.land(number, Some(at_ms), "nothing was known yet");
        }
    }

    /// Tells where a seek landed without anything that is known there.
    fn land(&mut self, number: u64, at_ms: Option<i64>, words: &str) {
        let landing = v1::Landing {
            number,
            found: at_ms.is_some(),
            at_ms: at_ms.unwrap_or_else(|| self.playing_ms()),
            words: words.to_owned(),
            oldest_at_ms: self.recording.span_ms().map(|(first_ms, _)| first_ms),
            ..v1::Landing::default()
        };
        let frame = v1::WatchResponse {
            now_ms: self.playing_ms(),
            window: self.window,
            landing: Some(landing),
            ..v1::WatchResponse::default()
        };
        self.waiting.push_back(FeedEvent::Frame(Box::new(frame)));
    }

    fn push(&mut self, mut frame: v1::WatchResponse, landed: Option<(u64, i64)>) {
        frame.window = self.window;
        if let Some((number, at_ms)) = landed {
            frame.landing = Some(v1::Landing {
                number,
                found: true,
                at_ms,
                oldest_at_ms: self.recording.span_ms().map(|(first_ms, _)| first_ms),
                ..v1::Landing::default()
            });
        }
        self.waiting.push_back(FeedEvent::Frame(Box::new(frame)));
    }

    /// The moment of the recording that is now.
    fn playing_ms(&self) -> i64 {
        let (uptime_ms, at_ms) = self.anchor;
        let played_ms = self.clock.uptime_ms().saturating_sub(uptime_ms);
        let played_ms = played_ms.saturating_mul(u64::from(self.speed)) / u64::from(AS_IT_WAS);
        let at_ms = at_ms.saturating_add_unsigned(played_ms);
        self.recording.span_ms().map_or(at_ms, |(_, last_ms)| at_ms.min(last_ms))
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
            if self.has_ended {
                return Err(None);
            }
            self.has_ended = true;
            let why = if self.recording.is_empty() {
                format!("{}: nothing was recorded", self.name)
            } else {
                format!("{}: the recording ends here", self.name)
            };
            return Ok(FeedEvent::Ended { why });
        };
        match self.until(next_ms) {
            Some(Duration::ZERO) => {
                let told = self.at.next(&self.recording).and_then(|it| it.told);
                match told {
                    Some(Told::Frame(frame)) => {
                        self.push(*frame, None);
                        Ok(self.waiting.pop_front().ok_or(Some(Duration::ZERO))?)
                    }
                    Some(told) => Ok(told.into()),
                    None => Err(Some(Duration::ZERO)),
                }
            }
            wait => Err(wait),
        }
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
}

/// Everything that was known at a moment, and the place behind it.
fn state_at(recording: &Recording, at_ms: i64) -> (Facts, Place) {
    let mut facts = Facts::default();
    let mut place = Place { block: recording.key_before(at_ms), ..Place::default() };
    while place.peek(recording).is_some_and(|it| it.at_ms <= at_ms) {
        if let Some(Told::Frame(frame)) = place.next(recording).and_then(|it| it.told) {
            facts.apply(*frame);
        }
    }
    (facts, place)
}

#[cfg(test)]
#[path = "replay_test.rs"]
mod tests;
