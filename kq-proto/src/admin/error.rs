//! An error of the control door: a stable code, words, and what to try next. Travels as
//! google.rpc.Status with `ErrorInfo`; both sides convert here, so that they cannot disagree.

use std::collections::BTreeMap;
use std::fmt;

use tonic::{Code, Status};
use tonic_types::{ErrorInfo, StatusExt as _};

use super::v1::ItemError;

/// The `domain` of every `ErrorInfo` sent by a kq broker.
pub const DOMAIN: &str = "kq";

const HINT: &str = "hint";
const RETRIABLE: &str = "retriable";

/// Why a call, or one item of it, was refused or failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminError {
    /// The gRPC class: what kind of caller's reaction fits.
    pub class: Code,
    /// Stable: `kafka.<NAME>` for an error of the Kafka protocol, `kq.<NAME>` otherwise.
    pub code: String,
    /// Lower case, no full stop, with the value at fault and what is accepted.
    pub message: String,
    /// What to try next; empty if there is nothing sensible to say.
    pub hint: String,
    /// True if the same call may succeed later unchanged.
    pub retriable: bool,
    /// Figures for machines.
    pub attributes: BTreeMap<String, String>,
}

impl AdminError {
    /// An error without a hint that is not worth a retry.
    pub fn new(class: Code, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            class,
            code: code.into(),
            message: message.into(),
            hint: String::new(),
            retriable: false,
            attributes: BTreeMap::new(),
        }
    }

    /// Adds what to try next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// Marks that the same call may succeed later.
    #[must_use]
    pub fn retriable(mut self) -> Self {
        self.retriable = true;
        self
    }

    /// Adds a figure for machines.
    #[must_use]
    pub fn attribute(mut self, key: &str, value: impl fmt::Display) -> Self {
        self.attributes.insert(key.to_owned(), value.to_string());
        self
    }

    /// As the failure of one item of a batch.
    pub fn into_item(self, item: impl Into<String>) -> ItemError {
        ItemError {
            item: item.into(),
            code: self.code,
            message: self.message,
            hint: self.hint,
            retriable: self.retriable,
        }
    }

    /// Reads what a server sent. A status without details, from a proxy or an older server, gets a
    /// code made of its gRPC class: `grpc.UNAVAILABLE`.
    pub fn from_status(status: &Status) -> Self {
        let plain = || {
            let mut error =
                Self::new(status.code(), format!("grpc.{}", name(status.code())), status.message());
            error.retriable = matches!(status.code(), Code::Unavailable | Code::Aborted);
            error
        };
        let Some(info) = status.get_details_error_info() else { return plain() };
        let mut attributes: BTreeMap<String, String> = info.metadata.into_iter().collect();
        Self {
            class: status.code(),
            code: info.reason,
            message: status.message().to_owned(),
            hint: attributes.remove(HINT).unwrap_or_default(),
            retriable: attributes.remove(RETRIABLE).is_some(),
            attributes,
        }
    }
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for AdminError {}

impl From<AdminError> for Status {
    fn from(error: AdminError) -> Self {
        let mut metadata = error.attributes;
        if !error.hint.is_empty() {
            metadata.insert(HINT.to_owned(), error.hint);
        }
        if error.retriable {
            metadata.insert(RETRIABLE.to_owned(), "true".to_owned());
        }
        let info = ErrorInfo {
            reason: error.code,
            domain: DOMAIN.to_owned(),
            metadata: metadata.into_iter().collect(),
        };
        Self::with_error_details_vec(error.class, error.message, [info.into()])
    }
}

/// The name of a gRPC code as the gRPC documents write it.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_survives_the_wire_whole() {
        let sent = AdminError::new(Code::FailedPrecondition, "kq.PROTECTED", "orders is protected")
            .hint("kq-ctl topic unprotect orders")
            .retriable()
            .attribute("topic", "orders");
        assert_eq!(AdminError::from_status(&Status::from(sent.clone())), sent);
    }

    #[test]
    fn a_bare_status_is_named_by_its_class() {
        let error = AdminError::from_status(&Status::unavailable("no controller"));
        assert_eq!((error.code.as_str(), error.retriable), ("grpc.UNAVAILABLE", true));
    }
}
