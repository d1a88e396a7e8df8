//! `-o json`: one document, whatever happened.

use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

use super::text::{harmless_json, rfc3339_ms};
use super::{Cell, Envelope, Row};
use crate::exit::Failure;
use crate::schema::{Schema, VERSION};

#[derive(Serialize)]
struct Document<'a> {
    kind: &'a str,
    schema: &'a str,
    context: Option<&'a str>,
    cluster_id: Option<&'a str>,
    at: String,
    stale_ms: Option<u64>,
    items: &'a [Row],
    summary: Summary<'a>,
    next: Option<&'a str>,
    errors: Vec<Error<'a>>,
}

struct Summary<'a>(&'a [(&'static str, Cell)]);

impl Serialize for Summary<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, cell) in self.0 {
            map.serialize_entry(name, cell)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Error<'a> {
    item: Option<&'a str>,
    code: &'a str,
    message: &'a str,
    hint: Option<&'a str>,
    retriable: bool,
}

impl<'a> From<&'a Failure> for Error<'a> {
    fn from(failure: &'a Failure) -> Self {
        Self {
            item: failure.item.as_deref(),
            code: &failure.code,
            message: &failure.message,
            hint: Some(failure.hint.as_str()).filter(|hint| !hint.is_empty()),
            retriable: failure.retriable,
        }
    }
}

/// What a document is made of.
pub(crate) struct Content<'a> {
    pub(crate) schema: &'static Schema,
    pub(crate) items: &'a [Row],
    pub(crate) summary: &'a [(&'static str, Cell)],
    pub(crate) next: Option<&'a str>,
    pub(crate) failures: &'a [Failure],
}

fn document<'a>(content: &Content<'a>, envelope: &'a Envelope) -> Document<'a> {
    Document {
        kind: content.schema.kind,
        schema: VERSION,
        context: envelope.context.as_deref(),
        cluster_id: envelope.cluster_id.as_deref(),
        at: rfc3339_ms(envelope.at_ms),
        stale_ms: envelope.stale_ms,
        items: content.items,
        summary: Summary(content.summary),
        next: content.next,
        errors: content.failures.iter().map(Error::from).collect(),
    }
}

/// The document, ending in a newline.
pub(crate) fn render(content: &Content<'_>, envelope: &Envelope) -> String {
    text(serde_json::to_string_pretty(&document(content, envelope)))
}

/// The same as a tree, for YAML.
pub(crate) fn tree(content: &Content<'_>, envelope: &Envelope) -> super::yaml::Node {
    super::yaml::Node::of(&document(content, envelope))
}

/// One item on one line.
pub(crate) fn line(row: &Row) -> String {
    text(serde_json::to_string(row))
}

/// Head of a document whose items follow one by one.
pub(crate) fn stream_head(schema: &Schema, envelope: &Envelope) -> String {
    let quoted = |text: &Option<String>| text.as_ref().map_or("null".to_owned(), |it| quote(it));
    harmless_json(format!(
        "{{\"kind\":{},\"schema\":{},\"context\":{},\"cluster_id\":{},\"at\":{},\"stale_ms\":{},\n\"items\":[",
        quote(schema.kind),
        quote(VERSION),
        quoted(&envelope.context),
        quoted(&envelope.cluster_id),
        quote(&rfc3339_ms(envelope.at_ms)),
        envelope.stale_ms.map_or("null".to_owned(), |it| it.to_string()),
    ))
}

/// Tail of such a document.
pub(crate) fn stream_tail(summary: &[(&'static str, Cell)], failures: &[Failure]) -> String {
    let errors: Vec<Error<'_>> = failures.iter().map(Error::from).collect();
    let summary = text(serde_json::to_string(&Summary(summary)));
    let errors = text(serde_json::to_string(&errors));
    format!("],\n\"summary\":{},\"next\":null,\"errors\":{}}}\n", summary.trim(), errors.trim())
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn text(json: serde_json::Result<String>) -> String {
    // Every key is a string and every value is a tree of ours: there is nothing to fail on.
    let mut json = json.unwrap_or_else(|error| quote(&error.to_string()));
    json.push('\n');
    harmless_json(json)
}
