//! A configuration: each key, its value, where that comes from, and the default where it is another
//! one. Secrets are told as such and never shown.

use kq_proto::admin::v1::{ConfigEntry, ConfigType};

use super::table_and_panel;
use crate::model::configs::{differs, is_set, source_word};
use crate::model::words::{HIDDEN, config};
use crate::model::{Column, Row, State};
use crate::view::canvas::{Canvas, Side};
use crate::view::figures::{NONE, plain};
use crate::view::grid::{self, Shown, Spec};
use crate::view::theme::Tint;

pub(super) const SPECS: [Spec; 7] = [
    grid::words(Column::Name, 35, 0),
    grid::plain("VALUE", 17, 0, Side::Left),
    grid::words(Column::Source, 8, 1),
    grid::words(Column::Differs, 14, 2),
    grid::plain("CHANGE", 7, 3, Side::Left),
    grid::plain("TYPE", 8, 5, Side::Left),
    grid::plain("ACCEPTED", 40, 4, Side::Left),
];

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) {
    let words = |row: &Row| match entry(state, row) {
        Some(it) => ("KEY", config(it)),
        None => ("", Vec::new()),
    };
    let top = late(canvas, state);
    let height = canvas.height();
    let body = &mut canvas.lines(top, height.saturating_sub(top));
    table_and_panel(body, state, &SPECS, |row, at| cell(state, row, at), words);
}

/// What is shown is old where it was not told again; answers how many lines saying so takes.
fn late(canvas: &mut Canvas<'_>, state: &State) -> u16 {
    let Some(why) = state.configs.failure.as_ref().filter(|_| !state.table.rows.is_empty()) else {
        return 0;
    };
    let texts = [("x ", Tint::Bad), ("not told again: ", Tint::Bad), (why.as_str(), Tint::Bad)];
    canvas.texts(1, 0, texts);
    1
}

fn entry<'a>(state: &'a State, row: &Row) -> Option<&'a ConfigEntry> {
    let Row::Config(at) = row else { return None };
    state.configs.entries.get(*at)
}

pub(super) fn cell<'a>(state: &'a State, row: &Row, at: usize) -> Shown<'a> {
    let Some(it) = entry(state, row) else { return NONE };
    let tint = if is_set(it) { Tint::Key } else { Tint::Plain };
    match at {
        0 => plain(it.key.as_str()),
        1 if it.sensitive => (HIDDEN.into(), Tint::Unknown),
        1 => value(it.value.as_deref(), tint),
        2 => (source_word(it.source()).into(), tint),
        3 => match differs(it) {
            Some(true) => value(it.default_value.as_deref(), Tint::Warn),
            // The same.
            Some(false) => ("=".into(), Tint::Dim),
            None => NONE,
        },
        4 if it.restart_required => plain("restart"),
        4 if it.read_only => plain("never"),
        4 => plain("at once"),
        5 => plain(kind(it.r#type())),
        _ => plain(it.bounds.as_str()),
    }
}

/// Nothing at all is something else than an empty text.
fn value(it: Option<&str>, tint: Tint) -> Shown<'_> {
    match it {
        None => NONE,
        Some("") => ("\"\"".into(), tint),
        Some(it) => (it.into(), tint),
    }
}

const fn kind(it: ConfigType) -> &'static str {
    match it {
        ConfigType::Boolean => "boolean",
        ConfigType::String => "string",
        ConfigType::Int => "int",
        ConfigType::Short => "short",
        ConfigType::Long => "long",
        ConfigType::Double => "double",
        ConfigType::List => "list",
        ConfigType::Class => "class",
        ConfigType::Password => "password",
        ConfigType::Unspecified => "?",
    }
}
