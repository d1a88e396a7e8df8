//! What a run says.

use tracing_subscriber::EnvFilter;

#[expect(clippy::print_stdout, reason = "`cargo xtask turmoil` reads it")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

#[expect(clippy::print_stderr, reason = "somebody asked for the log")]
pub(crate) fn log(line: &str) {
    eprintln!("{line}");
}

/// Brokers say what they do, with the simulated host that says it. Where nobody listens all the same
/// is set up: every hash table that is made changes the course of those that come after it.
pub(crate) fn begin_log(is_wanted: bool) {
    let filter = EnvFilter::new(if is_wanted { "info,openraft=warn" } else { "off,openraft=off" });
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .without_time()
        .with_ansi(false)
        .init();
}

/// A panic anywhere ends a broker's process, and so this one.
pub(crate) fn abort_on_panic(seed: u64) {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        usual(info);
        say(&format!("seed {seed} breaks: panic: {info}"));
        std::process::abort();
    }));
}
