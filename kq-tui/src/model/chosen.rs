//! Which rows keys act on: those that are marked, else the one with the cursor. What is marked and not
//! shown is never acted on, and never forgotten silently either.

use std::collections::BTreeMap;

use super::rows::row_of;
use super::{Row, RowKey, State};
use crate::text::grouped;

/// Rows that an action is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chosen {
    /// Their names, in the order of names.
    pub keys: Vec<RowKey>,
    /// How many are marked; 0 = the row with the cursor was taken, if there is one.
    pub marked: usize,
    /// How many of those are not shown: the filter hides them, or they are gone. They are not among
    /// `keys`.
    pub hidden: usize,
}

impl Chosen {
    /// `3 marked, 1 not shown`; none where nothing is marked.
    pub fn words(&self) -> Option<String> {
        let count = |it: usize| grouped(u64::try_from(it).unwrap_or(u64::MAX));
        match (self.marked, self.hidden) {
            (0, _) => None,
            (marked, 0) => Some(format!("{} marked", count(marked))),
            (marked, hidden) => {
                Some(format!("{} marked, {} not shown", count(marked), count(hidden)))
            }
        }
    }

    /// Why there is nothing to act on though something is marked.
    pub(super) fn all_hidden(&self) -> Option<String> {
        let are_hidden = self.marked > 0 && self.keys.is_empty();
        let words = self.words().filter(|_| are_hidden)?;
        Some(format!("{words}; \\ shows all, X unmarks"))
    }
}

impl State {
    /// The rows that an action is for, with what there is to say of it.
    pub fn choice(&self) -> Chosen {
        let marks = &self.table.marks;
        if marks.is_empty() {
            let current = self.table.current().and_then(|row| self.key_of(row));
            return Chosen { keys: current.into_iter().collect(), ..Chosen::default() };
        }
        let mut keys = self.shown_marks();
        keys.sort();
        let hidden = marks.len().saturating_sub(keys.len());
        Chosen { keys, marked: marks.len(), hidden }
    }

    /// Rows that keys act on: those that are marked and shown, else the one with the cursor.
    pub fn chosen(&self) -> Vec<RowKey> {
        self.choice().keys
    }

    fn shown_marks(&self) -> Vec<RowKey> {
        let row = |key: &RowKey| Some((row_of(self, key)?, key.clone()));
        let mut marked: BTreeMap<Row, RowKey> = self.table.marks.iter().filter_map(row).collect();
        self.table.rows.iter().filter_map(|row| marked.remove(row)).collect()
    }
}
