//! `kq-ctl schema show KIND`

use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{ALL, SCHEMA_LIST, Schema, json_schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Name of the kind, as 'schema list' shows it
    #[arg(value_name = "KIND")]
    kind: String,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &SCHEMA_LIST
}

/// The schema itself is the document, in every format.
#[expect(clippy::unused_async, reason = "every verb has this shape")]
pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let found = ALL.iter().find(|schema| schema.kind.eq_ignore_ascii_case(&args.kind));
    let Some(schema) = found else {
        return Err(Failure::new("kq.NOT_FOUND", format!("no kind '{}'", args.kind))
            .hint("kq-ctl schema list"));
    };
    let text = serde_json::to_string_pretty(&json_schema(schema)).unwrap_or_default();
    session.out.borrow_mut().data(format!("{text}\n").as_bytes())?;
    let mut report = Report::new(&SCHEMA_LIST);
    report.printed = true;
    Ok(report)
}
