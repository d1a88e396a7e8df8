//! `kq-ctl topic list [NAME..]`

use kq_proto::admin::v1;

use super::rows::{deleted_row, list_row};
use crate::cli::Select;
use crate::commands::shared::{Pattern, is_healthy, list_topics};
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{DELETED_TOPIC_LIST, Schema, TOPIC_LIST};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    /// Exact names; all topics if none is given
    #[arg(value_name = "NAME", add = crate::complete::topics())]
    names: Vec<String>,
    #[command(flatten)]
    select: Select,
    /// Only topics whose health is not ok
    #[arg(long)]
    unhealthy: bool,
    /// Only topics with a replica out of the ISR
    #[arg(long)]
    under_replicated: bool,
    /// Only topics that refuse acks=all on some partition
    #[arg(long)]
    under_min_isr: bool,
    /// Only topics one loss away from that
    #[arg(long)]
    at_min_isr: bool,
    /// Only topics with a partition without a leader
    #[arg(long)]
    offline: bool,
    /// Only topics with configuration of their own
    #[arg(long)]
    overridden: bool,
    /// Also sizes and offsets, which brokers have to be asked for
    #[arg(long)]
    size: bool,
    /// List what is deleted and can be restored, instead
    #[arg(long, conflicts_with_all = ["unhealthy", "under_replicated", "size", "offline"])]
    deleted: bool,
}

pub(crate) fn schema(args: &Args) -> &'static Schema {
    if args.deleted { &DELETED_TOPIC_LIST } else { &TOPIC_LIST }
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let pattern = Pattern::new(&args.select)?;
    if args.deleted {
        return deleted(args, &pattern, session).await;
    }
    let cluster = session.cluster(Access::Read).await?;
    let answer = list_topics(cluster.as_ref(), plan(args, session)).await?;
    let mut report = Report::new(&TOPIC_LIST);
    if args.size {
        report.also.extend(SIZES);
    }
    let (mut partitions, mut unhealthy) = (0_u64, 0_u64);
    for topic in answer.topics.iter().filter(|topic| wanted(args, &pattern, topic)) {
        partitions += u64::from(topic.partition_count);
        unhealthy += u64::from(!is_healthy(topic.health));
        report.push(list_row(topic));
    }
    report.fail(answer.errors);
    report.sum("topic_count", report.items.len());
    report.sum("partition_count", partitions);
    report.sum("unhealthy_count", unhealthy);
    Ok(report)
}

fn plan(args: &Args, session: &Session) -> v1::ListTopicsRequest {
    v1::ListTopicsRequest {
        names: args.names.clone(),
        include_internal: args.select.internal || !args.names.is_empty(),
        with_sizes: args.size || session.view.is_wide() || needs_sizes(session),
        page: None,
    }
}

/// The figures that brokers have to be asked for.
const SIZES: [&str; 2] = ["size_bytes", "offset_span"];

/// True if a figure is asked for that brokers have to be asked for.
fn needs_sizes(session: &Session) -> bool {
    let view = &session.view;
    let named = view.columns.iter().flatten().map(String::as_str);
    let sorted = view.sort.iter().map(|key| key.trim_start_matches('-'));
    let filtered = view.filters.iter().map(|filter| filter.column.as_str());
    named
        .chain(sorted)
        .chain(filtered)
        .any(|column| TOPIC_LIST.field(column).is_some_and(|field| SIZES.contains(&field.name)))
}

fn wanted(args: &Args, pattern: &Pattern, topic: &v1::TopicSummary) -> bool {
    let any = args.under_replicated || args.under_min_isr || args.at_min_isr || args.offline;
    let states = (args.under_replicated && topic.under_replicated_count > 0)
        || (args.under_min_isr && topic.under_min_isr_count > 0)
        || (args.at_min_isr && topic.at_min_isr_count > 0)
        || (args.offline && topic.offline_count > 0);
    pattern.accepts(&topic.name)
        && (!any || states)
        && (!args.unhealthy || !is_healthy(topic.health))
        && (!args.overridden || topic.override_count > 0)
}

async fn deleted(args: &Args, pattern: &Pattern, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let mut report = Report::new(&DELETED_TOPIC_LIST);
    for topic in super::restore::all_deleted(cluster.as_ref()).await? {
        let named = args.names.is_empty() || args.names.contains(&topic.name);
        if named && pattern.accepts(&topic.name) {
            report.push(deleted_row(&topic));
        }
    }
    report.sum("topic_count", report.items.len());
    Ok(report)
}
