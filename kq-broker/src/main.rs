//! The broker process.

use std::process::ExitCode;

use kq_broker::config::{self, BrokerConfig, ConfigError, Request};
use kq_broker::observe;
use kq_broker::process::{self, ProcessError};

/// The exit status for a wrong command line or configuration.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let loaded = match config::load(std::env::args_os(), |name| std::env::var(name).ok()) {
        Ok(loaded) => loaded,
        Err(ConfigError::Usage(err)) => {
            // Help and version come this way too, and go to standard output with status 0.
            let _ = err.print();
            return ExitCode::from(u8::try_from(err.exit_code()).unwrap_or(USAGE));
        }
        Err(err) => return refuse(&err),
    };
    match loaded.request {
        Request::PrintConfig => print(&config::explain(&loaded.config.statics)),
        Request::Serve => match observe::start_logging(&loaded.config) {
            Ok(()) => serve(loaded.config),
            Err(err) => refuse(&err),
        },
    }
}

fn serve(config: BrokerConfig) -> ExitCode {
    observe::abort_on_panic();
    process::raise_open_files();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    if config.threads != 0 {
        runtime.worker_threads(config.threads);
    }
    let ended = runtime
        .thread_name("kq-worker")
        .enable_all()
        .build()
        .map_err(ProcessError::from)
        .and_then(|runtime| runtime.block_on(process::run(config)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(err) => {
            tracing::error!(%err, "the broker ends");
            say(&err);
            ExitCode::FAILURE
        }
    }
}

fn refuse(err: &ConfigError) -> ExitCode {
    say(err);
    ExitCode::from(USAGE)
}

#[expect(clippy::print_stderr, reason = "the process says why it ends where its caller reads it")]
fn say(err: &dyn std::error::Error) {
    eprintln!("kq-broker: {err}");
}

#[expect(clippy::print_stdout, reason = "what was asked for with --print-config")]
fn print(text: &str) -> ExitCode {
    print!("{text}");
    ExitCode::SUCCESS
}
