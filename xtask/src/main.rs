//! Chores of the repository: `cargo xtask <chore>`.
//!
//! Links no kq crate: it builds the binaries and starts them, as an operator would.

#[cfg(feature = "bench")]
mod bench;
#[cfg(any(feature = "bench", test))]
mod chaos;
mod chores;
mod ci;
mod cli;
mod clock;
mod cluster;
mod mounts;
mod output;
mod programs;
mod relay;
mod run;
mod signals;
mod suites;
mod tally;
mod tidy;
mod venv;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Chore, Xtask};

fn main() -> ExitCode {
    match dispatch(Xtask::parse().chore) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(fault) => {
            output::note(format_args!("error: {fault:#}"));
            ExitCode::FAILURE
        }
    }
}

/// Whether the chore ended well; an error is a chore that could not be done at all.
fn dispatch(chore: Chore) -> anyhow::Result<bool> {
    match chore {
        Chore::Demo(args) => chores::demo::run(&args),
        Chore::Cluster { verb } => chores::cluster::run(verb),
        Chore::Test(args) => suites::run(&args),
        Chore::Sim(args) => chores::sim::run(&args),
        Chore::Turmoil(args) => chores::turmoil::run(&args),
        Chore::Canary(args) => chores::canary::run(&args),
        Chore::Fuzz(args) => chores::fuzz::run(&args),
        Chore::Chaos(args) => chores::chaos::run(&args),
        Chore::Bench(args) => chores::bench::run(&args),
        Chore::Compat(args) => suites::compat::run(&args),
        Chore::Ci(args) => ci::run(&args),
        Chore::Fix => ci::fix(),
        Chore::Tidy => Ok(tidy::run()),
        Chore::Relay(args) => cluster::serve_relay(&args),
    }
}
