//! `kq-ctl offset delete GROUP.. (-t TOPIC[:P,P] | --all-topics)`

use kq_proto::admin::v1;
use kq_proto::admin::v1::reset_target::To;

use super::flow::{Outcome, carry_out};
use super::scope::Scope;
use crate::commands::group::named::Named;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{OFFSET_RESET, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    groups: Named,
    #[command(flatten)]
    scope: Scope,
    /// While members are at work: put them out, in one step with the deletion; they come back
    #[arg(long)]
    live: bool,
    #[command(flatten)]
    outcome: Outcome,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &OFFSET_RESET
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let (scope, all_topics) = args.scope.of(false)?;
    let cluster = session.cluster(args.outcome.access()).await?;
    let groups = args.groups.find(cluster.as_ref()).await?;
    let request = |group| v1::ProposeResetRequest {
        group,
        scope: scope.clone(),
        all_topics,
        live: args.live,
        target: Some(v1::ResetTarget { to: Some(To::Delete(true)) }),
        typed: "delete".to_owned(),
        ..v1::ProposeResetRequest::default()
    };
    carry_out(groups.into_iter().map(request).collect(), &args.outcome, session).await
}
