//! What the feed tells.

use kq_proto::monitor::v1;

use crate::facts::Changed;
use crate::model::rows::wants_all_counted;
use crate::model::{Effect, FeedEvent, Link, Screen, State};

/// Rows are found anew at most so often while frames come, in milliseconds.
const SETTLE_EACH_MS: u64 = 200;

impl State {
    pub(super) fn take_feed(&mut self, event: FeedEvent) -> Vec<Effect> {
        match event {
            FeedEvent::Opening { to } => self.link = Link::Opening(to),
            FeedEvent::Open { to } => {
                self.link = Link::Open(to);
                // Whoever tells now knows neither the window nor where the screen is.
                self.window = v1::Window { number: self.window.number, ..v1::Window::default() };
                return self.past.reopened(self.uptime_ms).into_iter().collect();
            }
            FeedEvent::Frame(frame) => return self.hear(*frame),
            FeedEvent::Looked(window) => self.look_through(&window),
            FeedEvent::Lost { why } => {
                self.complain(format!("lost: {why}"));
                self.link = Link::Lost(why);
            }
            FeedEvent::Ended { why } => {
                self.hang_up_all(&why);
                self.say(why.clone());
                self.link = Link::Ended(why);
            }
        }
        Vec::new()
    }

    /// A frame is taken in; while what is now is held, beside it.
    fn hear(&mut self, frame: v1::WatchResponse) -> Vec<Effect> {
        self.heard = Some((self.uptime_ms, frame.now_ms));
        self.answered(frame.window);
        self.meet(frame.cluster.as_ref());
        if matches!(self.link, Link::Ended(_)) {
            // A recording had come to its end, and was gone back in.
            self.link = Link::Open(self.settings.context.clone());
        }
        let Some(held) = &mut self.held else { return self.take_frame(frame) };
        self.troubles.count(frame.axis.as_ref(), frame.now_ms);
        let page = frame.events.clone();
        held.apply(frame);
        if let Some(page) = page {
            self.take_held_page(page);
        }
        Vec::new()
    }

    /// An address may come to lead to another cluster, as a tunnel does.
    fn meet(&mut self, cluster: Option<&v1::ClusterState>) {
        let Some(id) = cluster.map(|it| &it.cluster_id).filter(|it| !it.is_empty()) else { return };
        if self.first_cluster.is_none() {
            self.first_cluster = Some(id.clone());
        }
        let before = self.strange_cluster();
        self.told_cluster.clone_from(id);
        if before.is_none()
            && let Some(why) = self.strange_cluster()
        {
            self.complain(why);
        }
    }

    fn take_frame(&mut self, mut frame: v1::WatchResponse) -> Vec<Effect> {
        let landing = frame.landing.take();
        let is_whole = frame.whole;
        let before = self.facts.as_of_ms;
        let changed = self.facts.apply(frame);
        let effects = landing.map(|it| self.land(it)).unwrap_or_default();
        if self.moment_asked().is_none() && self.held.is_none() {
            self.troubles.end();
        }
        if changed.history {
            self.troubles.count(self.facts.axis.as_ref(), self.now_ms());
        }
        let screen = self.place.screen;
        let is_history = matches!(screen, Screen::Churn | Screen::Events);
        let is_moved = before != self.facts.as_of_ms;
        // Rows of another stream or moment, and places in another page, mean something else.
        let is_other = is_whole
            || is_moved
            || (is_history && changed.history)
            || (screen == Screen::Members && changed.groups)
            || screen == Screen::Plans;
        let is_due = self.elapsed_ms(self.settled_at_ms) >= SETTLE_EACH_MS;
        if !is_other && !self.touches_rows(changed) {
            if is_due {
                self.settle_verdict();
            }
            return effects;
        }
        self.stale = true;
        if is_other || (is_due && !self.is_frozen()) || self.table.rows.is_empty() {
            self.settle();
        }
        effects
    }

    /// Whether rows or their order may be others now. There may be a hundred thousand partitions, and to
    /// find them anew each second for nothing would be most of what the monitor does.
    fn touches_rows(&self, changed: Changed) -> bool {
        let table = &self.table;
        self.place.screen != Screen::Partitions
            || table.rows.is_empty()
            || changed.rows
            || changed.partitions
            || table.filter.is_timed()
            || wants_all_counted(table.sort, &table.filter)
    }

    fn land(&mut self, landing: v1::Landing) -> Vec<Effect> {
        let landed = self.past.landed(landing, self.facts.as_of_ms, self.uptime_ms);
        match landed.words {
            Some((words, true)) => self.complain(words),
            Some((words, false)) => self.say(words),
            None => {}
        }
        if self.is_recording() && !self.past.is_seeking() {
            // It plays on from there.
            self.past.target_ms = None;
        }
        landed.effect.into_iter().collect()
    }
}
