//! `kq-ctl topic create NAME.. -p N -r N -c k=v`

use std::collections::BTreeMap;

use kq_proto::admin::v1;

use super::rows::Change;
use super::wait::{self, Condition};
use crate::cli;
use crate::commands::shared::{by_name, in_chunks};
use crate::commands::waiting::Wait;
use crate::exit::{Exit, Failure, exit_of_batch};
use crate::output::Report;
use crate::schema::{Schema, TOPIC_CHANGE};
use crate::session::Session;
use crate::spec::key_value;

/// What `--if-not-exists` makes of a topic that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum IfNotExists {
    /// Content, whatever it looks like.
    Any,
    /// Content only if it has these very settings.
    Exact,
}

/// The longest name that a topic can have.
const NAME_CHARS_MAX: usize = 249;

/// Settings with a name.
const POLICIES: &[(&str, &[(&str, &str)])] = &[
    ("durable", &[("min.insync.replicas", "2")]),
    ("compacted", &[("cleanup.policy", "compact")]),
    ("short-lived", &[("retention.ms", "3600000"), ("segment.ms", "600000")]),
];

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Names of topics
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,
    /// Number of partitions; the broker's num.partitions unless given
    #[arg(short, long, value_name = "N", conflicts_with = "assignment")]
    #[arg(value_parser = cli::whole(cli::NEW_PARTITIONS), allow_negative_numbers = true)]
    partitions: Option<u32>,
    /// Copies of each partition; the broker's default.replication.factor unless given
    #[arg(short, long, value_name = "N", conflicts_with = "assignment")]
    #[arg(value_parser = cli::whole(cli::REPLICAS), allow_negative_numbers = true)]
    replication_factor: Option<u32>,
    /// Configuration, as retention.ms=86400000
    #[arg(short = 'c', long = "topic-config", value_name = "KEY=VALUE", value_parser = key_value)]
    #[arg(add = crate::complete::topic_keys())]
    configs: Vec<(String, String)>,
    /// Replicas of one partition, the preferred leader first, as 0:1,2,3
    #[arg(long, value_name = "P:B,B", value_parser = assignment)]
    assignment: Vec<v1::ReplicaAssignment>,
    /// Settings with a name: durable, compacted, short-lived
    #[arg(long, value_name = "PRESET", value_parser = policy)]
    policy: Option<String>,
    /// Be content if it exists; with =exact only if it has these settings
    #[arg(long, value_enum, value_name = "exact", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "any")]
    if_not_exists: Option<IfNotExists>,
    /// Wait until all replicas are in sync
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    change: cli::Change,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &TOPIC_CHANGE
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let topics = plan(args)?;
    let cluster = session.cluster(args.change.access()).await?;
    let mut answer = v1::CreateTopicsResponse::default();
    let intent = Some(args.change.intent());
    let call = async |topics| {
        cluster.create_topics(v1::CreateTopicsRequest { topics, intent: intent.clone() }).await
    };
    let stopped = in_chunks(session, "creating", &topics, call, |mut more| {
        answer.topics.append(&mut more.topics);
        answer.errors.append(&mut more.errors);
    });
    let stopped = stopped.await;
    let mut report = Report::new(&TOPIC_CHANGE);
    for topic in &answer.topics {
        let change = Change {
            name: &topic.name,
            id: topic.id.as_deref(),
            partition_count: Some(topic.partition_count),
            replication_factor: Some(topic.replication_factor),
            status: args.change.status("created"),
            purge_at_ms: None,
        };
        report.push(change.row());
    }
    let changed = answer.topics.len();
    for error in answer.errors {
        let exists = exists(&error.code).then(|| topics.iter().find(|it| it.name == error.item));
        match (args.if_not_exists, exists.flatten()) {
            (Some(how), Some(topic)) => match compare(topic, how, cluster.as_ref()).await {
                Ok(row) => report.push(row),
                Err(failure) => report.failures.push(failure),
            },
            _ => report.failures.push(error.into()),
        }
    }
    report.fail(stopped);
    args.change.conclude(&mut report, changed);
    let created: Vec<String> = answer.topics.into_iter().map(|topic| topic.name).collect();
    if let (Some(bound), false) = (args.wait.wait, args.change.dry_run || created.is_empty()) {
        let met = wait::until(&created, &Condition::InSync, bound, session).await?;
        if met.exit() != Exit::Done {
            report.failures.extend(met.failures);
            report.exit = Some(exit_of_batch(0, &report.failures));
        }
    }
    Ok(report)
}

fn exists(code: &str) -> bool {
    code == "kafka.TOPIC_ALREADY_EXISTS"
}

/// From what was typed to what will be asked; refuses before anything is sent.
fn plan(args: &Args) -> Result<Vec<v1::NewTopic>, Failure> {
    let preset = args.policy.as_deref().and_then(|name| POLICIES.iter().find(|it| it.0 == name));
    let mut configs: BTreeMap<String, String> = BTreeMap::new();
    for (key, value) in preset.map(|(_, pairs)| *pairs).unwrap_or_default() {
        configs.insert((*key).to_owned(), (*value).to_owned());
    }
    for (key, value) in &args.configs {
        configs.insert(key.clone(), value.clone());
    }
    let mut topics: Vec<v1::NewTopic> = Vec::new();
    for name in &args.names {
        if topics.iter().any(|topic| topic.name == *name) {
            return Err(
                Failure::usage(format!("topic '{name}' is named twice")).hint("name it once")
            );
        }
        check_name(name)?;
        topics.push(v1::NewTopic {
            name: name.clone(),
            partition_count: args.partitions,
            replication_factor: args.replication_factor,
            assignments: args.assignment.clone(),
            configs: configs.clone(),
        });
    }
    Ok(topics)
}

/// Kafka's rules for names. The cluster has them too; here they refuse before anything is done.
fn check_name(name: &str) -> Result<(), Failure> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let why = if name.is_empty() {
        "it is empty".to_owned()
    } else if let Some(c) = name.chars().find(|c| !legal(*c)) {
        format!("it has {c:?}")
    } else if name == "." || name == ".." {
        "every directory has one of that name".to_owned()
    } else if name.len() > NAME_CHARS_MAX {
        format!("it has {} characters", name.len())
    } else {
        return Ok(());
    };
    Err(Failure::usage(format!("'{name}' cannot be the name of a topic: {why}"))
        .hint(format!("1 to {NAME_CHARS_MAX} letters, digits, '.', '_' and '-'")))
}

/// The row of a topic that was there already, or how it differs.
async fn compare(
    wanted: &v1::NewTopic,
    how: IfNotExists,
    cluster: &dyn crate::cluster::Cluster,
) -> Result<crate::output::Row, Failure> {
    let request = v1::DescribeTopicsRequest {
        topics: vec![by_name(&wanted.name)],
        with_configs: how == IfNotExists::Exact,
    };
    let answer = cluster.describe_topics(request).await?;
    let Some(found) = answer.topics.into_iter().next() else {
        return Err(answer.errors.into_iter().next().map_or_else(
            || {
                Failure::new("kq.NOT_FOUND", format!("topic '{}' has gone since", wanted.name))
                    .hint("the same command again")
            },
            Failure::from,
        ));
    };
    if how == IfNotExists::Exact {
        let differences = differences(wanted, &found);
        if !differences.is_empty() {
            return Err(Failure::new(
                "kq.DIFFERS",
                format!("topic '{}' exists with {}", wanted.name, differences.join(", ")),
            )
            .about(wanted.name.clone())
            .hint(format!(
                "kq-ctl topic alter {} changes it, --if-not-exists takes it as it is",
                wanted.name
            )));
        }
    }
    let summary = found.summary.unwrap_or_default();
    let change = Change {
        name: &summary.name,
        id: Some(&summary.id),
        partition_count: Some(summary.partition_count),
        replication_factor: Some(summary.replication_factor),
        status: "exists".to_owned(),
        purge_at_ms: None,
    };
    Ok(change.row())
}

fn differences(wanted: &v1::NewTopic, found: &v1::TopicDescription) -> Vec<String> {
    let summary = found.summary.clone().unwrap_or_default();
    let mut differences = Vec::new();
    let numbers = [
        ("partitions", wanted.partition_count, summary.partition_count),
        ("replication factor", wanted.replication_factor, summary.replication_factor),
    ];
    for (what, wanted, found) in numbers {
        if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
            differences.push(format!("{what} {found}, not {wanted}"));
        }
    }
    for assignment in &wanted.assignments {
        let found = found.partitions.iter().find(|it| it.index == assignment.partition);
        if found.is_none_or(|found| found.replicas != assignment.brokers) {
            differences.push(format!("other replicas of partition {}", assignment.partition));
        }
    }
    for (key, value) in &wanted.configs {
        let entry = found.configs.iter().find(|entry| entry.key == *key);
        let found = entry.and_then(|entry| entry.value.clone()).unwrap_or_default();
        if found != *value {
            differences.push(format!("{key}={found}, not {value}"));
        }
    }
    differences
}

fn assignment(text: &str) -> Result<v1::ReplicaAssignment, String> {
    let accepted = || format!("'{text}': write PARTITION:BROKER,BROKER as 0:1,2,3");
    let (partition, brokers) = text.split_once(':').ok_or_else(accepted)?;
    let brokers: Result<Vec<u32>, _> = brokers.split(',').map(|id| id.trim().parse()).collect();
    Ok(v1::ReplicaAssignment {
        partition: partition.trim().parse().map_err(|_| accepted())?,
        brokers: brokers.map_err(|_| accepted())?,
    })
}

fn policy(text: &str) -> Result<String, String> {
    let names: Vec<&str> = POLICIES.iter().map(|(name, _)| *name).collect();
    if names.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(format!("one of: {}", names.join(", ")))
    }
}
