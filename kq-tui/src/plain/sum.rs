//! Many changes in one sentence.

use std::collections::BTreeMap;

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
    /// How brokers are now, of those of which that is different.
    brokers: BTreeMap<u32, &'static str>,
    /// Who is the controller, if that is different.
    controller: Option<String>,
}

/// Brokers of one kind that are told by their ids.
const IDS_MAX: usize = 20;

impl Sum {
    pub(super) const fn is_empty(&self) -> bool {
        self.changes == 0
    }

    pub(super) fn add(&mut self, change: Change) {
        self.changes += 1;
        match &change {
            Change::Broker { id, is, .. } => {
                self.brokers.insert(*id, is);
            }
            Change::BrokerGone(id) => {
                self.brokers.insert(*id, "unregistered");
            }
            Change::Controller(_) => self.controller = Some(change.words()),
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
        let mut parts = self.broker_words();
        parts.extend(self.controller);
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

    /// `brokers 1 2 3 are fenced`, for each state that some came into.
    fn broker_words(&self) -> Vec<String> {
        let mut by_state: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
        for (id, is) in &self.brokers {
            by_state.entry(is).or_default().push(*id);
        }
        let words = by_state.into_iter().map(|(is, ids)| {
            let named: Vec<String> = ids.iter().take(IDS_MAX).map(ToString::to_string).collect();
            let named = named.join(" ");
            match ids.len() {
                1 => format!("broker {named} is {is}"),
                count if count > IDS_MAX => {
                    format!("brokers {named} and {} more are {is}", count - IDS_MAX)
                }
                _ => format!("brokers {named} are {is}"),
            }
        });
        words.collect()
    }
}
