//! The newest records, as they come.

use super::table_and_panel;
use crate::model::tail::{Field, Kept};
use crate::model::words::standing;
use crate::model::{Column, Row, State, moment};
use crate::text::{bytes_text, grouped, readable_start, safe};
use crate::view::canvas::{Canvas, Side};
use crate::view::figures::{NONE, plain};
use crate::view::grid::{self, Shown, Spec};
use crate::view::theme::Tint;

/// Of a key or value no more is looked at for a cell, in bytes.
const CELL_BYTES: usize = 400;
/// Nor for the sentences below.
const PANEL_BYTES: usize = 2_000;

pub(super) const SPECS: [Spec; 7] = [
    grid::words(Column::At, 12, 0),
    grid::plain("PART", 5, 2, Side::Right),
    grid::plain("OFFSET", 11, 1, Side::Right),
    grid::plain("SIZE", 6, 4, Side::Right),
    grid::plain("HDR", 3, 3, Side::Right),
    grid::plain("KEY", 14, 1, Side::Left),
    grid::rest("VALUE", 20),
];

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) {
    let mut top = 0;
    if state.table.rows.is_empty() && crate::model::words::absence(state).is_some() {
        // The table says why nothing is there.
    } else {
        let (words, is_wrong) = standing(state);
        let tint = if is_wrong { Tint::Bad } else { Tint::Plain };
        canvas.text(1, 0, &words, tint);
        top = 1;
    }
    let height = canvas.height();
    let body = &mut canvas.lines(top, height.saturating_sub(top));
    table_and_panel(body, state, &SPECS, |row, at| cell(state, row, at), |row| words(state, row));
}

fn kept<'a>(state: &'a State, row: &Row) -> Option<&'a Kept> {
    let Row::Record(sequence) = row else { return None };
    state.tail.record(*sequence).map(|it| &**it)
}

pub(super) fn cell<'a>(state: &'a State, row: &Row, at: usize) -> Shown<'a> {
    let Some(it) = kept(state, row) else { return NONE };
    match at {
        0 => plain(moment::clock_ms(it.record.timestamp_ms, state.zone())),
        1 => plain(it.record.partition.to_string()),
        2 => plain(grouped(it.record.offset)),
        3 => plain(crate::view::figures::bytes(it.record.size_bytes.into())),
        4 => plain(it.header_count.to_string()),
        5 => field(it, Field::Key),
        _ => field(it, Field::Value),
    }
}

/// The beginning; null is something else than nothing, and than a text that says so.
fn field(it: &Kept, of: Field) -> Shown<'static> {
    match it.field(of) {
        None => ("(null)".into(), Tint::Dim),
        Some(bytes) => plain(readable_start(bytes, CELL_BYTES)),
    }
}

fn words(state: &State, row: &Row) -> (&'static str, Vec<String>) {
    let Some(it) = kept(state, row) else { return ("", Vec::new()) };
    let record = &it.record;
    let bytes = |count: usize| bytes_text(u64::try_from(count).unwrap_or(u64::MAX));
    let told = |of, name: &str| match (it.field(of), it.field_bytes(of)) {
        (Some(shown), Some(count)) => {
            let text = readable_start(shown, PANEL_BYTES);
            format!("{name}, {}: {}", bytes(count), safe(&text))
        }
        _ => format!("{name}: (null)"),
    };
    let headers = record.headers.iter().map(|it| safe(&it.key).into_owned());
    let headers: Vec<String> = headers.take(20).collect();
    let place = format!("{}/{}@{}", safe(&record.topic), record.partition, record.offset);
    let mut sentences = vec![format!("{place}, {}.", moment::rfc3339(record.timestamp_ms))];
    if !headers.is_empty() {
        sentences.push(format!("Headers: {}.", headers.join(", ")));
    }
    sentences.push(told(Field::Key, "Key"));
    sentences.push(told(Field::Value, "Value"));
    ("RECORD", sentences)
}
