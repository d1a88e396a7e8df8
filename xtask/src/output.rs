//! The only place that prints. A reader that went away is no fault.

use std::fmt::Display;
use std::io::{self, Write};

/// A line of results, on stdout.
pub(crate) fn say(line: impl Display) {
    drop(writeln!(io::stdout().lock(), "{line}"));
}

/// A line for the eyes of whoever waits, on stderr.
pub(crate) fn note(line: impl Display) {
    drop(writeln!(io::stderr().lock(), "{line}"));
}
