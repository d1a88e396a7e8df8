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
    let _ = io::stderr().lock().write_all(harmless(words).as_bytes());
}

/// Says what is wrong with the command line, or what was asked about it; answers the exit code.
pub fn explain(error: &clap::Error) -> u8 {
    if error.use_stderr() {
        last_words(&error.render().to_string());
    } else {
        // Help and version are our own words. Where they cannot be written nothing can be said.
        let _ = error.print();
    }
    u8::try_from(error.exit_code()).unwrap_or(2)
}

/// Lines that do nothing to a terminal, whoever chose the words in them.
fn harmless(words: &str) -> String {
    words.lines().fold(String::new(), |text, line| text + &safe(line) + "\n")
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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn what_was_typed_reaches_no_terminal_unescaped() {
        assert_eq!(harmless("one\u{1b}[2J\rtwo\nthree"), "one\\u{1b}[2J\\u{d}two\nthree\n");
        let words = ["kq-tui", "--screen=\u{1b}]52;c;eA==\u{7}", "--once"];
        let error = crate::args::Args::try_parse_from(words).unwrap_err();
        let shown = harmless(&error.render().to_string());
        assert!(shown.starts_with("error: ") && shown.lines().count() > 2, "{shown}");
        assert!(shown.chars().all(|it| it == '\n' || !it.is_control()), "{shown:?}");
    }
}
