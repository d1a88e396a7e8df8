//! Items printed as they come, in constant memory; with `-o json` still one document.

use super::json;
use super::template::Template;
use super::text::harmless;
use super::{Cell, Envelope, Format, Output, Row, View, table};
use crate::exit::Failure;
use crate::schema::Schema;

/// An open list of items.
pub(crate) struct ItemStream {
    schema: &'static Schema,
    view: View,
    count: u64,
}

impl ItemStream {
    /// Begins; prints the head of a document, or of a table unless `bare`.
    pub(crate) fn open(
        schema: &'static Schema,
        (view, bare): (&View, bool),
        envelope: &Envelope,
        out: &mut Output,
    ) -> Result<Self, Failure> {
        if view.format == Format::Yaml {
            return Err(Failure::usage("yaml cannot be printed item by item")
                .hint("take -o json or -o jsonl"));
        }
        if view.format == Format::Json {
            out.data(json::stream_head(schema, envelope).as_bytes())?;
        }
        if view.format.is_table() && view.headers && !bare {
            let headers = table::columns(schema, &[], view)
                .iter()
                .map(|field| field.header)
                .collect::<Vec<_>>();
            out.data(format!("{}\n", headers.join("  ")).as_bytes())?;
        }
        Ok(Self { schema, view: view.clone(), count: 0 })
    }

    /// Prints one item, unless a filter holds it back. Whether it was printed.
    pub(crate) fn item(&mut self, row: &Row, out: &mut Output) -> Result<bool, Failure> {
        if !self.view.filters.iter().all(|filter| filter.accepts(self.schema, row)) {
            return Ok(false);
        }
        let line = match &self.view.format {
            Format::Json => {
                let comma = if self.count == 0 { "\n" } else { ",\n" };
                format!("{comma}{}", json::line(row).trim_end())
            }
            Format::Template(template) => Self::filled(template, self.schema, row),
            Format::Name => harmless(&super::select::cursor(self.schema, row)) + "\n",
            Format::Jsonl | Format::Yaml => json::line(row),
            Format::Tsv => super::render::tsv(self.schema, row, &self.view),
            Format::Table | Format::Wide => self.columns(row),
        };
        self.count += 1;
        out.data(line.as_bytes())?;
        Ok(true)
    }

    fn filled(template: &Template, schema: &Schema, row: &Row) -> String {
        template.fill(schema, row) + "\n"
    }

    /// Two spaces between values: widths cannot be known beforehand.
    fn columns(&self, row: &Row) -> String {
        let fields = table::columns(self.schema, &[], &self.view);
        let cells = fields.iter().map(|field| table::shown(row.get(field.name), &self.view));
        cells.collect::<Vec<_>>().join("  ") + "\n"
    }

    /// True once as many items were printed as `--limit` allows.
    pub(crate) fn is_full(&self) -> bool {
        self.view.limit.is_some_and(|limit| self.count >= u64::try_from(limit).unwrap_or(u64::MAX))
    }

    /// Ends; prints the tail of a document.
    pub(crate) fn close(
        &self,
        summary: &[(&'static str, Cell)],
        failures: &[Failure],
        out: &mut Output,
    ) -> Result<(), Failure> {
        if self.view.format == Format::Json {
            out.data(json::stream_tail(summary, failures).as_bytes())?;
        }
        out.flush()
    }
}
