//! The only place that prints. Data to stdout, everything else to stderr.

mod cell;
mod filter;
mod format;
mod json;
mod progress;
mod prompt;
mod render;
mod report;
mod select;
mod stream;
mod table;
mod template;
mod text;
mod yaml;

use std::io::{self, Write};

pub(crate) use cell::{Cell, Row, Tone, row};
pub(crate) use filter::Filter;
pub(crate) use format::{Format, FormatParser};
pub(crate) use progress::{Bar, Bars, Progress, ProgressStyle};
pub(crate) use prompt::Answer;
pub(crate) use render::{View, failure_words, render};
pub(crate) use report::{Envelope, Report};
pub(crate) use stream::ItemStream;
pub(crate) use text::{
    ByteStyle, TimeStyle, bytes as bytes_text, duration as duration_text, harmless, harmless_lines,
    rfc3339,
};

use crate::exit::Failure;

/// Where words and data go. Tests put buffers in place of the streams.
pub(crate) struct Output {
    stdout: Box<dyn Write>,
    stderr: Box<dyn Write>,
    pub(crate) stdout_tty: bool,
    pub(crate) stderr_tty: bool,
    pub(crate) quiet: bool,
}

impl Output {
    pub(crate) fn new(stdout: Box<dyn Write>, stderr: Box<dyn Write>) -> Self {
        Self { stdout, stderr, stdout_tty: false, stderr_tty: false, quiet: false }
    }

    /// The streams of the process.
    pub(crate) fn of_process() -> Self {
        use std::io::IsTerminal as _;
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let (stdout_tty, stderr_tty) = (stdout.is_terminal(), stderr.is_terminal());
        let stdout = Box::new(io::BufWriter::with_capacity(1 << 16, stdout));
        Self { stdout_tty, stderr_tty, ..Self::new(stdout, Box::new(stderr)) }
    }

    /// Data, for stdout. The text is complete: nothing is added.
    pub(crate) fn data(&mut self, text: &[u8]) -> Result<(), Failure> {
        self.stdout.write_all(text).map_err(|error| stdout_failure(&error))
    }

    /// Makes data visible; to be called before waiting and at the end.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.stdout.flush().map_err(|error| stdout_failure(&error))
    }

    /// Words for eyes, unless quiet.
    pub(crate) fn words(&mut self, text: &str) {
        if !self.quiet {
            self.errors(text);
        }
    }

    /// A question; the answer is typed behind it.
    pub(crate) fn prompt(&mut self, text: &str) {
        let _ = write!(self.stderr, "{text}");
        let _ = self.stderr.flush();
    }

    /// Words that are said in any case. There is nobody left to tell if stderr fails.
    pub(crate) fn errors(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let newline = if text.ends_with('\n') { "" } else { "\n" };
        let _ = write!(self.stderr, "{text}{newline}");
        let _ = self.stderr.flush();
    }
}

fn stdout_failure(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Failure::pipe_closed();
    }
    Failure::new("kq.OUTPUT", format!("cannot write to stdout: {error}"))
        .hint("check that its disk has room; what the command did is not undone")
}
