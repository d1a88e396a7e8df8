//! `kq-ctl topic protect NAME.. --reason TEXT`

use kq_proto::admin::v1;

use super::rows::Change;
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
    if args.change.reason.as_ref().is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Failure::usage(
            "protection needs a reason: it is what a refused operator reads",
        )
        .hint("--reason 'source of the ledger'"));
    }
    let cluster = session.cluster(args.change.access()).await?;
    let names = args.topics.find(cluster.as_ref()).await?;
    let request = v1::ProtectTopicsRequest {
        topics: names.iter().map(|name| by_name(name)).collect(),
        intent: Some(args.change.intent()),
    };
    let answer = cluster.protect_topics(request).await?;
    Ok(report(&answer.topics, answer.errors, &args.change, "protected"))
}

/// What became of protection, for both directions.
pub(super) fn report(
    topics: &[v1::TopicProtection],
    errors: Vec<v1::ItemError>,
    change: &cli::Change,
    done: &str,
) -> Report {
    let mut report = Report::new(&TOPIC_CHANGE);
    for topic in topics {
        let status = if topic.changed { change.status(done) } else { "unchanged".to_owned() };
        let row = Change {
            name: &topic.name,
            id: Some(&topic.id),
            partition_count: None,
            replication_factor: None,
            status,
            purge_at_ms: None,
        };
        report.push(row.row());
    }
    let changed = topics.iter().filter(|topic| topic.changed).count();
    report.fail(errors);
    change.conclude(&mut report, changed);
    report
}
