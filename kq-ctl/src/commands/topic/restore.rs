//! `kq-ctl topic restore NAME|ID..`

use kq_proto::admin::v1;

use super::rows::Change;
use crate::cli;
use crate::cluster::Cluster;
use crate::commands::shared::{by_name, id_text, in_chunks, parse_id};
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{Schema, TOPIC_CHANGE};
use crate::session::Session;

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
    let deleted = all_deleted(cluster.as_ref()).await?;
    let topics: Vec<v1::TopicRef> = args.topics.iter().map(|text| named(text, &deleted)).collect();
    let mut answer = v1::RestoreTopicsResponse::default();
    let intent = Some(args.change.intent());
    let call = async |topics| {
        cluster.restore_topics(v1::RestoreTopicsRequest { topics, intent: intent.clone() }).await
    };
    let stopped = in_chunks(session, "restoring", &topics, call, |mut more| {
        answer.topics.append(&mut more.topics);
        answer.errors.append(&mut more.errors);
    });
    let stopped = stopped.await;
    let mut report = Report::new(&TOPIC_CHANGE);
    for topic in &answer.topics {
        let change = Change {
            name: &topic.name,
            id: Some(&topic.id),
            partition_count: Some(topic.partition_count),
            replication_factor: Some(topic.replication_factor),
            status: args.change.status("restored"),
            purge_at_ms: None,
        };
        report.push(change.row());
    }
    report.fail(answer.errors);
    report.fail(stopped);
    args.change.conclude(&mut report, answer.topics.len());
    Ok(report)
}

/// By id if a deleted topic has that id, else by name: a name may look like an id.
pub(super) fn named(text: &str, deleted: &[v1::DeletedTopic]) -> v1::TopicRef {
    match parse_id(text) {
        Ok(id) if deleted.iter().any(|it| id_text(&it.id) == text || matches_id(&id, it)) => id,
        _ => by_name(text),
    }
}

fn matches_id(id: &v1::TopicRef, topic: &v1::DeletedTopic) -> bool {
    matches!(&id.by, Some(v1::topic_ref::By::Id(bytes)) if *bytes == topic.id)
}

/// Everything that can be restored, page by page.
pub(super) async fn all_deleted(cluster: &dyn Cluster) -> Result<Vec<v1::DeletedTopic>, Failure> {
    let mut all = Vec::new();
    let mut after = String::new();
    loop {
        let page = Some(v1::PageRequest { size: 0, after: after.clone() });
        let mut answer = cluster.list_deleted(v1::ListDeletedTopicsRequest { page }).await?;
        all.append(&mut answer.topics);
        if answer.next.is_empty() || answer.next == after {
            return Ok(all);
        }
        after = answer.next;
    }
}
