//! One run: a cluster that forms, a storm, the time after it, and the judgement.

use std::rc::Rc;
use std::time::{Duration, SystemTime};

use turmoil::{Builder, Sim};

use super::audit::{judge, uneven, unrest};
use super::checks::Checks;
use super::clients::{self, Club, Ground, OFFSETS_PARTITIONS, PRODUCERS, Phase, SESSION, SLOTS};
use super::faults::Storm;
use super::history::History;
use super::seat::Seat;
use super::settling::Settling;
use super::wire::PORT;

/// The simulated time that one step takes.
const TICK: Duration = Duration::from_millis(1);
/// Steps between two looks into the brokers.
const LOOK_EVERY: u64 = 5;
/// How long a cluster may take to form, and how long to be well again.
const FORMING_MAX: Duration = Duration::from_mins(1);
const HEALING_MAX: Duration = Duration::from_mins(1);
const AUDIT_MAX: Duration = Duration::from_secs(30);
/// How long things go wrong.
const STORM: Duration = Duration::from_secs(25);

/// What is told of a run.
pub(crate) struct Report {
    pub(crate) line: String,
    pub(crate) broken: Vec<String>,
}

/// A run.
pub(crate) struct World {
    seed: u64,
    sim: Sim<'static>,
    seats: Vec<Rc<Seat>>,
    ground: Rc<Ground>,
    storm: Storm,
    checks: Checks,
    settling: Settling,
    voters: usize,
    steps: u64,
}

impl World {
    pub(crate) fn new(seed: u64, log: bool) -> Self {
        // Most clusters are of three; some are of five, of which three or all vote.
        let (brokers, voters) = match seed % 8 {
            0 => (5, 5),
            4 => (5, 3),
            _ => (3, 3),
        };
        let mut sim = simulation(seed);
        let seats: Vec<_> = (1..=brokers).map(|id| seat(id, seed, voters)).collect();
        for seat in &seats {
            let seat = Rc::clone(seat);
            sim.host(seat.name.clone(), move || Rc::clone(&seat).live());
        }
        let names: Vec<String> = seats.iter().map(|it| it.name.clone()).collect();
        let ground = Ground::new(seed, &seats, History::new(log));
        let mut hosts = names;
        for number in 1..=PRODUCERS {
            hosts.push(format!("producer-{number}"));
            let work = clients::produce(Rc::clone(&ground), number);
            sim.client(format!("producer-{number}"), work);
        }
        hosts.extend(["consumer".to_owned(), "operator".to_owned()]);
        sim.client("consumer", clients::read_on(Rc::clone(&ground)));
        sim.client("operator", clients::operate(Rc::clone(&ground)));
        for club in Club::ALL {
            hosts.push(club.name().to_owned());
            sim.client(club.name(), clients::take_part(Rc::clone(&ground), club));
        }
        sim.client("auditor", clients::audit(Rc::clone(&ground)));
        let storm = Storm::new(seed, hosts, seats.clone());
        let (checks, settling) = (Checks::default(), Settling::default());
        Self { seed, sim, seats, ground, storm, checks, settling, voters, steps: 0 }
    }

    /// From the beginning to the end, or to what makes it useless to go on.
    pub(crate) fn run(&mut self) {
        let voters = self.voters;
        let formed = |it: &Self| unrest(&it.seats, voters);
        if !self.until(FORMING_MAX, "the cluster does not form", formed) {
            return;
        }
        self.enter(Phase::Formed);
        let made =
            |it: &Self| (it.ground.phase.get() < Phase::Made).then(|| "no topics".to_owned());
        if !self.until(FORMING_MAX, "the topics are not made", made) {
            return;
        }
        let unsettled = |it: &Self| it.ground.unsettled();
        if !self.until(FORMING_MAX, "the groups do not form", unsettled) {
            return;
        }
        self.enter(Phase::Storm);
        let over = self.sim.elapsed() + STORM;
        while self.sim.elapsed() < over && self.step() {
            let mut history = self.ground.history.borrow_mut();
            self.storm.blow(&mut self.sim, &mut history);
        }
        self.storm.end(&mut self.sim, &mut self.ground.history.borrow_mut());
        self.enter(Phase::Healing);
        if !self.until(HEALING_MAX, "it does not heal", Self::unhealed) {
            return;
        }
        self.enter(Phase::Audit);
        let read = |it: &Self| {
            let left = SLOTS.len() - it.ground.audited.borrow().len();
            // What an operator was not told of may have happened all the same.
            let unread = (0 < left).then(|| format!("{left} partitions cannot be read"));
            let unread = unread.or_else(|| it.ground.unread_by_groups());
            unread.or_else(|| unrest(&it.seats, voters)).or_else(|| uneven(&it.seats))
        };
        if self.until(AUDIT_MAX, "it cannot be read", read) {
            judge(&self.seats, &self.ground);
        }
    }

    /// What is not as it was before the storm.
    fn unhealed(&self) -> Option<String> {
        let unrest = unrest(&self.seats, self.voters);
        let unsettled = self.settling.look(&self.ground, self.sim.elapsed(), unrest.is_none());
        match self.ground.busy.get() {
            0 => unrest.or(unsettled),
            left => {
                let unrest = unrest.unwrap_or_default();
                Some(format!("{left} clients do not get through; {unrest}"))
            }
        }
    }

    /// What came of it.
    pub(crate) fn report(&self) -> Report {
        let history = self.ground.history.borrow();
        let told = [
            "kills",
            "power cuts",
            "stops",
            "cuts",
            "holds",
            "controllers",
            "leaders",
            "quorum leaders",
            "commands",
            "plans",
            "acked",
            "refused",
            "read",
            "checked",
            "joins",
            "rebalances",
            "commits",
            "zombies",
            "coordinators",
            "read back",
        ];
        let figures: Vec<String> = told
            .iter()
            .map(|it| format!("{}={}", it.replace(' ', "-"), history.counted(it)))
            .collect();
        let line = format!(
            "run seed={} brokers={} simulated-ms={} {} trace={:016x}",
            self.seed,
            self.seats.len(),
            self.sim.elapsed().as_millis(),
            figures.join(" "),
            history.trace(),
        );
        Report { line, broken: history.broken.clone() }
    }

    fn enter(&mut self, phase: Phase) {
        self.ground.phase.set(phase);
        self.ground.history.borrow_mut().note(format_args!("now {phase:?}"));
    }

    /// One step; false when the run is of no more use.
    fn step(&mut self) -> bool {
        let stepped = self.sim.step();
        let mut history = self.ground.history.borrow_mut();
        history.now = self.sim.elapsed();
        if let Err(err) = stepped {
            history.broke("L2", format_args!("a host has failed: {err}"));
            return false;
        }
        self.storm.look(&mut self.sim, &mut history);
        self.steps += 1;
        if self.steps.is_multiple_of(LOOK_EVERY) {
            self.checks.look(&self.seats, &mut history);
            self.ground.look_at_leads();
        }
        true
    }

    /// Goes on until nothing is missing any more; false if that takes too long.
    fn until(
        &mut self,
        longest: Duration,
        what: &str,
        missing: impl Fn(&Self) -> Option<String>,
    ) -> bool {
        let end = self.sim.elapsed() + longest;
        while self.step() {
            if !self.steps.is_multiple_of(LOOK_EVERY) {
                continue;
            }
            let Some(missing) = missing(self) else { return true };
            if end < self.sim.elapsed() {
                let mut history = self.ground.history.borrow_mut();
                history.broke("L2", format_args!("{what}: {missing}"));
                return false;
            }
        }
        false
    }
}

fn simulation(seed: u64) -> Sim<'static> {
    let begin = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let mut builder = Builder::new();
    builder
        .rng_seed(seed)
        .epoch(begin)
        .tick_duration(TICK)
        .simulation_duration(Duration::from_mins(10))
        .min_message_latency(Duration::from_millis(0))
        .max_message_latency(Duration::from_millis(20))
        .tcp_capacity(4_096)
        .enable_random_order();
    builder.build()
}

fn seat(id: u32, seed: u64, voters: usize) -> Rc<Seat> {
    let (listen, voters) = (format!("0.0.0.0:{PORT}"), voters.to_string());
    let (partitions, session) = (OFFSETS_PARTITIONS.to_string(), SESSION.as_millis().to_string());
    // Of the topic of offsets only: the others say themselves.
    let min_in_sync = (1 + seed % 2).to_string();
    let first = format!("broker-1:{PORT}");
    let join = if id == 1 { "" } else { first.as_str() };
    let flags = [
        "--listen",
        &listen,
        "--insecure-listener",
        "--data-dir",
        "/data",
        "--join",
        join,
        "--controller-voters",
        &voters,
        "--replica-lag-time-max-ms",
        "4000",
        "--shutdown-max-ms",
        "5000",
        "--log-sync-threads",
        "2",
        "--min-insync-replicas",
        &min_in_sync,
        "--offsets-topic-num-partitions",
        &partitions,
        "--group-min-session-timeout-ms",
        &session,
        "--group-initial-rebalance-delay-ms",
        "500",
        "--group-consumer-session-timeout-ms",
        &session,
        "--group-consumer-heartbeat-interval-ms",
        "500",
    ];
    Seat::new(id, seed, &flags)
}
