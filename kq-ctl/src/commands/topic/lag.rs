//! `kq-ctl topic lag NAME..`: every group that reads it.

use std::collections::BTreeMap;

use kq_proto::admin::v1;
use kq_proto::admin::v1::catch_up::When;

use crate::cli::Select;
use crate::commands::group::named::group_lag;
use crate::commands::group::rows::{
    catch_up_cell, class_cell, is_never, place, severity, sum_cell,
};
use crate::commands::shared::named_topics;
use crate::exit::Failure;
use crate::output::{Cell, Report, Row, row};
use crate::schema::{Schema, TOPIC_LAG};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Names of topics
    #[arg(value_name = "NAME", add = crate::complete::topics())]
    names: Vec<String>,
    #[command(flatten)]
    select: Select,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &TOPIC_LAG
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let topics = named_topics(&args.names, &args.select, cluster.as_ref()).await?;
    // One that is not there has no groups either: that is another answer than nobody reads it.
    let request = v1::ListTopicsRequest {
        names: topics.clone(),
        include_internal: true,
        ..v1::ListTopicsRequest::default()
    };
    let known = crate::commands::shared::list_topics(cluster.as_ref(), request).await?;
    let topics: Vec<String> = known.topics.into_iter().map(|it| it.name).collect();
    let mut report = Report::new(&TOPIC_LAG);
    report.also.extend((topics.len() > 1).then_some("topic"));
    report.fail(known.errors);
    if topics.is_empty() {
        return Ok(report);
    }
    let request = v1::GroupLagRequest { topics: topics.clone(), ..v1::GroupLagRequest::default() };
    let answer = group_lag(cluster.as_ref(), request).await?;
    let mut by_group: BTreeMap<(&str, &str), Vec<&v1::PartitionLag>> = BTreeMap::new();
    for it in &answer.partitions {
        by_group.entry((&it.topic, &it.group)).or_default().push(it);
    }
    report.extend(by_group.iter().map(|((topic, group), of)| lag_row(topic, group, of)));
    let silent = topics.iter().filter(|topic| !by_group.keys().any(|(it, _)| it == topic));
    for topic in silent {
        report.note(format!("no group reads {topic}"));
    }
    report.sum("group_count", report.items.len());
    report.fail(answer.errors);
    Ok(report)
}

fn lag_row(topic: &str, group: &str, of: &[&v1::PartitionLag]) -> Row {
    let sum = summed(of);
    row! {
        topic: topic,
        group: group,
        partition_count: of.len(),
        class: class_cell(sum.class()),
        lag: sum_cell(&sum),
        time_lag_ms: sum.time_lag_ms.map(Cell::Millis),
        catch_up_ms: sum.catch_up.as_ref().map(catch_up_cell),
        slowest: sum.slowest.as_ref().map(place),
        partial_count: sum.partial_count,
        lag_is_bound: sum.lag_is_bound,
        catch_up_never: is_never(sum.catch_up.as_ref()),
    }
}

/// Of a group what is said of one topic: sums, and the worst of each.
fn summed(of: &[&v1::PartitionLag]) -> v1::LagSummary {
    let mut sum = v1::LagSummary {
        lag: of.iter().filter_map(|it| it.lag).sum(),
        lag_is_bound: of.iter().any(|it| it.lag_is_bound),
        time_lag_ms: of.iter().filter_map(|it| it.time_lag_ms).max(),
        ..v1::LagSummary::default()
    };
    let partial = of.iter().filter(|it| it.lag.is_none() && it.committed.is_some()).count();
    sum.partial_count = u32::try_from(partial).unwrap_or(u32::MAX);
    let worst = of.iter().map(|it| it.class()).max_by_key(|it| severity(*it));
    sum.set_class(worst.unwrap_or_default());
    let slowest = of.iter().max_by_key(|it| (rank(it.catch_up.as_ref()), it.lag));
    if let Some(slowest) = slowest.filter(|it| it.lag.is_some_and(|lag| lag > 0)) {
        sum.catch_up = slowest.catch_up;
        let (topic, partition) = (slowest.topic.clone(), slowest.partition);
        sum.slowest = Some(v1::PartitionRef { topic, partition });
    }
    sum
}

/// The later, the greater; never is last.
fn rank(it: Option<&v1::CatchUp>) -> (bool, u64) {
    match it.and_then(|it| it.when) {
        Some(When::Never(never)) => (never, 0),
        Some(When::InMs(ms)) => (false, ms),
        None => (false, 0),
    }
}
