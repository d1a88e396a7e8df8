//! `kq-ctl context prompt`

use crate::exit::Failure;
use crate::output::{Report, row};
use crate::schema::{CONTEXT, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &CONTEXT
}

/// Name and guards of the context in force; nothing without one. Asks no cluster: a prompt must not
/// wait.
#[expect(clippy::unused_async, reason = "every verb has this shape")]
pub(crate) async fn run(_: &Args, session: &Session) -> Result<Report, Failure> {
    let mut report = Report::new(&CONTEXT);
    report.plain = Some(String::new());
    if let Some(context) = &session.settings.context {
        let guards = &session.settings.guards;
        let read_only = if guards.read_only { " ro" } else { "" };
        let protected = if guards.protected { " !" } else { "" };
        report.plain = Some(format!("{}{read_only}{protected}\n", context.value));
        report.push(row! {
            setting: "context",
            value: &context.value,
            origin: context.origin.to_string(),
        });
    }
    Ok(report)
}
