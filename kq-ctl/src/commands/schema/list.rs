//! `kq-ctl schema list`

use crate::exit::Failure;
use crate::output::{Report, row};
use crate::schema::{ALL, SCHEMA_LIST, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &SCHEMA_LIST
}

#[expect(clippy::unused_async, reason = "every verb has this shape")]
pub(crate) async fn run(_: &Args, _: &Session) -> Result<Report, Failure> {
    let mut report = Report::new(&SCHEMA_LIST);
    report.extend(ALL.iter().map(|schema| row! { kind: schema.kind, doc: schema.doc }));
    Ok(report)
}
