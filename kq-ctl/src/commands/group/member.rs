//! `kq-ctl group member ...`

pub(crate) mod list;
pub(crate) mod remove;

use kq_proto::admin::v1;

use super::rows::member_row;
use crate::commands::verbs;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::Schema;
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

verbs! {
    /// List the members of a group
    List(list) = "list",
    /// Put members out of a group; those that live come back
    Remove(remove) = "remove",
}

impl Args {
    pub(crate) fn path(&self) -> &'static str {
        match self.verb.name() {
            "list" => "member list",
            _ => "member remove",
        }
    }
}

pub(crate) fn schema(args: &Args) -> &'static Schema {
    args.verb.schema()
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    args.verb.run(session).await
}

/// The members of groups, and the columns that not every member has something for: those of the
/// consumer protocol have epochs, and may have patterns and something to give up.
pub(super) fn show(report: &mut Report, groups: &[v1::GroupDescription], now_ms: i64) {
    let any =
        |says: fn(&v1::GroupMember) -> bool| groups.iter().flat_map(|it| &it.members).any(says);
    let columns = [
        ("group", groups.len() > 1),
        ("epoch", any(|it| it.epoch.is_some())),
        ("revoking_count", any(|it| !it.revoking.is_empty())),
        ("regex", any(|it| it.regex.is_some())),
    ];
    report.also.extend(columns.iter().filter(|(_, says)| *says).map(|(name, _)| *name));
    for group in groups {
        let name = group.summary.as_ref().map_or("", |it| &it.group);
        report.extend(group.members.iter().map(|it| member_row(name, it, now_ms)));
        if group.members.is_empty() {
            report.note(format!("{name} has no members"));
        }
    }
    report.sum("member_count", report.items.len());
}
