//! After a live reset: whether the members that were put out have come back.

use std::time::Duration;

use kq_proto::admin::v1;

use crate::cluster::Cluster;
use crate::commands::group::wait::{Condition, until};
use crate::exit::Failure;
use crate::output::{Report, duration_text};
use crate::session::{Access, Session};

/// The members did not come back in time; the reset stands.
pub(super) const LATE: &str = "kq.DEADLINE";

/// Waits for the group to be stable, and tells how it went.
pub(super) async fn rejoined(
    plan: &v1::ResetPlan,
    answer: &v1::ApplyResetResponse,
    began_ms: i64,
    session: &Session,
    report: &mut Report,
) {
    let group = plan.group.clone();
    let condition = Condition::StableAfter(plan.generation);
    let waited = until(std::slice::from_ref(&group), condition, Duration::ZERO, session).await;
    let undo = &answer.undo;
    let failure = match waited {
        Ok(waited) => waited.failures.into_iter().next(),
        Err(failure) => Some(failure),
    };
    if let Some(failure) = failure {
        let message = format!(
            "the reset stands (undo: kq-ctl offset undo {undo}), but the members are not back: {}",
            failure.message
        );
        let hint = format!("kq-ctl group wait {group} --for stable");
        report.failures.push(Failure::new(LATE, message).about(group).hint(hint));
        return;
    }
    let took = u64::try_from(session.elapsed(began_ms).as_millis()).unwrap_or(u64::MAX);
    let (count, took) = (answer.expelled_count, duration_text(took));
    let Some(now) = summary(&group, session).await else {
        report.note(format!("done: {group} is stable again after {took}"));
        return;
    };
    let generation = now.generation.map(|it| format!(", generation {it}")).unwrap_or_default();
    report.note(format!(
        "done: {group} rejoined with {} of {count} members in {took}{generation}",
        now.member_count
    ));
}

async fn summary(group: &str, session: &Session) -> Option<v1::GroupSummary> {
    let cluster = session.cluster(Access::Read).await.ok()?;
    let request = v1::DescribeGroupsRequest { groups: vec![group.to_owned()], with_lag: false };
    cluster.describe_groups(request).await.ok()?.groups.into_iter().next()?.summary
}

/// Until when a change can be taken back; none if that is not told.
pub(super) async fn undo_until(id: &str, cluster: &dyn Cluster) -> Option<i64> {
    let request = v1::ListUndoRequest { groups: Vec::new(), id: Some(id.to_owned()) };
    let found = cluster.list_undo(request).await.ok()?.undos;
    found.into_iter().find(|it| it.id == id).map(|it| it.until_at_ms).filter(|at| *at > 0)
}
