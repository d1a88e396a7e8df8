//! `cargo xtask sim`: the crash suite on the simulated disk, and the model of a whole cluster.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::cli::{SimArgs, Suite};
use crate::run::{cargo_test, finish, tee};
use crate::tally::{Counts, Tally, Verdict};

/// How many times more schedules a night has than what every change must pass.
const NIGHT: u64 = 100;

/// Both suites; only the model when its runs are named.
pub(crate) fn run(args: &SimArgs) -> Result<bool> {
    let mut tally = Tally::default();
    let only = args.suite.is_some() || args.scenario.is_some();
    let named = only || args.seeds.is_some() || args.from.is_some();
    if let Some(seed) = args.seed {
        // It prints its trace and ends with what became of it, which is no failure of ours.
        let suite = suite(args).unwrap_or(Suite::Replicas);
        finish(model(args, suite).env("KQ_SIM_SEED", seed.to_string()))?;
        return Ok(true);
    }
    if !named {
        crash(args, &mut tally)?;
    }
    schedules(args, &mut tally);
    Ok(tally.close())
}

/// The crash suite, at ten times as many crash points when `nightly`.
fn crash(args: &SimArgs, tally: &mut Tally) -> Result<()> {
    let mut crash = cargo_test(["--test", "crash", "--", "--nocapture"]);
    if args.nightly {
        crash.env("KQ_NIGHTLY", "1");
    }
    let mut counts = Counts::default();
    let status = tee(&mut crash, |line| counts.take_line(line))?;
    let told = counts.failed;
    tally.add(counts);
    if !status.success() && told == 0 {
        tally.fail("crash suite", &format!("ended with {status}"));
    }
    Ok(())
}

/// Seeded schedules of faults over the model of a cluster.
pub(crate) fn schedules(args: &SimArgs, tally: &mut Tally) {
    let suites = suite(args).map_or(Suite::ALL.to_vec(), |it| vec![it]);
    for suite in suites {
        let usual = suite.schedules() * if args.nightly { NIGHT } else { 1 };
        let seeds = args.seeds.unwrap_or(usual);
        tally.check(&format!("model simulator, {}", suite.name()), || {
            let mut runs = model(args, suite);
            runs.env("KQ_SIM_SEEDS", seeds.to_string());
            let status = finish(&mut runs)?;
            ensure!(status.success(), "a promise is broken, see above");
            Ok(Verdict::Passed(format!("{seeds} schedules")))
        });
    }
}

/// The part that is asked for, or that the scenario is of.
fn suite(args: &SimArgs) -> Option<Suite> {
    args.suite.or_else(|| args.scenario.as_deref().map(Suite::of_scenario))
}

fn model(args: &SimArgs, suite: Suite) -> Command {
    let mut model = cargo_test(["--quiet", "--test", "model", "--", "--nocapture", suite.test()]);
    if let Some(from) = args.from {
        model.env("KQ_SIM_FROM", from.to_string());
    }
    if let Some(scenario) = &args.scenario {
        model.env("KQ_SIM_SCENARIO", scenario);
    }
    model
}
