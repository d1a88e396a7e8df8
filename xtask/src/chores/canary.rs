//! `cargo xtask canary`: planted bugs, each of which must make a test fail.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::turmoil;
use crate::cli::{CanaryArgs, Suite};
use crate::run::{cargo, cargo_test, root, shown, target};
use crate::tally::{Counts, Tally, Verdict};

/// The lists, each beside the code that its bugs are planted in.
const LISTS: &[&str] = &["kq-storage/canaries.toml", "kq-broker/canaries.toml"];

/// The planted bugs of one crate.
#[derive(Debug, Deserialize)]
struct Canaries {
    canary: Vec<Canary>,
}

#[derive(Debug, Deserialize)]
struct Canary {
    /// What `KQ_CANARY` is set to.
    name: String,
    #[serde(flatten)]
    seen_by: SeenBy,
}

/// What must see it.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum SeenBy {
    /// Whole brokers in turmoil, within so many runs.
    Turmoil { runs: u64 },
    /// A test, which must fail.
    Test(Test),
}

/// What must fail.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Test {
    /// A test of kq-storage, by a part of its name.
    Storage { test: String },
    /// A test of kq-broker's own, by a part of its name.
    Broker { lib: String },
    /// The model simulator, within so many schedules; of one part or one scenario, where that is named.
    Model { seeds: u64, suite: Option<Suite>, scenario: Option<String> },
}

/// Brings each planted bug to life in turn, or the one that is named.
pub(crate) fn run(args: &CanaryArgs) -> Result<bool> {
    let mut tally = Tally::default();
    run_into(args.name.as_deref(), &mut tally)?;
    Ok(tally.close())
}

/// The same into a tally that goes on.
pub(crate) fn run_into(only: Option<&str>, tally: &mut Tally) -> Result<()> {
    for list in LISTS {
        let path = root().join(list);
        let text = fs::read_to_string(&path).with_context(|| format!("no {}", path.display()))?;
        let list: Canaries = toml::from_str(&text).with_context(|| (*list).to_owned())?;
        let wanted = |it: &&Canary| only.is_none_or(|only| only == it.name);
        let mut healthy = BTreeSet::new();
        for canary in list.canary.iter().filter(wanted) {
            tally.check(&format!("canary {}", canary.name), || try_one(canary, &mut healthy));
        }
    }
    Ok(())
}

fn try_one(canary: &Canary, healthy: &mut BTreeSet<String>) -> Result<Verdict> {
    let seen_by = match &canary.seen_by {
        SeenBy::Turmoil { runs } => {
            // That brokers are well without it is a check of its own.
            let seen = turmoil::hunt(&canary.name, *runs)?;
            return seen.map(Verdict::Passed).with_context(|| format!("{runs} runs miss it"));
        }
        SeenBy::Test(test) => test,
    };
    if healthy.insert(seen_by.to_string()) {
        verify_healthy(seen_by)?;
    }
    let ill = seen_by.command().env("KQ_CANARY", &canary.name).output()?;
    ensure!(!ill.status.success(), "{seen_by} does not see it");
    let said = String::from_utf8_lossy(&ill.stdout);
    let first = said.lines().chain(std::str::from_utf8(&ill.stderr).unwrap_or("").lines());
    let seed = first.into_iter().find_map(|line| line.strip_prefix("seed "));
    let seed = seed.and_then(|it| it.split_whitespace().next());
    Ok(Verdict::Passed(match seed {
        Some(seed) => format!("seen at seed {seed}"),
        None => format!("seen by {seen_by}"),
    }))
}

/// A test that fails without a planted bug, or that does not exist, proves nothing.
fn verify_healthy(seen_by: &Test) -> Result<()> {
    let mut command = seen_by.command();
    let ran = command.output().with_context(|| shown(&command))?;
    let said = String::from_utf8_lossy(&ran.stdout);
    let words = String::from_utf8_lossy(&ran.stderr);
    ensure!(ran.status.success(), "{seen_by} fails without the bug too:\n{said}{words}");
    let mut counts = Counts::default();
    said.lines().for_each(|line| counts.take_line(line));
    ensure!(0 < counts.passed, "no test is named {seen_by}");
    Ok(())
}

impl Test {
    /// The test, built so that planted bugs can live. In kq-storage a flag does that, which changes
    /// every crate and so needs a build folder of its own; in kq-broker it is a feature.
    fn command(&self) -> Command {
        match self {
            Self::Storage { test } => {
                let args = ["test", "--quiet", "--package", "kq-storage", "--tests", "--", test];
                let mut suite = cargo(args);
                suite.env("RUSTFLAGS", "--cfg canary");
                suite.env("CARGO_TARGET_DIR", target().join("canary"));
                suite
            }
            Self::Broker { lib } => {
                cargo_test(["--quiet", "--features", "kq-broker/canary", "--lib", "--", lib])
            }
            Self::Model { seeds, suite, scenario } => {
                let test = suite.unwrap_or(Suite::Replicas).test();
                let mut model = cargo_test(["--quiet", "--features", "kq-broker/canary"]);
                model.args(["--test", "model", "--", test]);
                model.env("KQ_SIM_SEEDS", seeds.to_string()).env("RUST_BACKTRACE", "0");
                if let Some(scenario) = scenario {
                    model.env("KQ_SIM_SCENARIO", scenario);
                }
                model
            }
        }
    }
}

impl std::fmt::Display for Test {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Storage { test } | Self::Broker { lib: test } => f.write_str(test),
            Self::Model { seeds, suite, scenario: None } => {
                let suite = suite.unwrap_or(Suite::Replicas).name();
                write!(f, "{seeds} schedules of the model of {suite}")
            }
            Self::Model { seeds, scenario: Some(name), .. } => {
                write!(f, "{seeds} schedules of the model's {name}")
            }
        }
    }
}
