//! `--print-config`: every key with its meaning, bounds, default and the value in force, as TOML.

use std::fmt::Write as _;

use super::key::{Key, Kind};
use super::{Statics, keys};

/// A TOML document of the configuration in force; it can be fed back with `--config`.
pub fn explain(statics: &Statics) -> String {
    let mut text = String::from("# The configuration of kq-broker as it would start now.\n");
    for key in keys() {
        explain_key(&mut text, key, statics);
    }
    text
}

fn explain_key(text: &mut String, key: &Key, statics: &Statics) {
    let default = if key.default.is_empty() { "not set" } else { key.default };
    text.push('\n');
    for line in key.doc.split('\n') {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# {}", line.trim());
    }
    let _ = writeln!(text, "# {}; default: {default}", key.range());
    let _ = match statics.get(key.name) {
        Some(given) => {
            let value = literal(key, &given.text);
            writeln!(text, "\"{}\" = {value} # {}", key.name, given.source.word())
        }
        None if key.default.is_empty() => writeln!(text, "#\"{}\" =", key.name),
        None => writeln!(text, "\"{}\" = {}", key.name, literal(key, key.default)),
    };
}

fn literal(key: &Key, plain: &str) -> String {
    match key.kind {
        Kind::Int(..) | Kind::Bytes(..) | Kind::Millis(..) | Kind::Bool => plain.to_owned(),
        Kind::Text | Kind::Path | Kind::Address | Kind::Choice(_) | Kind::List => {
            toml::Value::String(plain.to_owned()).to_string()
        }
    }
}
