//! What is known of the cluster: filled by the frames of the feed, read by every screen, written by
//! nobody else. Frames come from strangers: what does not fit together is left out, never trusted.

mod bounds;
mod brokers;
mod counted;
mod partition;
mod rate;
mod tally;
mod topics;
mod whole;

#[cfg(test)]
mod facts_test;

use std::collections::BTreeMap;

use kq_proto::admin::v1 as admin;
use kq_proto::monitor::v1;

pub use brokers::{Broker, BrokerCounters, Brokers};
pub use partition::{Behind, Counters, Health, Moving, Partition, PartitionId};
pub use rate::Rate;
pub use tally::{BrokerTally, Tally};
pub use topics::{Topic, TopicCounters, Topics};

/// The cluster, at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The clock of the broker that told last, in milliseconds since 1970; none before the first
    /// frame.
    pub now_ms: Option<i64>,
    /// The moment that all of this is of, in milliseconds since 1970; none = now.
    pub as_of_ms: Option<i64>,
    /// The newest window that frames take into account.
    pub window: u64,
    /// What the cluster is, and who tells it.
    pub cluster: v1::ClusterState,
    /// Brokers by their ids.
    pub brokers: Brokers,
    /// Topics and their partitions.
    pub topics: Topics,
    /// When counters were told last: what was not told by then has not changed. By the clock of whoever
    /// tells, beginning with its milliseconds since 1970 and never going back with it.
    pub counted_at_ms: Option<i64>,
    /// What was told at all of this moment, be it that there is none.
    pub told: Told,
    /// Groups by their names.
    pub groups: BTreeMap<String, admin::GroupSummary>,
    /// Whose groups cannot be told, in words.
    pub groups_missing: Vec<String>,
    /// The group that is open.
    pub group: Option<v1::GroupState>,
    /// The page of history.
    pub events: Option<v1::EventPage>,
    /// How much history there is where the page is of it; none = nobody counted.
    pub event_total: Option<v1::EventTotal>,
    /// What happened over time.
    pub axis: Option<v1::Axis>,
    /// What happened to the partition that is looked at.
    pub focus: Option<v1::Focus>,
    /// Plans.
    pub plans: Vec<admin::PlanStatus>,
    /// The metadata quorum.
    pub quorum: Option<admin::QuorumStatusResponse>,
    /// Minutes that are kept.
    pub curves: Option<v1::Curves>,
    /// It is not known what whoever is told wanted to be told, as in a recording that holds no windows:
    /// topics and partitions that nobody tells of may have come to rest, or be out of sight.
    is_blind: bool,
    /// More was told than is kept.
    is_cut: bool,
    /// `now_ms` of the frame that told counters last.
    counted_now_ms: i64,
}

/// Which of the lists that can be empty were told: an empty one that was not says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    /// Groups.
    pub groups: bool,
    /// Plans.
    pub plans: bool,
}

/// What a frame has changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a set of rows that may differ")]
pub struct Changed {
    /// Topics or partitions came or went: rows are others.
    pub rows: bool,
    /// The state of partitions.
    pub partitions: bool,
    /// Counters of topics or partitions.
    pub counters: bool,
    /// Brokers, or what they counted.
    pub brokers: bool,
    /// Groups, or the one that is open.
    pub groups: bool,
    /// History: events, axis, focus, curves.
    pub history: bool,
}

impl Facts {
    /// Nothing yet, of a feed of which it is not known what it was asked to tell, until a window is
    /// looked through.
    pub fn blind() -> Self {
        Self { is_blind: true, ..Self::default() }
    }

    /// Takes a frame in. Where a seek landed is not of the cluster: that is the model's.
    ///
    /// Of another moment nothing is known but what is told of it: groups, plans and counters of now
    /// are not those of then.
    pub fn apply(&mut self, mut frame: v1::WatchResponse) -> Changed {
        let is_cut = bounds::bound(&mut frame);
        let mut changed = Changed::default();
        if frame.whole {
            *self = Self { is_blind: self.is_blind, ..Self::default() };
            changed.rows = true;
        } else if self.as_of_ms != frame.as_of_ms {
            self.forget_moment();
            (changed.counters, changed.brokers, changed.groups) = (true, true, true);
        }
        self.is_cut |= is_cut;
        self.now_ms = Some(frame.now_ms);
        self.as_of_ms = frame.as_of_ms;
        self.window = self.window.max(frame.window);
        if let Some(cluster) = frame.cluster {
            self.cluster = cluster;
        }
        self.take_brokers(frame.brokers, &frame.brokers_gone, &mut changed);
        changed.rows |= !frame.topics.is_empty() || !frame.topics_gone.is_empty();
        for number in frame.topics_gone {
            self.topics.remove(number);
        }
        for topic in frame.topics {
            self.topics.put(topic);
        }
        for partition in frame.partitions {
            changed.partitions = true;
            self.topics.change(partition);
        }
        changed.partitions |= changed.rows;
        self.count(&frame.broker_counters, &frame.topic_counters, &frame.partition_counters);
        changed.brokers |= !frame.broker_counters.is_empty() || frame.silent.is_some();
        changed.counters |=
            !frame.topic_counters.is_empty() || !frame.partition_counters.is_empty();
        if let Some(silent) = frame.silent {
            self.take_silent(silent);
        }
        self.take_groups(frame.groups, &frame.groups_gone, &mut changed);
        changed.groups |= put(&mut self.group, frame.group);
        if let Some(missing) = frame.groups_missing {
            changed.groups = true;
            self.told.groups = true;
            self.groups_missing = missing.why;
        }
        changed.history |= put(&mut self.events, frame.events);
        changed.history |= put(&mut self.event_total, frame.event_total);
        changed.history |= put(&mut self.axis, frame.axis);
        changed.history |= put(&mut self.focus, frame.focus);
        changed.history |= put(&mut self.curves, frame.curves);
        put(&mut self.quorum, frame.quorum);
        if let Some(plans) = frame.plans {
            self.told.plans = true;
            self.plans = plans.plans;
        }
        changed
    }

    /// The clock of the cluster at the moment that this is of, in milliseconds since 1970.
    pub fn moment_ms(&self) -> Option<i64> {
        self.as_of_ms.or(self.now_ms)
    }

    /// Records a second that come into a partition; none if that is not known, as while its leader is
    /// silent.
    pub fn records_in(&self, partition: &Partition) -> Option<f64> {
        let leader = partition.leader.and_then(|id| self.brokers.get(&id));
        if leader.is_some_and(|it| it.silent_since_ms.is_some()) {
            return None;
        }
        self.seldom_told(&partition.counters?.end_offset)
    }

    /// A second, of what is told only while it is in sight: counters of topics and partitions.
    pub fn seldom_told(&self, rate: &Rate) -> Option<f64> {
        let counted_at_ms = self.counted_at_ms?;
        if self.is_blind { rate.at_if_told(counted_at_ms) } else { rate.at(counted_at_ms) }
    }

    /// Whether more was told than is kept: then some of the cluster is missing here.
    pub fn is_cut(&self) -> bool {
        self.is_cut || self.topics.is_cut()
    }

    /// The group that is open, if it is this one.
    pub fn group_named(&self, name: &str) -> Option<&v1::GroupState> {
        self.group.as_ref().filter(|it| it.group == name)
    }

    /// Only what this window wants is counted from now on. What is silent for that reason has not come
    /// to rest.
    pub fn look_through(&mut self, window: &v1::Window) {
        self.is_blind = false;
        if !window.brokers {
            self.brokers.values_mut().for_each(Broker::interrupt);
        }
        if !window.topics {
            self.topics.interrupt_topics();
        }
        let scope = window.partitions.as_ref();
        let keys = scope.map(|it| it.keys.as_slice()).unwrap_or_default();
        let id = |it: &v1::PartitionKey| self.topics.partition_named(&it.topic, it.partition);
        let kept = || keys.iter().filter_map(id).collect();
        let kept = if scope.is_some_and(|it| it.all) { None } else { Some(kept()) };
        self.topics.interrupt_all_but(kept);
    }

    fn take_brokers(&mut self, brokers: Vec<v1::BrokerState>, gone: &[u32], changed: &mut Changed) {
        changed.brokers |= !brokers.is_empty() || !gone.is_empty();
        for id in gone {
            self.brokers.remove(id);
        }
        for told in brokers {
            if self.brokers.len() < bounds::BROKERS_MAX || self.brokers.contains_key(&told.id) {
                let broker = self.brokers.entry(told.id).or_default();
                broker.told = told;
            } else {
                self.is_cut = true;
            }
        }
    }

    fn take_silent(&mut self, silent: v1::SilentBrokers) {
        for broker in self.brokers.values_mut() {
            broker.silent_since_ms = None;
            broker.silent_why.clear();
        }
        let mut why = silent.why.into_iter();
        for (id, since_ms) in silent.brokers.iter().zip(&silent.since_at_ms) {
            let why = why.next().unwrap_or_default();
            let Some(broker) = self.brokers.get_mut(id) else { continue };
            broker.silent_since_ms = Some(*since_ms);
            broker.silent_why = why;
            broker.interrupt();
        }
    }

    fn count(
        &mut self,
        brokers: &[v1::BrokerCounters],
        topics: &[v1::TopicCounters],
        partitions: &[v1::PartitionCounters],
    ) {
        if brokers.is_empty() && topics.is_empty() && partitions.is_empty() {
            return;
        }
        let told_ms = self.count_on();
        for it in brokers {
            if let Some(broker) = self.brokers.get_mut(&it.broker) {
                broker.count(it, told_ms);
            }
        }
        for it in topics {
            self.topics.count_topic(it, told_ms);
        }
        for it in partitions {
            self.topics.count_partitions(it, told_ms);
        }
    }

    /// Counters are told by now: until when, by a clock that stands while the broker's goes back.
    fn count_on(&mut self) -> i64 {
        let now_ms = self.now_ms.unwrap_or(0);
        let counted_at_ms = match self.counted_at_ms {
            None => now_ms,
            Some(at_ms) => at_ms.saturating_add(now_ms.saturating_sub(self.counted_now_ms).max(0)),
        };
        (self.counted_at_ms, self.counted_now_ms) = (Some(counted_at_ms), now_ms);
        counted_at_ms
    }

    fn take_groups(
        &mut self,
        groups: Vec<admin::GroupSummary>,
        gone: &[String],
        changed: &mut Changed,
    ) {
        let is_told = !groups.is_empty() || !gone.is_empty();
        changed.groups |= is_told;
        self.told.groups |= is_told;
        for name in gone {
            self.groups.remove(name);
        }
        for group in groups {
            if self.groups.len() < bounds::GROUPS_MAX || self.groups.contains_key(&group.group) {
                self.groups.insert(group.group.clone(), group);
            } else {
                self.is_cut = true;
            }
        }
    }

    /// Forgets what is told of one moment alone. History is of all moments, and its pages are told
    /// anew where they differ.
    fn forget_moment(&mut self) {
        self.topics.forget_counters();
        for broker in self.brokers.values_mut() {
            let told = std::mem::take(&mut broker.told);
            *broker = Broker { told, ..Broker::default() };
        }
        self.counted_at_ms = None;
        self.told = Told::default();
        self.groups.clear();
        self.groups_missing.clear();
        self.group = None;
        self.plans.clear();
        self.quorum = None;
    }
}

fn put<T>(place: &mut Option<T>, told: Option<T>) -> bool {
    let is_told = told.is_some();
    if is_told {
        *place = told;
    }
    is_told
}
