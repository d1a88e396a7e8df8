//! How a command ends: the exit codes that scripts rely on, and failures that carry one.

use kq_proto::admin::AdminError;
use kq_proto::admin::v1::ItemError;
use tonic::Code;

/// The contract with scripts. A number never changes its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    /// Done, or nothing to do.
    Done = 0,
    /// The cluster said no, or failed.
    Failed = 1,
    /// The command line is wrong, or a confirmation is missing where nobody can be asked.
    Usage = 2,
    /// No broker could be reached.
    Unreachable = 3,
    /// Authentication or authorisation.
    Denied = 4,
    /// What was named does not exist.
    NotFound = 5,
    /// It exists already, the plan is stale, or this is another cluster.
    Conflict = 6,
    /// An interlock refused.
    Refused = 7,
    /// Some items were done, some were not.
    Partial = 8,
    /// The deadline passed.
    Deadline = 9,
    /// The question was answered, and the answer is no.
    No = 10,
    /// Ctrl-C; what was asked of the cluster goes on there.
    Interrupted = 130,
    /// The reader of our output has gone, as with `| head`.
    PipeClosed = 141,
}

impl Exit {
    /// The number that the shell sees.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}

/// Codes of `ItemError` and `AdminError` that have an exit code of their own; all others are
/// `Failed`.
const EXITS: &[(&str, Exit)] = &[
    ("kafka.UNKNOWN_TOPIC_OR_PARTITION", Exit::NotFound),
    ("kafka.UNKNOWN_TOPIC_ID", Exit::NotFound),
    ("kafka.RESOURCE_NOT_FOUND", Exit::NotFound),
    ("kafka.GROUP_ID_NOT_FOUND", Exit::NotFound),
    ("kafka.BROKER_ID_NOT_REGISTERED", Exit::NotFound),
    ("kafka.OFFSET_OUT_OF_RANGE", Exit::NotFound),
    ("kafka.TOPIC_ALREADY_EXISTS", Exit::Conflict),
    ("kafka.INCONSISTENT_CLUSTER_ID", Exit::Conflict),
    ("kafka.INCONSISTENT_TOPIC_ID", Exit::Conflict),
    ("kafka.REASSIGNMENT_IN_PROGRESS", Exit::Conflict),
    ("kafka.SASL_AUTHENTICATION_FAILED", Exit::Denied),
    ("kafka.TOPIC_AUTHORIZATION_FAILED", Exit::Denied),
    ("kafka.GROUP_AUTHORIZATION_FAILED", Exit::Denied),
    ("kafka.CLUSTER_AUTHORIZATION_FAILED", Exit::Denied),
    ("kafka.REQUEST_TIMED_OUT", Exit::Deadline),
    ("kq.NOT_FOUND", Exit::NotFound),
    ("kq.UNKNOWN_BROKER", Exit::NotFound),
    ("kq.UNKNOWN_CONFIG_KEY", Exit::NotFound),
    ("kq.TOPIC_EXISTS", Exit::Conflict),
    ("kq.EXISTS", Exit::Conflict),
    ("kq.DIFFERS", Exit::Conflict),
    ("kq.AMBIGUOUS", Exit::Conflict),
    ("kq.STALE_PLAN", Exit::Conflict),
    ("kq.WRONG_CLUSTER", Exit::Conflict),
    ("kq.PROTECTED", Exit::Refused),
    ("kq.READ_ONLY", Exit::Refused),
    ("kq.DEADLINE", Exit::Deadline),
    ("kq.USAGE", Exit::Usage),
    ("kq.CONFIRM", Exit::Usage),
    ("kq.UNREACHABLE", Exit::Unreachable),
];

/// The exit code that fits an item's error code.
pub(crate) fn exit_of_code(code: &str) -> Exit {
    if code.starts_with("KQ-S") {
        return Exit::Refused;
    }
    EXITS.iter().find(|(known, _)| *known == code).map_or(Exit::Failed, |(_, exit)| *exit)
}

/// What to try next where the cluster does not say so itself.
const HINTS: &[(&str, &str)] = &[
    ("kafka.TOPIC_ALREADY_EXISTS", "another name, or --if-not-exists"),
    ("kafka.UNKNOWN_TOPIC_OR_PARTITION", "kq-ctl topic list shows what there is"),
    ("kafka.UNKNOWN_TOPIC_ID", "kq-ctl topic list -o wide shows ids"),
    ("kafka.OFFSET_OUT_OF_RANGE", "kq-ctl topic offsets TOPIC --at earliest, and --at latest"),
    ("kafka.INVALID_CONFIG", "kq-ctl config describe TYPE NAME shows keys and accepted values"),
    ("kafka.INVALID_REPLICATION_FACTOR", "kq-ctl broker list shows how many brokers there are"),
    ("kafka.BROKER_ID_NOT_REGISTERED", "kq-ctl broker list"),
    ("kafka.REQUEST_TIMED_OUT", "look whether it was done, then repeat it or raise --timeout"),
    ("kafka.NOT_ENOUGH_REPLICAS", "kq-ctl cluster health, or wait: topic wait TOPIC --for min-isr"),
];

fn hint_or(hint: String, code: &str) -> String {
    if !hint.is_empty() {
        return hint;
    }
    let known = HINTS.iter().find(|(known, _)| *known == code);
    known.map(|(_, hint)| (*hint).to_owned()).unwrap_or_default()
}

/// Why a command could not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// What it is about, if it is about one thing.
    pub(crate) item: Option<String>,
    pub(crate) code: String,
    pub(crate) message: String,
    /// What to try next; empty if there is nothing sensible to say.
    pub(crate) hint: String,
    pub(crate) retriable: bool,
}

impl Failure {
    /// A failure whose code decides the exit.
    pub(crate) fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        let code = code.into();
        Self {
            exit: exit_of_code(&code),
            item: None,
            code,
            message: message.into(),
            hint: String::new(),
            retriable: false,
        }
    }

    /// The command line is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new("kq.USAGE", message)
    }

    /// The cluster, or this version, has no such operation.
    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new("kq.UNSUPPORTED", message)
    }

    /// A local file could not be read or written.
    pub(crate) fn file(doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new("kq.FILE", format!("cannot {doing} {}: {error}", path.display()))
    }

    /// The reader of stdout has gone.
    pub(crate) fn pipe_closed() -> Self {
        Self { exit: Exit::PipeClosed, ..Self::new("kq.PIPE_CLOSED", "stdout is closed") }
    }

    /// Adds what to try next.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Adds what it is about.
    #[must_use]
    pub(crate) fn about(mut self, item: impl Into<String>) -> Self {
        self.item = Some(item.into());
        self
    }
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        let by_code = exit_of_code(&error.code);
        let exit = if by_code == Exit::Failed { exit_of_class(error.class) } else { by_code };
        Self {
            exit,
            item: None,
            hint: hint_or(error.hint, &error.code),
            code: error.code,
            message: error.message,
            retriable: error.retriable,
        }
    }
}

impl From<ItemError> for Failure {
    fn from(error: ItemError) -> Self {
        Self {
            exit: exit_of_code(&error.code),
            item: Some(error.item).filter(|item| !item.is_empty()),
            hint: hint_or(error.hint, &error.code),
            code: error.code,
            message: error.message,
            retriable: error.retriable,
        }
    }
}

fn exit_of_class(class: Code) -> Exit {
    match class {
        Code::Unavailable => Exit::Unreachable,
        Code::Unauthenticated | Code::PermissionDenied => Exit::Denied,
        Code::NotFound => Exit::NotFound,
        Code::AlreadyExists | Code::Aborted => Exit::Conflict,
        Code::DeadlineExceeded => Exit::Deadline,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::InvalidArgument
        | Code::ResourceExhausted
        | Code::FailedPrecondition
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::Internal
        | Code::DataLoss => Exit::Failed,
    }
}

/// The exit of a command over many items: partial if some were done, else what the failures agree
/// on.
pub(crate) fn exit_of_batch(done: usize, failures: &[Failure]) -> Exit {
    let Some(first) = failures.first() else { return Exit::Done };
    if done > 0 {
        return Exit::Partial;
    }
    if failures.iter().all(|failure| failure.exit == first.exit) {
        first.exit
    } else {
        Exit::Failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_ends_partial_only_if_something_was_done() {
        let missing = Failure::new("kafka.UNKNOWN_TOPIC_OR_PARTITION", "no topic");
        let protected = Failure::new("kq.PROTECTED", "protected");
        assert_eq!(exit_of_batch(3, &[]), Exit::Done);
        assert_eq!(exit_of_batch(1, std::slice::from_ref(&missing)), Exit::Partial);
        assert_eq!(exit_of_batch(0, &[missing.clone(), missing.clone()]), Exit::NotFound);
        assert_eq!(exit_of_batch(0, &[missing, protected]), Exit::Failed);
    }

    #[test]
    fn a_code_weighs_more_than_its_grpc_class() {
        let error = AdminError::new(Code::FailedPrecondition, "kq.PROTECTED", "protected");
        assert_eq!(Failure::from(error).exit, Exit::Refused);
        let error = AdminError::new(Code::Unauthenticated, "kq.SOMETHING", "who are you");
        assert_eq!(Failure::from(error).exit, Exit::Denied);
    }
}
