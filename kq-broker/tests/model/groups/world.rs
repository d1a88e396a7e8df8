//! The world of one run: brokers, one log, clients and a network, stepped by one queue of events.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kq_broker::group::{ConsumerConfig, GroupConfig, Now};
use kq_broker::ids::TopicId;
use kq_broker::metadata::MetadataImage;

use super::checks::{Checks, Failure};
use super::client::Client;
use super::coordinator::Seat;
use super::log::{Log, Term};
use super::requests::{Answer, Request};
use super::scenario::{Scenario, Weather};
use crate::rng::Rng;

/// Milliseconds since the run began.
pub(crate) type Time = u64;

/// How long faults go on.
const FAULTS_UNTIL: Time = 20_000;

/// How long the groups then have: two sessions, a rebalance, and a member's slowest retry.
const SETTLE: Time = 40_000;

/// Milliseconds since 1970 when a run begins.
const WALL: i64 = 1_700_000_000_000;

pub(crate) const BROKERS: usize = 3;

/// Whom answers to operators and to clients outside the membership go to.
pub(crate) const NOBODY: usize = usize::MAX;

#[derive(Debug)]
pub(crate) enum Event {
    Request { broker: usize, request: Request },
    Answer { client: usize, number: u64, answer: Answer },
    TimedOut { client: usize, number: u64 },
    Wake { client: usize },
    Start { client: usize },
    Load { broker: usize, term: Term },
    Tick { broker: usize, term: Term },
    Commit { term: Term },
    Tell { broker: usize, term: Term },
    Notice { broker: usize, term: Term },
    Plenty,
    Fault,
    Outsider,
}

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) failure: Option<Failure>,
    pub(crate) commits: u64,
    pub(crate) generations: u64,
    pub(crate) comparisons: u64,
    pub(crate) beats: u64,
    pub(crate) migrations: u64,
    pub(crate) terms: u32,
}

pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) now: Time,
    pub(crate) weather: Weather,
    pub(crate) seats: Vec<Seat>,
    pub(crate) log: Log,
    pub(crate) clients: Vec<Client>,
    pub(crate) checks: Checks,
    pub(crate) image: Arc<MetadataImage>,
    pub(crate) image_version: u64,
    /// The topic that members share.
    pub(crate) shared: TopicId,
    pub(crate) group_config: GroupConfig,
    /// Too few replicas are in sync.
    pub(crate) is_thin: bool,
    /// False once faults have ended.
    pub(crate) stormy: bool,
    /// Names that were given so far: of members, and of commits.
    pub(crate) named: u64,
    queue: BTreeMap<(Time, u64), Event>,
    queued: u64,
    trace: Option<Vec<String>>,
}

/// Notes a line when someone will read it.
macro_rules! trace {
    ($world:expr, $($words:tt)*) => {
        if $world.traces() {
            $world.note(format!($($words)*));
        }
    };
}
pub(crate) use trace;

impl World {
    pub(crate) fn new(seed: u64, scenario: Scenario, traced: bool) -> Self {
        let mut rng = Rng::new(seed);
        let weather = Weather::draw(scenario, &mut rng);
        let group_config = GroupConfig {
            initial_rebalance_delay: Duration::from_millis(500),
            offsets_retention: weather.retention,
            consumer: ConsumerConfig {
                session_timeout: Duration::from_secs(6),
                migration: weather.migration,
                ..ConsumerConfig::default()
            },
            ..GroupConfig::default()
        };
        Self {
            rng,
            now: 0,
            weather,
            seats: (0..BROKERS).map(|_| Seat::Idle).collect(),
            log: Log::default(),
            clients: Vec::new(),
            checks: Checks::new(),
            image: Arc::default(),
            image_version: 0,
            shared: TopicId::default(),
            group_config,
            is_thin: false,
            stormy: true,
            named: 0,
            queue: BTreeMap::new(),
            queued: 0,
            trace: traced.then(Vec::new),
        }
    }

    /// The run, and what happened in it.
    pub(crate) fn run(mut self) -> (Outcome, Vec<String>) {
        trace!(self, "{:?}", self.weather);
        self.make_topics();
        self.begin_loading(0);
        self.start_clients();
        self.after(500, Event::Outsider);
        self.after(1_000, Event::Fault);
        while let Some(((at, _), event)) = self.queue.pop_first() {
            self.now = at;
            if self.stormy && FAULTS_UNTIL <= at {
                self.end_storm();
            }
            if FAULTS_UNTIL + SETTLE <= at || self.checks.failure.is_some() {
                break;
            }
            self.on_event(event);
        }
        if self.checks.failure.is_none() {
            self.verify_settled();
        }
        let outcome = Outcome {
            failure: self.checks.failure.take(),
            commits: self.checks.commits,
            generations: self.checks.generations,
            comparisons: self.checks.comparisons,
            beats: self.checks.beats,
            migrations: self.checks.migrations,
            terms: self.log.term,
        };
        (outcome, self.trace.unwrap_or_default())
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Request { broker, request } => self.on_request(broker, request),
            Event::Answer { client, number, answer } => self.on_answer(client, number, answer),
            Event::TimedOut { client, number } => self.on_timed_out(client, number),
            Event::Wake { client } => self.on_wake(client),
            Event::Start { client } => self.on_start(client),
            Event::Load { broker, term } => self.on_load(broker, term),
            Event::Tick { broker, term } => self.on_tick(broker, term),
            Event::Commit { term } => self.on_commit_due(term),
            Event::Tell { broker, term } => self.on_tell(broker, term),
            Event::Notice { broker, term } => self.on_notice(broker, term),
            Event::Plenty => self.is_thin = false,
            Event::Fault => self.on_fault(),
            Event::Outsider => self.on_outsider(),
        }
    }

    fn end_storm(&mut self) {
        trace!(self, "the storm is over");
        self.stormy = false;
        self.is_thin = false;
        self.weather.drop_percent = 0;
        self.weather.duplicate_percent = 0;
        self.weather.delay_max = 5;
        self.weather.commit_max = 20;
        self.weather.think = 100;
    }

    pub(crate) fn clock(&self) -> Now {
        let wall_ms = WALL + i64::try_from(self.now).unwrap();
        Now { uptime: Duration::from_millis(self.now), wall_ms }
    }

    pub(crate) fn after(&mut self, delay: Time, event: Event) {
        self.queue.insert((self.now + delay, self.queued), event);
        self.queued += 1;
    }

    /// Sends a question: it may come late, twice or never.
    pub(crate) fn ask(&mut self, broker: usize, request: Request) {
        for _ in 0..self.copies() {
            let delay = self.delay();
            self.after(delay, Event::Request { broker, request: request.clone() });
        }
    }

    /// The same, behind what this client asked before, whomever that was. A copy comes by another
    /// connection, of which the client knows no more: nobody hears its answer.
    pub(crate) fn ask_in_order(&mut self, client: usize, broker: usize, request: &Request) {
        for copy in 0..self.copies() {
            let earliest = self.now + self.delay();
            let at = earliest.max(self.clients[client].last_arrival);
            self.clients[client].last_arrival = at;
            let from = if copy == 0 { request.from } else { NOBODY };
            let request = Request { from, ..request.clone() };
            self.after(at - self.now, Event::Request { broker, request });
        }
    }

    pub(crate) fn answer(&mut self, client: usize, number: u64, answer: Answer) {
        if client == NOBODY {
            return;
        }
        for _ in 0..self.copies() {
            let delay = self.delay();
            self.after(delay, Event::Answer { client, number, answer: answer.clone() });
        }
    }

    fn copies(&mut self) -> usize {
        let is_lost = self.rng.percent(self.weather.drop_percent);
        let is_doubled = self.rng.percent(self.weather.duplicate_percent);
        usize::from(!is_lost) + usize::from(is_doubled)
    }

    fn delay(&mut self) -> Time {
        self.rng.within(1, self.weather.delay_max)
    }

    pub(crate) fn traces(&self) -> bool {
        self.trace.is_some()
    }

    pub(crate) fn note(&mut self, line: String) {
        let now = self.now;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{now:>6} {line}"));
        }
    }
}
