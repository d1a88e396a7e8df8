//! What a screen asks brokers for beside the stream: a configuration, or records as they come. What is
//! wanted follows from where the screen is; what is asked is brought to that after each event, so no
//! way off a screen leaves a call behind.

#![expect(clippy::wildcard_enum_match_arm, reason = "other screens and calls want nothing of this")]

use super::call::{Answer, Call};
use super::configs::Configs;
use super::record::Opened;
use super::tail::{Next, Phase, Tail};
use super::{Effect, Link, Screen, Source, State, Subject};
use kq_proto::admin::v1::DescribeConfigsRequest;

/// A configuration is asked for anew so often while it is seen, in milliseconds.
const CONFIGS_EACH_MS: u64 = 10_000;
/// After a failure it is tried again so much later, in milliseconds.
const AGAIN_MS: u64 = 3_000;
/// After a broker is gone, or a partition has lost its leader, in milliseconds.
const LEADER_MS: u64 = 500;
/// Rows are found anew at most so often while records come, in milliseconds.
const SETTLE_EACH_MS: u64 = 200;

/// What is wanted of brokers.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    Configs(Subject),
    Tail(Subject),
}

/// What is asked of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Look {
    of: Option<Wanted>,
    /// The call that is not over.
    call: Option<u64>,
    /// Not before, by the uptime.
    again_at_ms: u64,
    /// Partitions that the topic had when its ends were asked for.
    partition_count: usize,
}

impl State {
    /// Asks for what is wanted and not asked for, and hangs up what is wanted no longer.
    pub(super) fn look(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        let wanted = self.wanted_look();
        if wanted != self.look.of {
            effects.extend(self.hang_up());
            if wanted.is_none() {
                self.tail.phase = Phase::Idle;
            }
            self.look = Look { of: wanted, ..Look::default() };
            self.stale = true;
        }
        if self.has_more_partitions() {
            self.tail.begin_anew();
            effects.extend(self.hang_up());
        }
        if self.look.call.is_none() && self.look.again_at_ms <= self.uptime_ms {
            effects.extend(self.next_call().and_then(|call| self.ask_for(call)));
        }
        effects
    }

    /// Takes in an answer; one that nobody waits for any more is none.
    pub(super) fn take_look(&mut self, id: u64, answer: Answer) -> Vec<Effect> {
        if self.look.call != Some(id) {
            return Vec::new();
        }
        self.stale = true;
        let effect = match answer {
            Answer::DescribeConfigs(told) => {
                self.configs.take(told);
                self.over(CONFIGS_EACH_MS)
            }
            Answer::ListOffsets(told) => {
                self.tail.take_ends(told);
                let is_broken = matches!(self.tail.phase, Phase::Broken(_));
                self.over(if is_broken { AGAIN_MS } else { 0 })
            }
            Answer::Fetch(told) => {
                let is_held = self.held.is_some();
                match self.tail.take(told, is_held, self.uptime_ms) {
                    Next::On => None,
                    Next::Again => self.leave(LEADER_MS),
                    Next::Anew => self.leave(0),
                }
            }
            Answer::Refused(it) => self.fail(it.message),
            Answer::Over => self.fail("the broker has ended it".to_owned()),
            _ => None,
        };
        let is_due = self.elapsed_ms(self.settled_at_ms) >= SETTLE_EACH_MS;
        if self.place.screen.is_asked_for() && (is_due || self.table.rows.is_empty()) {
            self.settle();
        }
        effect.into_iter().collect()
    }

    /// Whether brokers can tell what this screen is about: of what is now, and no recording.
    pub(super) fn can_look(&self) -> bool {
        self.settings.source == Source::Live && self.moment_asked().is_none()
    }

    fn wanted_look(&self) -> Option<Wanted> {
        if !self.can_look() {
            return None;
        }
        match self.place.screen {
            Screen::Configs => self.place.subject.clone().map(Wanted::Configs),
            Screen::Tail => self.place.subject.clone().map(Wanted::Tail),
            // Records go on coming while one of them is read.
            Screen::Record => self.tail.of.clone().map(Wanted::Tail),
            Screen::Overview
            | Screen::Brokers
            | Screen::Topics
            | Screen::Partitions
            | Screen::Churn
            | Screen::Groups
            | Screen::Plans
            | Screen::Events
            | Screen::Quorum
            | Screen::Members => None,
        }
    }

    /// What was known of another one goes, before rows are made of it.
    pub(super) fn begin_look(&mut self) {
        let Some(subject) = self.place.subject.clone() else { return };
        match self.place.screen {
            Screen::Configs if self.configs.of.as_ref() != Some(&subject) => {
                self.configs = Configs::of(subject);
            }
            Screen::Tail if self.tail.of.as_ref() != Some(&subject) => {
                self.tail = Tail::of(subject);
            }
            // On the way back another one may have been opened since.
            Screen::Record if self.record.as_ref().map(Opened::subject) != Some(subject) => {
                self.record = None;
            }
            _ => {}
        }
    }

    /// A topic that has got partitions is read on in all of them.
    fn has_more_partitions(&self) -> bool {
        let Some(Wanted::Tail(Subject::Topic(name))) = &self.look.of else { return false };
        let now = self.facts.topics.named(name).map_or(0, |it| it.partitions.len());
        self.tail.phase == Phase::Following && now > self.look.partition_count
    }

    fn next_call(&mut self) -> Option<Call> {
        if !matches!(self.link, Link::Open(_)) {
            return None;
        }
        match &self.look.of {
            // What is held stays as it is.
            Some(Wanted::Configs(_)) if self.held.is_some() && self.configs.is_told => None,
            Some(Wanted::Configs(subject)) => Some(Call::DescribeConfigs(DescribeConfigsRequest {
                resources: vec![subject.resource()],
                keys: Vec::new(),
                with_docs: true,
                with_synonyms: true,
            })),
            Some(Wanted::Tail(subject)) => {
                if let Some(request) = self.tail.resume() {
                    if !matches!(self.tail.phase, Phase::Broken(_)) {
                        self.tail.phase = Phase::Following;
                    }
                    return Some(Call::Fetch(request));
                }
                let topic = subject.topic().and_then(|it| self.facts.topics.named(it));
                self.look.partition_count = topic.map_or(0, |it| it.partitions.len());
                if self.tail.phase == Phase::Idle {
                    self.tail.phase = Phase::Ends;
                }
                self.tail.ends_request().map(Call::ListOffsets)
            }
            None => None,
        }
    }

    fn ask_for(&mut self, call: Call) -> Option<Effect> {
        let (id, effect) = self.call(call).ok()?;
        self.look.call = Some(id);
        Some(effect)
    }

    fn hang_up(&mut self) -> Option<Effect> {
        self.look.call.take().map(Effect::HangUp)
    }

    /// The call has come to its end; the next one is not made before so long.
    fn over(&mut self, pause_ms: u64) -> Option<Effect> {
        self.look.call = None;
        self.look.again_at_ms = self.uptime_ms.saturating_add(pause_ms);
        None
    }

    /// The call is wanted no longer, but another one after so long.
    fn leave(&mut self, pause_ms: u64) -> Option<Effect> {
        let effect = self.hang_up();
        let _ = self.over(pause_ms);
        effect
    }

    fn fail(&mut self, why: String) -> Option<Effect> {
        // Another broker is there at once where one is gone; then it takes as long as it takes.
        let was_following = self.tail.phase == Phase::Following;
        match &self.look.of {
            Some(Wanted::Configs(_)) => self.configs.failure = Some(why),
            Some(Wanted::Tail(_)) => {
                let told = self.tail.places.failure().map(str::to_owned);
                self.tail.phase = Phase::Broken(told.unwrap_or(why));
                return self.over(if was_following { LEADER_MS } else { AGAIN_MS });
            }
            None => {}
        }
        self.over(AGAIN_MS)
    }
}
