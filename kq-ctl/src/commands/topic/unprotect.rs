//! `kq-ctl topic unprotect NAME..`

use kq_proto::admin::v1;

use crate::cli;
use crate::commands::shared::{Named, by_name};
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{Schema, TOPIC_CHANGE};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    topics: Named,
    #[command(flatten)]
    change: cli::Change,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &TOPIC_CHANGE
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(args.change.access()).await?;
    let names = args.topics.find(cluster.as_ref()).await?;
    let request = v1::UnprotectTopicsRequest {
        topics: names.iter().map(|name| by_name(name)).collect(),
        intent: Some(args.change.intent()),
    };
    let answer = cluster.unprotect_topics(request).await?;
    Ok(super::protect::report(&answer.topics, answer.errors, &args.change, "unprotected"))
}
