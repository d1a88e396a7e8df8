//! `kq-ctl broker unregister ID..`

use kq_proto::admin::v1;

use super::change::{Ids, report, words};
use crate::cli;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{BROKER_CHANGE, Schema};
use crate::session::{Danger, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    brokers: Ids,
    #[command(flatten)]
    change: cli::Change,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &BROKER_CHANGE
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(args.change.access()).await?;
    let ids = &args.brokers.ids;
    if !args.change.dry_run {
        let word = match ids.as_slice() {
            [one] => one.to_string(),
            many => many.len().to_string(),
        };
        let danger = Danger { what: format!("forget {} for good", words(ids)), word: Some(word) };
        session.consent(&args.change.consent, &danger).await?;
    }
    let request =
        v1::UnregisterBrokersRequest { brokers: ids.clone(), intent: Some(args.change.intent()) };
    let answer = cluster.unregister_brokers(request).await?;
    Ok(report(&answer.brokers, answer.errors, (&args.change, "unregistered")))
}
