//! Time that goes on, and the ways through it.

use crate::model::past::Wish;
use crate::model::{Effect, FeedAsk, Screen, State};

/// In what is now the order of rows stands for so long after a key, in milliseconds.
const FROZEN_MS: u64 = 2_000;
/// What is said is shown for so long, in milliseconds.
const SAID_MS: u64 = 15_000;
/// The past that plays moves on so often, in milliseconds.
const PLAY_EACH_MS: u64 = 500;

impl State {
    pub(super) fn tick(&mut self, uptime_ms: u64) -> Vec<Effect> {
        // A clock that goes back is none.
        self.uptime_ms = self.uptime_ms.max(uptime_ms);
        if self.said.as_ref().is_some_and(|it| self.elapsed_ms(it.since_ms) >= SAID_MS) {
            self.said = None;
        }
        if self.past.give_up(self.facts.as_of_ms, self.uptime_ms) {
            self.complain("the cluster has not answered where that moment is; try again");
        }
        if self.stale && !self.is_frozen() {
            self.settle();
        }
        self.play().into_iter().collect()
    }

    /// Whether the order of rows stands: somebody is just about to act on a row.
    pub(super) fn is_frozen(&self) -> bool {
        // Records come in order: rows do not change their places.
        self.place.screen != Screen::Tail
            && self.mode().is_now()
            && !self.table.rows.is_empty()
            && self.key_at_ms.is_some_and(|at| self.elapsed_ms(at) < FROZEN_MS)
    }

    pub(in crate::model) fn elapsed_ms(&self, since_ms: u64) -> u64 {
        self.uptime_ms.saturating_sub(since_ms)
    }

    /// Through the past, as far as it has played by now.
    fn play(&mut self) -> Option<Effect> {
        let speed = self.past.speed?;
        let elapsed_ms = self.elapsed_ms(self.past.played_at_ms);
        if elapsed_ms < PLAY_EACH_MS || self.past.is_seeking() {
            return None;
        }
        self.past.played_at_ms = self.uptime_ms;
        let on_ms = i64::try_from(elapsed_ms.saturating_mul(u64::from(speed))).unwrap_or(i64::MAX);
        let to_ms = self.moment_asked()?.saturating_add(on_ms);
        if to_ms >= self.now_ms() {
            return self.go_live().into_iter().next();
        }
        self.past.go(Wish::At(to_ms), to_ms, self.uptime_ms)
    }

    /// Leaves what is now, or goes on through the past.
    pub(super) fn travel(&mut self, wish: Wish) -> Vec<Effect> {
        if self.heard.is_none() {
            self.say("nothing is known yet");
            return Vec::new();
        }
        self.release();
        if self.moment_asked().is_none() && !self.is_recording() {
            self.troubles.begin(self.now_ms(), self.facts.axis.as_ref());
        }
        self.turn_to_moment();
        let shown_ms = self.moment_asked().unwrap_or_else(|| self.now_ms());
        self.past.go(wish, shown_ms, self.uptime_ms).into_iter().collect()
    }

    /// Back to what is now; a recording goes to its end.
    pub(super) fn go_live(&mut self) -> Vec<Effect> {
        if self.held.is_some() {
            self.release();
            return Vec::new();
        }
        self.past.leave();
        self.turn_to_moment();
        self.troubles.end();
        vec![Effect::Ask(FeedAsk::Resume)]
    }

    /// What was held goes on with what is known by now.
    pub(super) fn release(&mut self) {
        let Some(facts) = self.held.take() else { return };
        self.facts = *facts;
        self.troubles.end();
        self.tail.release();
        self.settle();
    }
}
