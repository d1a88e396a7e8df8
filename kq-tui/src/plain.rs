//! What happens, in sentences, one line each: for screen readers, for logs, and for eyes that do not
//! want a screen. Pure: frames and time in, lines out; a line is never changed afterwards.
//!
//! A few changes a second are told one by one. When more come they are summed to one sentence a
//! second, so that nobody has to listen to a thousand partitions. What becomes of a broker is told at
//! once, before all that follows from it.

mod changes;
mod sum;
mod wanted;

#[cfg(test)]
mod plain_test;

use std::collections::VecDeque;

use kq_proto::monitor::v1;

use self::changes::Seen;
use self::sum::Sum;
use crate::facts::{Facts, Health};
use crate::model::FeedEvent;
use crate::model::words::Verdict;
pub use wanted::Wanted;

/// Told one by one within a second; what comes beyond is summed.
const ONE_BY_ONE_MAX: usize = 3;
/// Changes of brokers that are told at once, of those that come together.
const BROKERS_MAX: usize = 8;
/// Reasons that are remembered, so that each is told once.
const WHYS_MAX: usize = 16;
/// What is summed is told after so long.
const SUM_MS: u64 = 1_000;

/// The sentences to come.
#[derive(Debug, Default)]
pub struct Plain {
    facts: Facts,
    /// When the second began, by the uptime, and how many were told in it.
    second: Option<(u64, usize)>,
    sum: Sum,
    link: Link,
    /// Whether it was told what is ill already, of groups as well.
    has_begun: bool,
}

/// What was said of the connection.
#[derive(Debug, Default)]
struct Link {
    /// That a broker is looked for.
    is_sought: bool,
    /// Who told a frame; none since the connection was lost.
    told_by: Option<String>,
    /// Who was reached and has told nothing so far.
    reached: Option<String>,
    /// Why nobody tells anything: the reasons that were told since somebody did, of several addresses.
    whys: VecDeque<String>,
}

impl Link {
    /// Attempts that fail for one reason are told once, until a broker has told something.
    fn tell(&mut self, event: &FeedEvent) -> Option<String> {
        match event {
            FeedEvent::Opening { to } => {
                let words = format!("Looking for a broker at {to}");
                (!std::mem::replace(&mut self.is_sought, true)).then_some(words)
            }
            FeedEvent::Open { to } => {
                self.reached = Some(to.clone());
                None
            }
            FeedEvent::Lost { why } => {
                self.reached = None;
                let was_told = self.told_by.take().is_some();
                if !was_told && self.whys.contains(why) {
                    return None;
                }
                if self.whys.len() == WHYS_MAX {
                    self.whys.pop_front();
                }
                self.whys.push_back(why.clone());
                let what = if was_told { "Connection lost" } else { "No broker tells anything" };
                Some(format!("{what}: {why}"))
            }
            FeedEvent::Frame(_) => {
                let who = self.reached.take()?;
                self.whys.clear();
                let words = format!("Connected to {who}");
                self.told_by = Some(who);
                Some(words)
            }
            FeedEvent::Looked(_) => None,
            FeedEvent::Ended { why } => Some(format!("Ended: {why}")),
        }
    }
}

impl Plain {
    /// What to say of something that the feed told, at an uptime in milliseconds.
    pub fn tell(&mut self, event: FeedEvent, now_ms: u64) -> Vec<String> {
        let mut lines = self.expire(now_ms);
        if matches!(event, FeedEvent::Ended { .. }) {
            lines.extend(self.sum_up());
        }
        lines.extend(self.link.tell(&event).map(|it| sentence(&it)));
        if let FeedEvent::Frame(frame) = event {
            self.frame(*frame, now_ms, &mut lines);
        }
        lines
    }

    /// When to call [`Plain::expire`] if nothing comes, in milliseconds of uptime.
    pub fn deadline_ms(&self) -> Option<u64> {
        let (began_ms, _) = self.second?;
        (!self.sum.is_empty()).then_some(began_ms + SUM_MS)
    }

    /// What is summed, once its second is over.
    pub fn expire(&mut self, now_ms: u64) -> Vec<String> {
        if self.second.is_none_or(|(began_ms, _)| now_ms < began_ms + SUM_MS) {
            return Vec::new();
        }
        self.second = None;
        self.sum_up().into_iter().collect()
    }

    /// The moment of what was told last, in milliseconds since 1970.
    pub fn moment_ms(&self) -> Option<i64> {
        self.facts.moment_ms()
    }

    /// What is ill when it is seen first, each in a sentence.
    fn begin(&mut self, lines: &mut Vec<String>, is_due: impl Fn(&str) -> bool) {
        self.has_begun = self.facts.told.groups;
        let alarms = Verdict::of(&self.facts).alarms;
        let due = alarms.iter().filter(|it| is_due(&it.about) && !it.text.is_empty());
        lines.extend(due.map(|it| sentence(&it.text)));
    }

    fn sum_up(&mut self) -> Option<String> {
        Some(sentence(&std::mem::take(&mut self.sum).words()?))
    }

    fn frame(&mut self, frame: v1::WatchResponse, now_ms: u64, lines: &mut Vec<String>) {
        let is_first = self.facts.now_ms.is_none();
        let before = Seen::before(&self.facts, &frame);
        self.facts.apply(frame.clone());
        if is_first {
            lines.push(sentence(&overview(&self.facts)));
            self.begin(lines, |_| true);
            return;
        }
        if !self.has_begun {
            // Groups are looked up once they are asked for.
            self.begin(lines, |about| about.starts_with("group"));
        }
        let changes = before.changes(&self.facts, &frame);
        let (brokers, others): (Vec<_>, Vec<_>) =
            changes.into_iter().partition(changes::Change::is_of_a_broker);
        let mut changes = others;
        if brokers.len() <= BROKERS_MAX {
            lines.extend(brokers.iter().map(|it| sentence(&it.words())));
        } else {
            changes.extend(brokers);
        }
        let (_, told) = self.second.get_or_insert((now_ms, 0));
        if *told + changes.len() <= ONE_BY_ONE_MAX {
            *told += changes.len();
            lines.extend(changes.iter().map(|it| sentence(&it.words())));
        } else {
            *told = ONE_BY_ONE_MAX;
            for change in changes {
                self.sum.add(change);
            }
        }
    }
}

/// How the cluster is, when it is seen first.
pub fn overview(facts: &Facts) -> String {
    let tally = &facts.topics.tally;
    let live = facts.brokers.values().filter(|it| it.is_live()).count();
    let controller = match facts.cluster.controller {
        Some(id) => format!("broker {id} is the controller"),
        None => "no controller is known".to_owned(),
    };
    let ill = match (tally.ill(), tally.of(Health::Offline)) {
        (0, _) => "all in sync".to_owned(),
        (ill, 0) => format!("{ill} of them not all in sync"),
        (ill, offline) => format!("{ill} of them not all in sync, {offline} without a leader"),
    };
    format!(
        "{live} of {} brokers are up, {controller}; {} topics with {} partitions, {ill}",
        facts.brokers.len(),
        facts.topics.len(),
        tally.partitions,
    )
}

/// A line that begins like a sentence and ends like one, and does nothing to a terminal.
fn sentence(words: &str) -> String {
    let mut line = crate::text::safe(words).into_owned();
    if !line.ends_with('.') {
        line.push('.');
    }
    // A name keeps its letters.
    if !changes::OUR_WORDS.iter().any(|it| line.starts_with(it)) {
        return line;
    }
    let mut chars = line.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    first.chain(chars).collect()
}
