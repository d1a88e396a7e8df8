//! `kq-ctl partition list [TOPIC..]`

use kq_proto::admin::v1;

use super::list_row;
use crate::cli;
use crate::commands::place::list_partitions;
use crate::commands::shared::{is_healthy, named_topics};
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{PARTITION_LIST, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Names of topics; all topics if none is given
    #[arg(value_name = "TOPIC", add = crate::complete::topics())]
    names: Vec<String>,
    /// Only these topics, as well as those named
    #[arg(short, long, value_name = "TOPIC", add = crate::complete::topics())]
    topic: Vec<String>,
    #[command(flatten)]
    select: cli::Select,
    /// Only partitions with a replica on this broker
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(cli::INDEXES))]
    broker: Vec<u32>,
    /// Only partitions that this broker leads
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    #[arg(value_parser = cli::whole(cli::INDEXES))]
    leader_on: Vec<u32>,
    /// Only partitions whose state is not ok
    #[arg(long, alias = "under-replicated")]
    unhealthy: bool,
    /// Only partitions whose replicas are being moved
    #[arg(long)]
    moving: bool,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &PARTITION_LIST
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let names: Vec<String> = args.names.iter().chain(&args.topic).cloned().collect();
    let by_pattern = args.select.glob.is_some() || args.select.regex.is_some();
    let topics = if names.is_empty() && !by_pattern {
        Vec::new()
    } else {
        named_topics(&names, &args.select, cluster.as_ref()).await?
    };
    let request = v1::ListPartitionsRequest {
        topics,
        include_internal: args.select.internal,
        replica_on: args.broker.clone(),
        leader_on: args.leader_on.clone(),
        only_unhealthy: args.unhealthy,
        only_moving: args.moving,
        with_figures: true,
        ..v1::ListPartitionsRequest::default()
    };
    let answer = list_partitions(cluster.as_ref(), request).await?;
    Ok(report(answer))
}

/// Partitions with how many of them are not well.
pub(crate) fn report(answer: v1::ListPartitionsResponse) -> Report {
    let mut report = Report::new(&PARTITION_LIST);
    let healthy =
        |it: &v1::PartitionRow| it.partition.as_ref().is_some_and(|it| is_healthy(it.health));
    let unhealthy = answer.partitions.iter().filter(|it| !healthy(it)).count();
    report.extend(answer.partitions.iter().map(list_row));
    report.fail(answer.errors);
    report.sum("partition_count", report.items.len());
    report.sum("unhealthy_count", unhealthy);
    report
}
