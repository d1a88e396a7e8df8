//! `cargo xtask sim`: the crash suite on the simulated disk, and the model of a whole cluster.

use std::process::Command;

use anyhow::{Result, ensure};

use crate::cli::SimArgs;
use crate::run::{cargo, finish, tee};
use crate::tally::{Counts, Tally, Verdict};

/// Schedules that every change must pass.
const SCHEDULES: u64 = 20_000;

/// Schedules of a night.
const SCHEDULES_NIGHTLY: u64 = 2_000_000;

/// Both suites; only the model when its runs are named.
pub(crate) fn run(args: &SimArgs) -> Result<bool> {
    let mut tally = Tally::default();
    let named = args.seeds.is_some() || args.from.is_some() || args.scenario.is_some();
    if let Some(seed) = args.seed {
        // It prints its trace and ends with what became of it, which is no failure of ours.
        finish(model(args).env("KQ_SIM_SEED", seed.to_string()))?;
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
    let mut crash = cargo(["test", "--package", "kq-storage", "--test", "crash", "--"]);
    crash.arg("--nocapture");
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
    let usual = if args.nightly { SCHEDULES_NIGHTLY } else { SCHEDULES };
    let seeds = args.seeds.unwrap_or(usual);
    tally.check("model simulator", || {
        let mut runs = model(args);
        runs.env("KQ_SIM_SEEDS", seeds.to_string());
        let status = finish(&mut runs)?;
        ensure!(status.success(), "a promise is broken, see above");
        Ok(Verdict::Passed(format!("{seeds} schedules")))
    });
}

fn model(args: &SimArgs) -> Command {
    let mut model = cargo(["test", "--quiet", "--package", "kq-broker", "--test", "model", "--"]);
    model.args(["--nocapture", "the_model_keeps"]);
    if let Some(from) = args.from {
        model.env("KQ_SIM_FROM", from.to_string());
    }
    if let Some(scenario) = &args.scenario {
        model.env("KQ_SIM_SCENARIO", scenario);
    }
    model
}
