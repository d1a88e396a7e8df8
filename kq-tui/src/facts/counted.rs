//! Whether all has been counted that a window asks for: brokers tell of what they lead one after
//! another.

use kq_proto::monitor::v1;

use super::{Broker, Facts, Partition, Topic};

impl Facts {
    /// Whether every broker that is up and answers has told of what the window names. Of what nobody
    /// leads, nobody tells.
    pub fn is_counted(&self, window: &v1::Window) -> bool {
        if self.as_of_ms.is_some() {
            return true;
        }
        let brokers = !window.brokers || self.brokers.values().all(is_told);
        brokers && (!window.topics || self.topics.iter().all(|it| self.is_topic_told(it))) && {
            window.partitions.as_ref().is_none_or(|it| self.are_told(it))
        }
    }

    fn are_told(&self, scope: &v1::PartitionScope) -> bool {
        if scope.all {
            return self.topics.partitions().all(|(_, _, it)| self.is_partition_told(it));
        }
        let named = |it: &v1::PartitionKey| {
            self.topics.partition(self.topics.partition_named(&it.topic, it.partition)?)
        };
        scope.keys.iter().filter_map(named).all(|(_, it)| self.is_partition_told(it))
    }

    fn is_partition_told(&self, it: &Partition) -> bool {
        it.counters.is_some() || !self.is_answered_for(it)
    }

    fn is_topic_told(&self, topic: &Topic) -> bool {
        let answered = topic.partitions.iter().filter(|it| self.is_answered_for(it)).count();
        let unknown = topic.partitions.len().saturating_sub(answered);
        let told = topic.counters.map(|it| usize::try_from(it.unknown_count).unwrap_or(usize::MAX));
        told.map_or(answered == 0, |told| told <= unknown)
    }

    /// Whether a broker leads it that can tell.
    fn is_answered_for(&self, it: &Partition) -> bool {
        let leader = it.leader.and_then(|id| self.brokers.get(&id));
        leader.is_some_and(|it| it.is_live() && it.silent_since_ms.is_none())
    }
}

fn is_told(it: &Broker) -> bool {
    it.counters.is_some() || !it.is_live() || it.silent_since_ms.is_some()
}

#[cfg(test)]
mod tests {
    use kq_proto::admin::v1::BrokerState::{Fenced, Running};

    use super::*;

    fn facts() -> Facts {
        let broker = |(id, state): (u32, kq_proto::admin::v1::BrokerState)| v1::BrokerState {
            id,
            state: state.into(),
            ..v1::BrokerState::default()
        };
        let mut facts = Facts::default();
        facts.apply(v1::WatchResponse {
            whole: true,
            brokers: [(1, Running), (2, Running), (3, Fenced)].map(broker).into(),
            topics: vec![v1::TopicState {
                number: 1,
                name: "orders".to_owned(),
                // Led by b1, by b2, by nobody.
                leaders: vec![2, 3, 0],
                leader_epochs: vec![7; 3],
                replica_counts: vec![3],
                replicas: [1, 2, 3].repeat(3),
                in_sync: vec![0b111; 3],
                ..v1::TopicState::default()
            }],
            ..v1::WatchResponse::default()
        });
        facts
    }

    fn counted(partitions: Vec<u32>, unknown_count: u32) -> v1::WatchResponse {
        let zeros = vec![0; partitions.len()];
        v1::WatchResponse {
            topic_counters: vec![v1::TopicCounters {
                topic: 1,
                unknown_count,
                ..Default::default()
            }],
            partition_counters: vec![v1::PartitionCounters {
                topic: 1,
                partitions,
                start_offsets: zeros.clone(),
                high_watermarks: zeros.clone(),
                end_offsets: zeros.clone(),
                size_bytes: zeros,
                ..Default::default()
            }],
            ..Default::default()
        }
    }

    #[test]
    fn all_is_counted_once_each_leader_that_answers_has_told() {
        let topics = v1::Window { topics: true, ..v1::Window::default() };
        let all = Some(v1::PartitionScope { all: true, keys: Vec::new() });
        let partitions = v1::Window { partitions: all, ..v1::Window::default() };
        let key = v1::PartitionKey { topic: "orders".to_owned(), partition: 0 };
        let keys = Some(v1::PartitionScope { all: false, keys: vec![key] });
        let first = v1::Window { partitions: keys, ..v1::Window::default() };
        let mut facts = facts();
        let is_counted = |it: &Facts| [&topics, &partitions, &first].map(|of| it.is_counted(of));
        assert_eq!(is_counted(&facts), [false; 3]);
        facts.apply(counted(vec![0], 2));
        assert_eq!(is_counted(&facts), [false, false, true], "b2 has not told");
        facts.apply(counted(vec![1], 1));
        assert_eq!(is_counted(&facts), [true; 3], "nobody leads the third");
    }

    #[test]
    fn nobody_waits_for_a_broker_that_is_silent() {
        let mut facts = facts();
        let window = v1::Window { brokers: true, topics: true, ..v1::Window::default() };
        let counters = |broker| v1::BrokerCounters { broker, ..Default::default() };
        let broker_counters = vec![counters(1)];
        facts.apply(v1::WatchResponse { broker_counters, ..counted(vec![0], 2) });
        assert!(!facts.is_counted(&window));
        let silent = v1::SilentBrokers {
            brokers: vec![2],
            since_at_ms: vec![5],
            why: vec!["no route".to_owned()],
        };
        facts.apply(v1::WatchResponse { silent: Some(silent), ..Default::default() });
        assert!(facts.is_counted(&window));
    }
}
