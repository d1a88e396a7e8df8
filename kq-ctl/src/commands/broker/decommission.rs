//! `kq-ctl broker decommission ID`: it is to leave the cluster for good.

use kq_proto::admin::v1::plan_goal::Goal;

use crate::cli;
use crate::commands::plan::flow;
use crate::commands::plan::options::{Bounds, Outcome};
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{PLAN, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Broker id
    #[arg(value_name = "ID", allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(cli::INDEXES))]
    id: u32,
    /// Brokers that get what it holds; all others if none is named
    #[arg(long, value_name = "ID,..", value_delimiter = ',', allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(cli::INDEXES), conflicts_with = "only_brokers")]
    to: Vec<u32>,
    #[command(flatten)]
    bounds: Bounds,
    #[command(flatten)]
    outcome: Outcome,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &PLAN
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let mut options = args.bounds.options(Vec::new());
    options.brokers.extend(&args.to);
    let goal = Goal::Decommission(args.id);
    let mut report = flow::carry_out((goal, options), &args.outcome, session).await?;
    if report.failures.is_empty() && !args.outcome.change.dry_run {
        let id = args.id;
        report.note(format!(
            "then: kq-ctl broker wait {id} --for drained --timeout 1h, stop it, kq-ctl broker unregister {id} --confirm {id}; or back: kq-ctl broker recommission {id}"
        ));
    }
    Ok(report)
}
