//! Kinds of `config`.

use super::{Field, Layout, Schema, Type};

const fn text(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Text, name, header, doc)
}

const RESOURCE_TYPE: Field = text("type", "TYPE", "topic, broker or cluster");
const RESOURCE: Field = text("name", "NAME", "name of the resource; empty for cluster");
const KEY: Field = text("key", "KEY", "configuration key");
const VALUE: Field = text("value", "VALUE", "value in force; null = none, or withheld").nullable();
const SOURCE: Field = text(
    "source",
    "SOURCE",
    "dynamic_topic, dynamic_broker, dynamic_cluster, static_broker or default",
);

/// Rows of `topic describe --configs`.
pub(super) const CONFIG_ROW: &[Field] = &[
    KEY,
    VALUE,
    SOURCE,
    text("default", "DEFAULT", "value if nothing were set anywhere").nullable(),
];

pub(crate) const CONFIG: Schema = Schema {
    kind: "Config",
    doc: "Configuration keys with where their values come from and what they mean.",
    layout: Layout::Rows,
    key: &["type", "name", "key"],
    fields: &[
        RESOURCE_TYPE.named(),
        RESOURCE.named(),
        KEY,
        VALUE,
        SOURCE,
        text("default", "DEFAULT", "value if nothing were set anywhere").nullable(),
        text(
            "value_type",
            "VALUE-TYPE",
            "boolean, string, int, short, long, double, list, class or password",
        ),
        text("bounds", "BOUNDS", "accepted values").nullable(),
        Field::of(Type::Bool, "dynamic", "DYNAMIC", "can be changed while brokers run"),
        Field::of(
            Type::Bool,
            "restart",
            "RESTART",
            "takes force only when the broker starts again",
        ),
        Field::of(Type::Bool, "sensitive", "SENSITIVE", "the value is withheld").named(),
        Field::of(
            Type::Rows(SYNONYM),
            "synonyms",
            "SYNONYMS",
            "where the value was looked for, in order",
        )
        .named(),
        text("doc", "DOC", "what it does").nullable().wide(),
    ],
    summary: &[],
};

const SYNONYM: &[Field] = &[KEY, VALUE, SOURCE];

pub(crate) const CONFIG_VALUES: Schema = Schema {
    kind: "ConfigValues",
    doc: "Configuration values in force.",
    layout: Layout::Rows,
    key: &["type", "name", "key"],
    fields: &[RESOURCE_TYPE.wide(), RESOURCE.wide(), KEY, VALUE, SOURCE.wide()],
    summary: &[],
};

pub(crate) const CONFIG_CHANGE: Schema = Schema {
    kind: "ConfigChange",
    doc: "Configuration that changed, or with --dry-run would change.",
    layout: Layout::Rows,
    key: &["type", "name", "key"],
    fields: &[
        RESOURCE_TYPE,
        RESOURCE,
        KEY,
        text("old", "OLD", "value before").nullable(),
        text("new", "NEW", "value after").nullable(),
        text("status", "STATUS", "changed or would_change"),
    ],
    summary: &[
        Field::of(Type::Int, "changed_count", "CHANGED", "values that changed, or would"),
        Field::of(Type::Bool, "dry_run", "DRY-RUN", "nothing was done"),
    ],
};

pub(crate) const CONFIG_DIFF: Schema = Schema {
    kind: "ConfigDiff",
    doc: "Keys whose values differ from the defaults, or between two resources.",
    layout: Layout::Rows,
    key: &["key"],
    fields: &[
        KEY,
        text("left", "LEFT", "the default, or the value of the first resource").nullable(),
        text("right", "RIGHT", "the value in force, or that of the second resource").nullable(),
        SOURCE,
    ],
    summary: &[Field::of(Type::Int, "difference_count", "DIFFERENCES", "keys that differ")],
};
