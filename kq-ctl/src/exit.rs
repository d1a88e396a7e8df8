//! How a command ends: the exit codes that scripts rely on, and failures that carry one.

use kq_proto::admin::AdminError;
use kq_proto::admin::v1::ItemError;
use kq_proto::client::settings::{Refusal, RefusalKind};
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
    /// No broker could be reached, or not the one that coordinates the group.
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
    ("kafka.UNKNOWN_MEMBER_ID", Exit::NotFound),
    ("kafka.BROKER_ID_NOT_REGISTERED", Exit::NotFound),
    ("kafka.OFFSET_OUT_OF_RANGE", Exit::NotFound),
    ("kafka.INVALID_TOPIC_EXCEPTION", Exit::Usage),
    ("kafka.TOPIC_ALREADY_EXISTS", Exit::Conflict),
    ("kafka.INCONSISTENT_CLUSTER_ID", Exit::Conflict),
    ("kafka.INCONSISTENT_TOPIC_ID", Exit::Conflict),
    ("kafka.REASSIGNMENT_IN_PROGRESS", Exit::Conflict),
    ("kafka.NON_EMPTY_GROUP", Exit::Refused),
    ("kafka.GROUP_SUBSCRIBED_TO_TOPIC", Exit::Refused),
    ("kafka.SASL_AUTHENTICATION_FAILED", Exit::Denied),
    ("kafka.TOPIC_AUTHORIZATION_FAILED", Exit::Denied),
    ("kafka.GROUP_AUTHORIZATION_FAILED", Exit::Denied),
    ("kafka.CLUSTER_AUTHORIZATION_FAILED", Exit::Denied),
    ("kafka.REQUEST_TIMED_OUT", Exit::Deadline),
    ("kq.NOT_FOUND", Exit::NotFound),
    ("kq.UNKNOWN_PLAN", Exit::NotFound),
    ("kq.UNKNOWN_UNDO", Exit::NotFound),
    ("kq.LAG", Exit::No),
    ("kq.UNKNOWN_BROKER", Exit::NotFound),
    ("kq.UNKNOWN_CONFIG_KEY", Exit::NotFound),
    ("kq.TOPIC_EXISTS", Exit::Conflict),
    ("kq.EXISTS", Exit::Conflict),
    ("kq.DIFFERS", Exit::Conflict),
    ("kq.NOT_DELETED", Exit::Conflict),
    ("kq.AMBIGUOUS", Exit::Conflict),
    ("kq.STALE_PLAN", Exit::Conflict),
    ("kq.WRONG_CLUSTER", Exit::Conflict),
    ("kq.PROTECTED", Exit::Refused),
    ("kq.NOT_COMPACTED", Exit::Refused),
    ("kq.INTERLOCK", Exit::Refused),
    ("kq.LEADERS_FROZEN", Exit::Refused),
    ("kq.BROKER_IN_USE", Exit::Refused),
    ("kq.READ_ONLY", Exit::Refused),
    ("kq.DEADLINE", Exit::Deadline),
    ("kq.USAGE", Exit::Usage),
    ("kq.CONFIRM", Exit::Usage),
    ("kafka.COORDINATOR_LOAD_IN_PROGRESS", Exit::Unreachable),
    ("kafka.COORDINATOR_NOT_AVAILABLE", Exit::Unreachable),
    ("kafka.NOT_COORDINATOR", Exit::Unreachable),
    ("kq.UNREACHABLE", Exit::Unreachable),
    ("kq.STALE", Exit::Unreachable),
    ("kq.STARTING", Exit::Unreachable),
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
    ("kafka.CLUSTER_AUTHORIZATION_FAILED", ASK_FOR_RIGHTS),
    ("kafka.GROUP_AUTHORIZATION_FAILED", ASK_FOR_RIGHTS),
    ("kafka.TOPIC_AUTHORIZATION_FAILED", ASK_FOR_RIGHTS),
    ("kafka.TOPIC_ALREADY_EXISTS", "another name, or --if-not-exists"),
    ("kafka.UNKNOWN_TOPIC_OR_PARTITION", "kq-ctl topic list shows what there is"),
    ("kafka.UNKNOWN_TOPIC_ID", "kq-ctl topic list -o wide shows ids"),
    ("kq.UNKNOWN_CONFIG_KEY", "kq-ctl config describe topic NAME shows the keys of any topic"),
    (
        "kafka.OFFSET_OUT_OF_RANGE",
        "kq-ctl topic offsets TOPIC --at earliest tells where it begins, --at latest where it ends",
    ),
    (
        "kafka.INVALID_REPLICA_ASSIGNMENT",
        "--assignment 0:1,2 --assignment 1:2,1 with ids of kq-ctl broker list",
    ),
    ("kafka.INVALID_REPLICATION_FACTOR", "kq-ctl broker list shows how many brokers there are"),
    ("kafka.BROKER_ID_NOT_REGISTERED", "kq-ctl broker list shows which there are"),
    ("kq.BROKER_IN_USE", "kq-ctl broker decommission ID moves what it holds away; then stop it"),
    ("kafka.PREFERRED_LEADER_NOT_AVAILABLE", "kq-ctl partition list TOPIC shows who is in sync"),
    (
        "kafka.ELIGIBLE_LEADERS_NOT_AVAILABLE",
        "start a broker that holds it: kq-ctl partition list TOPIC",
    ),
    (
        "kafka.LEADER_NOT_AVAILABLE",
        "kq-ctl partition list TOPIC shows who leads and who is in sync",
    ),
    ("kafka.ELECTION_NOT_NEEDED", "kq-ctl partition list TOPIC shows who leads"),
    ("kafka.INVALID_RECORD", "another --compression, or records of another form"),
    ("kafka.RECORD_TOO_LARGE", "a smaller record, or raise max.message.bytes of the topic"),
    ("kafka.MESSAGE_TOO_LARGE", "a smaller record, or raise max.message.bytes of the topic"),
    ("kafka.GROUP_ID_NOT_FOUND", "kq-ctl group list"),
    (
        "kafka.NON_EMPTY_GROUP",
        "stop its members, kq-ctl group wait TOPIC --for empty, then this again",
    ),
    (
        "kafka.GROUP_SUBSCRIBED_TO_TOPIC",
        "stop the members that read it, then this again; kq-ctl offset reset can do it with --live",
    ),
    ("kafka.UNKNOWN_MEMBER_ID", "kq-ctl group member list GROUP"),
    ("kafka.COORDINATOR_LOAD_IN_PROGRESS", "the same command again in a moment"),
    ("kafka.COORDINATOR_NOT_AVAILABLE", "kq-ctl partition list __consumer_offsets --unhealthy"),
    ("kafka.NOT_COORDINATOR", "the same command again in a moment"),
    ("kafka.UNSTABLE_OFFSET_COMMIT", "the same command again when the transaction has ended"),
    ("kq.NO_COMMIT", "--to earliest, or another position that needs no commit"),
    ("kq.TOO_MANY", "one topic at a time, by -t"),
    ("kq.UNKNOWN_UNDO", "kq-ctl offset undo"),
    ("kq.UNSUPPORTED", "kq-ctl broker list -o wide tells who runs an older version"),
    ("kafka.REQUEST_TIMED_OUT", "look whether it was done, then repeat it or raise --timeout"),
    (
        "kafka.NOT_ENOUGH_REPLICAS",
        "kq-ctl topic wait TOPIC --for min-isr, or see kq-ctl cluster health",
    ),
];

/// What remains to be said where nothing else is known.
pub(crate) const LOOK_AROUND: &str = "kq-ctl cluster health tells whether the cluster is at fault";

const ASK_FOR_RIGHTS: &str = "ask for the right to do it, or choose another context by -C NAME";

/// Names the topic of the item where the hint is a command.
fn hint_or(hint: String, code: &str, item: Option<&str>) -> String {
    if !hint.is_empty() {
        return hint;
    }
    let known = HINTS.iter().find(|(known, _)| *known == code);
    let hint = known.map(|(_, hint)| *hint).unwrap_or_default();
    let topic = item.and_then(|item| item.split(['/', '@']).next());
    hint.replace("TOPIC", topic.filter(|topic| !topic.is_empty()).unwrap_or("TOPIC"))
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

    /// The command line is wrong. What to write instead may stand in the message: it becomes the hint.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        let message = message.into();
        match split_advice(&message) {
            ("", _) | (_, "") => Self::new("kq.USAGE", message),
            (what, advice) => Self::new("kq.USAGE", what).hint(advice),
        }
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

    /// Adds what helps with any refusal of a command, where nothing better is said.
    pub(crate) fn advise(&mut self, command: &str) {
        let wants_none = matches!(self.exit, Exit::Interrupted | Exit::PipeClosed);
        if self.hint.is_empty() && !wants_none {
            self.hint = format!("kq-ctl {command} --help; {LOOK_AROUND}");
        }
    }

    /// Adds what it is about.
    #[must_use]
    pub(crate) fn about(mut self, item: impl Into<String>) -> Self {
        self.item = Some(item.into());
        self
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let failure = match refusal.kind {
            RefusalKind::Usage => Self::usage(refusal.message),
            RefusalKind::File => Self::new("kq.FILE", refusal.message),
            RefusalKind::NotFound => Self::new("kq.NOT_FOUND", refusal.message),
        };
        if refusal.hint.is_empty() { failure } else { failure.hint(refusal.hint) }
    }
}

impl From<AdminError> for Failure {
    fn from(error: AdminError) -> Self {
        let by_code = exit_of_code(&error.code);
        let exit = if by_code == Exit::Failed { exit_of_class(error.class) } else { by_code };
        Self {
            exit,
            item: None,
            hint: hint_or(error.hint, &error.code, None),
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
            hint: hint_or(error.hint, &error.code, Some(&error.item)),
            item: Some(error.item).filter(|item| !item.is_empty()),
            code: error.code,
            message: error.message,
            retriable: error.retriable,
        }
    }
}

/// A refusal as our parsers word it: what is wrong, and from `accepted:`, `write` or
/// `one of:` on what to write instead.
pub(crate) fn split_advice(text: &str) -> (&str, &str) {
    const ADVICE: &[&str] = &["accepted: ", "write ", "one of: "];
    let begins = |at: &usize| {
        let alone = text.get(..*at).is_none_or(|it| it.is_empty() || it.ends_with([' ', '\'']));
        alone && ADVICE.iter().any(|word| text.get(*at..).is_some_and(|it| it.starts_with(word)))
    };
    match text.char_indices().map(|(at, _)| at).find(begins) {
        Some(at) => {
            let (what, advice) = text.split_at(at);
            (what.trim_end_matches([':', ';', ',', ' ']), advice)
        }
        None => (text, ""),
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
    fn words_of_a_refusal_are_split_into_fault_and_advice() {
        assert_eq!(split_advice("'x': write KEY=VALUE"), ("'x'", "write KEY=VALUE"));
        assert_eq!(split_advice("accepted: a, b"), ("", "accepted: a, b"));
        assert_eq!(split_advice("no time; write 15s"), ("no time", "write 15s"));
        assert_eq!(split_advice("cannot overwrite it"), ("cannot overwrite it", ""));
        let failure = Failure::usage("'x': write KEY=VALUE");
        assert_eq!((failure.message.as_str(), failure.hint.as_str()), ("'x'", "write KEY=VALUE"));
    }

    #[test]
    fn a_code_weighs_more_than_its_grpc_class() {
        let error = AdminError::new(Code::FailedPrecondition, "kq.PROTECTED", "protected");
        assert_eq!(Failure::from(error).exit, Exit::Refused);
        let error = AdminError::new(Code::Unauthenticated, "kq.SOMETHING", "who are you");
        assert_eq!(Failure::from(error).exit, Exit::Denied);
    }
}
