//! `kq-ctl offset get GROUP.. [-t TOPIC[:P,P]] [--at SPEC]`

use kq_proto::admin::v1;

use super::rows::offset_row;
use super::scope::Topics;
use crate::cluster::Cluster;
use crate::commands::group::named::Named;
use crate::commands::topic::offsets::back;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{OFFSETS, Schema};
use crate::session::{Access, Session};
use crate::spec::Position;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    groups: Named,
    #[command(flatten)]
    topics: Topics,
    /// Also the offset at this position: earliest, latest, end-N, @TIME, @-2h, ..
    #[arg(long, value_name = "SPEC")]
    at: Option<Position>,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &OFFSETS
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let groups = args.groups.find(cluster.as_ref()).await?;
    let scope = args.topics.wire();
    let now_ms = session.now_ms();
    let (mut report, logs) = read(&groups, (&scope, args.at), cluster.as_ref(), now_ms).await?;
    report.fail(logs);
    report.also.extend(args.at.is_some().then_some("at"));
    Ok(report)
}

/// What groups have committed, and apart from it what could not be told of logs. A group that is not
/// there does not hide the others.
pub(super) async fn read(
    groups: &[String],
    (scope, at): (&[v1::TopicPartitions], Option<Position>),
    cluster: &dyn Cluster,
    now_ms: i64,
) -> Result<(Report, Vec<v1::ItemError>), Failure> {
    let mut report = Report::new(&OFFSETS);
    let mut logs = Vec::new();
    for group in groups {
        let request = v1::GetOffsetsRequest {
            group: group.clone(),
            scope: scope.to_vec(),
            at: at.map(|it| it.wire(now_ms)),
        };
        let answer = match cluster.get_offsets(request).await {
            Ok(answer) => answer,
            Err(failure) if groups.len() > 1 => {
                report.failures.push(failure.about(group));
                continue;
            }
            Err(failure) => return Err(failure),
        };
        let found = |it: &v1::PartitionLag| {
            let found = answer.at.iter().find(|found| {
                (found.topic.as_str(), found.partition) == (it.topic.as_str(), it.partition)
            });
            found.and_then(|it| it.offset).zip(at).map(|(offset, at)| back(offset, at))
        };
        report.extend(answer.offsets.iter().map(|it| offset_row(it, found(it))));
        logs.extend(answer.errors);
    }
    if report.items.is_empty() && report.failures.is_empty() && logs.is_empty() {
        report.note("nothing is committed there");
    }
    Ok((report, logs))
}
