//! A table: only the rows that are seen are ever made into texts.
//!
//! Columns have fixed widths. Where there is too little room they go by their rank, the highest first;
//! where there is more, columns come in at the right and those at the left stay where they are.

use std::borrow::Cow;

use super::canvas::{Canvas, Side};
use super::cells;
use super::theme::Tint;
use crate::model::words::{absence, nothing};
use crate::model::{Column, Hit, Row, Screen, State};

/// The cursor and the mark stand before the first column.
const MARGIN: u16 = 2;
/// No column is made narrower.
const COLUMN_MIN: u16 = 8;

/// Longer names are cut, however much room there is: what stands beside them would be too far away.
const NAME_MAX: u16 = 48;

/// A column as a screen wishes for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spec {
    /// What a click on its header sorts by; none = it cannot be sorted by.
    pub(super) column: Option<Column>,
    /// Its header, where that is not the column's own.
    pub(super) head: &'static str,
    /// Cells.
    pub(super) width: u16,
    /// 0 stays; otherwise the highest goes first.
    pub(super) rank: u8,
    /// Figures stand at the right.
    pub(super) side: Side,
    /// It takes what is left over.
    pub(super) grows: bool,
    /// Names: they take what is left over, up to a bound, and keep their end where they are cut.
    pub(super) is_name: bool,
}

impl Spec {
    /// What stands above the column.
    pub(super) fn header(&self, screen: Screen) -> &'static str {
        match self.column {
            Some(column) if self.head.is_empty() => column.header(screen),
            _ => self.head,
        }
    }
}

/// A column of words that can be sorted by.
pub(super) const fn words(column: Column, width: u16, rank: u8) -> Spec {
    Spec {
        column: Some(column),
        head: "",
        width,
        rank,
        side: Side::Left,
        grows: false,
        is_name: false,
    }
}

/// A column of names.
pub(super) const fn names(width: u16) -> Spec {
    Spec { is_name: true, ..words(Column::Name, width, 0) }
}

/// A column of figures that can be sorted by.
pub(super) const fn figures(column: Column, width: u16, rank: u8) -> Spec {
    Spec {
        column: Some(column),
        head: "",
        width,
        rank,
        side: Side::Right,
        grows: false,
        is_name: false,
    }
}

/// A column that cannot be sorted by.
pub(super) const fn plain(head: &'static str, width: u16, rank: u8, side: Side) -> Spec {
    Spec { column: None, head, width, rank, side, grows: false, is_name: false }
}

/// The last column, for a text of any length.
pub(super) const fn rest(head: &'static str, width: u16) -> Spec {
    Spec { column: None, head, width, rank: 0, side: Side::Left, grows: true, is_name: false }
}

/// What stands in a cell.
pub(super) type Shown<'a> = (Cow<'a, str>, Tint);

/// A column and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Slot {
    /// Which of the wishes.
    pub(super) index: usize,
    /// From the left.
    pub(super) x: u16,
    /// Cells.
    pub(super) width: u16,
}

/// The columns that there is room for, and where.
pub(super) fn fit(specs: &[Spec], width: u16) -> Vec<Slot> {
    let mut kept: Vec<(usize, &Spec)> = specs.iter().enumerate().collect();
    let needs = |kept: &[(usize, &Spec)]| {
        kept.iter().fold(MARGIN, |sum, (_, it)| sum.saturating_add(it.width + 1)).saturating_sub(1)
    };
    while needs(&kept) > width {
        let worst = kept.iter().enumerate().rev().max_by_key(|(at, (_, it))| (it.rank, *at));
        let Some((at, (_, spec))) = worst else { break };
        if spec.rank == 0 {
            break;
        }
        kept.remove(at);
    }
    let mut over = width.saturating_sub(needs(&kept));
    let mut widths: Vec<u16> = kept.iter().map(|(_, it)| it.width).collect();
    squeeze(&mut widths, needs(&kept).saturating_sub(width));
    let mut slots = Vec::with_capacity(kept.len());
    let mut x = MARGIN;
    for ((index, spec), mut width_here) in kept.into_iter().zip(widths) {
        if spec.grows || spec.is_name {
            let most = if spec.grows { u16::MAX } else { NAME_MAX.saturating_sub(spec.width) };
            let more = over.min(most);
            over -= more;
            width_here = width_here.saturating_add(more);
        }
        slots.push(Slot { index, x, width: width_here });
        x = x.saturating_add(width_here + 1);
    }
    slots
}

/// Where there is too little room for all that stays, the widest columns give way.
fn squeeze(widths: &mut [u16], over: u16) {
    for _ in 0..over {
        let widest = widths.iter_mut().max_by_key(|it| **it);
        let Some(widest) = widest.filter(|it| **it > COLUMN_MIN) else { return };
        *widest -= 1;
    }
}

/// Draws header and rows, with the cursor and the marks; tells how many rows there is room for.
pub(super) fn draw<'a>(
    canvas: &mut Canvas<'_>,
    state: &'a State,
    specs: &[Spec],
    shown: impl Fn(&'a Row, usize) -> Shown<'a>,
) {
    let slots = fit(specs, canvas.width());
    header(canvas, state, specs, &slots);
    let room = canvas.height().saturating_sub(1);
    canvas.hits.room = Some(room);
    let mut body = canvas.lines(1, room);
    rows(&mut body, state, (specs, &slots), shown);
}

/// Draws the names of the columns.
pub(super) fn header(canvas: &mut Canvas<'_>, state: &State, specs: &[Spec], slots: &[Slot]) {
    let screen = state.place.screen;
    for slot in slots {
        let Some(spec) = specs.get(slot.index) else { continue };
        let head = spec.header(screen);
        let is_sorted = spec.column == Some(state.table.sort.column);
        let tint = if is_sorted { Tint::Key } else { Tint::Head };
        canvas.boxed((slot.x, 0), slot.width, spec.side, (head, tint));
        if let Some(column) = spec.column {
            canvas.hit((slot.x, 0), slot.width, Hit::Column(column));
        }
    }
}

/// Draws the rows that are seen.
pub(super) fn rows<'a>(
    canvas: &mut Canvas<'_>,
    state: &'a State,
    (specs, slots): (&[Spec], &[Slot]),
    shown: impl Fn(&'a Row, usize) -> Shown<'a>,
) {
    let (first, rows) = seen(state, usize::from(canvas.height()));
    if rows.is_empty() {
        empty(canvas, state);
    }
    for ((y, at), row) in (0..).zip(first..).zip(rows) {
        for slot in slots {
            let Some(spec) = specs.get(slot.index) else { continue };
            let (text, tint) = shown(row, slot.index);
            let (theme, columns) = (canvas.theme, slot.width);
            let cut = if spec.is_name { cells::cut_name } else { cells::cut };
            let text = cut(&text, columns, theme.ascii, theme.cut());
            canvas.boxed((slot.x, y), columns, spec.side, (&text, tint));
        }
        edge(canvas, state, (y, at), row);
    }
}

/// The rows that there is room for, and the place of the first of them.
pub(super) fn seen(state: &State, room: usize) -> (usize, &[Row]) {
    let table = &state.table;
    (table.first.min(table.rows.len().saturating_sub(room)), table.visible(room))
}

/// Cursor and mark of a row, and what a click on it is about.
pub(super) fn edge(canvas: &mut Canvas<'_>, state: &State, (y, at): (u16, usize), row: &Row) {
    let marks = &state.table.marks;
    if !marks.is_empty() && state.key_of(row).is_some_and(|key| marks.contains(&key)) {
        canvas.sign(1, y, "*", Tint::Key);
    }
    if state.table.at == Some(at) {
        canvas.sign(0, y, ">", Tint::Head);
        canvas.reverse(y);
    }
    let columns = canvas.width();
    canvas.hit((0, y), columns, Hit::Row(at));
}

/// Why there is no row.
fn empty(canvas: &mut Canvas<'_>, state: &State) {
    if let Some(words) = absence(state) {
        canvas.text(MARGIN, 0, &words, Tint::Dim);
        return;
    }
    let words = nothing(state);
    canvas.text(MARGIN, 0, words, Tint::Dim);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: [Spec; 4] = [
        words(Column::Name, 10, 0),
        figures(Column::Urp, 5, 2),
        figures(Column::Disk, 5, 1),
        plain("RACK", 8, 3, Side::Left),
    ];

    fn indexes(width: u16) -> Vec<usize> {
        fit(&SPECS, width).into_iter().map(|it| it.index).collect()
    }

    #[test]
    fn columns_go_by_their_rank_and_those_at_the_left_stay() {
        assert_eq!(indexes(33), [0, 1, 2, 3]);
        assert_eq!(indexes(32), [0, 1, 2]);
        assert_eq!(indexes(23), [0, 2]);
        assert_eq!(indexes(5), [0]);
        let at = |width: u16| fit(&SPECS, width).first().map(|it| (it.x, it.width));
        assert_eq!((at(33), at(200)), (Some((2, 10)), Some((2, 10))));
    }

    #[test]
    fn what_stays_shares_the_room_that_there_is() {
        let specs = [words(Column::Name, 35, 0), plain("VALUE", 17, 0, Side::Left)];
        let widths = |width| fit(&specs, width).iter().map(|it| it.width).collect::<Vec<_>>();
        assert_eq!([60, 50, 40].map(widths), [vec![35, 17], vec![30, 17], vec![20, 17]]);
        assert_eq!([30, 10].map(widths), [vec![14, 13], vec![8, 8]]);
        assert_eq!(fit(&specs, 40).last().map(|it| it.x + it.width), Some(40));
    }

    #[test]
    fn names_take_what_is_left_and_no_more_than_they_need() {
        let specs = [names(10), figures(Column::Urp, 5, 2)];
        let slots = |width: u16| fit(&specs, width).into_iter().map(|it| (it.x, it.width));
        assert_eq!(slots(18).collect::<Vec<_>>(), [(2, 10), (13, 5)]);
        assert_eq!(slots(30).collect::<Vec<_>>(), [(2, 22), (25, 5)]);
        assert_eq!(slots(200).collect::<Vec<_>>(), [(2, 48), (51, 5)]);
    }

    #[test]
    fn the_last_text_takes_what_is_left() {
        let specs = [words(Column::At, 12, 0), rest("WHAT", 10)];
        let slots = fit(&specs, 80);
        assert_eq!(slots.last(), Some(&Slot { index: 1, x: 15, width: 65 }));
    }
}
