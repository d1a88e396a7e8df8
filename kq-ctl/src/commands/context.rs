//! `kq-ctl context ...`

pub(crate) mod add;
pub(crate) mod check;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod prompt;
pub(crate) mod rename;
pub(crate) mod show;
pub(crate) mod use_;

use super::verbs;
use crate::exit::Failure;
use crate::output::{Report, Row, row};
use crate::schema::CONTEXT_CHANGE;
use crate::session::Session;
use crate::settings::File;

verbs! {
    /// List contexts
    List(list) = "list",
    /// Use a context from now on
    Use(use_) = "use",
    /// Add a context, or change one
    Add(add) = "add",
    /// Show the settings in force, with --origin where each comes from
    Show(show) = "show",
    /// Rename a context
    Rename(rename) = "rename",
    /// Delete a context; its cluster is not touched
    Delete(delete) = "delete",
    /// See whether the cluster answers and is the right one
    Check(check) = "check",
    /// Print what a shell prompt may show
    Prompt(prompt) = "prompt",
}

/// The user's file as it is now.
fn file(session: &Session) -> Result<File, Failure> {
    Ok(File::read(&session.settings.config_file)?)
}

fn known(name: &str, file: &File) -> Result<(), Failure> {
    if file.contexts.contains_key(name) {
        return Ok(());
    }
    let names: Vec<&str> = file.contexts.keys().map(String::as_str).collect();
    let hint = if names.is_empty() {
        format!("kq-ctl context add {name} --brokers HOST:PORT")
    } else {
        format!("one of: {}", names.join(", "))
    };
    Err(Failure::new("kq.NOT_FOUND", format!("no context '{name}'")).hint(hint))
}

fn change_row(name: &str, status: &str, session: &Session) -> Row {
    row! { name: name, status: status, file: session.settings.config_file.display().to_string() }
}

fn changed(name: &str, status: &str, session: &Session) -> Report {
    let mut report = Report::new(&CONTEXT_CHANGE);
    report.push(change_row(name, status, session));
    report
}

/// Names stand in flags, prompts and file names.
fn check_name(name: &str) -> Result<(), Failure> {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if plain && !name.is_empty() && !name.starts_with('-') {
        return Ok(());
    }
    Err(Failure::usage(format!("'{name}' is no name for a context"))
        .hint("letters, digits, '.', '_' and '-'"))
}
