//! `kq-ctl plan status ID -w`

use kq_proto::admin::v1;

use super::follow::follow;
use super::rows::{count, left_words, not_done, status_row};
use crate::exit::Failure;
use crate::output::{Cell, Report};
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
    let answer = match session.follows().filter(|_| session.view.format.is_table()) {
        Some(every) => follow(&args.id, every, cluster.as_ref(), session).await?,
        None => cluster.get_plan(v1::GetPlanRequest { id: args.id.clone() }).await?,
    };
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

pub(super) fn in_words(plan: &v1::PlanStatus) -> String {
    let done = count(plan, "done");
    let words = format!("plan {} {}: {done} of {}", plan.id, plan.state, plan.move_count);
    format!("{words}{}", left_words(plan))
}
