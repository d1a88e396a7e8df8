//! What a change must pass. `.ci/run` calls `ci`; nobody checks anything else.

use anyhow::Result;

use crate::chores::{canary, sim, turmoil};
use crate::cli::{CiArgs, SimArgs, TestArgs, TurmoilArgs};
use crate::programs::Profile;
use crate::run::{cargo, find, finish};
use crate::suites;
use crate::tally::{Tally, Verdict};

/// Format, lints, licences, then every test.
pub(crate) fn run(args: &CiArgs) -> Result<bool> {
    let mut tally = Tally::default();
    tally.check("format", || step(&["fmt", "--all", "--check"]));
    tally.check("lints", || {
        step(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])
    });
    // A broker in a simulated network has bodies of its own for sockets, threads and time.
    tally.check("lints of the simulated surroundings", || {
        let features = ["--features", turmoil::FEATURES, "--lib", "--test", "turmoil"];
        let words = [["clippy", "--workspace"].as_slice(), &features];
        step(&[words.concat(), vec!["--", "-D", "warnings"]].concat())
    });
    tally.check("licences and advisories", || match find("cargo-deny") {
        Some(_) => step(&["deny", "--offline", "check", "bans", "licenses", "sources"]),
        None => Ok(Verdict::Skipped("cargo-deny is not installed".to_owned())),
    });
    suites::run_all(&TestArgs::default(), &mut tally)?;
    sim::schedules(&SimArgs::default(), &mut tally);
    turmoil::check(&TurmoilArgs::default(), &mut tally);
    canary::run_into(None, &mut tally)?;
    if let Some(dir) = &args.suite {
        let args = (args.suite_args.as_slice(), &args.three);
        suites::compat::run_alone(dir, args, Profile::Tested, &mut tally)?;
    }
    Ok(tally.close())
}

/// Rewrites; the checks never do.
pub(crate) fn fix() -> Result<bool> {
    let lints = finish(&mut cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--fix",
        "--allow-dirty",
        "--allow-staged",
    ]))?;
    let format = finish(&mut cargo(["fmt", "--all"]))?;
    Ok(lints.success() && format.success())
}

fn step(args: &[&str]) -> Result<Verdict> {
    let status = finish(&mut cargo(args))?;
    anyhow::ensure!(status.success(), "cargo {} ended with {status}", args.join(" "));
    Ok(Verdict::Passed(String::new()))
}
