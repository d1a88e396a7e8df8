//! All that is known as one frame: what a recording begins with, and a seek in it.

use kq_proto::monitor::v1;

use super::{Broker, Facts, Partition, Topic};

impl Facts {
    /// The frame after which an empty store knows the same. Rates are found anew by the counters that
    /// follow.
    pub fn whole_frame(&self) -> v1::WatchResponse {
        v1::WatchResponse {
            now_ms: self.now_ms.unwrap_or(0),
            as_of_ms: self.as_of_ms,
            whole: true,
            window: self.window,
            cluster: Some(self.cluster.clone()),
            brokers: self.brokers.values().map(|it| it.told.clone()).collect(),
            topics: self.topics.iter().map(topic_state).collect(),
            broker_counters: self.brokers.iter().filter_map(|(id, it)| counted(*id, it)).collect(),
            topic_counters: self.topics.iter().filter_map(topic_counters).collect(),
            partition_counters: self.topics.iter().flat_map(partition_counters).collect(),
            silent: Some(self.silent()),
            groups: self.groups.values().cloned().collect(),
            groups_missing: self
                .told
                .groups
                .then(|| v1::GroupsMissing { why: self.groups_missing.clone() }),
            group: self.group.clone(),
            events: self.events.clone(),
            event_total: self.event_total,
            axis: self.axis.clone(),
            focus: self.focus.clone(),
            plans: self.told.plans.then(|| v1::Plans { plans: self.plans.clone() }),
            quorum: self.quorum.clone(),
            curves: self.curves.clone(),
            ..v1::WatchResponse::default()
        }
    }

    fn silent(&self) -> v1::SilentBrokers {
        let mut silent = v1::SilentBrokers::default();
        for (id, it) in &self.brokers {
            let Some(since_ms) = it.silent_since_ms else { continue };
            silent.brokers.push(*id);
            silent.since_at_ms.push(since_ms);
            silent.why.push(it.silent_why.clone());
        }
        silent
    }
}

fn counted(id: u32, broker: &Broker) -> Option<v1::BrokerCounters> {
    let it = broker.counters.as_ref()?;
    Some(v1::BrokerCounters {
        broker: id,
        at_ms: it.bytes_in.at_ms()?,
        started_at_ms: it.started_at_ms,
        bytes_in: it.bytes_in.value()?,
        records_in: it.records_in.value()?,
        bytes_out: it.bytes_out.value()?,
        replicated_bytes_in: it.replicated_bytes_in.value()?,
        disk_total_bytes: it.disk_total_bytes,
        disk_free_bytes: it.disk_free_bytes,
        dirs_offline: it.dirs_offline,
        connections: it.connections,
        produce_p99_us: it.produce_p99_us,
        fetch_p99_us: it.fetch_p99_us,
    })
}

fn topic_state(topic: &Topic) -> v1::TopicState {
    let of_each = || (0..).zip(&topic.partitions);
    let changed = of_each().filter_map(|(at, it): (u32, _)| Some((at, it.changed_at_ms?)));
    let (changed, changed_at_ms) = changed.unzip();
    let moves = of_each().filter_map(|(partition, it)| {
        let moving = it.moving.as_ref()?;
        let (adding, removing) = (moving.adding.clone(), moving.removing.clone());
        Some(v1::Move { partition, adding, removing })
    });
    let count = |it: &Partition| u32::try_from(it.replicas.len()).unwrap_or(u32::MAX);
    v1::TopicState {
        number: topic.number,
        name: topic.name.to_string(),
        id: topic.id.clone().into(),
        min_insync_replicas: topic.min_insync_replicas,
        internal: topic.is_internal,
        protected: topic.is_protected,
        created_at_ms: topic.created_at_ms,
        leaders: topic
            .partitions
            .iter()
            .map(|it| it.leader.map_or(0, |id| id.saturating_add(1)))
            .collect(),
        leader_epochs: topic.partitions.iter().map(|it| it.leader_epoch).collect(),
        replica_counts: topic.partitions.iter().map(count).collect(),
        replicas: topic.partitions.iter().flat_map(|it| it.replicas.iter().copied()).collect(),
        in_sync: topic.partitions.iter().map(|it| it.in_sync).collect(),
        changed,
        changed_at_ms,
        moves: moves.collect(),
    }
}

fn topic_counters(topic: &Topic) -> Option<v1::TopicCounters> {
    let it = topic.counters.as_ref()?;
    Some(v1::TopicCounters {
        topic: topic.number,
        at_ms: it.bytes_in.at_ms()?,
        bytes_in: it.bytes_in.value()?,
        records_in: it.records_in.value()?,
        bytes_out: it.bytes_out.value()?,
        size_bytes: it.size_bytes,
        unknown_count: it.unknown_count,
    })
}

/// One message for each moment at which partitions of the topic were counted last.
fn partition_counters(topic: &Topic) -> Vec<v1::PartitionCounters> {
    let mut by_moment = std::collections::BTreeMap::<i64, v1::PartitionCounters>::new();
    for (index, partition) in (0..).zip(&topic.partitions) {
        let Some(it) = &partition.counters else { continue };
        let (Some(at_ms), Some(end)) = (it.end_offset.at_ms(), it.end_offset.value()) else {
            continue;
        };
        let counters = by_moment.entry(at_ms).or_default();
        (counters.topic, counters.at_ms) = (topic.number, at_ms);
        counters.partitions.push(index);
        counters.start_offsets.push(it.start_offset);
        counters.high_watermarks.push(it.high_watermark);
        counters.end_offsets.push(end);
        counters.size_bytes.push(it.size_bytes);
        counters.behind.extend(partition.behind.iter().map(|it| v1::FollowerLag {
            partition: index,
            broker: it.broker,
            records: it.records,
            caught_up_at_ms: it.caught_up_at_ms,
        }));
    }
    by_moment.into_values().collect()
}
