//! `kq-ctl broker drain ID`: it keeps nothing, and gets nothing new meanwhile.

use kq_proto::admin::v1;
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
    /// Only its leaders move; its replicas stay
    #[arg(long)]
    leaders_only: bool,
    #[command(flatten)]
    bounds: Bounds,
    #[command(flatten)]
    outcome: Outcome,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &PLAN
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let goal =
        Goal::Drain(v1::plan_goal::Drain { broker: args.id, leaders_only: args.leaders_only });
    let mut report =
        flow::carry_out((goal, args.bounds.options(Vec::new())), &args.outcome, session).await?;
    if report.failures.is_empty() && !args.outcome.change.dry_run {
        report.note(match report.summed_text("id") {
            Some(plan) if args.leaders_only => {
                format!("to let it lead again what it led: kq-ctl plan rollback {plan}")
            }
            _ => format!("to take it back in: kq-ctl broker undrain {}", args.id),
        });
    }
    Ok(report)
}
