//! `kq-ctl leader policy unfreeze TOPIC..|--all`

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
    #[command(flatten)]
    change: cli::Change,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &LEADER_POLICY_CHANGE
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(args.change.access()).await?;
    let targets = args.targets.find(cluster.as_ref()).await?;
    let request =
        v1::UnfreezeLeadersRequest { targets: Some(targets), intent: Some(args.change.intent()) };
    let answer = cluster.unfreeze_leaders(request).await?;
    Ok(changed(&answer.policies, answer.errors, (&args.change, "unfrozen")))
}
