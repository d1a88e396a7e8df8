//! `cargo xtask canary`: planted bugs, each of which must make a test fail.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::turmoil;
use crate::cli::{CanaryArgs, Suite};
use crate::run::{cargo_test, root, shown};
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
    /// A test of a library or of the crash suite, by a part of its name.
    Named { test: String },
    /// The model simulator.
    Model(Schedules),
}

/// Schedules of the model simulator.
#[derive(Debug, Clone, Deserialize)]
struct Schedules {
    /// The first.
    #[serde(default = "first_seed")]
    from: u64,
    /// How many of them at most.
    seeds: u64,
    /// One that is known to show the bug, as long as nobody changes what it meets: tried before the
    /// others.
    known: Option<u64>,
    /// Of one part.
    suite: Option<Suite>,
    /// Of one scenario.
    scenario: Option<String>,
}

fn first_seed() -> u64 {
    1
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
    match seen_by {
        Test::Model(schedules) => try_model(&canary.name, schedules),
        test @ Test::Named { .. } => {
            if healthy.insert(test.to_string()) {
                verify_healthy(test)?;
            }
            let ill = test.command().env("KQ_CANARY", &canary.name).output()?;
            ensure!(!ill.status.success(), "{test} does not see it");
            Ok(Verdict::Passed(format!("seen by {test}")))
        }
    }
}

/// Has the model find it, and holds that very schedule against the model without it.
fn try_model(name: &str, schedules: &Schedules) -> Result<Verdict> {
    let known = schedules.known.map(|seed| schedules.at(seed));
    for tried in known.iter().chain([schedules]) {
        let ill = Test::Model(tried.clone()).command().env("KQ_CANARY", name).output()?;
        if ill.status.success() {
            continue;
        }
        let said = [ill.stdout, ill.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        let seed = said.lines().find_map(|line| line.strip_prefix("seed "));
        let seed = seed.and_then(|it| it.split_whitespace().next()?.parse().ok());
        let seed = seed.with_context(|| format!("the model names no seed:\n{said}"))?;
        verify_healthy(&Test::Model(schedules.at(seed)))?;
        let moved = schedules.known.filter(|known| *known != seed);
        let moved = moved.map(|known| format!(", no longer at seed {known}"));
        return Ok(Verdict::Passed(format!("seen at seed {seed}{}", moved.unwrap_or_default())));
    }
    bail!("{} do not see it", Test::Model(schedules.clone()))
}

impl Schedules {
    /// Only this one of them.
    fn at(&self, seed: u64) -> Self {
        Self { from: seed, seeds: 1, known: None, ..self.clone() }
    }
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
    /// The test, built so that planted bugs can live.
    fn command(&self) -> Command {
        match self {
            Self::Named { test } => {
                let kinds = ["--lib", "--test", "crash", "--test", "damage"];
                let with = ["--quiet", "--features", "kq-broker/canary"];
                let mut suite = cargo_test([&with[..], &kinds, &["--", test]].concat());
                suite.env("RUST_BACKTRACE", "0");
                suite
            }
            Self::Model(Schedules { from, seeds, suite, scenario, .. }) => {
                let test = suite.unwrap_or(Suite::Replicas).test();
                // The model has no sockets to simulate: it lives in the build that turmoil has.
                let with = ["--quiet", "--features", turmoil::FEATURES];
                let mut model = cargo_test([&with[..], &["--test", "model", "--", test]].concat());
                model.env("KQ_SIM_FROM", from.to_string());
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
            Self::Named { test } => f.write_str(test),
            Self::Model(Schedules { from, seeds, suite, scenario, .. }) => {
                let part = match scenario {
                    Some(name) => format!("'s {name}"),
                    None => format!(" of {}", suite.unwrap_or(Suite::Replicas).name()),
                };
                write!(f, "{seeds} schedules of the model{part} from seed {from}")
            }
        }
    }
}
