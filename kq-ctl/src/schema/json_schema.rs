//! A kind as JSON Schema, for `schema show` and `--as-json-schema`.

use serde_json::{Map, Value, json};

use super::{Field, Schema, Type, VERSION};

/// The whole document of a kind: envelope and items.
pub(crate) fn json_schema(schema: &Schema) -> Value {
    let nullable_text = json!({"type": ["string", "null"]});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": schema.kind,
        "description": schema.doc,
        "type": "object",
        "required":
            [
            "kind", "schema", "context", "cluster_id", "at", "stale_ms", "items", "summary", "next",
            "errors",
        ],
        "properties": {
            "kind": {"const": schema.kind},
            "schema": {"const": VERSION},
            "context": nullable_text,
            "cluster_id": nullable_text,
            "at": {"type": "string", "format": "date-time"},
            "stale_ms": {
                "type": ["integer", "null"],
                "description":
                    "for how long the broker that answered has lost the controller: what it told \
                     may be as old",
            },
            "items": {"type": "array", "items": object(schema.fields, false)},
            "summary": object(schema.summary, true),
            "next": {"type": ["string", "null"], "description": "pass to --after for the next page"},
            "errors": {"type": "array", "items": error()},
        },
    })
}

fn error() -> Value {
    json!({
        "type": "object",
        "required": ["item", "code", "message", "hint", "retriable"],
        "properties": {
            "item": {"type": ["string", "null"]},
            "code": {"type": "string"},
            "message": {"type": "string"},
            "hint": {"type": ["string", "null"]},
            "retriable": {"type": "boolean"},
        },
    })
}

/// A command that failed has no summary to give: its fields are null.
fn object(fields: &[Field], nullable: bool) -> Value {
    let mut properties = Map::new();
    for field in fields {
        properties.insert(field.name.to_owned(), property(field, nullable));
    }
    let required: Vec<&str> = fields.iter().map(|field| field.name).collect();
    json!({"type": "object", "required": required, "properties": properties})
}

fn property(field: &Field, nullable: bool) -> Value {
    let (name, mut value) = shape(field.ty);
    let name = if field.nullable || nullable { json!([name, "null"]) } else { json!(name) };
    if let Some(map) = value.as_object_mut() {
        map.insert("type".to_owned(), name);
        map.insert("description".to_owned(), json!(field.doc));
    }
    value
}

fn shape(ty: Type) -> (&'static str, Value) {
    match ty {
        Type::Bool => ("boolean", json!({})),
        Type::Int => ("integer", json!({})),
        Type::Rate => ("number", json!({"minimum": 0, "x-unit": "1/s"})),
        Type::Text => ("string", json!({})),
        Type::Time => ("string", json!({"format": "date-time"})),
        Type::Size => ("integer", json!({"minimum": 0, "x-unit": "bytes"})),
        Type::Millis => ("integer", json!({"minimum": 0, "x-unit": "ms"})),
        Type::Ints => ("array", json!({"items": {"type": "integer"}})),
        Type::Texts => ("array", json!({"items": {"type": "string"}})),
        Type::Rows(fields) => ("array", json!({"items": object(fields, false)})),
        Type::Pairs => ("object", json!({})),
    }
}
