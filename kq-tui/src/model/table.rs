//! How a screen's table is looked at. Selection and marks are names, never places: what moves under
//! the cursor takes it along.

use std::collections::BTreeSet;

use super::filter::Filter;
use super::pages::Paging;
use super::{Row, RowKey, Screen, Sort};

/// A table as it is looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The row with the cursor; kept while it is not there.
    pub selected: Option<RowKey>,
    /// What the cursor stands on while the selected row is not there.
    pub(super) stand_in: Option<RowKey>,
    /// Rows that are marked.
    pub marks: BTreeSet<RowKey>,
    /// What rows are sorted by.
    pub sort: Sort,
    /// Which rows are shown.
    pub filter: Filter,
    /// All rows that are shown, in order.
    pub rows: Vec<Row>,
    /// Where in `rows` the selected one is.
    pub at: Option<usize>,
    /// The first of `rows` on the screen. A screen with more room than there are rows after it may
    /// begin earlier.
    pub first: usize,
    /// How many rows there are without the filter.
    pub total: usize,
    /// Members whose partitions are not shown.
    pub folded: BTreeSet<RowKey>,
    /// Of history: which part of it.
    pub(super) paging: Paging,
}

impl Table {
    /// A table as a screen begins.
    pub fn new(screen: Screen) -> Self {
        Self {
            selected: None,
            stand_in: None,
            marks: BTreeSet::new(),
            sort: Sort::first(screen),
            filter: Filter::default(),
            rows: Vec::new(),
            at: None,
            first: 0,
            total: 0,
            folded: BTreeSet::new(),
            paging: Paging::default(),
        }
    }

    /// The row with the cursor, if it is there.
    pub fn current(&self) -> Option<&Row> {
        self.rows.get(self.at?)
    }

    /// The rows on a screen that has room for so many.
    pub fn visible(&self, room: usize) -> &[Row] {
        let first = self.first.min(self.rows.len().saturating_sub(room));
        let until = first.saturating_add(room).min(self.rows.len());
        self.rows.get(first..until).unwrap_or_default()
    }

    /// Scrolls no further than it takes to have the cursor among so many rows.
    pub(super) fn follow(&mut self, room: usize) {
        let room = room.max(1);
        let last = self.rows.len().saturating_sub(room);
        if let Some(at) = self.at {
            self.first = self.first.clamp(at.saturating_add(1).saturating_sub(room), at);
        }
        self.first = self.first.min(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: u32, at: usize) -> Table {
        let rows = (0..rows).map(Row::Broker).collect();
        Table { rows, at: Some(at), ..Table::new(Screen::Brokers) }
    }

    #[test]
    fn the_cursor_scrolls_no_more_than_it_must() {
        let mut it = table(100, 0);
        it.follow(10);
        assert_eq!(it.first, 0);
        it.at = Some(9);
        it.follow(10);
        assert_eq!(it.first, 0);
        it.at = Some(10);
        it.follow(10);
        assert_eq!(it.first, 1);
        it.at = Some(0);
        it.follow(10);
        assert_eq!(it.first, 0);
        it.at = Some(99);
        it.follow(10);
        assert_eq!((it.first, it.visible(10).len()), (90, 10));
    }

    #[test]
    fn room_for_nothing_shows_nothing_and_breaks_nothing() {
        let mut it = table(3, 2);
        it.follow(0);
        assert_eq!(it.visible(0).len(), 0);
        assert_eq!(table(0, 0).visible(5).len(), 0);
    }
}
