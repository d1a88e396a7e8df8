//! What lies where on the screen, as the view drew it: a click finds the row, tab or key below it.

use std::collections::BTreeMap;

use ratatui::layout::{Position, Rect};

use super::{Column, Key, RowKey, Screen};

/// What lies somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hit {
    /// The header of a column.
    Column(Column),
    /// What a key does.
    Key(Key),
    /// A row of the table, by its place among all rows.
    Row(usize),
    /// The way to a screen.
    Screen(Screen),
}

/// What lies where.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HitMap {
    /// Rows that the table has room for; none where there is no table.
    pub room: Option<u16>,
    /// Columns that the time axis has room for; none where there is no axis.
    pub axis_columns: Option<u16>,
    /// Events that there is room for beside the table.
    pub events: Option<u16>,
    spots: Vec<(Rect, Hit)>,
    /// What the rows were that were drawn, by their places: by now others may stand there.
    keys: BTreeMap<usize, RowKey>,
}

impl HitMap {
    /// Notes what was drawn somewhere; what is noted later lies above.
    pub fn put(&mut self, area: Rect, hit: Hit) {
        self.spots.push((area, hit));
    }

    /// Notes the names of the rows that were drawn.
    pub(super) fn name_rows(&mut self, key_of: impl Fn(usize) -> Option<RowKey>) {
        let places = self.spots.iter().filter_map(|(_, hit)| match hit {
            Hit::Row(at) => Some(*at),
            Hit::Column(_) | Hit::Key(_) | Hit::Screen(_) => None,
        });
        self.keys = places.filter_map(|at| Some((at, key_of(at)?))).collect();
    }

    /// The name of the row that was drawn at a place.
    pub(super) fn row(&self, at: usize) -> Option<&RowKey> {
        self.keys.get(&at)
    }

    /// What lies in a cell.
    pub fn at(&self, column: u16, row: u16) -> Option<Hit> {
        let cell = Position::new(column, row);
        self.spots.iter().rev().find(|(area, _)| area.contains(cell)).map(|(_, hit)| *hit)
    }
}
