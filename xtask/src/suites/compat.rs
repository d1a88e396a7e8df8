//! An outside black-box suite: a folder with `run.py` and `requirements.txt`, about which we know
//! no more than that its last line counts what passed and failed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::cli::{CiArgs, CompatArgs};
use crate::cluster::{Guard, Plan};
use crate::programs::{Profile, Programs, programs};
use crate::run::{capture, tee};
use crate::tally::{Counts, Tally};
use crate::{clock, venv};

/// How long the brokers that are left may take to notice that one is dead.
const FENCED_WITHIN: Duration = Duration::from_secs(30);

/// Against a cluster that runs.
pub(crate) fn run(args: &CompatArgs) -> Result<bool> {
    let mut tally = Tally::default();
    run_on(&args.suite, &args.bootstrap, &args.rest, &mut tally)?;
    Ok(tally.close())
}

/// Against clusters of its own: of one broker, and of three.
pub(crate) fn run_alone(suite: &Path, args: &CiArgs, tally: &mut Tally) -> Result<()> {
    let programs = programs(Profile::Debug)?;
    let cluster = Guard::up(&quick_to_delete(Plan::test("test-outside")?), &programs)?;
    run_on(suite, &cluster.0.bootstrap, &args.suite_args, tally)?;
    drop(cluster);
    if args.on_three.is_none() && args.on_two_of_three.is_none() {
        return Ok(());
    }
    // Without a relay in between, brokers are told that one of them is dead.
    let plan = Plan { relayed: false, ..Plan::of("test-outside", 3)? };
    let plan = quick_to_delete(plan.with("min.insync.replicas", "2"));
    let cluster = Guard::up(&plan, &programs)?;
    if let Some(line) = &args.on_three {
        run_on(suite, &cluster.0.bootstrap, &words(line), tally)?;
    }
    if let Some(line) = &args.on_two_of_three {
        // It made the cluster and still leads its quorum, and clients are told of it first.
        cluster.0.broker(1)?.kill()?;
        wait_fenced(&programs, &cluster.0.bootstrap)?;
        run_on(suite, &cluster.0.bootstrap, &words(line), tally)?;
    }
    Ok(())
}

/// Waits until the brokers that are left agree that one is gone.
fn wait_fenced(programs: &Programs, bootstrap: &str) -> Result<()> {
    let fenced = || {
        let mut list = Command::new(&programs.ctl);
        list.args(["--brokers", bootstrap, "broker", "list"]).stdin(Stdio::null());
        capture(&mut list).ok()?.contains("fenced").then_some(())
    };
    clock::poll_until(FENCED_WITHIN, fenced).context("nobody is fenced after a kill -9")
}

/// Suites cannot wait minutes for what retention deletes.
fn quick_to_delete(plan: Plan) -> Plan {
    plan.with("log.retention.check.interval.ms", "1000")
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn run_on(suite: &Path, bootstrap: &str, rest: &[String], tally: &mut Tally) -> Result<()> {
    let suite = suite
        .canonicalize()
        .with_context(|| format!("there is no suite at {}", suite.display()))?;
    let script = suite.join("run.py");
    ensure!(script.is_file(), "{} has no run.py", suite.display());
    let python = match venv::python(&suite.join("requirements.txt"))? {
        Ok(python) => python,
        Err(why) => {
            tally.skip("outside suite", &why);
            return Ok(());
        }
    };
    let mut command = Command::new(python);
    command.arg(script).arg(bootstrap).args(rest).current_dir(&suite).stdin(Stdio::null());
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let mut counts = Counts::default();
    let status = tee(&mut command, |line| counts.take_line(line))?;
    tally.add(counts);
    if counts == Counts::default() {
        bail!("the outside suite ended with {status} and counted nothing");
    }
    Ok(())
}
