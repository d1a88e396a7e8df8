//! `kq-ctl topic purge NAME|ID..`

use kq_proto::admin::v1;

use super::restore::{all_deleted, named};
use super::rows::deleted_change;
use crate::cli;
use crate::commands::shared::count_words;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{Schema, TOPIC_CHANGE};
use crate::session::{Danger, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Names or ids of deleted topics; 'topic list --deleted' shows them
    #[arg(value_name = "NAME|ID", required = true)]
    topics: Vec<String>,
    #[command(flatten)]
    change: cli::Change,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &TOPIC_CHANGE
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(args.change.access()).await?;
    if !args.change.dry_run {
        session.consent(&args.change.consent, &danger(&args.topics)).await?;
    }
    let deleted = all_deleted(cluster.as_ref()).await?;
    let request = v1::PurgeTopicsRequest {
        topics: args.topics.iter().map(|text| named(text, &deleted)).collect(),
        intent: Some(args.change.intent()),
    };
    let answer = cluster.purge_topics(request).await?;
    let mut report = Report::new(&TOPIC_CHANGE);
    for topic in &answer.topics {
        report.push(deleted_change(topic, args.change.status("purged")));
    }
    report.fail(answer.errors);
    args.change.conclude(&mut report, answer.topics.len());
    Ok(report)
}

fn danger(topics: &[String]) -> Danger {
    let word = match topics {
        [one] => one.clone(),
        _ => topics.len().to_string(),
    };
    Danger { what: format!("purge {} for good", count_words(topics)), word: Some(word) }
}
