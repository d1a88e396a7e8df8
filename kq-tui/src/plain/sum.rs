//! Many changes in one sentence.

use super::changes::Change;

/// Changes, counted by what they are.
#[derive(Debug, Default)]
pub(super) struct Sum {
    changes: usize,
    left: usize,
    came: usize,
    leaders: usize,
    leaderless: usize,
    topics: usize,
    groups: usize,
    plans: usize,
    /// What there is little of is told in its own words.
    brokers: Vec<String>,
}

/// Brokers that are told by name.
const BROKERS_MAX: usize = 8;

impl Sum {
    pub(super) const fn is_empty(&self) -> bool {
        self.changes == 0
    }

    pub(super) fn add(&mut self, change: Change) {
        self.changes += 1;
        match &change {
            Change::Broker { .. } | Change::BrokerGone(_) | Change::Controller(_) => {
                if self.brokers.len() < BROKERS_MAX {
                    self.brokers.push(change.words());
                }
            }
            Change::TopicCreated(..) | Change::TopicDeleted(_) => self.topics += 1,
            Change::Leader { leader: None, .. } => self.leaderless += 1,
            Change::Leader { .. } => self.leaders += 1,
            Change::Isr { left, .. } if left.is_empty() => self.came += 1,
            Change::Isr { .. } => self.left += 1,
            Change::Group { .. } => self.groups += 1,
            Change::Plan { .. } => self.plans += 1,
        }
    }

    /// None if nothing was added.
    pub(super) fn words(self) -> Option<String> {
        if self.changes == 0 {
            return None;
        }
        let mut parts = self.brokers;
        let counts = [
            (self.leaderless, "partitions without a leader"),
            (self.left, "partitions lost replicas from their ISR"),
            (self.came, "partitions got replicas back"),
            (self.leaders, "partitions have another leader"),
            (self.topics, "topics came or went"),
            (self.groups, "groups changed their class"),
            (self.plans, "plans changed"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        parts.extend(counts.map(|(count, what)| format!("{count} {what}")));
        Some(format!("{} changes: {}", self.changes, parts.join("; ")))
    }
}
