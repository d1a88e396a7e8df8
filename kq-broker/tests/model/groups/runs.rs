//! Many runs on all cores, and the report of the first that broke a promise.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::checks::Failure;
use super::scenario::{SCENARIOS, Scenario};
use super::world::{Outcome, World};
use crate::output::say;

/// Lines of the trace that a failure shows.
const TRACE_LINES: usize = 80;

/// One run, with its trace if it is asked for.
pub(crate) fn run_one(
    seed: u64,
    scenario: Option<Scenario>,
    traced: bool,
) -> (Outcome, Vec<String>) {
    let scenario = scenario.unwrap_or_else(|| Scenario::usual(seed));
    let world = AssertUnwindSafe(|| World::new(seed, scenario, traced).run());
    catch_unwind(world).unwrap_or_else(|panic| {
        let said = panic.downcast_ref::<String>().cloned();
        let said = said.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
        let failure = Failure { checker: "assertion", what: said.unwrap_or_default() };
        (Outcome { failure: Some(failure), ..Outcome::default() }, Vec::new())
    })
}

/// The runs that the environment names; panics with the story of the first that broke a promise.
pub(crate) fn run_all() {
    let number = |name: &str| std::env::var(name).ok().map(|it| it.parse().unwrap());
    let scenario = std::env::var("KQ_SIM_SCENARIO").ok().map(|name| {
        let names = || SCENARIOS.iter().map(|it| it.name).collect::<Vec<_>>().join(", ");
        Scenario::named(&name)
            .unwrap_or_else(|| panic!("no scenario {name}; there are {}", names()))
    });
    if let Some(seed) = number("KQ_SIM_SEED") {
        let (outcome, trace) = run_one(seed, scenario, true);
        panic!("{}\n{outcome:#?}", trace.join("\n"));
    }
    let from = number("KQ_SIM_FROM").unwrap_or(1);
    let seeds = number("KQ_SIM_SEEDS").unwrap_or(40);
    let sum = Mutex::new(Outcome::default());
    let bad = first_bad(from, from + seeds, scenario, &sum);
    if bad != u64::MAX {
        tell(bad, scenario);
    }
    let sum = sum.into_inner().unwrap();
    say(&format!("{seeds} schedules of groups from seed {from}:"));
    say(&format!("  {} offsets and {} generations written", sum.commits, sum.generations));
    say(&format!("  {} beats answered, {} changes of protocol", sum.beats, sum.migrations));
    say(&format!("  {} terms, {} comparisons with the log", sum.terms, sum.comparisons));
}

fn first_bad(from: u64, end: u64, scenario: Option<Scenario>, sum: &Mutex<Outcome>) -> u64 {
    let next = AtomicU64::new(from);
    let bad = AtomicU64::new(u64::MAX);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if end <= seed || bad.load(Ordering::Relaxed) < seed {
                        return;
                    }
                    let (outcome, _) = run_one(seed, scenario, false);
                    if outcome.failure.is_some() {
                        bad.fetch_min(seed, Ordering::Relaxed);
                    }
                    let mut sum = sum.lock().unwrap();
                    sum.commits += outcome.commits;
                    sum.generations += outcome.generations;
                    sum.comparisons += outcome.comparisons;
                    sum.beats += outcome.beats;
                    sum.migrations += outcome.migrations;
                    sum.terms += outcome.terms;
                }
            });
        }
    });
    bad.into_inner()
}

fn tell(seed: u64, scenario: Option<Scenario>) {
    let (outcome, trace) = run_one(seed, scenario, true);
    let Failure { checker, what } = outcome.failure.unwrap_or_default();
    let last = &trace[trace.len().saturating_sub(TRACE_LINES)..];
    let only = scenario.map(|it| format!(" --scenario {}", it.name)).unwrap_or_default();
    panic!(
        "{}\n{checker}: {what}\nseed {seed} again: cargo xtask sim --suite groups --seed {seed}{only}",
        last.join("\n")
    );
}
