//! `kq-ctl topic compact NAME..`

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use kq_proto::admin::v1::{self, CompactionState, ReplicaCompaction};

use crate::cli;
use crate::cluster::Cluster;
use crate::commands::shared::{Named, count_words, time_cell};
use crate::commands::waiting::{Subject, Wait, Waiting};
use crate::exit::Failure;
use crate::output::{Cell, Report, Row, row};
use crate::schema::{Schema, TOPIC_COMPACTION, TOPIC_WAIT};
use crate::session::{Danger, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    topics: Named,
    /// Only these partitions, as 0,3
    #[arg(short, long, value_name = "P,P", value_delimiter = ',')]
    #[arg(value_parser = cli::whole(cli::INDEXES))]
    partitions: Vec<u32>,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    change: cli::Change,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &TOPIC_COMPACTION
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(args.change.access()).await?;
    let names = args.topics.find(cluster.as_ref()).await?;
    // Older values of a key go sooner than they would; what is read at the end stays the same.
    if session.is_protected() && !args.change.dry_run {
        let danger = Danger { what: format!("compact {}", count_words(&names)), word: None };
        session.consent(&args.change.consent, &danger).await?;
    }
    let topic = |name: &String| v1::CompactTopic {
        topic: name.clone(),
        partitions: args.partitions.clone(),
    };
    let topics: Vec<v1::CompactTopic> = names.iter().map(topic).collect();
    let intent = Some(args.change.intent());
    let request = v1::CompactTopicsRequest { topics: topics.clone(), intent };
    let answer = cluster.compact_topics(request).await?;
    let asked = asked(&answer.replicas, args.change.dry_run);
    let mut replicas = answer.replicas;
    let mut report = Report::new(&TOPIC_COMPACTION);
    report.fail(answer.errors);
    let bound = args.wait.wait.filter(|_| !args.change.dry_run && !asked.is_empty());
    if let Some(bound) = bound {
        let (waited, found) =
            until_done(cluster.as_ref(), (topics, &asked), bound, session).await?;
        report.exit = waited.exit;
        report.failures.extend(waited.failures);
        replicas = found;
    }
    report.failures.extend(replicas.iter().filter_map(failure));
    let is_waited = bound.is_some();
    report.extend(replicas.iter().map(|it| {
        let was_asked = is_waited && asked.contains(&name_of(it));
        replica_row(it, status(it, args.change.dry_run, was_asked))
    }));
    let exit = report.exit;
    args.change.conclude(&mut report, asked.len());
    report.exit = exit.or(report.exit);
    Ok(report)
}

/// Replicas that compact, or would.
fn asked(replicas: &[ReplicaCompaction], dry_run: bool) -> BTreeSet<String> {
    let is_asked = |it: &&ReplicaCompaction| match it.state() {
        CompactionState::Queued | CompactionState::Running => true,
        CompactionState::Dirty => dry_run,
        // A new attempt would be made.
        CompactionState::Failed => dry_run && it.dirty_bytes > 0,
        CompactionState::Clean | CompactionState::Unspecified => false,
    };
    replicas.iter().filter(is_asked).map(name_of).collect()
}

/// Looks until nothing that was asked for is queued or running; what was found last.
async fn until_done(
    cluster: &dyn Cluster,
    (topics, asked): (Vec<v1::CompactTopic>, &BTreeSet<String>),
    bound: Duration,
    session: &Session,
) -> Result<(Report, Vec<ReplicaCompaction>), Failure> {
    let subject = |name: &String| {
        let place = name.split('@').next().unwrap_or(name);
        Subject {
            name: name.clone(),
            called: format!("replica {name}"),
            look: format!("kq-ctl partition describe {place}"),
        }
    };
    let named: Vec<&str> = topics.iter().map(|it| it.topic.as_str()).collect();
    let resume = format!("kq-ctl topic compact {} --wait", named.join(" "));
    let waiting = Waiting {
        schema: &TOPIC_WAIT,
        field: "topic",
        condition: "compacted".to_owned(),
        subjects: asked.iter().map(subject).collect(),
        resume,
    };
    let intent = Some(v1::Intent { dry_run: true, ..v1::Intent::default() });
    let request = v1::CompactTopicsRequest { topics, intent };
    let found = RefCell::new(Vec::new());
    let look = async || {
        let answer = cluster.compact_topics(request.clone()).await?;
        let missing = asked.iter().map(|name| lack(name, &answer)).collect();
        found.replace(answer.replicas);
        Ok(missing)
    };
    let waited = waiting.until(bound, session, look).await?;
    Ok((waited, found.into_inner()))
}

/// What a replica lacks until it is through.
fn lack(name: &str, answer: &v1::CompactTopicsResponse) -> Option<String> {
    let Some(replica) = answer.replicas.iter().find(|it| name_of(it) == name) else {
        let told = answer.errors.iter().find(|error| error.item == name);
        // Out of the ISR or moved away: nobody compacts it now.
        return told.map(|error| error.message.clone());
    };
    match replica.state() {
        CompactionState::Queued => Some("its turn comes".to_owned()),
        CompactionState::Running => Some("it is being compacted".to_owned()),
        CompactionState::Clean
        | CompactionState::Dirty
        | CompactionState::Failed
        | CompactionState::Unspecified => None,
    }
}

fn failure(it: &ReplicaCompaction) -> Option<Failure> {
    if it.state() != CompactionState::Failed {
        return None;
    }
    let name = name_of(it);
    let message = format!("replica {name} was not compacted: {}", it.why);
    let hint = format!(
        "kq-ctl doctor --check D024, kq-ctl partition describe {}/{}",
        it.topic, it.partition
    );
    Some(Failure::new("kq.COMPACTION_FAILED", message).about(name).hint(hint))
}

fn status(it: &ReplicaCompaction, dry_run: bool, was_asked: bool) -> &'static str {
    match it.state() {
        CompactionState::Clean | CompactionState::Dirty if was_asked => "compacted",
        CompactionState::Clean | CompactionState::Unspecified => "clean",
        CompactionState::Dirty if dry_run => "would_compact",
        CompactionState::Dirty => "dirty",
        CompactionState::Queued => "queued",
        CompactionState::Running => "running",
        CompactionState::Failed => "failed",
    }
}

fn replica_row(it: &ReplicaCompaction, status: &'static str) -> Row {
    row! {
        topic: &it.topic,
        partition: it.partition,
        broker: it.broker,
        leads: it.leads,
        dirty_bytes: Cell::Size(it.dirty_bytes),
        dirty_ratio: Cell::Float(ratio(it.dirty_bytes, it.clean_bytes)),
        cleaned_offset: it.cleaned_offset,
        cleanable_offset: it.cleanable_offset,
        last_compacted_at: time_cell(it.last_compacted_at_ms),
        status: status,
        why: (!it.why.is_empty()).then(|| it.why.clone()),
    }
}

/// The dirty part of all, in thousandths.
fn ratio(dirty_bytes: u64, clean_bytes: u64) -> f64 {
    let all = u128::from(dirty_bytes) + u128::from(clean_bytes);
    let thousandths = (u128::from(dirty_bytes) * 1_000).checked_div(all).unwrap_or(0);
    u32::try_from(thousandths).map_or(1.0, |it| f64::from(it) / 1_000.0)
}

/// A replica as errors name it.
fn name_of(it: &ReplicaCompaction) -> String {
    format!("{}/{}@{}", it.topic, it.partition, it.broker)
}
