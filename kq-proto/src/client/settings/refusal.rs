//! Why settings cannot be settled.

use std::io;
use std::path::Path;

/// What kind of fault it is; each tool has an exit code for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// What was typed or written says nothing that can be understood.
    Usage,
    /// A file cannot be read.
    File,
    /// What was named does not exist.
    NotFound,
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// What kind of fault it is.
    pub kind: RefusalKind,
    /// What is wrong, with where it was said.
    pub message: String,
    /// What to try next; empty if there is nothing sensible to say.
    pub hint: String,
}

impl Refusal {
    /// What was said cannot be understood.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { kind: RefusalKind::Usage, message: message.into(), hint: String::new() }
    }

    /// What was named does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self { kind: RefusalKind::NotFound, ..Self::usage(message) }
    }

    /// A file cannot be read.
    pub fn file(doing: &str, path: &Path, error: &io::Error) -> Self {
        let message = format!("cannot {doing} {}: {error}", path.display());
        Self { kind: RefusalKind::File, ..Self::usage(message) }
    }

    /// The same with what to try next.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: hint.into(), ..self }
    }
}
