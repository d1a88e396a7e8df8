//! `kq-ctl group member list GROUP`

use kq_proto::admin::v1;

use crate::commands::group::member;
use crate::commands::group::named::Named;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{GROUP_MEMBERS, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    groups: Named,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &GROUP_MEMBERS
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let groups = args.groups.find(cluster.as_ref()).await?;
    let request = v1::DescribeGroupsRequest { groups, with_lag: false };
    let answer = cluster.describe_groups(request).await?;
    let mut report = Report::new(&GROUP_MEMBERS);
    member::show(&mut report, &answer.groups, session.now_ms());
    report.fail(answer.errors);
    Ok(report)
}
