//! `cargo xtask sim` and `canary`: the crash suite on the simulated disk, and whether it bites.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::cli::{CanaryArgs, SimArgs};
use crate::run::{cargo, root, shown, target, tee};
use crate::tally::{Counts, Tally, Verdict};

/// The crash suite, at ten times as many crash points when `nightly`.
pub(crate) fn run(args: &SimArgs) -> Result<bool> {
    let mut crash = cargo(["test", "--package", "kq-storage", "--test", "crash", "--"]);
    crash.arg("--nocapture");
    if args.nightly {
        crash.env("KQ_NIGHTLY", "1");
    }
    let (mut tally, mut counts) = (Tally::default(), Counts::default());
    let status = tee(&mut crash, |line| counts.take_line(line))?;
    tally.add(counts);
    if !status.success() && counts.failed == 0 {
        tally.fail("crash suite", &format!("ended with {status}"));
    }
    Ok(tally.close())
}

/// The planted bugs, each with the test that must see it.
#[derive(Debug, Deserialize)]
struct Canaries {
    canary: Vec<Canary>,
}

#[derive(Debug, Deserialize)]
struct Canary {
    /// What `KQ_CANARY` is set to.
    name: String,
    /// The part of a test's name that selects it.
    test: String,
}

/// Brings each planted bug to life in turn, or the one that is named.
pub(crate) fn canary(args: &CanaryArgs) -> Result<bool> {
    let mut tally = Tally::default();
    canaries(args.name.as_deref(), &mut tally)?;
    Ok(tally.close())
}

/// The same into a tally that goes on; each planted bug must make its test fail.
pub(crate) fn canaries(only: Option<&str>, tally: &mut Tally) -> Result<()> {
    let path = root().join("kq-storage/canaries.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    let list: Canaries = toml::from_str(&text).context("kq-storage/canaries.toml")?;
    let mut healthy = BTreeSet::new();
    for canary in list.canary {
        if only.is_some_and(|wanted| wanted != canary.name) {
            continue;
        }
        tally.check(&format!("canary {}", canary.name), || {
            if healthy.insert(canary.test.clone()) {
                verify_healthy(&canary.test)?;
            }
            let ill = suite(&canary.test).env("KQ_CANARY", &canary.name).output()?;
            ensure!(!ill.status.success(), "{} does not see it", canary.test);
            Ok(Verdict::Passed(format!("seen by {}", canary.test)))
        });
    }
    Ok(())
}

/// A test that fails without a planted bug, or that does not exist, proves nothing.
fn verify_healthy(test: &str) -> Result<()> {
    let mut suite = suite(test);
    let ran = suite.output().with_context(|| shown(&suite))?;
    let said = String::from_utf8_lossy(&ran.stdout);
    let words = String::from_utf8_lossy(&ran.stderr);
    ensure!(ran.status.success(), "{test} fails without the bug too:\n{said}{words}");
    let mut counts = Counts::default();
    said.lines().for_each(|line| counts.take_line(line));
    ensure!(0 < counts.passed, "no test is named {test}");
    Ok(())
}

/// The tests of that name, built so that planted bugs can live; in a build folder of their own,
/// since the flag changes every crate.
fn suite(test: &str) -> Command {
    let mut suite = cargo(["test", "--quiet", "--package", "kq-storage", "--tests", "--", test]);
    suite.env("RUSTFLAGS", "--cfg canary").env("CARGO_TARGET_DIR", target().join("canary"));
    suite
}
