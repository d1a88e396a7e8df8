//! From a report to text, in the format asked for. Pure, so that tests read what operators read.

use super::json::{self, Content};
use super::select::{Selected, cursor, select};
use super::template::Template;
use super::text::{ByteStyle, TimeStyle, harmless, harmless_lines, time};
use super::{Cell, Envelope, Filter, Format, Report, Row, table};
use crate::exit::Failure;
use crate::schema::{Field, Layout, Schema, Show};
use std::fmt::Write as _;

/// How the operator wants to see it.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) format: Format,
    pub(crate) columns: Option<Vec<String>>,
    pub(crate) sort: Vec<String>,
    pub(crate) filters: Vec<Filter>,
    pub(crate) headers: bool,
    pub(crate) limit: Option<usize>,
    pub(crate) after: Option<String>,
    pub(crate) time: TimeStyle,
    pub(crate) bytes: ByteStyle,
    pub(crate) color_stdout: bool,
    pub(crate) color_stderr: bool,
    pub(crate) now_ms: i64,
}

impl View {
    /// Tables as they come, no colour: what tests and fallbacks start from.
    pub(crate) fn plain(format: Format) -> Self {
        Self {
            format,
            columns: None,
            sort: Vec::new(),
            filters: Vec::new(),
            headers: true,
            limit: None,
            after: None,
            time: TimeStyle::default(),
            bytes: ByteStyle::default(),
            color_stdout: false,
            color_stderr: false,
            now_ms: 0,
        }
    }

    pub(crate) fn is_wide(&self) -> bool {
        self.format == Format::Wide
    }

    /// Refuses columns that the items do not have, before anything is done.
    pub(crate) fn check(&self, schema: &Schema) -> Result<(), Failure> {
        let columns = self.columns.iter().flatten().map(String::as_str);
        let sorts = self.sort.iter().map(|key| key.trim_start_matches('-'));
        let filters = self.filters.iter().map(|filter| filter.column.as_str());
        if let Format::Template(template) = &self.format {
            check_template(template, schema)?;
        }
        let mut named = columns.chain(sorts).chain(filters);
        if let Some(unknown) = named.find(|name| schema.field(name).is_none()) {
            let known: Vec<&str> = schema.fields.iter().map(|field| field.header).collect();
            return Err(Failure::usage(format!("{} has no column '{unknown}'", schema.kind))
                .hint(format!("its columns: {}", known.join(" "))));
        }
        for filter in &self.filters {
            filter.check(schema).map_err(Failure::usage)?;
        }
        Ok(())
    }
}

/// A template without a field is a mistake, too: `{{topic}}` is `{topic}` to the letter.
fn check_template(template: &Template, schema: &Schema) -> Result<(), Failure> {
    let refuse = |what: String| {
        let known: Vec<&str> = schema.fields.iter().map(|field| field.name).collect();
        Err(Failure::usage(what).hint(format!("its fields: {}", known.join(" "))))
    };
    match template.unknown_fields(schema).first() {
        Some(unknown) => refuse(format!("-o template: {} has no field '{unknown}'", schema.kind)),
        None if template.is_constant() => {
            refuse("-o template: it names no field; a field stands in single braces".to_owned())
        }
        None => Ok(()),
    }
}

/// Text for the two streams.
#[derive(Debug, Default)]
pub(crate) struct Rendered {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// `--after` led nowhere.
    pub(crate) lost: bool,
}

/// Lays a report out.
pub(crate) fn render(report: Report, view: &View, envelope: &Envelope) -> Rendered {
    let Report { schema, items, mut summary, mut failures, notes, plain, printed, also, .. } =
        report;
    let Selected { rows: items, next, lost } = select(schema, items, view);
    if lost {
        failures.push(no_cursor(view));
    }
    let mut stderr = String::new();
    for note in notes {
        stderr.push_str(&harmless_lines(&note));
        stderr.push('\n');
    }
    for failure in &failures {
        stderr.push_str(&failure_words(failure, view.color_stderr));
    }
    if printed {
        return Rendered { stderr, ..Rendered::default() };
    }
    // Unknown is null, never absent.
    for field in schema.summary {
        if !summary.iter().any(|(name, _)| *name == field.name) {
            summary.push((field.name, Cell::Null));
        }
    }
    let content = Content {
        schema,
        items: &items,
        summary: &summary,
        next: next.as_deref(),
        failures: &failures,
    };
    let stdout = match &view.format {
        Format::Json => json::render(&content, envelope),
        Format::Yaml => json::tree(&content, envelope).render(),
        Format::Jsonl => items.iter().map(json::line).collect(),
        Format::Tsv => items.iter().map(|row| tsv(schema, row, view)).collect(),
        Format::Name => items.iter().map(|row| harmless(&cursor(schema, row)) + "\n").collect(),
        Format::Template(template) => {
            items.iter().map(|row| template.fill(schema, row) + "\n").collect()
        }
        Format::Table | Format::Wide => {
            plain.unwrap_or_else(|| in_table(&table::columns(schema, &also, view), &content, view))
        }
    };
    if let Some(next) = next.filter(|_| !view.format.is_document()) {
        let _ = writeln!(stderr, "more: --after '{}'", harmless(&next));
    }
    Rendered { stdout, stderr, lost }
}

fn no_cursor(view: &View) -> Failure {
    let after = view.after.as_deref().unwrap_or_default();
    Failure::new("kq.NOT_FOUND", format!("no item '{after}' to begin after"))
        .hint("--after takes what 'next' or 'more' said, with the same --sort and --filter")
}

fn in_table(columns: &[&'static Field], content: &Content<'_>, view: &View) -> String {
    if content.items.is_empty() {
        return String::new();
    }
    match content.schema.layout {
        Layout::Rows => table::rows(columns, content.items, view),
        Layout::Card => table::cards(columns, content.items, view),
    }
}

/// One line of `tsv`: exact values, and times in the style asked for.
pub(super) fn tsv(schema: &Schema, row: &Row, view: &View) -> String {
    let fields: Vec<_> = match &view.columns {
        Some(names) => names.iter().filter_map(|name| schema.field(name)).collect(),
        None => schema.fields.iter().filter(|field| field.show != Show::Named).collect(),
    };
    let cells = fields.iter().map(|field| {
        let text = match row.get(field.name) {
            Some(Cell::Time(at)) => time(*at, view.time, view.now_ms),
            Some(cell) => harmless(&cell.raw()),
            None => String::new(),
        };
        if text.is_empty() { "-".to_owned() } else { text }
    });
    cells.collect::<Vec<_>>().join("\t") + "\n"
}

/// Whether a message says itself what it is about; of `topic:orders` the name suffices.
fn names(message: &str, item: &str) -> bool {
    let name = item.split_once(':').map_or(item, |(_, name)| name);
    message.contains(if name.is_empty() { item } else { name })
}

/// What went wrong and what to try next.
pub(crate) fn failure_words(failure: &Failure, color: bool) -> String {
    let (red, end) = if color { ("\x1b[1;31m", "\x1b[0m") } else { ("", "") };
    let item = match &failure.item {
        Some(item) if !names(&failure.message, item) => format!("{}: ", harmless(item)),
        _ => String::new(),
    };
    let message = harmless_lines(&failure.message);
    // A refusal of several lines names its rules where they belong.
    let code = if message.contains(failure.code.as_str()) {
        String::new()
    } else {
        format!(" ({})", harmless(&failure.code))
    };
    let mut words = format!("{red}error:{end} {item}{message}{code}\n");
    if !failure.hint.is_empty() {
        let _ = writeln!(words, "  try: {}", harmless_lines(&failure.hint));
    }
    words
}
