//! `--print-config`: every key with its meaning, bounds, default and the value in force, as TOML.

use std::fmt::Write as _;

use super::{Statics, keys};
use crate::catalogue::{ConfigKey, ConfigType};

/// The longest line of a comment, its mark not counted.
const LINE_CHARS_MAX: usize = 96;

/// A TOML document of the configuration in force; it can be fed back with `--config`.
pub fn explain(statics: &Statics) -> String {
    let mut text = String::from("# The configuration of kq-broker as it would start now.\n");
    for key in keys() {
        explain_key(&mut text, key, statics);
    }
    text
}

fn explain_key(text: &mut String, key: &ConfigKey, statics: &Statics) {
    text.push('\n');
    comment(text, key.doc);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# {}; default: {}", key.range(), key.default.unwrap_or("not set"));
    let _ = match statics.get(key.name) {
        Some(given) => {
            let value = literal(key, &given.text);
            writeln!(text, "\"{}\" = {value} # {}", key.name, given.source.word())
        }
        None => match key.default {
            None => writeln!(text, "#\"{}\" =", key.name),
            Some(default) => writeln!(text, "\"{}\" = {}", key.name, literal(key, default)),
        },
    };
}

fn comment(text: &mut String, words: &str) {
    let mut line = String::from("#");
    for word in words.split_whitespace() {
        if line.chars().count() + word.chars().count() > LINE_CHARS_MAX {
            text.push_str(&line);
            text.push('\n');
            line.truncate(1);
        }
        line.push(' ');
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

fn literal(key: &ConfigKey, plain: &str) -> String {
    match key.kind {
        ConfigType::Boolean
        | ConfigType::Short
        | ConfigType::Int
        | ConfigType::Long
        | ConfigType::Double => plain.to_owned(),
        ConfigType::String | ConfigType::List => toml::Value::String(plain.to_owned()).to_string(),
    }
}
