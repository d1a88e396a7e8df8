//! `kq-ctl topic delete NAME.. --keep-for 24h`

use std::time::Duration;

use kq_proto::admin::v1;

use super::rows::{Change, deleted_change};
use crate::cli;
use crate::commands::shared::{Named, by_name, count_words, in_chunks};
use crate::exit::{Exit, Failure};
use crate::output::Report;
use crate::schema::{Schema, TOPIC_CHANGE};
use crate::session::{Danger, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    topics: Named,
    /// How long they stay restorable; the cluster's default unless given, 0s = gone at once
    #[arg(long, value_name = "DURATION", value_parser = cli::duration)]
    #[arg(allow_hyphen_values = true)]
    keep_for: Option<Duration>,
    /// Be content if a topic does not exist
    #[arg(long)]
    if_exists: bool,
    #[command(flatten)]
    change: cli::Change,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &TOPIC_CHANGE
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(args.change.access()).await?;
    let names = args.topics.find(cluster.as_ref()).await?;
    if !args.change.dry_run {
        session.consent(&args.change.consent, &danger(&names, args.keep_for)).await?;
    }
    let mut answer = v1::DeleteTopicsResponse::default();
    let keep_for_ms = args.keep_for.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX));
    let topics: Vec<v1::TopicRef> = names.iter().map(|name| by_name(name)).collect();
    let intent = Some(args.change.intent());
    let call = async |topics| {
        let intent = intent.clone();
        cluster.delete_topics(v1::DeleteTopicsRequest { topics, keep_for_ms, intent }).await
    };
    let stopped = in_chunks(session, "deleting", &topics, call, |mut more| {
        answer.topics.append(&mut more.topics);
        answer.errors.append(&mut more.errors);
    });
    let stopped = stopped.await;
    let mut report = Report::new(&TOPIC_CHANGE);
    let changed = answer.topics.len();
    for topic in &answer.topics {
        report.push(deleted_change(topic, args.change.status("deleted")));
    }
    for failure in answer.errors.into_iter().map(Failure::from) {
        match &failure.item {
            Some(name) if args.if_exists && failure.exit == Exit::NotFound => {
                report.push(absent(name));
            }
            _ => report.failures.push(failure),
        }
    }
    let restorable = restorable(&answer.topics, session.now_ms());
    if !restorable.is_empty() && !args.change.dry_run && session.view.format.is_table() {
        report.note(format!("to undo: kq-ctl topic restore {}", restorable.join(" ")));
    }
    report.fail(stopped);
    args.change.conclude(&mut report, changed);
    Ok(report)
}

/// Those that somebody who reads this can still bring back.
fn restorable(topics: &[v1::DeletedTopic], now_ms: i64) -> Vec<&str> {
    const READING_MS: i64 = 1_000;
    let in_time = |at: i64| now_ms.saturating_add(READING_MS) < at;
    let kept = topics.iter().filter(|topic| topic.purge_at_ms.is_some_and(in_time));
    kept.map(|topic| topic.name.as_str()).collect()
}

fn absent(name: &str) -> crate::output::Row {
    Change {
        name,
        id: None,
        partition_count: None,
        replication_factor: None,
        status: "absent".to_owned(),
        purge_at_ms: None,
    }
    .row()
}

/// What cannot be restored has to be typed out.
fn danger(names: &[String], keep_for: Option<Duration>) -> Danger {
    let for_good = keep_for == Some(Duration::ZERO);
    let how = if for_good { ", at once and for good" } else { "" };
    let word = match names {
        [one] if for_good => Some(one.clone()),
        _ if for_good => Some(names.len().to_string()),
        _ => None,
    };
    Danger { what: format!("delete {}{how}", count_words(names)), word }
}
