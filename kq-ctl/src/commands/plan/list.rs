//! `kq-ctl plan list`

use kq_proto::admin::v1;

use super::rows::started_row;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{PLAN_LIST, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Also plans that have ended
    #[arg(long)]
    all: bool,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &PLAN_LIST
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let answer = cluster.list_plans(v1::ListPlansRequest { all: args.all }).await?;
    let mut report = Report::new(&PLAN_LIST);
    report.extend(answer.plans.iter().map(started_row));
    report.sum("plan_count", report.items.len());
    if report.items.is_empty() && session.view.format.is_table() {
        report.note("no plan runs; --all lists those that have ended");
    }
    Ok(report)
}
