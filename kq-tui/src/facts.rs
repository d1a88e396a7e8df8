//! What is known of the cluster: filled by the frames of the feed, read by every screen, written by
//! nobody else. Frames come from strangers: what does not fit together is left out, never trusted.

mod brokers;
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
    /// When counters were told last, in milliseconds since 1970: what was not told by then has not
    /// changed.
    pub counted_at_ms: Option<i64>,
    /// Groups by their names.
    pub groups: BTreeMap<String, admin::GroupSummary>,
    /// Whose groups cannot be told, in words.
    pub groups_missing: Vec<String>,
    /// The group that is open.
    pub group: Option<v1::GroupState>,
    /// The page of history.
    pub events: Option<v1::EventPage>,
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
    /// Takes a frame in. Where a seek landed is not of the cluster: that is the model's.
    pub fn apply(&mut self, frame: v1::WatchResponse) -> Changed {
        let mut changed = Changed::default();
        if frame.whole {
            *self = Self::default();
            changed.rows = true;
        } else if self.as_of_ms != frame.as_of_ms {
            self.forget_counters();
            changed.counters = true;
        }
        self.now_ms = Some(frame.now_ms);
        self.as_of_ms = frame.as_of_ms;
        self.window = self.window.max(frame.window);
        if let Some(cluster) = frame.cluster {
            self.cluster = cluster;
        }
        self.take_brokers(frame.brokers, &frame.brokers_gone, frame.silent, &mut changed);
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
        changed.brokers |= !frame.broker_counters.is_empty();
        changed.counters |=
            !frame.topic_counters.is_empty() || !frame.partition_counters.is_empty();
        self.take_groups(frame.groups, &frame.groups_gone, &mut changed);
        changed.groups |= put(&mut self.group, frame.group);
        if let Some(missing) = frame.groups_missing {
            changed.groups = true;
            self.groups_missing = missing.why;
        }
        changed.history |= put(&mut self.events, frame.events);
        changed.history |= put(&mut self.axis, frame.axis);
        changed.history |= put(&mut self.focus, frame.focus);
        changed.history |= put(&mut self.curves, frame.curves);
        put(&mut self.quorum, frame.quorum);
        if let Some(plans) = frame.plans {
            self.plans = plans.plans;
        }
        changed
    }

    /// The clock of the cluster at the moment that this is of, in milliseconds since 1970.
    pub fn moment_ms(&self) -> Option<i64> {
        self.as_of_ms.or(self.now_ms)
    }

    /// Records a second that come into a partition; none if that is not known.
    pub fn records_in(&self, partition: &Partition) -> Option<f64> {
        partition.counters?.records_in(self.counted_at_ms?)
    }

    fn take_brokers(
        &mut self,
        brokers: Vec<v1::BrokerState>,
        gone: &[u32],
        silent: Option<v1::SilentBrokers>,
        changed: &mut Changed,
    ) {
        changed.brokers |= !brokers.is_empty() || !gone.is_empty() || silent.is_some();
        for id in gone {
            self.brokers.remove(id);
        }
        for told in brokers {
            let broker = self.brokers.entry(told.id).or_default();
            broker.told = told;
        }
        let Some(silent) = silent else { return };
        for broker in self.brokers.values_mut() {
            broker.silent_since_ms = None;
        }
        for (id, since_ms) in silent.brokers.iter().zip(&silent.since_at_ms) {
            if let Some(broker) = self.brokers.get_mut(id) {
                broker.silent_since_ms = Some(*since_ms);
            }
        }
    }

    fn count(
        &mut self,
        brokers: &[v1::BrokerCounters],
        topics: &[v1::TopicCounters],
        partitions: &[v1::PartitionCounters],
    ) {
        for it in brokers {
            if let Some(broker) = self.brokers.get_mut(&it.broker) {
                broker.count(it);
            }
        }
        for it in topics {
            self.topics.count_topic(it);
        }
        for it in partitions {
            self.topics.count_partitions(it);
        }
        let at = brokers.iter().map(|it| it.at_ms).chain(topics.iter().map(|it| it.at_ms));
        let newest = at.chain(partitions.iter().map(|it| it.at_ms)).max();
        self.counted_at_ms = self.counted_at_ms.max(newest);
    }

    fn take_groups(
        &mut self,
        groups: Vec<admin::GroupSummary>,
        gone: &[String],
        changed: &mut Changed,
    ) {
        changed.groups |= !groups.is_empty() || !gone.is_empty();
        for name in gone {
            self.groups.remove(name);
        }
        for group in groups {
            self.groups.insert(group.group.clone(), group);
        }
    }

    fn forget_counters(&mut self) {
        self.topics.forget_counters();
        for broker in self.brokers.values_mut() {
            broker.counters = None;
        }
        self.counted_at_ms = None;
    }
}

fn put<T>(place: &mut Option<T>, told: Option<T>) -> bool {
    let is_told = told.is_some();
    if is_told {
        *place = told;
    }
    is_told
}
