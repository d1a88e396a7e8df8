//! `cargo xtask sim` and `canary`: the crash suite on the simulated disk, and whether it bites.

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

/// Brings each planted bug to life in turn; each must make its test fail.
pub(crate) fn canary(args: &CanaryArgs) -> Result<bool> {
    let path = root().join("kq-storage/canaries.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
    let list: Canaries = toml::from_str(&text).context("kq-storage/canaries.toml")?;
    let mut tally = Tally::default();
    for canary in list.canary {
        if args.name.as_ref().is_some_and(|wanted| *wanted != canary.name) {
            continue;
        }
        tally.check(&format!("canary {}", canary.name), || {
            let mut healthy = suite(&canary.test);
            let well = healthy.output().with_context(|| shown(&healthy))?;
            let said = String::from_utf8_lossy(&well.stdout).into_owned();
            ensure!(well.status.success(), "{} fails without the bug too:\n{said}", canary.test);
            let mut counts = Counts::default();
            said.lines().for_each(|line| counts.take_line(line));
            ensure!(0 < counts.passed, "no test is named {}", canary.test);
            let mut planted = suite(&canary.test);
            let ill = planted.env("KQ_CANARY", &canary.name).output()?;
            ensure!(!ill.status.success(), "{} does not see it", canary.test);
            Ok(Verdict::Passed(format!("seen by {}", canary.test)))
        });
    }
    Ok(tally.close())
}

/// The tests of that name, built so that planted bugs can live; in a build folder of their own,
/// since the flag changes every crate.
fn suite(test: &str) -> Command {
    let mut suite = cargo(["test", "--quiet", "--package", "kq-storage", "--tests", "--", test]);
    suite.env("RUSTFLAGS", "--cfg canary").env("CARGO_TARGET_DIR", target().join("canary"));
    suite
}
