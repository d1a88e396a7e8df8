//! The only place that prints. A reader that went away is no fault.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

/// A line of results, on stdout.
pub(crate) fn say(line: impl Display) {
    drop(writeln!(io::stdout().lock(), "{line}"));
}

/// A line for the eyes of whoever waits, on stderr.
pub(crate) fn note(line: impl Display) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}

/// Writes text as it is on stdout, at once.
pub(crate) fn draw(text: impl Display) {
    let mut out = io::stdout().lock();
    drop(write!(out, "{text}").and_then(|()| out.flush()));
}

/// Whether stdout is a screen that can be redrawn.
pub(crate) fn is_screen() -> bool {
    io::stdout().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}
