//! `kq-ctl offset undo [PLAN|FILE]`

use std::path::Path;

use kq_proto::admin::v1;
use kq_proto::admin::v1::reset_target::To;

use super::flow::{Outcome, Plans, carry_out, finish, propose};
use super::{document, undo_file};
use crate::commands::shared::time_cell;
use crate::exit::Failure;
use crate::output::{Cell, Report, row};
use crate::schema::{OFFSET_RESET, OFFSET_UNDO_LIST, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// The plan to take back, or the file that kq-ctl kept of it; without one, what can be taken back
    /// is listed
    #[arg(value_name = "PLAN|FILE")]
    plan: Option<String>,
    /// Of the list: only this group; may be given again
    #[arg(short, long, value_name = "GROUP", conflicts_with = "plan")]
    group: Vec<String>,
    /// While members are at work: put them out, in one step with the offsets; they come back
    #[arg(long)]
    live: bool,
    #[command(flatten)]
    outcome: Outcome,
}

pub(crate) fn schema(args: &Args) -> &'static Schema {
    if args.plan.is_some() { &OFFSET_RESET } else { &OFFSET_UNDO_LIST }
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let Some(plan) = &args.plan else { return list(args, session).await };
    let path = Path::new(plan);
    if path.is_file() {
        return of_file(path, args, session).await;
    }
    let cluster = session.cluster(args.outcome.access()).await?;
    let request = v1::ListUndoRequest { groups: Vec::new(), id: Some(plan.clone()) };
    let answer = cluster.list_undo(request).await?;
    let Some(found) = answer.undos.into_iter().find(|it| it.id == *plan) else {
        if let Some(error) = answer.errors.into_iter().next() {
            return Err(error.into());
        }
        return Err(unknown(plan, session));
    };
    let request = request_of(found.group, To::Undo(plan.clone()), args.live);
    carry_out(vec![request], &args.outcome, session).await
}

fn request_of(group: String, to: To, live: bool) -> v1::ProposeResetRequest {
    v1::ProposeResetRequest {
        group,
        allow_new_topics: true,
        new_group: true,
        live,
        target: Some(v1::ResetTarget { to: Some(to) }),
        typed: "undo".to_owned(),
        ..v1::ProposeResetRequest::default()
    }
}

/// The cluster has it no more, or never had; the operator's own machine may.
fn unknown(plan: &str, session: &Session) -> Failure {
    let failure =
        Failure::new("kq.UNKNOWN_UNDO", format!("there is no change '{plan}' to take back"));
    match undo_file::path(plan, session).filter(|it| it.is_file()) {
        Some(path) => failure.hint(format!("kq-ctl offset undo {}", path.display())),
        None => failure.hint("kq-ctl offset undo lists those there are"),
    }
}

/// What a file kept: offsets go back to where they were, commits that were not there go away. It works
/// when the cluster has forgotten the change, or the group.
async fn of_file(path: &Path, args: &Args, session: &Session) -> Result<Report, Failure> {
    let kept = document::read(path)?;
    let cluster = session.cluster(args.outcome.access()).await?;
    document::check_cluster(&kept, cluster.as_ref(), path).await?;
    let mut plans = Plans::default();
    for plan in kept {
        let (back, away): (Vec<_>, Vec<_>) = plan.rows.iter().partition(|it| it.from.is_some());
        let at = |it: &&v1::ResetRow| v1::OffsetAt {
            topic: it.topic.clone(),
            partition: it.partition,
            offset: it.from.unwrap_or_default(),
            metadata: it.metadata.clone(),
        };
        let mut wanted = Vec::new();
        if !back.is_empty() {
            let offsets = back.iter().map(at).collect();
            wanted.push(request_of(
                plan.group.clone(),
                To::Exactly(v1::OffsetList { offsets }),
                args.live,
            ));
        }
        if !away.is_empty() {
            let part = |it: &&v1::ResetRow| v1::TopicPartitions {
                topic: it.topic.clone(),
                partitions: vec![it.partition],
            };
            let mut request = request_of(plan.group.clone(), To::Delete(true), args.live);
            request.scope = away.iter().map(part).collect();
            wanted.push(request);
        }
        let mut of_group = Plans::default();
        for request in wanted {
            propose(request, &args.outcome, (cluster.as_ref(), session), &mut of_group).await;
        }
        join(of_group, &mut plans);
    }
    finish(plans, &args.outcome, (cluster.as_ref(), session)).await
}

/// Both halves are one change, which is done whole or not.
fn join(mut halves: Plans, plans: &mut Plans) {
    plans.failures.append(&mut halves.failures);
    if !halves.refused.is_empty() {
        plans.refused.append(&mut halves.refused);
        return;
    }
    let whole = halves.sound.into_iter().reduce(|mut whole, mut half| {
        whole.rows.append(&mut half.rows);
        whole.reread += half.reread;
        whole.skip += half.skip;
        whole
    });
    if let Some(mut whole) = whole {
        whole.rows.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
        "undo".clone_into(&mut whole.verb);
        plans.sound.push(whole);
    }
}

async fn list(args: &Args, session: &Session) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let request = v1::ListUndoRequest { groups: args.group.clone(), id: None };
    let answer = cluster.list_undo(request).await?;
    let mut report = Report::new(&OFFSET_UNDO_LIST);
    report.extend(answer.undos.iter().map(|it| {
        row! {
            id: &it.id,
            group: &it.group,
            verb: &it.verb,
            at: time_cell(Some(it.at_ms)),
            partition_count: it.partition_count,
            until: time_cell(Some(it.until_at_ms)),
            reason: Cell::text_or_null(it.reason.as_str()),
            live: it.live,
        }
    }));
    if report.items.is_empty() && answer.errors.is_empty() {
        report.note("there is no change of offsets to take back");
    }
    report.sum("undo_count", report.items.len());
    report.fail(answer.errors);
    Ok(report)
}
