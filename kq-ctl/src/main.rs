//! kq-ctl: administer a kq cluster from scripts and by hand.

#![expect(
    clippy::doc_markdown,
    reason = "doc comments of arguments are help texts, which have no markup"
)]

mod app;
mod cli;
mod cluster;
mod commands;
mod complete;
mod exit;
#[cfg(test)]
mod golden_test;
#[cfg(test)]
mod lines_test;
mod output;
mod schema;
mod session;
mod settings;
mod spec;
mod world;

use std::process::ExitCode;

use exit::{Exit, Failure};

fn main() -> ExitCode {
    complete::answer_shell();
    let mut out = output::Output::of_process();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let failure = Failure::new("kq.RUNTIME", format!("cannot begin: {error}"));
            out.errors(&output::failure_words(&failure, false));
            return ExitCode::from(Exit::Failed.code());
        }
    };
    let world = world::World::of_process();
    let exit = runtime.block_on(Box::pin(app::run(std::env::args_os().collect(), world, out)));
    // A thread may still wait for a line of input; it has nothing to say any more.
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}
