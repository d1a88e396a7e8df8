//! `kq-ctl plan apply FILE`

use std::path::PathBuf;

use kq_proto::admin::v1;

use super::options::Outcome;
use super::{file, flow, rows};
use crate::cli;
use crate::commands::offset;
use crate::commands::waiting::Wait;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{OFFSET_RESET, PLAN, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// A file that --plan-out wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A rule that is not to stop the plan, as KQ-S004; may be given again
    #[arg(long = "override", value_name = "RULE", value_parser = super::options::rule)]
    overrides: Vec<String>,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    change: cli::Change,
}

pub(crate) fn schema(args: &Args) -> &'static Schema {
    if offset::document::is_one(&args.file) { &OFFSET_RESET } else { &PLAN }
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    if offset::document::is_one(&args.file) {
        return offset::flow::apply_file(&args.file, &args.change, session).await;
    }
    let mut plan = file::read(&args.file)?;
    plan.overrides.extend(args.overrides.iter().cloned());
    let cluster = session.cluster(args.change.access()).await?;
    // Judged as it stands now: what changed since it was made is told before anyone consents.
    let request = v1::ApplyPlanRequest {
        plan: Some(plan.clone()),
        overrides: plan.overrides.clone(),
        intent: Some(v1::Intent { reason: String::new(), dry_run: true }),
    };
    flow::apply(cluster.as_ref(), request).await?;
    let mut report = flow::shown(&plan);
    if args.change.dry_run {
        report.note(rows::headline(&plan));
        args.change.conclude(&mut report, plan.moves.len());
        return Ok(report);
    }
    let outcome = Outcome { plan_out: None, wait: args.wait.clone(), change: args.change.clone() };
    flow::start(&plan, &outcome, (cluster.as_ref(), session), report).await
}
