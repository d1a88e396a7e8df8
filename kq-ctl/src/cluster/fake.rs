//! A cluster in memory, for tests: three brokers, as exact as the tests of commands need it, and no
//! more. It answers at once and always the same.

mod answers;
mod compaction;
mod groups;
mod leaders;
mod offsets;
mod partitions;
mod plans;
mod topics;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use kq_proto::admin::v1;

use super::{Cluster, Replies, Reply};
use crate::exit::Failure;

/// The instant at which every test begins.
pub(crate) const BEGINNING_MS: i64 = 1_787_392_800_000;
pub(crate) const CLUSTER_ID: &str = "kq-test";

/// What it holds.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) topics: BTreeMap<String, Topic>,
    pub(crate) deleted: Vec<(v1::DeletedTopic, Topic)>,
    pub(crate) broker_configs: BTreeMap<String, String>,
    pub(crate) events: Vec<v1::Event>,
    pub(crate) ids: u8,
    /// What is said about leaders, of a topic or (empty name) of all.
    pub(crate) policies: BTreeMap<String, (v1::LeaderPolicy, Option<v1::LeaderFreeze>)>,
    /// Plans that were started, the oldest first.
    pub(crate) plans: Vec<(v1::PlanStatus, v1::Plan)>,
    /// Leaders that were moved, by partition.
    pub(crate) moved: BTreeMap<(String, u32), u32>,
    /// Brokers that are given no new replicas.
    pub(crate) cordoned: BTreeMap<u32, v1::Cordon>,
    /// Brokers that are fenced.
    pub(crate) fenced: Vec<u32>,
    pub(crate) groups: BTreeMap<String, groups::Group>,
    /// Plans of new offsets that were made.
    pub(crate) reset_plans: u32,
    /// Changes of offsets with what they were before, the oldest first.
    pub(crate) undos: Vec<(v1::UndoSummary, Vec<v1::ResetRow>)>,
    /// Partitions that were compacted.
    pub(crate) compacted: BTreeSet<(String, u32)>,
    /// Brokers that live and lack so many records.
    pub(crate) behind: BTreeMap<u32, u64>,
    /// For how long it has lost the controller.
    pub(crate) stale_for: Option<Duration>,
    /// Fails every operation with this code.
    pub(crate) refuses: Option<&'static str>,
}

#[derive(Default, Clone)]
pub(crate) struct Topic {
    pub(crate) id: Vec<u8>,
    pub(crate) partitions: Vec<Vec<v1::Record>>,
    pub(crate) replication_factor: u32,
    pub(crate) configs: BTreeMap<String, String>,
    pub(crate) protection: Option<v1::Protection>,
}

/// The adapter.
pub(crate) struct Fake(pub(crate) Rc<RefCell<State>>);

/// Defaults of the topics' keys that it knows.
pub(crate) const TOPIC_KEYS: &[(&str, &str)] = &[
    ("cleanup.policy", "delete"),
    ("min.insync.replicas", "1"),
    ("retention.bytes", "-1"),
    ("retention.ms", "604800000"),
];

pub(crate) const BROKER_KEYS: &[(&str, &str)] =
    &[("log.retention.ms", "604800000"), ("num.partitions", "1")];

pub(crate) fn error(item: &str, code: &str, message: String, hint: &str) -> v1::ItemError {
    v1::ItemError {
        item: item.to_owned(),
        code: code.to_owned(),
        message,
        hint: hint.to_owned(),
        retriable: false,
    }
}

pub(crate) fn no_topic(name: &str) -> v1::ItemError {
    let message = format!("topic '{name}' does not exist");
    error(name, "kafka.UNKNOWN_TOPIC_OR_PARTITION", message, "kq-ctl topic list")
}

pub(crate) fn no_key(item: &str, key: &str) -> v1::ItemError {
    let message = format!("there is no key '{key}'");
    error(item, "kq.UNKNOWN_CONFIG_KEY", message, "did you mean 'retention.ms'?")
}

pub(crate) fn name_of(topic: &v1::TopicRef, state: &State) -> String {
    match &topic.by {
        Some(v1::topic_ref::By::Name(name)) => name.clone(),
        Some(v1::topic_ref::By::Id(id)) => {
            let live = state.topics.iter().find(|(_, topic)| topic.id == *id);
            let live = live.map(|(name, _)| name.clone());
            let deleted = state.deleted.iter().find(|(it, _)| it.id == *id);
            live.or(deleted.map(|(it, _)| it.name.clone())).unwrap_or_default()
        }
        None => String::new(),
    }
}

macro_rules! answer {
    ($($method:ident, $service:ident.$call:ident, $request:ident, $response:ident;)*) => {
        impl Cluster for Fake {
            fn address(&self) -> String {
                "127.0.0.1:9092".to_owned()
            }

            fn cluster_id(&self) -> Option<String> {
                Some(CLUSTER_ID.to_owned())
            }

            fn stale_for(&self) -> Option<Duration> {
                self.0.borrow().stale_for
            }

            $(fn $method(&self, request: v1::$request) -> Reply<'_, v1::$response> {
                let answer = self.refusal().and_then(|()| {
                    self.0.borrow_mut().$method(request)
                });
                Box::pin(std::future::ready(answer))
            })*

            fn fetch(&self, request: v1::FetchRequest) -> Reply<'_, Replies<v1::FetchResponse>> {
                let answers = self.0.borrow().fetch(&request);
                let stream: Replies<v1::FetchResponse> = Box::pin(tokio_stream::iter(answers));
                Box::pin(std::future::ready(Ok(stream)))
            }

            fn follow_events(
                &self,
                _: v1::FollowEventsRequest,
            ) -> Reply<'_, Replies<v1::FollowEventsResponse>> {
                let event = v1::Event {
                    sequence: 99,
                    at_ms: BEGINNING_MS,
                    kind: v1::EventKind::BrokerFenced.into(),
                    subject: "broker 3".to_owned(),
                    message: "no heartbeat for 9s".to_owned(),
                    ..v1::Event::default()
                };
                let answers = vec![Ok(v1::FollowEventsResponse { events: vec![event] })];
                let stream: Replies<_> = Box::pin(tokio_stream::iter(answers));
                Box::pin(std::future::ready(Ok(stream)))
            }
        }
    };
}
super::operations!(answer);

impl Fake {
    fn refusal(&self) -> Result<(), Failure> {
        match self.0.borrow().refuses {
            Some(code) => Err(error("", code, "the cluster refuses".to_owned(), "").into()),
            None => Ok(()),
        }
    }
}

impl State {
    pub(crate) fn happened(
        &mut self,
        kind: v1::EventKind,
        subject: &str,
        intent: Option<&v1::Intent>,
    ) {
        let sequence = u64::try_from(self.events.len()).unwrap() + 1;
        self.events.push(v1::Event {
            sequence,
            at_ms: BEGINNING_MS,
            kind: kind.into(),
            subject: subject.to_owned(),
            message: kind.as_str_name().trim_start_matches("EVENT_KIND_").to_lowercase(),
            reason: intent.map(|it| it.reason.clone()).unwrap_or_default(),
            ..v1::Event::default()
        });
    }

    /// Who leads a partition: who was made to, if he lives, or the first in sync.
    pub(crate) fn leader(&self, name: &str, topic: &Topic, partition: u32) -> Option<u32> {
        let isr = self.isr(topic);
        let moved = self.moved.get(&(name.to_owned(), partition)).copied();
        moved.filter(|id| isr.contains(id)).or(isr.first().copied())
    }

    /// Of the replicas 1..=rf those that are neither fenced nor behind.
    pub(crate) fn isr(&self, topic: &Topic) -> Vec<u32> {
        let behind = |id: &u32| self.fenced.contains(id) || self.behind.contains_key(id);
        (1..=topic.replication_factor).filter(|id| !behind(id)).collect()
    }

    pub(crate) fn health(&self, topic: &Topic) -> v1::Health {
        let (isr, replicas) = (self.isr(topic).len(), topic.replication_factor as usize);
        let min: usize =
            topic.configs.get("min.insync.replicas").map_or(1, |it| it.parse().unwrap());
        match isr {
            0 => v1::Health::Offline,
            isr if isr < min => v1::Health::UnderMinIsr,
            isr if isr < replicas && isr == min => v1::Health::AtMinIsr,
            isr if isr < replicas => v1::Health::UnderReplicated,
            _ => v1::Health::Ok,
        }
    }
}
