//! A screen as fields for machines: what its table has, whatever there is room for on a terminal.

mod values;

use serde_json::{Map, Value, json};

use super::screens;
use crate::model::moment::rfc3339;
use crate::model::{Row, State};
use crate::text::safe;

/// The screen as one JSON document. A field of a row is named as its column (`IN MB/s` is `in_mb_s`)
/// and has the text that a wide screen shows; `?` is unknown, and `-` is what there is none of, or what
/// is not kept of that moment. `values` has what those texts are made of, as numbers in the units that
/// their names tell, and null for what is not known. Of history the rows are a page, and `total` counts all that are kept and
/// fit what was asked of the cluster.
pub fn json(state: &State) -> String {
    let mode = state.mode();
    let verdict = &state.verdict;
    let (total, more_than) = totals(state);
    let alarm = |it: &crate::model::words::Alarm| json!({ "about": it.about, "text": it.text });
    let document = json!({
        "screen": state.place.screen.name(),
        "mode": mode.word(),
        "at": state.facts.moment_ms().map(rfc3339),
        "filter": state.table.filter.text(),
        "verdict": {
            "word": verdict.word,
            "sentence": verdict.sentence,
            "alarms": verdict.alarms.iter().map(alarm).collect::<Vec<_>>(),
        },
        "total": total,
        "total_more_than": more_than,
        "rows": rows(state),
    });
    format!("{document:#}\n")
}

/// How many rows there are without the filter of the screen, if that is known; and, of history that was
/// counted no further, more than how many.
fn totals(state: &State) -> (Option<u64>, Option<u64>) {
    if !state.has_more() {
        return (u64::try_from(state.table.total).ok(), None);
    }
    match state.history_total() {
        Some(it) if it.is_more => (None, Some(it.rows)),
        it => (it.map(|it| it.rows), None),
    }
}

fn rows(state: &State) -> Vec<Value> {
    let (specs, cell) = screens::table(state.place.screen);
    let names: Vec<String> = specs.iter().map(|it| field(it.header(state.place.screen))).collect();
    let of_row = |row: &Row| {
        let text = |at| Value::String(safe(&cell(state, row, at).0).into_owned());
        let fields = names.iter().enumerate().map(|(at, name)| (name.clone(), text(at)));
        let values = ("values".to_owned(), values::values(state, row));
        Value::Object(fields.chain([values]).collect::<Map<_, _>>())
    };
    // Alarms stand with the verdict.
    let of_table = state.table.rows.iter().filter(|it| !matches!(it, Row::Alarm(_)));
    of_table.map(of_row).collect()
}

/// `ISR (OUT)` becomes `isr_out`; a column without a header has names.
fn field(header: &str) -> String {
    if header.is_empty() {
        return "name".to_owned();
    }
    let words = header.split(|it: char| !it.is_ascii_alphanumeric()).filter(|it| !it.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("_")
}
