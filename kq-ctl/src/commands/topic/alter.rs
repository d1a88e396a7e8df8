//! `kq-ctl topic alter NAME.. --set k=v --unset k -p TOTAL|+N`, or `-r N`

use std::path::PathBuf;

use kq_proto::admin::v1;
use kq_proto::admin::v1::plan_goal::Goal;

use crate::cli;
use crate::commands::config::{Alterations, Kind, changed_rows, guard, told};
use crate::commands::plan::flow;
use crate::commands::plan::options::{Outcome, throttle};
use crate::commands::shared::{Named, by_name, in_chunks};
use crate::commands::waiting::Wait;
use crate::exit::{Exit, Failure};
use crate::output::{Report, Row, row};
use crate::schema::{PLAN, Schema, TOPIC_ALTERATION};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    topics: Named,
    #[command(flatten)]
    alterations: Alterations,
    /// Number of partitions afterwards, or with '+' how many to add
    #[arg(short, long, value_name = "TOTAL|+N", value_parser = growth)]
    #[arg(allow_negative_numbers = true)]
    partitions: Option<Growth>,
    /// Copies of each partition; alone, since it moves replicas by a plan, as 'partition reassign
    /// --rf' does with more to choose
    #[arg(short, long, value_name = "N", allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(cli::REPLICAS))]
    #[arg(conflicts_with_all = ["set", "unset", "append", "subtract", "partitions"])]
    replication_factor: Option<u32>,
    /// With -r: bytes a second that each broker may fill replicas with, as 50MiB/s, auto or off
    #[arg(long, value_name = "RATE", value_parser = throttle, requires = "replication_factor")]
    throttle: Option<v1::PlanThrottle>,
    /// With -r: keep the plan in a file instead of carrying it out
    #[arg(long, value_name = "FILE", requires = "replication_factor")]
    plan_out: Option<PathBuf>,
    #[command(flatten)]
    wait: Wait,
    /// Be content if a topic does not exist
    #[arg(long)]
    if_exists: bool,
    #[command(flatten)]
    change: cli::Change,
}

/// How many partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Growth {
    To(u32),
    By(u32),
}

fn growth(text: &str) -> Result<Growth, String> {
    match text.strip_prefix('+') {
        Some(more) => cli::whole(cli::NEW_PARTITIONS)(more)
            .map(Growth::By)
            .map_err(|why| format!("{why} behind the '+', how many to add")),
        None => cli::whole(cli::PARTITIONS)(text)
            .map(Growth::To)
            .map_err(|why| format!("{why}, the total afterwards; or +3, how many to add")),
    }
}

pub(crate) fn schema(args: &Args) -> &'static Schema {
    if args.replication_factor.is_some() { &PLAN } else { &TOPIC_ALTERATION }
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    if let Some(factor) = args.replication_factor {
        return replicate(args, factor, session).await;
    }
    let alterations = args.alterations.plan()?;
    if alterations.is_empty() && args.partitions.is_none() {
        return Err(Failure::usage("nothing to change is named")
            .hint("--set KEY=VALUE, --unset KEY, -p TOTAL, -p +N or -r N"));
    }
    let cluster = session.cluster(args.change.access()).await?;
    let names = args.topics.find(cluster.as_ref()).await?;
    let request = v1::DescribeTopicsRequest {
        topics: names.iter().map(|name| by_name(name)).collect(),
        with_configs: false,
    };
    let found = cluster.describe_topics(request).await?;
    let mut report = Report::new(&TOPIC_ALTERATION);
    let missing = found.errors.into_iter().map(Failure::from);
    report.failures.extend(missing.filter(|it| !(args.if_exists && it.exit == Exit::NotFound)));
    let topics: Vec<v1::TopicSummary> =
        found.topics.into_iter().filter_map(|topic| topic.summary).collect();
    let asked = asked(&topics, &alterations);
    guard(&asked, &args.change, session).await?;
    // Growth first: it is what can be refused for reasons outside the request.
    let whole = grow(args, &topics, (cluster.as_ref(), session), &mut report).await;
    let failed: Vec<String> = report.failures.iter().filter_map(|it| it.item.clone()).collect();
    let rest = asked.into_iter().filter(|it| whole && !failed.contains(&name_of(it)));
    let resources: Vec<v1::ResourceAlteration> = rest.collect();
    let mut done = topics.len();
    if !resources.is_empty() {
        let request = v1::AlterConfigsRequest { resources, intent: Some(args.change.intent()) };
        let answer = cluster.alter_configs(request).await?;
        report.extend(changed_rows(&answer.resources, &args.change, alteration_row));
        report.fail(answer.errors.into_iter().map(|error| {
            let name = error.item.strip_prefix("topic:").unwrap_or(&error.item).to_owned();
            told(v1::ItemError { item: name.clone(), ..error }, &Kind::Topic.resource(&name))
        }));
    }
    done = done.saturating_sub(report.failures.iter().filter(|it| it.item.is_some()).count());
    let changed = report.items.len();
    report.sum("changed_count", changed);
    report.sum("dry_run", args.change.dry_run);
    report.exit = if report.failures.is_empty() {
        args.change.exit(changed)
    } else {
        Some(crate::exit::exit_of_batch(done, &report.failures))
    };
    Ok(report)
}

/// What is asked for each topic, if anything is to be set.
fn asked(
    topics: &[v1::TopicSummary],
    alterations: &[v1::ConfigAlteration],
) -> Vec<v1::ResourceAlteration> {
    let of_topic = |topic: &v1::TopicSummary| v1::ResourceAlteration {
        resource: Some(Kind::Topic.resource(&topic.name)),
        alterations: alterations.to_vec(),
    };
    topics.iter().filter(|_| !alterations.is_empty()).map(of_topic).collect()
}

fn name_of(asked: &v1::ResourceAlteration) -> String {
    asked.resource.as_ref().map(|it| it.name.clone()).unwrap_or_default()
}

fn alteration_row(resource: &v1::ConfigResource, change: &v1::ConfigChange, status: &str) -> Row {
    row! {
        topic: &resource.name,
        key: &change.key,
        old: change.old_value.clone(),
        new: change.new_value.clone(),
        status: status,
    }
}

/// Whether every topic was tried: what stopped it would stop the rest, too.
async fn grow(
    args: &Args,
    topics: &[v1::TopicSummary],
    (cluster, session): (&dyn crate::cluster::Cluster, &Session),
    report: &mut Report,
) -> bool {
    let Some(growth) = args.partitions else { return true };
    let mut wanted = Vec::new();
    for topic in topics {
        let total = match growth {
            Growth::To(total) => total,
            Growth::By(more) => topic.partition_count.saturating_add(more),
        };
        match plan_growth(topic, total) {
            Ok(Some(count)) => wanted.push(count),
            Ok(None) => {}
            Err(failure) => report.failures.push(failure),
        }
    }
    if wanted.is_empty() {
        return true;
    }
    let mut answer = v1::AddPartitionsResponse::default();
    let intent = Some(args.change.intent());
    let call = async |topics| {
        cluster.add_partitions(v1::AddPartitionsRequest { topics, intent: intent.clone() }).await
    };
    let stopped = in_chunks(session, "adding partitions", &wanted, call, |mut more| {
        answer.topics.append(&mut more.topics);
        answer.errors.append(&mut more.errors);
    });
    let stopped = stopped.await;
    report.extend(answer.topics.iter().map(|topic| {
        row! {
            topic: &topic.topic,
            key: "partitions",
            old: topic.old_count.to_string(),
            new: topic.new_count.to_string(),
            status: status(&args.change),
        }
    }));
    report.fail(answer.errors);
    let whole = stopped.is_none();
    report.fail(stopped);
    whole
}

/// The cluster would refuse as well, but not say why.
fn plan_growth(
    topic: &v1::TopicSummary,
    total: u32,
) -> Result<Option<v1::PartitionCount>, Failure> {
    let (name, count) = (topic.name.as_str(), topic.partition_count);
    if total == count {
        return Ok(None);
    }
    if total < count {
        return Err(Failure::new(
            "kafka.INVALID_PARTITIONS",
            format!("topic '{name}' has {count} partitions and cannot shrink to {total}: records would be lost"),
        )
        .about(name)
        .hint(format!("create another topic with -p {total} and copy what is needed")));
    }
    Ok(Some(v1::PartitionCount { topic: name.to_owned(), total, assignments: Vec::new() }))
}

/// Another number of replicas, by a plan.
async fn replicate(args: &Args, factor: u32, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let names = args.topics.find(cluster.as_ref()).await?;
    let scope = names.into_iter().map(|topic| v1::PlanScope { topic, partitions: Vec::new() });
    let outcome = Outcome {
        plan_out: args.plan_out.clone(),
        wait: args.wait.clone(),
        change: args.change.clone(),
    };
    let options = v1::PlanOptions {
        scope: scope.collect(),
        throttle: args.throttle,
        ..v1::PlanOptions::default()
    };
    flow::carry_out((Goal::ReplicationFactor(factor), options), &outcome, session).await
}

pub(crate) fn status(change: &cli::Change) -> &'static str {
    if change.dry_run { "would_change" } else { "changed" }
}
