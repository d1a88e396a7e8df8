//! `kq-ctl cluster rebalance`

use kq_proto::admin::v1::plan_goal::Goal;

use crate::commands::partition::reassign::scope_of;
use crate::commands::place::Place;
use crate::commands::plan::flow;
use crate::commands::plan::options::{Bounds, Objective, Outcome};
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{PLAN, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Only these partitions or topics
    #[arg(value_name = "TOPIC[/P]", add = crate::complete::topics())]
    places: Vec<Place>,
    /// What is made even
    #[arg(long, value_enum, value_name = "WHAT", default_value = "bytes")]
    objective: Objective,
    #[command(flatten)]
    bounds: Bounds,
    #[command(flatten)]
    outcome: Outcome,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &PLAN
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let scope = args.places.iter().map(scope_of).collect();
    let goal = Goal::Balance(args.objective.wire().into());
    flow::carry_out((goal, args.bounds.options(scope)), &args.outcome, session).await
}
