//! An outside black-box suite: a folder with `run.py` and `requirements.txt`, about which we know
//! no more than that its last line counts what passed and failed.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::kills::while_brokers_die;
use crate::cli::{CompatArgs, ThreeArgs};
use crate::cluster::{Guard, Plan};
use crate::output::say;
use crate::programs::{Profile, Programs, programs};
use crate::run::{capture, tee};
use crate::tally::{Counts, Tally};
use crate::{clock, venv};

/// How long the brokers that are left may take to notice that one is dead.
const FENCED_WITHIN: Duration = Duration::from_secs(30);

/// Against a cluster that runs, or against clusters of its own.
pub(crate) fn run(args: &CompatArgs) -> Result<bool> {
    let mut tally = Tally::default();
    match &args.bootstrap {
        Some(bootstrap) => run_on(&args.suite, bootstrap, &args.rest, &mut tally)?,
        None => {
            run_alone(&args.suite, (&args.rest, &args.three), Profile::Debug, &mut tally)?;
        }
    }
    Ok(tally.close())
}

/// Against clusters of its own: of one broker, and of three.
pub(crate) fn run_alone(
    suite: &Path,
    (on_one, three): (&[String], &ThreeArgs),
    profile: Profile,
    tally: &mut Tally,
) -> Result<()> {
    let programs = programs(profile)?;
    let cluster = Guard::up(&made_quick(Plan::test("test-outside")?), &programs)?;
    run_on(suite, &cluster.0.bootstrap, on_one, tally)?;
    drop(cluster);
    if three.is_empty() { Ok(()) } else { run_on_three(suite, three, &programs, tally) }
}

fn run_on_three(
    suite: &Path,
    args: &ThreeArgs,
    programs: &Programs,
    tally: &mut Tally,
) -> Result<()> {
    // Without a relay in between, brokers are told that one of them is dead.
    let plan = Plan { relayed: false, ..Plan::of("test-outside", 3)? };
    let plan = made_quick(plan.with("min.insync.replicas", "2"));
    let mut cluster = Guard::up(&plan, programs)?;
    let bootstrap = cluster.0.bootstrap.clone();
    if let Some(line) = &args.on_three {
        run_on(suite, &bootstrap, &words(line), tally)?;
    }
    if let Some(line) = &args.under_kills {
        let run = || run_on(suite, &bootstrap, &words(line), tally);
        let ((), kills) = while_brokers_die(&mut cluster.0, programs, run)?;
        ensure!(0 < kills, "the suite was over before a broker could be killed");
        say(format_args!("{kills} brokers were killed meanwhile, one at a time"));
    }
    if let Some(line) = &args.on_two_of_three {
        // It made the cluster and still leads its quorum, and clients are told of it first.
        cluster.0.broker(1)?.kill()?;
        wait_fenced(programs, &bootstrap)?;
        run_on(suite, &bootstrap, &words(line), tally)?;
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

/// Suites cannot wait minutes for what retention deletes, nor seconds in each of many groups for
/// members that do not come. Nor may retention be ever present: records that are stamped decades ago
/// are old at once.
fn made_quick(plan: Plan) -> Plan {
    plan.with("log.retention.check.interval.ms", "10000")
        .with("group.initial.rebalance.delay.ms", "0")
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
