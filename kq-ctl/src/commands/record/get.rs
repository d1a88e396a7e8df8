//! `kq-ctl record get T/P@OFFSET..`

use kq_proto::admin::v1;

use super::rows::record_row;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{RECORD_LIST, Schema};
use crate::session::{Access, Session};
use crate::spec::record_ref;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Records, as orders/3@42
    #[arg(value_name = "TOPIC/PARTITION@OFFSET", required = true, value_parser = record_ref)]
    records: Vec<v1::RecordRef>,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &RECORD_LIST
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let request = v1::GetRecordsRequest { records: args.records.clone() };
    let answer = cluster.get_records(request).await?;
    let mut report = Report::new(&RECORD_LIST);
    report.extend(answer.records.iter().map(record_row));
    report.fail(answer.errors);
    report.sum("record_count", report.items.len());
    Ok(report)
}
