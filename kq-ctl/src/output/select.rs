//! Which items are printed and in which order: `--filter`, `--sort`, `--after`, `--limit`.

use std::cmp::Ordering;

use super::{Cell, Row, View};
use crate::schema::Schema;

/// The items to print.
pub(crate) struct Selected {
    pub(crate) rows: Vec<Row>,
    /// The cursor of the next page, if some were held back.
    pub(crate) next: Option<String>,
    /// The cursor that was given names no item, and no place between items.
    pub(crate) lost: bool,
}

/// Filters, sorts and cuts.
pub(crate) fn select(schema: &Schema, rows: Vec<Row>, view: &View) -> Selected {
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
    let mut lost = false;
    if let Some(after) = &view.after {
        let in_order = |a: &Row, b: &Row| by_parts(&cursor(schema, a), &cursor(schema, b)).is_le();
        let sorted = view.sort.is_empty() && rows.is_sorted_by(in_order);
        match rows.iter().position(|row| cursor(schema, row) == *after) {
            Some(at) => drop(rows.drain(..=at)),
            // The item has gone since; in the order of cursors its place is still known.
            None if sorted => rows.retain(|row| {
                let at = cursor(schema, row);
                by_parts(&at, after).is_gt() && !at.starts_with(&format!("{after}/"))
            }),
            None => {
                rows.clear();
                lost = true;
            }
        }
    }
    let mut next = None;
    if let Some(limit) = view.limit.filter(|limit| *limit < rows.len()) {
        rows.truncate(limit);
        next = rows.last().map(|row| cursor(schema, row));
    }
    Selected { rows, next, lost }
}

/// `orders/10` comes after `orders/9`.
fn by_parts(a: &str, b: &str) -> Ordering {
    let part = |(a, b): (&str, &str)| match (a.parse::<u64>(), b.parse::<u64>()) {
        (Ok(a), Ok(b)) => a.cmp(&b),
        _ => a.cmp(b),
    };
    let parts = a.split('/').zip(b.split('/')).map(part).find(|order| order.is_ne());
    parts.unwrap_or_else(|| a.split('/').count().cmp(&b.split('/').count()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::{Format, row};
    use crate::schema::TOPIC_OFFSETS;

    fn page(after: Option<&str>, limit: usize) -> (Vec<String>, Option<String>) {
        let row = |partition: u32| {
            row! {
                topic: "orders",
                partition: partition,
                offset: 0_u64,
                timestamp: Cell::Null,
                leader_epoch: Cell::Null,
            }
        };
        let view = View {
            limit: Some(limit),
            after: after.map(str::to_owned),
            ..View::plain(Format::Table)
        };
        let rows = (0..12).filter(|it| *it != 9).map(row).collect();
        let selected = select(&TOPIC_OFFSETS, rows, &view);
        let names = selected.rows.iter().map(|it| cursor(&TOPIC_OFFSETS, it)).collect();
        (names, selected.next)
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_repeat() {
        let (first, next) = page(None, 9);
        assert_eq!((first.len(), next.as_deref()), (9, Some("orders/8")));
        let (rest, next) = page(next.as_deref(), 9);
        assert_eq!((rest, next), (vec!["orders/10".to_owned(), "orders/11".to_owned()], None));
    }

    #[test]
    fn an_item_that_has_gone_still_marks_its_place() {
        assert_eq!(page(Some("orders/9"), 1).0, ["orders/10"]);
        assert_eq!(page(Some("orders"), 9).0.len(), 0);
        assert_eq!(page(Some("aaa"), 1).0, ["orders/0"]);
    }
}
