//! Columns for eyes. Nothing is cut: a narrow terminal wraps, a pipe gets everything.

use comfy_table::{Attribute, CellAlignment, Color, ContentArrangement, Table, presets};
use std::fmt::Write as _;

use super::text::{self, harmless};
use super::{Cell, Row, Tone, View};
use crate::schema::{Field, Schema, Show};

/// Items as lines or blocks, ending in a newline unless there is nothing to show.
pub(crate) fn rows(fields: &[&Field], items: &[Row], view: &View) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    if view.color_stdout {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    if view.headers {
        table.set_header(fields.iter().map(|field| {
            let cell = comfy_table::Cell::new(field.header);
            if view.color_stdout { cell.add_attribute(Attribute::Bold) } else { cell }
        }));
    }
    for item in items {
        let cells = fields.iter().map(|field| cell(item.get(field.name), view));
        table.add_row(cells);
    }
    for (at, field) in fields.iter().enumerate() {
        if let Some(column) = table.column_mut(at) {
            column.set_padding((0, 2));
            if field.is_number() {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    let mut lines = String::new();
    for line in table.lines() {
        lines.push_str(line.trim_end());
        lines.push('\n');
    }
    lines
}

/// A block per item: single values line by line, then nested tables under their name.
pub(crate) fn cards(fields: &[&'static Field], items: &[Row], view: &View) -> String {
    let width = fields.iter().filter(|it| !it.is_section()).map(|it| it.header.len()).max();
    let mut out = String::new();
    for (nth, item) in items.iter().enumerate() {
        if nth > 0 {
            out.push('\n');
        }
        for field in fields.iter().filter(|field| !field.is_section()) {
            let value = shown(item.get(field.name), view);
            let _ = writeln!(out, "{:<1$}  {value}", field.header, width.unwrap_or(0));
        }
        for field in fields {
            let (crate::schema::Type::Rows(nested), Some(Cell::Rows(items))) =
                (field.ty, item.get(field.name))
            else {
                continue;
            };
            if items.is_empty() {
                continue;
            }
            let columns = visible(nested, &[], view);
            let _ = writeln!(out, "\n{}", field.header);
            out.push_str(&rows(&columns, items, view));
        }
    }
    out
}

/// The columns of a kind in this view, and those that a flag of the command asks for.
pub(crate) fn columns(schema: &Schema, also: &[&str], view: &View) -> Vec<&'static Field> {
    match &view.columns {
        Some(names) => names.iter().filter_map(|name| schema.field(name)).collect(),
        None => visible(schema.fields, also, view),
    }
}

fn visible(fields: &'static [Field], also: &[&str], view: &View) -> Vec<&'static Field> {
    let wide = view.is_wide();
    let shown = |field: &&Field| {
        field.show == Show::Always
            || (wide && field.show == Show::Wide)
            || also.contains(&field.name)
    };
    fields.iter().filter(shown).collect()
}

fn cell(cell: Option<&Cell>, view: &View) -> comfy_table::Cell {
    let text = comfy_table::Cell::new(shown(cell, view));
    match cell {
        Some(Cell::State(_, tone)) if view.color_stdout => match tone {
            Tone::Good => text.fg(Color::Green),
            Tone::Warn => text.fg(Color::Yellow),
            Tone::Bad => text.fg(Color::Red),
            Tone::Plain => text,
        },
        _ => text,
    }
}

/// One value for eyes; `-` for unknown or empty.
pub(crate) fn shown(cell: Option<&Cell>, view: &View) -> String {
    let Some(cell) = cell else { return "-".to_owned() };
    let text = match cell {
        Cell::Time(at) => text::time(*at, view.time, view.now_ms),
        Cell::Size(size) => text::bytes(*size, view.bytes),
        Cell::Millis(ms) => text::duration(*ms),
        Cell::Bool(true) => "yes".to_owned(),
        Cell::Bool(false) => "no".to_owned(),
        Cell::Float(value) => format!("{value:.1}"),
        Cell::Worded(_, words) => harmless(words),
        Cell::Null
        | Cell::Int(_)
        | Cell::Uint(_)
        | Cell::Text(_)
        | Cell::State(..)
        | Cell::List(_)
        | Cell::Rows(_)
        | Cell::Pairs(_) => harmless(&cell.raw()),
    };
    if text.is_empty() { "-".to_owned() } else { text }
}
