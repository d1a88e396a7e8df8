//! `kq-ctl plan status ID`

use std::fmt::Write as _;

use kq_proto::admin::v1;

use super::rows::{count, not_done, status_row};
use crate::exit::Failure;
use crate::output::{ByteStyle, Cell, Report, bytes_text};
use crate::schema::{PLAN_STATUS, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Id of the plan
    #[arg(value_name = "ID")]
    id: String,
    /// Only moves that are under way
    #[arg(long)]
    moving: bool,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &PLAN_STATUS
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let request = v1::GetPlanRequest { id: args.id.clone() };
    let answer = cluster.get_plan(request).await?;
    let plan = answer.plan.unwrap_or_default();
    let mut report = Report::new(&PLAN_STATUS);
    let moves = |it: &&v1::MoveStatus| matches!(it.state.as_str(), "moving" | "returning");
    let now = session.now_ms();
    let shown = answer.moves.iter().filter(|it| !args.moving || moves(it));
    report.extend(shown.map(|it| status_row(it, now)));
    report.sum("id", &plan.id);
    report.sum("state", &plan.state);
    report.sum("move_count", plan.move_count);
    report.sum("done_count", count(&plan, "done"));
    report.sum("not_done_count", not_done(&plan));
    report.sum("bytes_left", plan.bytes_left.map_or(Cell::Null, Cell::Size));
    report.sum("bytes_per_second", plan.rate.map_or(Cell::Null, Cell::Size));
    report.sum("eta_ms", plan.eta_ms.map_or(Cell::Null, Cell::Millis));
    if session.view.format.is_table() {
        report.note(in_words(&plan));
    }
    Ok(report)
}

fn in_words(plan: &v1::PlanStatus) -> String {
    let done = count(plan, "done");
    let mut words = format!("plan {} {}: {done} of {}", plan.id, plan.state, plan.move_count);
    let human = |bytes| bytes_text(bytes, ByteStyle::Human);
    if let Some(left) = plan.bytes_left {
        let _ = write!(words, ", {} left", human(left));
    }
    if let Some(rate) = plan.rate {
        let _ = write!(words, " at {}/s", human(rate));
    }
    if let Some(eta) = plan.eta_ms {
        let _ = write!(words, ", {} to go", crate::output::duration_text(eta));
    }
    words
}
