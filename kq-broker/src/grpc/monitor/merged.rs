//! What all brokers told of their counters, and who does not tell.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kq_proto::monitor::v1;

use crate::ids::BrokerId;
use crate::metadata::{MetadataDelta, MetadataImage, TopicDelta};
use crate::monitor::{Counts, Silence};

/// Who has told nothing for so long is silent.
pub(super) const SILENT_AFTER: Duration = Duration::from_secs(2);

/// The counters of the cluster, as they come in.
#[derive(Debug, Default)]
pub(super) struct Merged {
    counts: Counts,
    heard: BTreeMap<BrokerId, Heard>,
    image: Arc<MetadataImage>,
}

/// When a broker told last.
#[derive(Debug, Clone, Default)]
struct Heard {
    /// In time since this broker started; before the first word, when it was first asked.
    at: Duration,
    /// The same by the clock of the day.
    at_ms: i64,
    /// Why it tells nothing, if that is known.
    why: Option<String>,
}

/// A moment, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Time since this broker started.
    pub(super) elapsed: Duration,
    /// Milliseconds since 1970.
    pub(super) wall_ms: i64,
}

impl Merged {
    /// A broker is asked from now on.
    pub(super) fn ask(&mut self, broker: BrokerId, now: Moment) {
        let Moment { elapsed, wall_ms } = now;
        self.heard.entry(broker).or_insert(Heard { at: elapsed, at_ms: wall_ms, why: None });
    }

    /// A broker told something; all that it has, if it is the first in its stream.
    pub(super) fn take(
        &mut self,
        broker: BrokerId,
        (is_first, told): (bool, v1::SampleResponse),
        now: Moment,
    ) {
        self.counts.merge(broker, is_first, told);
        self.heard.insert(broker, Heard { at: now.elapsed, at_ms: now.wall_ms, why: None });
    }

    /// A broker tells nothing, for this reason.
    pub(super) fn fails(&mut self, broker: BrokerId, why: String) {
        if let Some(heard) = self.heard.get_mut(&broker) {
            heard.why = Some(why);
        }
    }

    /// All that is known now.
    pub(super) fn publish(
        &mut self,
        image: &Arc<MetadataImage>,
        me: BrokerId,
        now: Moment,
    ) -> Counts {
        self.follow(image);
        let others = image.brokers().filter(|it| it.id != me);
        let silent = others.filter_map(|it| Some((it.id, self.silence_of(image, it.id, now)?)));
        let silent: BTreeMap<BrokerId, Silence> = silent.collect();
        self.counts.put_silent(silent);
        self.counts.clone()
    }

    fn silence_of(&self, image: &MetadataImage, id: BrokerId, now: Moment) -> Option<Silence> {
        let heard = self.heard.get(&id);
        let told = heard.map(|it| it.at_ms).filter(|_| self.counts.knows(id));
        if let Some(broker) = image.broker(id).filter(|it| !it.is_live()) {
            let since_ms = told.unwrap_or(broker.state_since.0);
            return Some(Silence { since_ms, why: "it is fenced".to_owned() });
        }
        let heard = heard?;
        let silent_for = now.elapsed.saturating_sub(heard.at);
        // Who refuses says so at once.
        if silent_for <= SILENT_AFTER && (heard.why.is_none() || self.counts.knows(id)) {
            return None;
        }
        let why = heard.why.clone();
        let why = why.unwrap_or_else(|| "it has told nothing for 2 s".to_owned());
        Some(Silence { since_ms: heard.at_ms, why })
    }

    /// Forgets what is gone.
    fn follow(&mut self, image: &Arc<MetadataImage>) {
        if Arc::ptr_eq(&self.image, image) {
            return;
        }
        let delta = MetadataDelta::between(&self.image, image);
        for topic in &delta.topics {
            if matches!(topic, TopicDelta::Purged(_)) {
                self.counts.forget_topic(topic.id());
            }
        }
        for id in delta.brokers.into_iter().filter(|id| image.broker(*id).is_none()) {
            self.counts.forget_broker(id);
            self.heard.remove(&id);
        }
        self.image = Arc::clone(image);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{BrokerRegistration, Change, MetadataRecord, TimestampMs};

    fn at(seconds: u64) -> Moment {
        let wall_ms = i64::try_from(seconds * 1_000).unwrap_or(0) + 1_000_000;
        Moment { elapsed: Duration::from_secs(seconds), wall_ms }
    }

    fn two_brokers() -> MetadataImage {
        let register =
            |id| MetadataRecord::BrokerRegistered(BrokerRegistration::at(BrokerId(id), "host", 1));
        let records = vec![register(1), register(2)];
        let change = Change { time: TimestampMs(5), reason: "test".to_owned(), records };
        MetadataImage::default().apply(1, &change).unwrap()
    }

    fn told(broker: u32) -> v1::SampleResponse {
        let counters = v1::BrokerCounters { broker, ..v1::BrokerCounters::default() };
        v1::SampleResponse { broker: Some(counters), ..v1::SampleResponse::default() }
    }

    #[test]
    fn who_tells_nothing_for_two_seconds_is_silent_with_the_reason() {
        let (two, image) = (BrokerId(2), Arc::new(two_brokers()));
        let mut merged = Merged::default();
        let silent = |merged: &mut Merged, now| {
            let counts = merged.publish(&image, BrokerId(1), now);
            counts.silence_of(two).map(|it| (it.since_ms, it.why.clone()))
        };
        merged.ask(two, at(10));
        assert_eq!(silent(&mut merged, at(11)), None, "it may still answer");
        merged.take(two, (true, told(2)), at(11));
        assert_eq!(silent(&mut merged, at(13)), None);
        let (since, why) = silent(&mut merged, at(14)).unwrap();
        assert_eq!((since, why.as_str()), (1_011_000, "it has told nothing for 2 s"));
        merged.fails(two, "refused".to_owned());
        assert_eq!(silent(&mut merged, at(15)).unwrap().1, "refused");
        merged.take(two, (false, told(2)), at(16));
        assert_eq!(silent(&mut merged, at(16)), None);
        let fence = MetadataRecord::BrokerFenced { broker: two };
        let change =
            Change { time: TimestampMs(9), reason: "test".to_owned(), records: vec![fence] };
        let fenced = Arc::new(image.apply(2, &change).unwrap());
        let counts = merged.publish(&fenced, BrokerId(1), at(16));
        assert_eq!(counts.silence_of(two).unwrap().why, "it is fenced");
    }

    #[test]
    fn who_cannot_tell_counters_is_silent_at_once() {
        let (two, image) = (BrokerId(2), Arc::new(two_brokers()));
        let mut merged = Merged::default();
        merged.ask(two, at(10));
        merged.fails(two, "its version tells no counters".to_owned());
        let counts = merged.publish(&image, BrokerId(1), at(10));
        assert_eq!(counts.silence_of(two).unwrap().since_ms, 1_010_000);
    }
}
