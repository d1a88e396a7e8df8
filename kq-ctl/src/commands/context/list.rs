//! `kq-ctl context list`

use crate::exit::Failure;
use crate::output::{Cell, Report, row};
use crate::schema::{CONTEXT_LIST, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &CONTEXT_LIST
}

#[expect(clippy::unused_async, reason = "every verb has this shape")]
pub(crate) async fn run(_: &Args, session: &Session) -> Result<Report, Failure> {
    let file = super::file(session)?;
    let mut report = Report::new(&CONTEXT_LIST);
    let current = session.context_name().map(str::to_owned).or(file.current);
    report.extend(file.contexts.iter().map(|(name, context)| {
        row! {
            name: name,
            current: current.as_deref() == Some(name),
            brokers: Cell::list(context.brokers.iter().map(String::as_str)),
            cluster_id: context.cluster_id.clone(),
            read_only: context.read_only,
            protected: context.protected,
        }
    }));
    if report.items.is_empty() {
        report.note("no contexts yet: kq-ctl context add NAME --brokers HOST:PORT");
    }
    report.sum("file", session.settings.config_file.display().to_string());
    Ok(report)
}
