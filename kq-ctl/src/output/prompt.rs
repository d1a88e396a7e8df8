//! What the operator is asked before something destructive. Asking itself needs a terminal and is
//! the session's part.

/// What counts as consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// `y` or `yes`.
    Yes,
    /// This very word, typed out.
    Word(String),
}

impl Answer {
    /// How to consent, in words.
    pub(crate) fn how(&self) -> String {
        match self {
            Self::Yes => "[y/N] ".to_owned(),
            Self::Word(word) => format!("type '{}' to go on: ", super::harmless(word)),
        }
    }

    /// Whether a line consents. End of input is an empty line, and that is a no.
    pub(crate) fn is_given_by(&self, line: &str) -> bool {
        let line = line.trim();
        match self {
            Self::Yes => line.eq_ignore_ascii_case("y") || line.eq_ignore_ascii_case("yes"),
            Self::Word(word) => line == word,
        }
    }
}
