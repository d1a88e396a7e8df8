//! `cargo xtask chaos`. Its clients are librdkafka, so the chore calls itself again with them.

use std::process::Command;

use anyhow::Result;

use crate::cli::ChaosArgs;
use crate::run::cargo;

#[cfg(feature = "bench")]
pub(crate) fn run(args: &ChaosArgs) -> Result<bool> {
    crate::chaos::run(args)
}

#[cfg(not(feature = "bench"))]
pub(crate) fn run(args: &ChaosArgs) -> Result<bool> {
    Ok(crate::run::finish(&mut command(args))?.success())
}

/// The program that has the clients.
const WITH_CLIENTS: [&str; 5] = ["--quiet", "--bin", "xtask", "--features", "xtask/bench"];

/// Builds the program that has the clients, librdkafka and all.
pub(crate) fn build() -> Command {
    let mut build = cargo(["build"]);
    build.args(WITH_CLIENTS);
    build
}

/// The call of this chore in the program that has the clients.
pub(crate) fn command(args: &ChaosArgs) -> Command {
    let mut again = cargo(["run"]);
    again.args(WITH_CLIENTS);
    again.args(["--", "chaos", "--minutes", &args.minutes.to_string()]);
    again.args(["--brokers", &args.brokers.to_string()]);
    again.args(["--cut", &format!("{}ms", args.cut.as_millis())]);
    if let Some(scenario) = args.scenario {
        again.args(["--scenario", scenario.name()]);
    }
    if let Some(seed) = args.seed {
        again.args(["--seed", &seed.to_string()]);
    }
    for (key, value) in &args.set {
        again.args(["--set", &format!("{key}={value}")]);
    }
    for (given, flag) in [(args.no_power_cuts, "--no-power-cuts"), (args.release, "--release")] {
        if given {
            again.arg(flag);
        }
    }
    again
}
