//! What the APIs have in common that command the controller.

use std::collections::BTreeSet;
use std::time::Duration;

use kq_proto::kafka::{ErrorCode, Str};

use crate::controller::{ControlError, Reply};

/// A client that names no patience gets this much.
const DEADLINE_DEFAULT: Duration = Duration::from_secs(30);
/// No command is waited for longer than this.
const DEADLINE_MAX: Duration = Duration::from_mins(5);

/// How long a command may take, by the client's own patience.
pub(super) fn deadline(timeout_ms: i32) -> Duration {
    match u64::try_from(timeout_ms) {
        Ok(0) | Err(_) => DEADLINE_DEFAULT,
        Ok(ms) => Duration::from_millis(ms).min(DEADLINE_MAX),
    }
}

/// A refusal in words, with what to try next.
#[expect(clippy::unnecessary_wraps, reason = "the messages take an optional text")]
pub(super) fn message(error: &ControlError) -> Option<Str> {
    Some(match &error.hint {
        Some(hint) => format!("{}; {hint}", error.message.trim_end_matches('.')).into(),
        None => error.message.as_str().into(),
    })
}

/// The first item of each name. Clients look results up by name, and librdkafka takes a second result
/// of one name for a malformed response.
pub(super) fn once<T, N: Ord>(items: impl Iterator<Item = T>, name: impl Fn(&T) -> N) -> Vec<T> {
    let mut named = BTreeSet::new();
    items.filter(|it| named.insert(name(it))).collect()
}

/// The outcome of each item of a command: its own, or the one that befell all of them.
pub(super) fn each_of<T: Clone>(
    reply: Result<Reply, ControlError>,
    count: usize,
    take: impl FnOnce(Reply) -> Option<Vec<Result<T, ControlError>>>,
) -> Vec<Result<T, ControlError>> {
    let wrong = || ControlError::new(ErrorCode::UnknownServerError, "an answer of another kind");
    match reply.and_then(|reply| take(reply).ok_or_else(wrong)) {
        Ok(each) if each.len() == count => each,
        Ok(_) => vec![Err(wrong()); count],
        Err(error) => vec![Err(error); count],
    }
}
