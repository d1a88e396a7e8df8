//! What a command found or did, before any format was chosen.

use super::{Cell, Row};
use crate::exit::{Exit, Failure, exit_of_batch};
use crate::schema::Schema;

/// The answer of one command.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) schema: &'static Schema,
    pub(crate) items: Vec<Row>,
    pub(crate) summary: Vec<(&'static str, Cell)>,
    pub(crate) failures: Vec<Failure>,
    /// Words for stderr: what to know, what to do next.
    pub(crate) notes: Vec<String>,
    /// Overrides what the failures say, as when the answer is no.
    pub(crate) exit: Option<Exit>,
    /// Everything has been printed already, as by a stream.
    pub(crate) printed: bool,
    /// Printed as it is in the table format, instead of a table.
    pub(crate) plain: Option<String>,
    /// Columns that a flag of the command asks for, or that have something to say here, though
    /// tables are without them otherwise.
    pub(crate) also: Vec<&'static str>,
}

impl Report {
    pub(crate) fn new(schema: &'static Schema) -> Self {
        Self {
            schema,
            items: Vec::new(),
            summary: Vec::new(),
            failures: Vec::new(),
            notes: Vec::new(),
            exit: None,
            printed: false,
            plain: None,
            also: Vec::new(),
        }
    }

    /// Adds an item. It must have exactly the fields of the schema: anything else is a bug.
    pub(crate) fn push(&mut self, row: Row) {
        assert!(
            row.0.iter().map(|(name, _)| *name).eq(self.schema.fields.iter().map(|it| it.name)),
            "{}: an item has other fields than its schema: {row:?}",
            self.schema.kind
        );
        self.items.push(row);
    }

    pub(crate) fn extend(&mut self, rows: impl IntoIterator<Item = Row>) {
        for row in rows {
            self.push(row);
        }
    }

    pub(crate) fn sum(&mut self, name: &'static str, value: impl Into<Cell>) {
        self.summary.push((name, value.into()));
    }

    /// A text of the summary.
    pub(crate) fn summed_text(&self, name: &str) -> Option<&str> {
        let (_, cell) = self.summary.iter().find(|(known, _)| *known == name)?;
        if let Cell::Text(text) = cell { Some(text) } else { None }
    }

    pub(crate) fn note(&mut self, words: impl Into<String>) {
        self.notes.push(words.into());
    }

    pub(crate) fn fail(&mut self, failures: impl IntoIterator<Item = impl Into<Failure>>) {
        self.failures.extend(failures.into_iter().map(Into::into));
    }

    /// How the command ends.
    pub(crate) fn exit(&self) -> Exit {
        self.exit.unwrap_or_else(|| exit_of_batch(self.items.len(), &self.failures))
    }
}

/// What stands around the items of every document.
#[derive(Debug, Clone, Default)]
pub(crate) struct Envelope {
    pub(crate) context: Option<String>,
    pub(crate) cluster_id: Option<String>,
    /// For how long the broker that answered has lost the controller: what it told may be as old.
    pub(crate) stale_ms: Option<u64>,
    pub(crate) at_ms: i64,
}
