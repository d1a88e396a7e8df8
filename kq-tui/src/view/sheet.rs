//! A screen as fields for machines: what its table has, whatever there is room for on a terminal.

use serde_json::{Map, Value, json};

use super::screens;
use crate::model::moment::rfc3339;
use crate::model::{Row, State};
use crate::text::safe;

/// The screen as one JSON document. A field of a row is named as its column (`IN MB/s` is `in_mb_s`)
/// and has the text that a wide screen shows; `?` is unknown, and `-` is what there is none of, or what
/// is not kept of that moment.
pub fn json(state: &State) -> String {
    let mode = state.mode();
    let verdict = &state.verdict;
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
        "total": state.table.total,
        "rows": rows(state),
    });
    format!("{document:#}\n")
}

fn rows(state: &State) -> Vec<Value> {
    let (specs, cell) = screens::table(state.place.screen);
    let names: Vec<String> = specs.iter().map(|it| field(it.header(state.place.screen))).collect();
    let of_row = |row: &Row| {
        let text = |at| Value::String(safe(&cell(state, row, at).0).into_owned());
        let fields = names.iter().enumerate().map(|(at, name)| (name.clone(), text(at)));
        Value::Object(fields.collect::<Map<_, _>>())
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
