//! `kq-ctl broker undrain ID..`: the end of a drain.

use kq_proto::admin::v1;

use super::change::{Ids, report};
use crate::cli;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{BROKER_CHANGE, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    uncordon: Uncordon,
}

/// Brokers that are to have new replicas again.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Uncordon {
    #[command(flatten)]
    brokers: Ids,
    #[command(flatten)]
    change: cli::Change,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &BROKER_CHANGE
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let_in(&args.uncordon, "undrained", session).await
}

/// Lets brokers have new replicas again.
pub(super) async fn let_in(
    args: &Uncordon,
    done: &str,
    session: &Session,
) -> Result<Report, Failure> {
    let cluster = session.cluster(args.change.access()).await?;
    let ids = &args.brokers.ids;
    let request =
        v1::UncordonBrokersRequest { brokers: ids.clone(), intent: Some(args.change.intent()) };
    let answer = cluster.uncordon_brokers(request).await?;
    let has_changed = answer.brokers.iter().any(|it| it.changed);
    let mut report = report(&answer.brokers, answer.errors, (&args.change, done));
    if has_changed && !args.change.dry_run && session.view.format.is_table() {
        report.note(
            "they take new replicas again; what has moved away comes back by kq-ctl cluster rebalance",
        );
    }
    Ok(report)
}
