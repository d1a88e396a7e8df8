//! `kq-ctl leader policy freeze TOPIC..|--all --reason TEXT [--until 2h]`

use std::time::Duration;

use kq_proto::admin::v1;

use super::{Targets, changed};
use crate::cli;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{LEADER_POLICY_CHANGE, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    targets: Targets,
    /// For how long, as 2h; until 'unfreeze' unless given
    #[arg(long, value_name = "DURATION", value_parser = cli::timeout, alias = "for")]
    #[arg(allow_hyphen_values = true)]
    until: Option<Duration>,
    #[command(flatten)]
    change: cli::Change,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &LEADER_POLICY_CHANGE
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    if args.change.reason.as_ref().is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Failure::usage("a freeze needs a reason: it is what a refused operator reads")
            .hint("--reason 'load test until noon'"));
    }
    let cluster = session.cluster(args.change.access()).await?;
    let targets = args.targets.find(cluster.as_ref()).await?;
    let request = v1::FreezeLeadersRequest {
        targets: Some(targets),
        for_ms: args.until.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX)),
        intent: Some(args.change.intent()),
    };
    let answer = cluster.freeze_leaders(request).await?;
    Ok(changed(&answer.policies, answer.errors, (&args.change, "frozen")))
}
