//! Which events somebody wants to see, and which brokers an event is about.

use kq_proto::admin::v1::EventFilter;

use super::event_words::kind_of;
use crate::ids::BrokerId;
use crate::metadata::{Detail, Event, EventKind, FewBrokers};

/// A filter, made ready to be asked often.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    /// Which kinds; empty = all.
    kinds: Vec<EventKind>,
    topics: Vec<String>,
    brokers: Vec<BrokerId>,
    since_ms: Option<i64>,
    until_ms: Option<i64>,
}

impl Wanted {
    pub(super) fn new(filter: Option<&EventFilter>) -> Self {
        let Some(it) = filter else { return Self::default() };
        let asked = |kind: &&EventKind| it.kinds.contains(&i32::from(kind_of(**kind)));
        Self {
            kinds: EventKind::ALL.iter().filter(asked).copied().collect(),
            topics: it.topics.clone(),
            brokers: it.brokers.iter().map(|id| BrokerId(*id)).collect(),
            since_ms: it.since_at_ms,
            until_ms: it.until_at_ms,
        }
        .or_nothing(!it.kinds.is_empty())
    }

    /// Kinds that no event has leave nothing.
    fn or_nothing(mut self, kinds_asked: bool) -> Self {
        if kinds_asked && self.kinds.is_empty() {
            self.until_ms = Some(i64::MIN);
        }
        self
    }

    /// Whether an event is to be seen: of a topic that is named, or about a broker that is.
    pub(super) fn accepts(&self, event: &Event) -> bool {
        let of_topic = || {
            let topic = event.subject.topic();
            topic.is_some_and(|topic| self.topics.iter().any(|it| it == topic))
        };
        let of_broker = || self.brokers.iter().any(|id| concerns(event, *id));
        let anything = self.topics.is_empty() && self.brokers.is_empty();
        (self.kinds.is_empty() || self.kinds.contains(&event.kind))
            && self.since_ms.is_none_or(|since| event.time.0 >= since)
            && self.until_ms.is_none_or(|until| event.time.0 < until)
            && (anything || of_topic() || of_broker())
    }
}

fn concerns(event: &Event, broker: BrokerId) -> bool {
    let mut found = false;
    for_each_broker(event, |id| found |= id == broker);
    found
}

/// The brokers that an event is about: the one that it happened to; who left the ISR or joined it;
/// who led before and, where nobody did, who leads now.
pub(super) fn for_each_broker(event: &Event, mut take: impl FnMut(BrokerId)) {
    if let Some(id) = event.subject.broker() {
        take(id);
        return;
    }
    let mut only_in = |one: &FewBrokers, other: &FewBrokers| {
        for id in one.iter().filter(|id| other.iter().all(|it| it != *id)) {
            take(id);
        }
    };
    match &event.detail {
        Detail::Brokers { from, to } => {
            only_in(from, to);
            only_in(to, from);
        }
        Detail::Leader { from, to, .. } => {
            if let Some(id) = from.or(*to) {
                take(id);
            }
        }
        Detail::None | Detail::Text(_) | Detail::Handover { .. } => {}
    }
}
