//! What happens, in sentences, one line each: for screen readers, for logs, and for eyes that do not
//! want a screen. Pure: frames and time in, lines out; a line is never changed afterwards.
//!
//! A few changes a second are told one by one. When more come they are summed to one sentence a
//! second, so that nobody has to listen to a thousand partitions.

mod changes;
mod sum;

#[cfg(test)]
mod plain_test;

use kq_proto::monitor::v1;

use self::changes::Seen;
use self::sum::Sum;
use crate::facts::{Facts, Health};
use crate::model::FeedEvent;

/// Told one by one within a second; what comes beyond is summed.
const ONE_BY_ONE_MAX: usize = 3;
/// What is summed is told after so long.
const SUM_MS: u64 = 1_000;

/// The sentences to come.
#[derive(Debug, Default)]
pub struct Plain {
    facts: Facts,
    /// When the second began, by the uptime, and how many were told in it.
    second: Option<(u64, usize)>,
    sum: Sum,
    is_open: bool,
}

impl Plain {
    /// What to say of something that the feed told, at an uptime in milliseconds.
    pub fn tell(&mut self, event: FeedEvent, now_ms: u64) -> Vec<String> {
        let mut lines = self.expire(now_ms);
        match event {
            FeedEvent::Opening { to } => {
                if !self.is_open {
                    lines.push(sentence(&format!("Looking for a broker at {to}")));
                }
                self.is_open = true;
            }
            FeedEvent::Open { to } => lines.push(sentence(&format!("Connected to {to}"))),
            FeedEvent::Lost { why } => {
                // Attempts that fail one after the other are told once.
                if self.facts.now_ms.is_some() || !self.is_open {
                    lines.push(sentence(&format!("Connection lost: {why}")));
                }
            }
            FeedEvent::Ended { why } => {
                lines.extend(self.sum_up());
                lines.push(sentence(&format!("Ended: {why}")));
            }
            FeedEvent::Frame(frame) => self.frame(*frame, now_ms, &mut lines),
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

    fn sum_up(&mut self) -> Option<String> {
        Some(sentence(&std::mem::take(&mut self.sum).words()?))
    }

    fn frame(&mut self, frame: v1::WatchResponse, now_ms: u64, lines: &mut Vec<String>) {
        let is_first = self.facts.now_ms.is_none();
        let before = Seen::before(&self.facts, &frame);
        self.facts.apply(frame.clone());
        if is_first {
            lines.push(sentence(&overview(&self.facts)));
            return;
        }
        let changes = before.changes(&self.facts, &frame);
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
