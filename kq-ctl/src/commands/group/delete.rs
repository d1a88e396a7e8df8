//! `kq-ctl group delete GROUP..`

use kq_proto::admin::v1;

use super::consent;
use super::named::Named;
use super::rows::type_word;
use crate::cli;
use crate::commands::shared::in_chunks;
use crate::exit::{Exit, Failure};
use crate::output::{Cell, Report, Row, row};
use crate::schema::{GROUP_CHANGE, Schema};
use crate::session::Session;

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    groups: Named,
    /// Be content if a group does not exist
    #[arg(long)]
    if_exists: bool,
    #[command(flatten)]
    change: cli::Change,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &GROUP_CHANGE
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(args.change.access()).await?;
    let groups = args.groups.find(cluster.as_ref()).await?;
    let what = format!("delete {} with all offsets", consent::groups(&groups));
    consent::to(what, &args.change, session).await?;
    let mut answer = v1::DeleteGroupsResponse::default();
    let intent = Some(args.change.intent());
    let call = async |groups| {
        cluster.delete_groups(v1::DeleteGroupsRequest { groups, intent: intent.clone() }).await
    };
    let stopped = in_chunks(session, "deleting", &groups, call, |mut more| {
        answer.groups.append(&mut more.groups);
        answer.errors.append(&mut more.errors);
        answer.notes.append(&mut more.notes);
    });
    let stopped = stopped.await;
    let mut report = Report::new(&GROUP_CHANGE);
    report.also = vec!["offset_count", "undo"];
    let changed = answer.groups.len();
    report.extend(answer.groups.iter().map(|it| deleted_row(it, args.change.status("deleted"))));
    for failure in answer.errors.into_iter().map(Failure::from) {
        match &failure.item {
            Some(name) if args.if_exists && failure.exit == Exit::NotFound => {
                report.push(absent_row(name));
            }
            _ => report.failures.push(failure),
        }
    }
    for it in answer.groups.iter().filter(|it| !it.undo.is_empty()) {
        report.note(format!("to bring its offsets back: kq-ctl offset undo {}", it.undo));
    }
    for it in answer.notes {
        report.note(it);
    }
    report.fail(stopped);
    args.change.conclude(&mut report, changed);
    Ok(report)
}

fn deleted_row(it: &v1::DeletedGroup, status: String) -> Row {
    row! {
        group: &it.group,
        type: type_word(it.r#type()),
        generation: Cell::Null,
        member_count: Cell::Null,
        offset_count: it.offset_count,
        status: status,
        undo: Cell::text_or_null(it.undo.as_str()),
    }
}

fn absent_row(name: &str) -> Row {
    row! {
        group: name,
        type: Cell::Null,
        generation: Cell::Null,
        member_count: Cell::Null,
        offset_count: Cell::Null,
        status: "absent",
        undo: Cell::Null,
    }
}
