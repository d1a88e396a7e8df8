//! The only place that prints: frames, sentences, and why the monitor ends.

use std::io::{self, Write as _};

use crate::exit::{Exit, Failure};
use crate::text::safe;

/// Writes to standard output and sees that it gets there.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|error| unprinted(&error))
}

/// Says on standard error why the monitor ends.
pub fn complain(failure: &Failure) {
    let mut words = format!("error: {}\n", safe(&failure.message));
    if !failure.hint.is_empty() {
        words.extend(["  try: ", &*safe(&failure.hint), "\n"]);
    }
    // Where this cannot be written, nothing can be said.
    let _ = io::stderr().lock().write_all(words.as_bytes());
}

/// Says on standard error what ended the monitor that nobody has foreseen.
pub fn last_words(words: &str) {
    let _ = writeln!(io::stderr().lock(), "{words}");
}

fn unprinted(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::new(Exit::PipeClosed, "stdout is closed");
    }
    Failure::new(Exit::Failed, format!("cannot write to stdout: {error}"))
}

/// Columns and rows of the terminal that standard output is; none if it is none.
pub fn size() -> Option<(u16, u16)> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some((size.ws_col, size.ws_row))
}
