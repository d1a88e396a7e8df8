//! Lines of kq-ctl, word by word, quoted where a shell would take a word apart.

use super::flags::Given;
use crate::exit::Failure;
use crate::session::quoted;

/// What a line becomes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Translated {
    pub(super) lines: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// A line of kq-ctl in the making.
#[derive(Debug, Clone)]
pub(super) struct Line(Vec<String>);

impl Line {
    /// Of a noun and a verb, on the cluster that the other line was for.
    pub(super) fn new(command: &str) -> Self {
        let words = std::iter::once("kq-ctl").chain(command.split(' '));
        Self(words.map(str::to_owned).collect())
    }

    /// A word as it is.
    pub(super) fn word(mut self, word: impl Into<String>) -> Self {
        self.0.push(quoted(&word.into()));
        self
    }

    pub(super) fn words<T: Into<String>>(self, words: impl IntoIterator<Item = T>) -> Self {
        words.into_iter().fold(self, Self::word)
    }

    /// A flag with its value.
    pub(super) fn flag(self, name: &str, value: impl Into<String>) -> Self {
        self.word(name).word(value)
    }

    /// A flag with each of its values.
    pub(super) fn flags<T: Into<String>>(
        self,
        name: &str,
        values: impl IntoIterator<Item = T>,
    ) -> Self {
        values.into_iter().fold(self, |line, value| line.flag(name, value))
    }

    /// A word if it is meant.
    pub(super) fn when(self, is_meant: bool, word: &str) -> Self {
        if is_meant { self.word(word) } else { self }
    }

    /// A flag with a value if there is one.
    pub(super) fn maybe(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.flag(name, value),
            None => self,
        }
    }

    fn text(&self) -> String {
        self.0.join(" ")
    }
}

impl Translated {
    /// Done, unless the other line says more than was asked for.
    pub(super) fn of(lines: impl IntoIterator<Item = Line>, given: Given) -> Result<Self, Failure> {
        let lines = lines.into_iter().map(|it| it.text()).collect();
        Ok(Self { lines, notes: given.finish()? })
    }

    #[must_use]
    pub(super) fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    #[must_use]
    pub(super) fn note_if(self, is_so: bool, note: &str) -> Self {
        if is_so { self.note(note) } else { self }
    }
}
