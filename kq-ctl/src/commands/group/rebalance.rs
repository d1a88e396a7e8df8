//! `kq-ctl group rebalance GROUP`

use kq_proto::admin::v1;

use super::named::One;
use super::rows::type_word;
use super::wait;
use crate::cli;
use crate::commands::waiting::Wait;
use crate::exit::Failure;
use crate::output::{Cell, Report, row};
use crate::schema::{GROUP_CHANGE, Schema};
use crate::session::{Danger, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    group: One,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    change: cli::Change,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &GROUP_CHANGE
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(args.change.access()).await?;
    let group = args.group.name()?.to_owned();
    // Nothing is lost by it, so nobody is asked, unless the context wants that.
    if session.is_protected() && !args.change.dry_run {
        let danger = Danger { what: format!("rebalance group {group}"), word: None };
        session.consent(&args.change.consent, &danger).await?;
    }
    let request =
        v1::RebalanceGroupRequest { group: group.clone(), intent: Some(args.change.intent()) };
    let answer = cluster.rebalance_group(request).await?;
    let before = answer.before.unwrap_or_default();
    let status = match (answer.under_way, args.change.dry_run) {
        (false, _) => "unchanged",
        (true, true) => "would_be_rebalanced",
        (true, false) => "rebalancing",
    };
    let mut report = Report::new(&GROUP_CHANGE);
    report.also = vec!["generation", "member_count"];
    report.push(row! {
        group: &group,
        type: type_word(before.r#type()),
        generation: before.generation,
        member_count: before.member_count,
        offset_count: Cell::Null,
        status: status,
        undo: Cell::Null,
    });
    if !answer.under_way {
        report.note(format!("nobody to rebalance: {group} has no members"));
    }
    for it in answer.notes {
        report.note(format!("{group}: {it}"));
    }
    args.change.conclude(&mut report, usize::from(answer.under_way));
    if let Some(bound) = args.wait.wait.filter(|_| answer.under_way && !args.change.dry_run) {
        let since = before.generation;
        let waited = wait::until_settled(&group, since, bound, session).await?;
        report.exit = waited.exit.or(report.exit);
        report.failures.extend(waited.failures);
    }
    Ok(report)
}
