//! An outside black-box suite: a folder with `run.py` and `requirements.txt`, about which we know
//! no more than that its last line counts what passed and failed.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use crate::cli::CompatArgs;
use crate::cluster::{Guard, Plan};
use crate::programs::{Profile, programs};
use crate::run::tee;
use crate::tally::{Counts, Tally};
use crate::venv;

/// Against a cluster that runs.
pub(crate) fn run(args: &CompatArgs) -> Result<bool> {
    let mut tally = Tally::default();
    run_on(&args.suite, &args.bootstrap, &args.rest, &mut tally)?;
    Ok(tally.close())
}

/// Against a cluster of its own.
pub(crate) fn run_alone(suite: &Path, rest: &[String], tally: &mut Tally) -> Result<()> {
    let plan = Plan::test("test-outside")?.with("log.retention.check.interval.ms", "1000");
    let cluster = Guard::up(&plan, &programs(Profile::Debug)?)?;
    run_on(suite, &cluster.0.bootstrap, rest, tally)
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
