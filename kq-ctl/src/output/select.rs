//! Which items are printed and in which order: `--filter`, `--sort`, `--after`, `--limit`.

use std::cmp::Ordering;

use super::{Cell, Row, View};
use crate::schema::Schema;

/// The items to print, and the cursor of the next page if some were held back.
pub(crate) fn select(schema: &Schema, rows: Vec<Row>, view: &View) -> (Vec<Row>, Option<String>) {
    let mut rows: Vec<Row> = rows
        .into_iter()
        .filter(|row| view.filters.iter().all(|filter| filter.accepts(schema, row)))
        .collect();
    for key in view.sort.iter().rev() {
        let (descending, column) = match key.strip_prefix('-') {
            Some(column) => (true, column),
            None => (false, key.as_str()),
        };
        let Some(field) = schema.field(column) else { continue };
        rows.sort_by(|a, b| compare(a.get(field.name), b.get(field.name), descending));
    }
    if let Some(after) = &view.after {
        let sorted = view.sort.is_empty() && rows.is_sorted_by_key(|row| cursor(schema, row));
        match rows.iter().position(|row| cursor(schema, row) == *after) {
            Some(at) => drop(rows.drain(..=at)),
            // The item has gone since; in the order of names its place is still known.
            None if sorted => rows.retain(|row| cursor(schema, row) > *after),
            None => {}
        }
    }
    match view.limit {
        Some(limit) if limit < rows.len() => {
            rows.truncate(limit);
            let next = rows.last().map(|row| cursor(schema, row));
            (rows, next)
        }
        _ => (rows, None),
    }
}

/// What names an item: `orders/3`.
pub(crate) fn cursor(schema: &Schema, row: &Row) -> String {
    let parts = schema.key.iter().filter_map(|key| row.get(key)).map(Cell::raw);
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
}

/// Unknown values come last in both directions.
fn compare(a: Option<&Cell>, b: Option<&Cell>, descending: bool) -> Ordering {
    let (a, b) = (a.unwrap_or(&Cell::Null), b.unwrap_or(&Cell::Null));
    let order = match (a, b) {
        (Cell::Null, Cell::Null) => return Ordering::Equal,
        (Cell::Null, _) => return Ordering::Greater,
        (_, Cell::Null) => return Ordering::Less,
        _ => match (a.number(), b.number()) {
            (Some(a), Some(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            _ => a.raw().cmp(&b.raw()),
        },
    };
    if descending { order.reverse() } else { order }
}
