//! Many runs on all cores, and the report of the first that broke a promise.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::output::say;
use crate::scenario::{SCENARIOS, Scenario};
use crate::tally::Tally;
use crate::world::{Failure, Outcome, World};

/// Lines of the trace that a failure shows.
const TRACE_LINES: usize = 80;

/// Where a run notes what happens.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    lines: Arc<Mutex<VecDeque<String>>>,
    lines_max: usize,
}

/// Which runs.
#[derive(Debug)]
pub(crate) struct Plan {
    from: u64,
    seeds: u64,
    scenario: Option<Scenario>,
    /// One run, with its whole trace.
    replay: Option<u64>,
}

impl Plan {
    pub(crate) fn from_env() -> Self {
        let number = |name: &str| std::env::var(name).ok().map(|it| it.parse().unwrap());
        let scenario = std::env::var("KQ_SIM_SCENARIO").ok();
        let named = |it: String| {
            let names = || SCENARIOS.iter().map(|it| it.name).collect::<Vec<_>>().join(", ");
            Scenario::named(&it)
                .unwrap_or_else(|| panic!("no scenario {it}; there are {}", names()))
        };
        Self {
            from: number("KQ_SIM_FROM").unwrap_or(1),
            seeds: number("KQ_SIM_SEEDS").unwrap_or(40),
            scenario: scenario.map(named),
            replay: number("KQ_SIM_SEED"),
        }
    }
}

impl Trace {
    fn of(lines_max: usize) -> Self {
        Self { lines: Arc::default(), lines_max }
    }

    pub(crate) fn note(&self, line: String) {
        let mut lines = self.lines.lock().unwrap();
        if lines.len() == self.lines_max {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    fn text(&self) -> String {
        let lines = self.lines.lock().unwrap();
        lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }
}

/// One run; with its trace if it is asked for.
pub(crate) fn run_one(seed: u64, scenario: Option<Scenario>, traced: bool) -> (Outcome, String) {
    let trace = traced.then(|| Trace::of(usize::MAX));
    let outcome = run(seed, scenario, trace.clone());
    (outcome, trace.map(|it| it.text()).unwrap_or_default())
}

fn run(seed: u64, scenario: Option<Scenario>, trace: Option<Trace>) -> Outcome {
    let scenario = scenario.unwrap_or_else(|| usual_scenario(seed));
    let world = AssertUnwindSafe(|| World::new(seed, scenario, trace).run());
    catch_unwind(world).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
        let failure = Failure { checker: "assertion", what: said.unwrap_or_default() };
        Outcome { failure: Some(failure), ..Outcome::default() }
    })
}

/// Half of the runs meet everything; the others share the rest.
fn usual_scenario(seed: u64) -> Scenario {
    let others = SCENARIOS.len() - 1;
    let at = usize::try_from(seed / 2).unwrap_or(0) % others;
    if seed.is_multiple_of(2) { SCENARIOS[1 + at] } else { SCENARIOS[0] }
}

/// Runs the plan; panics with the story of the first run that broke a promise.
pub(crate) fn run_all(plan: &Plan) {
    if let Some(seed) = plan.replay {
        let trace = Trace::of(usize::MAX);
        let outcome = run(seed, plan.scenario, Some(trace.clone()));
        panic!("{}{outcome:#?}", trace.text());
    }
    let next = AtomicU64::new(plan.from);
    let end = plan.from + plan.seeds;
    let first_bad = AtomicU64::new(u64::MAX);
    let sum = Mutex::new(Tally::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if end <= seed || first_bad.load(Ordering::Relaxed) < seed {
                        return;
                    }
                    let outcome = run(seed, plan.scenario, None);
                    sum.lock().unwrap().add(&outcome.tally);
                    if outcome.failure.is_some() {
                        first_bad.fetch_min(seed, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let bad = first_bad.into_inner();
    if bad != u64::MAX {
        tell(bad, plan.scenario);
    }
    say(&format!("{} schedules from seed {}:", plan.seeds, plan.from));
    let sum = sum.into_inner().unwrap();
    sum.lines().iter().for_each(|line| say(line));
}

fn tell(seed: u64, scenario: Option<Scenario>) {
    let trace = Trace::of(TRACE_LINES);
    let outcome = run(seed, scenario, Some(trace.clone()));
    let Failure { checker, what } = outcome.failure.unwrap_or_default();
    let only = scenario.map(|it| format!(" --scenario {}", it.name)).unwrap_or_default();
    panic!(
        "{}{checker}: {what}\nseed {seed} again: cargo xtask sim --seed {seed}{only}",
        trace.text()
    );
}
