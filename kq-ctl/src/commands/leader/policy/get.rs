//! `kq-ctl leader policy get [TOPIC..]`

use kq_proto::admin::v1;

use super::policy_row;
use crate::cli::Select;
use crate::commands::shared::named_topics;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{LEADER_POLICY, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Names of topics; all of them, and what is said of all, if none is given
    #[arg(value_name = "TOPIC", add = crate::complete::topics())]
    names: Vec<String>,
    #[command(flatten)]
    select: Select,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &LEADER_POLICY
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let everything =
        args.names.is_empty() && args.select.glob.is_none() && args.select.regex.is_none();
    let topics = if everything {
        Vec::new()
    } else {
        named_topics(&args.names, &args.select, cluster.as_ref()).await?
    };
    let request = v1::GetLeaderPoliciesRequest { topics, with_cluster: everything };
    let answer = cluster.leader_policies(request).await?;
    let mut report = Report::new(&LEADER_POLICY);
    report.extend(answer.policies.iter().map(|it| policy_row(it, None)));
    report.fail(answer.errors);
    Ok(report)
}
