//! A bug ends the process: replicas exist for that, and half a broker serves nobody.

use std::backtrace::Backtrace;

/// Logs a panic with its backtrace and aborts, in every build and on every thread.
pub fn abort_on_panic() {
    std::panic::set_hook(Box::new(|panic| {
        let backtrace = Backtrace::force_capture();
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        tracing::error!(thread, %panic, %backtrace, "bug: the broker aborts");
        std::process::abort();
    }));
}
