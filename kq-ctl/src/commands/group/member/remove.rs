//! `kq-ctl group member remove GROUP --member ID.. | --instance ID.. | --expired[=DURATION]`

use std::time::Duration;

use kq_proto::admin::v1;

use crate::cli;
use crate::commands::group::consent;
use crate::commands::group::named::One;
use crate::commands::group::rows::removed_row;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::{GROUP_MEMBER_CHANGE, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    group: One,
    /// The member of this id; may be given again
    #[arg(long, value_name = "ID")]
    member: Vec<String>,
    /// The member of this group.instance.id; may be given again
    #[arg(long, value_name = "ID")]
    instance: Vec<String>,
    /// Members that have been silent for DURATION, or for half of their session
    #[arg(long, value_name = "DURATION", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "0s", value_parser = cli::duration)]
    expired: Option<Duration>,
    #[command(flatten)]
    change: cli::Change,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &GROUP_MEMBER_CHANGE
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    if args.member.is_empty() && args.instance.is_empty() && args.expired.is_none() {
        return Err(Failure::usage("no member is named")
            .hint("give --member ID, --instance ID or --expired; kq-ctl group member list GROUP"));
    }
    let cluster = session.cluster(args.change.access()).await?;
    let group = args.group.name()?.to_owned();
    consent::to(format!("put {} out of group {group}", who(args)), &args.change, session).await?;
    let request = v1::RemoveMembersRequest {
        group: group.clone(),
        members: args.member.clone(),
        instances: args.instance.clone(),
        silent_for_ms: args.expired.map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX)),
        intent: Some(args.change.intent()),
    };
    let answer = cluster.remove_members(request).await?;
    let mut report = Report::new(&GROUP_MEMBER_CHANGE);
    let (status, now) = (args.change.status("removed"), session.now_ms());
    report.extend(answer.removed.iter().map(|it| removed_row(&group, it, status.clone(), now)));
    if answer.removed.is_empty() && answer.errors.is_empty() {
        report.note(format!("nobody of {group} was silent for so long"));
    }
    for it in answer.notes {
        report.note(format!("{group}: {it}"));
    }
    report.fail(answer.errors);
    args.change.conclude(&mut report, answer.removed.len());
    Ok(report)
}

fn who(args: &Args) -> String {
    let mut words: Vec<String> = Vec::new();
    let named: Vec<&str> = args.member.iter().chain(&args.instance).map(String::as_str).collect();
    if !named.is_empty() {
        words.push(named.join(", "));
    }
    match args.expired {
        Some(Duration::ZERO) => words.push("whoever was silent for half of his session".to_owned()),
        Some(bound) => {
            let bound = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
            let bound = crate::output::duration_text(bound);
            words.push(format!("whoever was silent for {bound}"));
        }
        None => {}
    }
    words.join(" and ")
}
