//! What a frame changed, compared with what was known before it.

use std::collections::{BTreeMap, BTreeSet};

use kq_proto::admin::v1::{BrokerState, LagClass};
use kq_proto::monitor::v1;

use crate::facts::{Facts, Partition, PartitionId, Topic};

/// Sentences that begin with these begin with words of ours, not with a name.
pub(super) const OUR_WORDS: [&str; 4] = ["broker ", "topic ", "group ", "plan "];

/// One thing that is different now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Change {
    Broker { id: u32, is: &'static str, why: String },
    BrokerGone(u32),
    Controller(Option<u32>),
    TopicCreated(String, usize),
    TopicDeleted(String),
    Leader { partition: String, leader: Option<u32>, was: Option<u32> },
    Isr { partition: String, left: Vec<u32>, came: Vec<u32>, isr: Vec<u32> },
    Group { group: String, is: &'static str },
    Plan { id: String, is: String },
}

impl Change {
    /// Whether it is of a broker, or of who controls them.
    pub(super) const fn is_of_a_broker(&self) -> bool {
        matches!(self, Self::Broker { .. } | Self::BrokerGone(_) | Self::Controller(_))
    }

    pub(super) fn words(&self) -> String {
        match self {
            Self::Broker { id, is, why } if why.is_empty() => format!("broker {id} is {is}"),
            Self::Broker { id, is, why } => format!("broker {id} is {is}: {why}"),
            Self::BrokerGone(id) => format!("broker {id} is unregistered"),
            Self::Controller(Some(id)) => format!("broker {id} is the controller now"),
            Self::Controller(None) => "No controller is known".to_owned(),
            Self::TopicCreated(topic, partitions) => {
                format!("topic {topic} was created with {partitions} partitions")
            }
            Self::TopicDeleted(topic) => format!("topic {topic} was deleted"),
            Self::Leader { partition, leader: None, .. } => format!("{partition} has no leader"),
            Self::Leader { partition, leader: Some(leader), was: Some(was) } => {
                format!("{partition} is led by broker {leader}, before by {was}")
            }
            Self::Leader { partition, leader: Some(leader), was: None } => {
                format!("{partition} is led again, by broker {leader}")
            }
            Self::Isr { partition, left, came, isr } => {
                let mut words = Vec::new();
                if !left.is_empty() {
                    words.push(format!("{} left", ids(left)));
                }
                if !came.is_empty() {
                    words.push(format!("{} came back", ids(came)));
                }
                format!("{partition} ISR: {}, now {}", words.join(", "), ids(isr))
            }
            Self::Group { group, is } => format!("group {group} {is}"),
            Self::Plan { id, is } => format!("plan {id} is {is}"),
        }
    }
}

fn ids(ids: &[u32]) -> String {
    if ids.is_empty() {
        return "nobody".to_owned();
    }
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// What was known of all that a frame names.
#[derive(Debug, Default)]
pub(super) struct Seen {
    partitions: BTreeMap<(String, u32), Brief>,
    brokers: BTreeMap<u32, BrokerState>,
    topics: BTreeSet<String>,
    groups: BTreeMap<String, LagClass>,
    plans: BTreeMap<String, String>,
    controller: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Brief {
    leader: Option<u32>,
    isr: Vec<u32>,
}

impl Seen {
    /// A whole frame names everything there is; another only what differs.
    pub(super) fn before(facts: &Facts, frame: &v1::WatchResponse) -> Self {
        Self::of(facts, frame, true)
    }

    fn of(facts: &Facts, frame: &v1::WatchResponse, is_before: bool) -> Self {
        let mut seen = Self {
            brokers: facts.brokers.iter().map(|(id, it)| (*id, it.state())).collect(),
            plans: facts.plans.iter().map(|it| (it.id.clone(), it.state.clone())).collect(),
            controller: facts.cluster.controller,
            ..Self::default()
        };
        let all_groups = frame.whole.then(|| facts.groups.values());
        let named = frame.groups.iter().filter_map(|it| facts.groups.get(&it.group));
        for group in all_groups.into_iter().flatten().chain(named) {
            let class = group.lag.as_ref().map(kq_proto::admin::v1::LagSummary::class);
            seen.groups.insert(group.group.clone(), class.unwrap_or_default());
        }
        for topic in facts.topics.iter().filter(|_| frame.whole) {
            seen.add_topic(topic);
        }
        if frame.whole {
            return seen;
        }
        let gone = frame.topics_gone.iter().filter(|_| is_before).copied();
        for number in frame.topics.iter().map(|it| it.number).chain(gone) {
            if let Some(topic) = facts.topics.get(number) {
                seen.add_topic(topic);
            }
        }
        for it in &frame.partitions {
            let id = PartitionId { topic: it.topic, index: it.partition };
            if let Some((topic, partition)) = facts.topics.partition(id) {
                seen.add(topic, it.partition, partition);
            }
        }
        seen
    }

    fn add_topic(&mut self, topic: &Topic) {
        self.topics.insert(topic.name.to_string());
        for (index, partition) in (0..).zip(&topic.partitions) {
            self.add(topic, index, partition);
        }
    }

    fn add(&mut self, topic: &Topic, index: u32, partition: &Partition) {
        let brief = Brief { leader: partition.leader, isr: partition.isr().collect() };
        self.partitions.insert((topic.name.to_string(), index), brief);
    }

    /// What is different after the frame.
    pub(super) fn changes(self, facts: &Facts, frame: &v1::WatchResponse) -> Vec<Change> {
        let after = Self::of(facts, frame, false);
        let mut changes = Vec::new();
        for (id, state) in &after.brokers {
            if self.brokers.get(id) != Some(state) {
                let told = facts.brokers.get(id).map(|it| it.told.reason.clone());
                let why = told.unwrap_or_default();
                changes.push(Change::Broker { id: *id, is: broker_words(*state), why });
            }
        }
        let gone = self.brokers.keys().filter(|id| !after.brokers.contains_key(id));
        changes.extend(gone.map(|id| Change::BrokerGone(*id)));
        if self.controller != after.controller {
            changes.push(Change::Controller(after.controller));
        }
        for topic in after.topics.difference(&self.topics) {
            let of_topic = after.partitions.keys().filter(|(name, _)| name == topic);
            changes.push(Change::TopicCreated(topic.clone(), of_topic.count()));
        }
        let deleted = self.topics.difference(&after.topics);
        changes.extend(deleted.map(|it| Change::TopicDeleted(it.clone())));
        for ((topic, index), now) in &after.partitions {
            if let Some(was) = self.partitions.get(&(topic.clone(), *index)) {
                partition_changes(&format!("{topic}-{index}"), was, now, &mut changes);
            }
        }
        for (group, class) in &after.groups {
            if self.groups.get(group).is_some_and(|was| was != class) {
                let told = facts.groups.get(group);
                let has_none = told.is_none_or(|it| it.last_commit_at_ms.is_none());
                // Nothing is behind where nothing was begun.
                let is = if *class == LagClass::Ok && has_none {
                    "is not behind, and no commit of it is known"
                } else {
                    class_words(*class)
                };
                changes.push(Change::Group { group: group.clone(), is });
            }
        }
        for (id, is) in &after.plans {
            if self.plans.get(id) != Some(is) {
                changes.push(Change::Plan { id: id.clone(), is: is.clone() });
            }
        }
        changes
    }
}

fn partition_changes(partition: &str, was: &Brief, now: &Brief, changes: &mut Vec<Change>) {
    let partition = partition.to_owned();
    if was.leader != now.leader {
        let (leader, was) = (now.leader, was.leader);
        changes.push(Change::Leader { partition: partition.clone(), leader, was });
    }
    let without = |these: &[u32], those: &[u32]| {
        these.iter().copied().filter(|id| !those.contains(id)).collect::<Vec<u32>>()
    };
    let (left, came) = (without(&was.isr, &now.isr), without(&now.isr, &was.isr));
    if !left.is_empty() || !came.is_empty() {
        changes.push(Change::Isr { partition, left, came, isr: now.isr.clone() });
    }
}

const fn broker_words(state: BrokerState) -> &'static str {
    match state {
        BrokerState::Unspecified => "in a state that is not known",
        BrokerState::Running => "up",
        BrokerState::Fenced => "fenced",
        BrokerState::ShuttingDown => "shutting down",
        BrokerState::Draining => "draining",
        BrokerState::Starting => "starting",
    }
}

const fn class_words(class: LagClass) -> &'static str {
    match class {
        LagClass::Unspecified => "is not judged",
        LagClass::Ok => "keeps up",
        LagClass::New => "is too new to be judged",
        LagClass::Draining => "is behind and catches up",
        LagClass::NoCommits => "has members and commits nothing",
        LagClass::Rewound => "went back",
        LagClass::Lagging => "is behind and does not catch up",
        LagClass::Stalled => "commits and does not move",
        LagClass::Stopped => "commits no more",
        LagClass::Leaderless => "reads partitions that nobody leads",
        LagClass::Partial => "can be told only in part",
        LagClass::Unknown => "cannot be told",
    }
}
