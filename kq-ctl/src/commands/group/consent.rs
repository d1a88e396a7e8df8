//! Consent to what members and offsets of groups do not simply get back.

use crate::cli::Change;
use crate::exit::Failure;
use crate::session::{Danger, Session};

/// The groups in words: `group 'a'`, `3 groups: a, b, c`.
pub(super) fn groups(names: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(String::as_str).collect();
    let more = if names.len() > SHOWN { ", .." } else { "" };
    match names {
        [one] => format!("group {one}"),
        _ => format!("{} groups: {}{more}", names.len(), shown.join(", ")),
    }
}

/// Asks unless it is a dry run.
pub(super) async fn to(what: String, change: &Change, session: &Session) -> Result<(), Failure> {
    if change.dry_run {
        return Ok(());
    }
    session.consent(&change.consent, &Danger { what, word: None }).await
}
