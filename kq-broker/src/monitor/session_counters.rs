//! Counters in the session of one watcher: what it was told of them, and what it is to be told.

use std::collections::BTreeSet;
use std::sync::Arc;

use kq_proto::monitor::v1;

use super::counts::{Counts, Rows, TopicFigures, news, topic_counters};
use super::session::{Look, Session};
use super::window::Scope;
use crate::ids::{BrokerId, PartitionId, TopicId};
use crate::metadata::MetadataImage;

/// What a watcher was told of counters.
#[derive(Debug, Default)]
pub(super) struct ToldCounters {
    /// The counters of which it was told; none if it was told of none.
    counts: Option<Arc<Counts>>,
    brokers: bool,
    topics: bool,
    scope: Scope,
    silent: v1::SilentBrokers,
    /// Topics that were told of since the counters were: of them it knows none.
    new: BTreeSet<TopicId>,
    /// Topics of which another partition may have become unknown.
    led_anew: BTreeSet<TopicId>,
}

impl ToldCounters {
    /// The watcher was told of a topic.
    pub(super) fn is_new(&mut self, topic: TopicId) {
        self.new.insert(topic);
    }

    /// Somebody else leads one of a topic's partitions.
    pub(super) fn is_led_anew(&mut self, topic: TopicId) {
        self.led_anew.insert(topic);
    }
}

impl Session {
    /// Adds the counters in the window that the watcher does not know. Of the past there are none.
    pub(super) fn tell_counters(&mut self, look: &Look<'_>, frame: &mut v1::WatchResponse) {
        if !(look.moment.is_now() && self.window.wants_counters()) {
            self.counters = ToldCounters::default();
            return;
        }
        let Some(now) = look.counts else { return };
        let silent = silent(now);
        let scope = self.window.scope(&look.moment.image);
        let is_known = self.counters.counts.as_ref().is_some_and(|it| Arc::ptr_eq(it, now));
        let asked = self.window.asked();
        let is_same_window = self.counters.brokers == asked.brokers
            && self.counters.topics == asked.topics
            && self.counters.scope == scope;
        let is_moved = !(self.counters.new.is_empty() && self.counters.led_anew.is_empty());
        if is_known && is_same_window && !is_moved {
            return;
        }
        self.tell_broker_counters(now, frame);
        if asked.topics {
            self.tell_topic_counters(now, &look.moment.image, &silent, frame);
        }
        if !scope.is_none() {
            self.tell_partition_counters(now, &scope, frame);
        }
        if silent != self.counters.silent {
            frame.silent = Some(silent.clone());
        }
        self.counters = ToldCounters {
            counts: Some(Arc::clone(now)),
            brokers: asked.brokers,
            topics: asked.topics,
            scope,
            silent,
            new: BTreeSet::new(),
            led_anew: BTreeSet::new(),
        };
    }

    /// Those that differ, and always those of the broker that answers: they tell until when all that
    /// changed has been counted.
    fn tell_broker_counters(&self, now: &Arc<Counts>, frame: &mut v1::WatchResponse) {
        let told = &self.counters;
        let wanted = self.window.asked().brokers;
        for (id, counters) in &now.brokers {
            let before = told.counts.as_ref().filter(|_| told.brokers);
            let before = before.and_then(|it| it.brokers.get(id));
            let differs = before.is_none_or(|before| {
                let at_ms = before.at_ms;
                **before != v1::BrokerCounters { at_ms, ..v1::BrokerCounters::clone(counters) }
            });
            if *id == self.me || (wanted && differs) {
                frame.broker_counters.push(v1::BrokerCounters::clone(counters));
            }
        }
    }

    fn tell_topic_counters(
        &self,
        now: &Counts,
        image: &MetadataImage,
        silent: &v1::SilentBrokers,
        frame: &mut v1::WatchResponse,
    ) {
        let told = &self.counters;
        let mut changed: BTreeSet<TopicId> = BTreeSet::new();
        match told.counts.as_ref().filter(|_| told.topics && told.silent == *silent) {
            Some(before) => {
                changed.extend(news(before.topics.diff(&now.topics)).map(|((topic, _), _)| *topic));
                changed.extend(&told.new);
                changed.extend(&told.led_anew);
            }
            None => changed.extend(now.topics.keys().map(|(topic, _)| *topic)),
        }
        for topic in changed {
            let Some(number) = self.numbers.get(topic) else { continue };
            let mut sum = TopicFigures::default();
            let mut counted_at: Option<i64> = None;
            for (_, row) in now.of_topic(topic) {
                sum.bytes_in = sum.bytes_in.saturating_add(row.figures.bytes_in);
                sum.records_in = sum.records_in.saturating_add(row.figures.records_in);
                sum.bytes_out = sum.bytes_out.saturating_add(row.figures.bytes_out);
                sum.size_bytes = sum.size_bytes.saturating_add(row.figures.size_bytes);
                counted_at = counted_at.max(Some(row.at_ms));
            }
            let Some(at_ms) = counted_at else { continue };
            let unknown_count = unknown(now, image, silent, topic);
            let counters = topic_counters(number, at_ms, sum);
            frame.topic_counters.push(v1::TopicCounters { unknown_count, ..counters });
        }
    }

    fn tell_partition_counters(&self, now: &Counts, scope: &Scope, frame: &mut v1::WatchResponse) {
        let told = &self.counters;
        let mut rows = Rows::default();
        let mut add = |id: &PartitionId| {
            let row = now.partitions.get(id);
            if let Some((number, row)) = self.numbers.get(id.topic).zip(row) {
                rows.add(number, id.index, row);
            }
        };
        let before = told.counts.as_deref();
        match (scope, before) {
            (Scope::None, _) => {}
            (Scope::All, Some(before)) if told.scope == Scope::All => {
                let changed = news(before.partitions.diff(&now.partitions)).map(|(id, _)| id);
                changed.filter(|id| !told.new.contains(&id.topic)).for_each(&mut add);
                for topic in &told.new {
                    now.partitions_of(*topic).for_each(|(id, _)| add(&id));
                }
            }
            (Scope::All, _) => now.partitions.keys().for_each(add),
            (Scope::Some(ids), before) => {
                let is_known = |id: &&PartitionId| {
                    told.scope.has(**id)
                        && !told.new.contains(&id.topic)
                        && before
                            .is_some_and(|it| it.partitions.get(*id) == now.partitions.get(*id))
                };
                ids.iter().filter(|id| !is_known(id)).for_each(add);
            }
        }
        frame.partition_counters = rows.into_messages();
    }
}

fn silent(counts: &Counts) -> v1::SilentBrokers {
    let mut silent = v1::SilentBrokers::default();
    for (id, silence) in counts.silent.iter() {
        silent.brokers.push(id.0);
        silent.since_at_ms.push(silence.since_ms);
        silent.why.push(silence.why.clone());
    }
    silent
}

/// How many partitions of a topic have a leader, or none, of which nothing is known now.
fn unknown(
    counts: &Counts,
    image: &MetadataImage,
    silent: &v1::SilentBrokers,
    topic: TopicId,
) -> u32 {
    let Some(topic) = image.topic_by_id(topic) else { return 0 };
    let tells = |leader: BrokerId| !silent.brokers.contains(&leader.0);
    // Both are in the order of their indexes: side by side is far quicker than one look-up each.
    let mut rows = counts.partitions_of(topic.id).peekable();
    let unknown = topic.partitions().filter(|(index, partition)| {
        while rows.next_if(|(id, _)| id.index < *index).is_some() {}
        let by = rows.next_if(|(id, _)| id.index == *index).map(|(_, row)| row.by);
        let leader = partition.leader.filter(|it| tells(*it));
        leader.is_none() || by != leader
    });
    u32::try_from(unknown.count()).unwrap_or(u32::MAX)
}
