//! `cargo xtask turmoil`: whole brokers in a simulated network, one process for each seed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::cli::TurmoilArgs;
use crate::output;
use crate::run::{capture, cargo_test, finish};
use crate::tally::{Tally, Verdict};

/// What whole brokers in a simulated network are built with; planted bugs sleep until they are named.
pub(crate) const FEATURES: &str = "kq-broker/turmoil,kq-broker/canary";

/// Runs that every change must pass, and how many of them are made a second time.
const SEEDS: u64 = 6;
const TWICE: u64 = 3;
/// Runs at one time.
const AT_ONCE: usize = 2;
/// No run takes so long that does not hang.
const RUN_MAX: Duration = Duration::from_mins(5);

/// The seeds that were asked for, or one of them with all that it says.
pub(crate) fn run(args: &TurmoilArgs) -> Result<bool> {
    if let Some(seed) = args.seed {
        let program = build()?;
        let mut command = Command::new(program);
        command.args(["--seed", &seed.to_string(), "--log"]);
        return Ok(finish(&mut command)?.success());
    }
    let mut tally = Tally::default();
    check(args, &mut tally);
    Ok(tally.close())
}

/// The same into a tally that goes on.
pub(crate) fn check(args: &TurmoilArgs, tally: &mut Tally) {
    tally.check("whole brokers in turmoil", || {
        let program = build()?;
        let seeds = args.seeds.unwrap_or(SEEDS);
        let first = args.from.unwrap_or(1);
        let runs = run_all(&program, first, seeds)?;
        let twice = args.twice.unwrap_or(TWICE).min(seeds);
        let again = run_all(&program, first, twice)?;
        let mut totals = Totals::default();
        for run in runs.values() {
            totals.add(run);
        }
        for (seed, run) in &again {
            let before = runs.get(seed).map(|it| &it.line);
            ensure!(
                before == Some(&run.line),
                "seed {seed} took two courses:\n{before:?}\n{run:?}"
            );
        }
        let broken: BTreeSet<&str> = runs.values().flat_map(Run::broken).collect();
        for line in &broken {
            output::note(line);
        }
        ensure!(broken.is_empty(), "a promise is broken: {}", Vec::from_iter(broken).join("; "));
        Ok(Verdict::Passed(format!(
            "{} seeds, {twice} of them twice, {}",
            runs.len(),
            totals.told()
        )))
    });
}

/// Builds the runner.
fn build() -> Result<PathBuf> {
    let mut command = cargo_test(["--quiet", "--test", "turmoil", "--no-run"]);
    command.args(["--features", FEATURES]);
    command.arg("--message-format=json-render-diagnostics");
    let told = capture(&mut command)?;
    let executable = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        let is_it = message.get("target")?.get("name")?.as_str()? == "turmoil";
        let path = message.get("executable")?.as_str()?;
        is_it.then(|| PathBuf::from(path))
    };
    told.lines().rev().find_map(executable).context("the build left no runner")
}

/// What one process said.
#[derive(Debug)]
struct Run {
    /// Its figures.
    line: String,
    /// All of it.
    said: String,
}

impl Run {
    fn broken(&self) -> impl Iterator<Item = &str> {
        self.said.lines().filter(|line| line.starts_with("seed "))
    }
}

/// Runs a row of seeds, some at a time.
fn run_all(program: &PathBuf, first: u64, count: u64) -> Result<BTreeMap<u64, Run>> {
    let next = AtomicU64::new(first);
    let done = Mutex::new(BTreeMap::new());
    let work = || -> Result<()> {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if first + count <= seed {
                return Ok(());
            }
            let run = run_one(program, seed)?;
            done.lock().map_err(|_| anyhow::anyhow!("a run panicked"))?.insert(seed, run);
        }
    };
    std::thread::scope(|scope| {
        let runners: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        for runner in runners {
            runner.join().map_err(|_| anyhow::anyhow!("a run panicked"))??;
        }
        Ok::<_, anyhow::Error>(())
    })?;
    done.into_inner().map_err(|_| anyhow::anyhow!("a run panicked"))
}

fn run_one(program: &PathBuf, seed: u64) -> Result<Run> {
    let mut command = Command::new(program);
    command.args(["--seed", &seed.to_string()]).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut stdout = child.stdout.take().context("a run without stdout")?;
    let (words, heard) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut said = String::new();
        let read = stdout.read_to_string(&mut said).map(|_| said);
        drop(words.send(read));
    });
    let Ok(said) = heard.recv_timeout(RUN_MAX) else {
        child.kill()?;
        child.wait()?;
        bail!("seed {seed} did not end within {} s", RUN_MAX.as_secs());
    };
    drop(reader.join());
    let (said, status) = (said?, child.wait()?);
    let line = said.lines().find(|line| line.starts_with("run ")).unwrap_or("").to_owned();
    let told = said.lines().any(|line| line.starts_with("seed "));
    ensure!(status.success() || told, "seed {seed} ended with {status} and said: {said}");
    Ok(Run { line, said })
}

/// The figures of many runs together.
#[derive(Debug, Default)]
struct Totals(BTreeMap<String, u64>);

impl Totals {
    /// Adds a line of `name=number` words.
    fn add(&mut self, run: &Run) {
        for (name, number) in run.line.split(' ').filter_map(|word| word.split_once('=')) {
            if let Ok(number) = number.parse::<u64>() {
                *self.0.entry(name.to_owned()).or_default() += number;
            }
        }
    }

    fn of(&self, names: &[&str]) -> u64 {
        names.iter().filter_map(|name| self.0.get(*name)).sum()
    }

    fn told(&self) -> String {
        format!(
            "{} s simulated, {} faults, {} new leaders, {} records acknowledged, {} checked in the \
             end; groups: {} joins, {} rebalances, {} fail-overs of coordinators, {} commits \
             acknowledged, {} of zombies refused",
            self.of(&["simulated-ms"]) / 1_000,
            self.of(&["kills", "power-cuts", "stops", "cuts", "holds"]),
            self.of(&["leaders"]),
            self.of(&["acked"]),
            self.of(&["checked"]),
            self.of(&["joins"]),
            self.of(&["rebalances"]),
            self.of(&["coordinators"]),
            self.of(&["commits"]),
            self.of(&["zombies"]),
        )
    }
}

/// Runs seeds with a planted bug alive until one of them sees it; the first line that says so.
pub(crate) fn hunt(name: &str, seeds: u64) -> Result<Option<String>> {
    let program = build()?;
    for seed in 1..=seeds {
        let mut command = Command::new(&program);
        command.args(["--seed", &seed.to_string()]).env("KQ_CANARY", name);
        let ran = command.stderr(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        if let Some(line) = said.lines().find(|line| line.starts_with("seed ")) {
            return Ok(Some(line.to_owned()));
        }
        ensure!(ran.status.success(), "seed {seed} ended with {} and said: {said}", ran.status);
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_runs_are_added_up() {
        let mut totals = Totals::default();
        for line in ["run seed=1 acked=5 kills=2 trace=00ff", "run seed=2 acked=7 cuts=1 trace=1"] {
            totals.add(&Run { line: line.to_owned(), said: String::new() });
        }
        assert_eq!((totals.of(&["acked"]), totals.of(&["kills", "cuts", "holds"])), (12, 3));
    }
}
