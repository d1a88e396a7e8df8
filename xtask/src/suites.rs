//! `cargo xtask test`: every kind of test, one closing line.

mod clients;
mod kills;
mod processes;
mod soak;
mod survivor;

pub(crate) mod compat;

use std::path::PathBuf;

use anyhow::Result;

use crate::cli::{Part, TestArgs};
use crate::programs::{Profile, Programs, programs};
use crate::run::{cargo_test, root, tee};
use crate::signals;
use crate::tally::{Counts, Ended, Tally, Verdict};
use crate::venv;

/// What the checks of real processes and clients share.
#[derive(Debug)]
struct Kit {
    programs: Programs,
    /// The Python of the clients' environment, or why there is none.
    python: Result<PathBuf, String>,
}

/// A named check.
type Check = (&'static str, fn(&Kit) -> Result<Verdict>);

impl Kit {
    fn new(programs: Programs) -> Result<Self> {
        let python = venv::python(&root().join("tests/clients/requirements.txt"))?;
        Ok(Self { programs, python })
    }
}

/// A script of `tests/clients/`.
fn script(name: &str) -> PathBuf {
    root().join("tests/clients").join(name)
}

/// What runs in the night alone.
const SOAK: &str = "soak kq_tui_watches_100000_partitions_and_grows_by_nothing";

/// The parts that run unless told.
const ALL: &[Part] = &[Part::Rust, Part::Processes, Part::Clients];

/// All parts, or those asked for; whether all passed.
pub(crate) fn run(args: &TestArgs) -> Result<bool> {
    let mut tally = Tally::default();
    run_all(args, &mut tally)?;
    Ok(tally.close())
}

/// The same into a tally that goes on.
pub(crate) fn run_all(args: &TestArgs, tally: &mut Tally) -> Result<()> {
    // What a check started is taken down by the check, so an interrupt must not end us at once.
    let interrupted = signals::interrupted()?;
    let parts = if args.only.is_empty() { ALL } else { &args.only };
    let wanted = |part| parts.contains(&part);
    let with_tests = wanted(Part::Rust) && args.check.is_none();
    let programs = match programs(if with_tests { Profile::Tested } else { Profile::Debug }) {
        Ok(programs) => programs,
        Err(fault) => {
            tally.fail("build", &format!("{fault:#}"));
            return Ok(());
        }
    };
    if with_tests {
        rust(&programs, tally)?;
    }
    let (mut checks, mut quiet): (Vec<Check>, Vec<Check>) = (Vec::new(), Vec::new());
    if wanted(Part::Clients) {
        checks.extend(clients::CHECKS);
    }
    if wanted(Part::Processes) {
        checks.extend(processes::CHECKS);
        quiet.extend(processes::QUIET);
    }
    let is_asked_for =
        |name: &str| args.check.as_ref().is_none_or(|text| name.contains(text.as_str()));
    checks.retain(|(name, _)| is_asked_for(name));
    quiet.retain(|(name, _)| is_asked_for(name));
    let soak = args.nightly.filter(|_| wanted(Part::Processes) && is_asked_for(SOAK));
    if (checks.is_empty() && quiet.is_empty() && soak.is_none()) || signals::is_set(&interrupted) {
        return Ok(());
    }
    let kit = match Kit::new(programs) {
        Ok(kit) => kit,
        Err(fault) => {
            tally.fail("clients", &format!("{fault:#}"));
            return Ok(());
        }
    };
    std::thread::scope(|scope| {
        let beside = scope.spawn(|| {
            let run = |(name, check): &Check| (*name, Ended::of(|| check(&kit)));
            quiet.iter().map(run).collect::<Vec<_>>()
        });
        for (name, check) in checks {
            if signals::is_set(&interrupted) {
                tally.fail(name, "interrupted before it began");
                break;
            }
            tally.check(name, || check(&kit));
        }
        match beside.join() {
            Ok(ended) => ended.into_iter().for_each(|(name, it)| tally.take(name, it)),
            Err(_) => tally.fail("checks beside the others", "one of them panicked"),
        }
    });
    if let Some(minutes) = soak {
        tally.check(SOAK, || soak::run(&kit.programs, minutes));
    }
    Ok(())
}

/// Tests at a time: many of them wait most of their time, for elections and time-outs.
const TESTS_AT_A_TIME: &str = "4";

/// Unit, doc and crash tests: whatever `cargo test` finds. Those that need a broker get this one.
fn rust(programs: &Programs, tally: &mut Tally) -> Result<()> {
    let mut counts = Counts::default();
    let mut tests = cargo_test(["--no-fail-fast"]);
    tests.env("KQ_BROKER_BIN", &programs.broker).env("RUST_TEST_THREADS", TESTS_AT_A_TIME);
    let status = tee(&mut tests, |line| {
        counts.take_line(line);
    })?;
    tally.add(counts);
    if !status.success() && counts.failed == 0 {
        tally.fail("cargo test", &format!("ended with {status} and no failed test: see above"));
    }
    Ok(())
}
