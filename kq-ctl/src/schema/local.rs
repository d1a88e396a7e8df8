//! Kinds of commands that need no cluster: `context`, `schema`, `help`, `completion`; and the document
//! of a command line that could not be read.

use super::{Field, Layout, Schema, Type};

const fn text(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Text, name, header, doc)
}

const fn flag(name: &'static str, header: &'static str, doc: &'static str) -> Field {
    Field::of(Type::Bool, name, header, doc)
}

pub(crate) const ERROR: Schema = Schema {
    kind: "Error",
    doc: "A command that could not be understood or begun; see errors.",
    layout: Layout::Rows,
    key: &[],
    fields: &[],
    summary: &[],
};

pub(crate) const CONTEXT_LIST: Schema = Schema {
    kind: "ContextList",
    doc: "Contexts of the configuration file.",
    layout: Layout::Rows,
    key: &["name"],
    fields: &[
        text("name", "NAME", "name of the context"),
        flag("current", "CURRENT", "in use unless told otherwise"),
        Field::of(Type::Texts, "brokers", "BROKERS", "where to begin"),
        text("cluster_id", "CLUSTER-ID", "pinned at first use").nullable(),
        flag("read_only", "READ-ONLY", "commands that change anything are refused"),
        flag("protected", "PROTECTED", "destructive commands want --confirm NAME"),
    ],
    summary: &[text("file", "FILE", "the configuration file")],
};

pub(crate) const CONTEXT: Schema = Schema {
    kind: "Context",
    doc: "Settings in force, and with --origin where each comes from.",
    layout: Layout::Rows,
    key: &["setting"],
    fields: &[
        text("setting", "SETTING", "name of the setting"),
        text("value", "VALUE", "value in force").nullable(),
        text("origin", "ORIGIN", "flag, environment variable, file or default").wide(),
    ],
    summary: &[],
};

pub(crate) const CONTEXT_CHANGE: Schema = Schema {
    kind: "ContextChange",
    doc: "What became of a context.",
    layout: Layout::Rows,
    key: &["name"],
    fields: &[
        text("name", "NAME", "name of the context"),
        text(
            "status",
            "STATUS",
            "added, in_use, renamed, deleted, unchanged; would_... on a dry run",
        ),
        text("file", "FILE", "the configuration file"),
    ],
    summary: &[],
};

pub(crate) const CONTEXT_CHECK: Schema = Schema {
    kind: "ContextCheck",
    doc: "Whether the cluster of a context answers.",
    layout: Layout::Rows,
    key: &["name"],
    fields: &[
        text("name", "NAME", "name of the context").nullable(),
        text("broker", "BROKER", "broker that answered"),
        text("cluster_id", "CLUSTER-ID", "cluster that answered").nullable(),
        text("pin", "PIN", "matches, pinned_now or none"),
        Field::of(Type::Millis, "elapsed_ms", "ELAPSED", "time to connect and answer"),
    ],
    summary: &[],
};

pub(crate) const SCHEMA_LIST: Schema = Schema {
    kind: "SchemaList",
    doc: "Kinds of documents that kq-ctl prints.",
    layout: Layout::Rows,
    key: &["kind"],
    fields: &[text("kind", "KIND", "name of the kind"), text("doc", "DOC", "what it holds")],
    summary: &[],
};

pub(crate) const COMMAND_TREE: Schema = Schema {
    kind: "CommandTree",
    doc: "Every command with its flags.",
    layout: Layout::Rows,
    key: &["command"],
    fields: &[
        text("command", "COMMAND", "the command without its arguments"),
        text("about", "ABOUT", "what it does"),
        Field::of(Type::Rows(FLAG), "args", "ARGS", "its arguments").named(),
    ],
    summary: &[],
};

const FLAG: &[Field] = &[
    text("name", "NAME", "long flag, or name of the value"),
    text("short", "SHORT", "short flag").nullable(),
    text("value", "VALUE", "name of its value").nullable(),
    flag("required", "REQUIRED", "must be given"),
    flag("repeatable", "REPEATABLE", "may be given more than once"),
    Field::of(Type::Texts, "choices", "CHOICES", "accepted values, if closed"),
    text("doc", "DOC", "what it does").nullable(),
];

pub(crate) const COMPLETION: Schema = Schema {
    kind: "Completion",
    doc: "A script that teaches a shell to complete kq-ctl.",
    layout: Layout::Rows,
    key: &["shell"],
    fields: &[
        text("shell", "SHELL", "name of the shell"),
        text("file", "FILE", "where it was written").nullable(),
        text("script", "SCRIPT", "the script").named(),
    ],
    summary: &[],
};
