//! `kq-ctl plan rollback FILE|ID`: a plan of its own puts back what another has moved.

use std::path::Path;

use kq_proto::admin::v1;
use kq_proto::admin::v1::plan_goal::Goal;

use super::options::{Bounds, Outcome};
use super::{file, flow};
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{PLAN, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// A file that --plan-out wrote, or the id of a plan that was started
    #[arg(value_name = "FILE|ID")]
    plan: String,
    #[command(flatten)]
    bounds: Bounds,
    #[command(flatten)]
    outcome: Outcome,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &PLAN
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let path = Path::new(&args.plan);
    let goal = if path.is_file() {
        let back = |it: v1::PlannedMove| v1::plan_goal::Assignment {
            topic: it.topic,
            partition: it.partition,
            brokers: it.from,
        };
        let partitions = file::read(path)?.moves.into_iter().map(back).collect();
        Goal::Assign(v1::plan_goal::Assignments { partitions })
    } else {
        Goal::Rollback(args.plan.clone())
    };
    flow::carry_out((goal, args.bounds.options(Vec::new())), &args.outcome, session).await
}
