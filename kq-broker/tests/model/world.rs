//! The world of one run: brokers, a controller, clients, a network and a clock, all stepped by one
//! queue of events.

use std::collections::BTreeMap;

use kq_broker::ids::{BrokerId, PartitionId};

use crate::broker::Broker;
use crate::checks::Checks;
use crate::clients::Clients;
use crate::control::Control;
use crate::event::{Event, Packet, Timer};
use crate::net::Net;
use crate::rng::Rng;
use crate::runs::Trace;
use crate::scenario::{Scenario, Weather};
use crate::tally::{Count, Tally};

/// Milliseconds since the run began.
pub(crate) type Time = u64;

/// How long faults go on.
const FAULTS_UNTIL: Time = 20_000;

/// How long the cluster then has until all is well (L2).
const HEAL_MAX: Time = 30_000;

/// How much longer while replicas move: a leader that gave up a handover is asked again only after
/// half a minute, and may give up once more.
const HEAL_MOVES_MAX: Time = 60_000;

/// A promise that was broken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) checker: &'static str,
    pub(crate) what: String,
}

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) failure: Option<Failure>,
    pub(crate) tally: Tally,
}

pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) now: Time,
    pub(crate) weather: Weather,
    pub(crate) brokers: BTreeMap<BrokerId, Broker>,
    pub(crate) control: Control,
    pub(crate) net: Net,
    pub(crate) clients: Clients,
    pub(crate) checks: Checks,
    /// False once faults have ended.
    pub(crate) stormy: bool,
    queue: BTreeMap<(Time, u64), Event>,
    queued: u64,
    trace: Option<Trace>,
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
    pub(crate) fn new(seed: u64, scenario: Scenario, trace: Option<Trace>) -> Self {
        let mut rng = Rng::new(seed);
        let weather = Weather::draw(scenario, &mut rng);
        let ids = (1..=weather.brokers).map(BrokerId);
        Self {
            rng,
            now: 0,
            brokers: ids.map(|id| (id, Broker::new(id))).collect(),
            control: Control::new(),
            net: Net::default(),
            clients: Clients::new(weather.in_flight_max),
            checks: Checks::new(weather.page_cache),
            weather,
            stormy: true,
            queue: BTreeMap::new(),
            queued: 0,
            trace,
        }
    }

    pub(crate) fn run(mut self) -> Outcome {
        trace!(self, "{:?}", self.weather);
        for id in self.ids() {
            self.start(id);
        }
        self.schedule(0, Event::SessionCheck);
        self.schedule(500, Event::NewTopic);
        self.schedule(2_000, Event::NextFault);
        self.schedule(FAULTS_UNTIL, Event::StormEnds);
        let moves = if self.weather.moves_replicas() { HEAL_MOVES_MAX } else { 0 };
        self.schedule(FAULTS_UNTIL + HEAL_MAX + moves, Event::Judge);
        self.begin_clients();
        while let Some(((at, _), event)) = self.queue.pop_first() {
            self.now = at;
            self.checks.tally.one(Count::Events);
            let looks = matches!(event, Event::SessionCheck);
            let last = matches!(event, Event::Judge);
            self.handle(event);
            if last || self.checks.failure.is_some() {
                break;
            }
            if looks && !self.stormy && self.is_well() {
                self.judge();
                break;
            }
        }
        self.check_past();
        Outcome { failure: self.checks.failure.take(), tally: self.checks.tally }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Deliver { to, life, packet } => self.deliver(to, life, packet),
            Event::Timer { of, life, timer } => self.on_timer(of, life, timer),
            Event::Ask { from, ask } => self.on_ask(from, ask),
            Event::SessionCheck => self.check_sessions(),
            Event::NewTopic => self.create_topic(),
            Event::NextFault => self.next_fault(),
            Event::Undo(undo) => self.undo(undo),
            Event::Client(turn) => self.on_client(turn),
            Event::StormEnds => self.end_storm(),
            Event::Judge => self.judge(),
        }
    }

    pub(crate) fn schedule(&mut self, after: Time, event: Event) {
        self.queued += 1;
        self.queue.insert((self.now + after, self.queued), event);
    }

    pub(crate) fn timer(&mut self, after: Time, of: BrokerId, timer: Timer) {
        let Some(life) = self.brokers.get(&of).and_then(Broker::life) else { return };
        self.schedule(after, Event::Timer { of, life, timer });
    }

    /// What a paused process is sent waits until it goes on.
    fn deliver(&mut self, to: BrokerId, life: Option<u64>, packet: Packet) {
        let Some(broker) = self.brokers.get_mut(&to) else { return };
        if broker.process.is_none() || life.is_some_and(|it| broker.life() != Some(it)) {
            return;
        }
        if broker.paused {
            broker.held.push(Event::Deliver { to, life, packet });
            return;
        }
        self.on_packet(to, packet);
    }

    fn on_timer(&mut self, of: BrokerId, life: u64, timer: Timer) {
        let Some(broker) = self.brokers.get_mut(&of) else { return };
        if broker.life() != Some(life) {
            return;
        }
        if broker.paused {
            broker.held.push(Event::Timer { of, life, timer });
            return;
        }
        self.on_broker_timer(of, timer);
    }

    pub(crate) fn ids(&self) -> Vec<BrokerId> {
        self.brokers.keys().copied().collect()
    }

    /// The partition that clients write to now.
    pub(crate) fn partition(&self) -> Option<PartitionId> {
        self.control.partition()
    }

    pub(crate) fn traces(&self) -> bool {
        self.trace.is_some()
    }

    pub(crate) fn note(&self, line: String) {
        if let Some(trace) = &self.trace {
            trace.note(format!("{:>7} {line}", self.now));
        }
    }

    pub(crate) fn fail(&mut self, checker: &'static str, what: String) {
        trace!(self, "VIOLATED {checker}: {what}");
        if self.checks.failure.is_none() {
            self.checks.failure = Some(Failure { checker, what });
        }
    }
}
