//! `kq-ctl offset reset GROUP.. (-t TOPIC[:P,P] | --all-topics) --to SPEC`

use std::path::Path;

use kq_proto::admin::v1;
use kq_proto::admin::v1::reset_target::To as Wire;

use super::flow::{Outcome, carry_out};
use super::scope::Scope;
use crate::cli;
use crate::commands::group::named::Named;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{OFFSET_RESET, Schema};
use crate::session::Session;
use crate::spec::Target;
use crate::spec::offset_file;

#[derive(Debug, Clone, clap::Args)]
#[command(after_help = cli::AS_KAFKA)]
pub(crate) struct Args {
    #[command(flatten)]
    groups: Named,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    to: cli::To,
    /// While members are at work: put them out, in one step with the new offsets; they come back
    #[arg(long)]
    live: bool,
    /// Also topics that the group has nothing to do with yet
    #[arg(long)]
    allow_new_topics: bool,
    /// The group need not exist yet
    #[arg(long)]
    new_group: bool,
    #[command(flatten)]
    outcome: Outcome,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &OFFSET_RESET
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let target = args.to.target()?;
    let (scope, all_topics) = args.scope.of(matches!(target, Target::File(_)))?;
    let cluster = session.cluster(args.outcome.access()).await?;
    let groups = args.groups.find(cluster.as_ref()).await?;
    let now = session.now_ms();
    if target.is_future(now) {
        session.say("warning: that time lies ahead: nothing is that young, and the end is meant");
    }
    let mut requests = Vec::new();
    for group in groups {
        let to = wire(&target, &group, &scope, now)?;
        requests.push(v1::ProposeResetRequest {
            group,
            scope: scope.clone(),
            all_topics,
            allow_new_topics: args.allow_new_topics,
            new_group: args.new_group,
            live: args.live,
            target: Some(v1::ResetTarget { to: Some(to) }),
            typed: target.to_string(),
        });
    }
    carry_out(requests, &args.outcome, session).await
}

/// The target of one group; a file is read for each, and only what is in scope counts.
fn wire(
    target: &Target,
    group: &str,
    scope: &[v1::TopicPartitions],
    now_ms: i64,
) -> Result<Wire, Failure> {
    let mut list = v1::OffsetList::default();
    if let Target::File(path) = target {
        list = offset_file::read(path, group)?;
        list.offsets.retain(|it| in_scope(it, scope));
    }
    Ok(target.wire(now_ms, |_: &Path| list))
}

fn in_scope(it: &v1::OffsetAt, scope: &[v1::TopicPartitions]) -> bool {
    let names = |of: &v1::TopicPartitions| {
        of.topic == it.topic && (of.partitions.is_empty() || of.partitions.contains(&it.partition))
    };
    scope.is_empty() || scope.iter().any(names)
}
