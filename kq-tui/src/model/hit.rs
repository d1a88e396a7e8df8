//! What lies where on the screen, as the view drew it: a click finds the row, tab or key below it.

use ratatui::layout::{Position, Rect};

use super::{Column, Key, Screen};

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
    spots: Vec<(Rect, Hit)>,
}

impl HitMap {
    /// Notes what was drawn somewhere; what is noted later lies above.
    pub fn put(&mut self, area: Rect, hit: Hit) {
        self.spots.push((area, hit));
    }

    /// What lies in a cell.
    pub fn at(&self, column: u16, row: u16) -> Option<Hit> {
        let cell = Position::new(column, row);
        self.spots.iter().rev().find(|(area, _)| area.contains(cell)).map(|(_, hit)| *hit)
    }
}
