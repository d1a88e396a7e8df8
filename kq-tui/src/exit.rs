//! How the monitor ends: the exit codes of kq-ctl, and failures that carry one.

use kq_proto::client::ConnectError;
use kq_proto::client::settings::{Refusal, RefusalKind};

/// What scripts rely on. A number means the same in kq-ctl.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Something failed, a file or the terminal.
    Failed = 1,
    /// The command line is wrong.
    Usage = 2,
    /// No broker could be reached.
    Unreachable = 3,
    /// What was named does not exist.
    NotFound = 5,
    /// It is another cluster.
    Conflict = 6,
    /// The deadline passed.
    Deadline = 9,
    /// The reader of our output has gone.
    PipeClosed = 141,
}

impl Exit {
    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::NotFound => 5,
            Self::Conflict => 6,
            Self::Deadline => 9,
            Self::PipeClosed => 141,
        }
    }
}

/// Why the monitor cannot do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// How it ends.
    pub exit: Exit,
    /// Lower case, no full stop: what was being done, to what, and what is wrong.
    pub message: String,
    /// What to try next; empty if there is nothing sensible to say.
    pub hint: String,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), hint: String::new() }
    }

    /// The command line is wrong.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The same with what to try next.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let exit = match refusal.kind {
            RefusalKind::Usage => Exit::Usage,
            RefusalKind::File => Exit::Failed,
            RefusalKind::NotFound => Exit::NotFound,
        };
        Self { exit, message: refusal.message, hint: refusal.hint }
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        let exit = if error.is_mute() { Exit::Deadline } else { Exit::Unreachable };
        Self::new(exit, error.to_string()).hint("check --brokers and that a broker runs there")
    }
}
