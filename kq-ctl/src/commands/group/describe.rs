//! `kq-ctl group describe GROUP..`

use kq_proto::admin::v1;

use super::list::{in_words, sum_up};
use super::member;
use super::named::Named;
use super::rows::{group_row, partition_row};
use crate::exit::Failure;
use crate::output::{Cell, Report};
use crate::schema::{GROUP, GROUP_LIST, GROUP_MEMBERS, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Args {
    #[command(flatten)]
    groups: Named,
    /// Show the partitions with their lag: this is what is shown unless told otherwise
    #[arg(long, conflicts_with_all = ["members", "state", "assignments"])]
    lag: bool,
    /// Show the members instead
    #[arg(long, conflicts_with = "state")]
    members: bool,
    /// Show the members with their partitions instead
    #[arg(long, conflicts_with = "state")]
    assignments: bool,
    /// Show where the groups stand instead
    #[arg(long)]
    state: bool,
    /// Only partitions with something to read, or of which that is not known
    #[arg(long, conflicts_with_all = ["members", "state", "assignments"])]
    only_lagging: bool,
}

pub(crate) fn schema(args: &Args) -> &'static Schema {
    if args.state {
        &GROUP_LIST
    } else if args.members || args.assignments {
        &GROUP_MEMBERS
    } else {
        &GROUP
    }
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let groups = args.groups.find(cluster.as_ref()).await?;
    let with_lag = !(args.members || args.assignments);
    let answer = cluster.describe_groups(v1::DescribeGroupsRequest { groups, with_lag }).await?;
    let mut report = Report::new(schema(args));
    let summaries: Vec<&v1::GroupSummary> =
        answer.groups.iter().filter_map(|it| it.summary.as_ref()).collect();
    if args.state {
        report.extend(summaries.iter().map(|it| group_row(it)));
        sum_up(&mut report, &summaries);
    } else if with_lag {
        partitions(args, &answer.groups, &mut report);
        for it in &summaries {
            report.note(in_words(it));
        }
    } else {
        if args.assignments {
            let mut members = answer.groups.iter().flat_map(|it| &it.members);
            report.also.push("assigned");
            report.also.extend(members.any(|it| !it.revoking.is_empty()).then_some("revoking"));
        }
        member::show(&mut report, &answer.groups, session.now_ms());
    }
    report.fail(answer.errors);
    Ok(report)
}

fn partitions(args: &Args, groups: &[v1::GroupDescription], report: &mut Report) {
    report.also.extend((groups.len() > 1).then_some("group"));
    let lags = |it: &&v1::PartitionLag| !args.only_lagging || it.lag != Some(0);
    let all = groups.iter().flat_map(|it| &it.partitions).filter(lags);
    report.extend(all.map(partition_row));
    let rows = groups.iter().filter_map(|it| it.summary.as_ref()).map(group_row).collect();
    report.sum("groups", Cell::Rows(rows));
}
