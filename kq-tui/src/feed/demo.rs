//! A cluster that is not there: made up from a seed, the same each time, with troubles that come and go.
//! For trying the keys, for pictures, and for measuring.
//!
//! Everything that is told follows from the seed and the moment, so any moment of its past can be
//! looked at, and time goes on from [`story::BEGIN_MS`] as fast as it does outside.

mod chance;
mod cluster;
mod counters;
mod groups;
mod history;
mod session;
mod story;

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use self::cluster::Cluster;
use self::session::Session;
use super::{Answers, Asks, Calls, Feed};
use crate::model::{FeedAsk, FeedEvent};
use crate::shell::clock::Clock;

/// Between two frames.
const ROUND_MS: u64 = 1_000;
/// An ask is answered together with those that come right behind it, after so long.
const ANSWER_WAIT: Duration = Duration::from_millis(5);

/// What a made-up cluster is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Made {
    /// The same seed tells the same.
    pub seed: u64,
    /// It has so many partitions, or a few more; 63 at least.
    pub partitions: u32,
}

/// What a made-up cluster tells, at the moments that it is asked for.
#[derive(Debug)]
pub struct Script {
    made: Made,
    session: Session,
    now_ms: i64,
}

/// A made-up cluster whose time goes on.
#[derive(Debug)]
pub struct Demo {
    script: Script,
    clock: Clock,
    asks: Receiver<FeedAsk>,
    /// Kept so that the feed never runs out of askers.
    asker: Sender<FeedAsk>,
    waiting: VecDeque<FeedEvent>,
    /// The uptime at which the next frame is due.
    due_ms: u64,
    began_ms: u64,
}

impl Script {
    /// Nothing was told yet.
    pub fn new(made: Made) -> Self {
        let session = Session::new(Cluster::new(made.seed, made.partitions));
        Self { made, session, now_ms: story::BEGIN_MS }
    }

    /// In words.
    pub fn name(&self) -> String {
        format!("a made-up cluster, seed {}", self.made.seed)
    }

    /// So many seconds have gone by since the beginning.
    pub fn go_to(&mut self, second: u64) {
        let ms = i64::try_from(second.saturating_mul(1_000)).unwrap_or(0);
        self.now_ms = story::BEGIN_MS.saturating_add(ms);
    }

    /// Something is wanted of it.
    pub fn ask(&mut self, ask: FeedAsk) {
        match ask {
            FeedAsk::Window(window) => self.session.look_through(*window),
            FeedAsk::Seek(seek) => self.session.seek(&seek, self.now_ms),
            FeedAsk::Resume => self.session.resume(),
            // Only a recording has a speed.
            FeedAsk::Speed(_) => {}
        }
    }

    /// All that is wanted by now.
    pub fn ask_all(&mut self, asks: impl Iterator<Item = FeedAsk>) {
        for it in asks {
            self.ask(it);
        }
    }

    /// What differs from what was told.
    pub fn frame(&mut self) -> FeedEvent {
        FeedEvent::Frame(Box::new(self.session.frame(self.now_ms)))
    }
}

impl Demo {
    /// It begins now.
    pub fn new(made: Made, clock: Clock) -> Self {
        let (asker, asks) = channel();
        let now_ms = clock.uptime_ms();
        let script = Script::new(made);
        Self {
            waiting: VecDeque::from([FeedEvent::Open { to: script.name() }]),
            script,
            clock,
            asks,
            asker,
            due_ms: now_ms,
            began_ms: now_ms,
        }
    }
}

impl Feed for Demo {
    fn next(&mut self) -> Option<FeedEvent> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            let wait_ms = self.due_ms.saturating_sub(self.clock.uptime_ms());
            match self.asks.recv_timeout(Duration::from_millis(wait_ms)) {
                Ok(ask) => {
                    self.script.ask(ask);
                    while let Ok(ask) = self.asks.recv_timeout(ANSWER_WAIT) {
                        self.script.ask(ask);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
            let now_ms = self.clock.uptime_ms();
            self.script.go_to(now_ms.saturating_sub(self.began_ms) / ROUND_MS);
            self.due_ms = now_ms + ROUND_MS;
            self.waiting.push_back(self.script.frame());
        }
    }

    fn asks(&self) -> Asks {
        let asker = self.asker.clone();
        // If nobody tells any more, nobody wants anything of it either.
        Asks::new(move |ask| drop(asker.send(ask)))
    }

    fn calls(&mut self) -> (Calls, Option<Answers>) {
        (Calls::none("a made-up cluster cannot be asked"), None)
    }
}

#[cfg(test)]
#[path = "demo_test.rs"]
mod tests;
