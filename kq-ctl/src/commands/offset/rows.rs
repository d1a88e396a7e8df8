//! Offsets and plans of new ones as rows.

use kq_proto::admin::v1;

use crate::commands::group::rows::{bare_host, owned_count, state_cell};
use crate::commands::shared::{id_text, time_cell};
use crate::output::{Cell, Report, Row, duration_text, rfc3339, row};

/// A row of `Offsets`.
pub(super) fn offset_row(it: &v1::PartitionLag, at: Option<u64>) -> Row {
    let end = if it.topic_deleted { Cell::worded(it.end, "deleted") } else { Cell::from(it.end) };
    row! {
        group: &it.group,
        topic: &it.topic,
        partition: it.partition,
        committed: it.committed,
        committed_at: time_cell(it.committed_at_ms),
        start: it.start,
        end: end,
        lag: it.lag,
        at: at,
        metadata: Cell::text_or_null(it.metadata.as_str()),
        leader_epoch: it.leader_epoch,
        member: it.member.clone(),
        expired: it.expired,
        lag_is_bound: it.lag_is_bound,
        topic_deleted: it.topic_deleted,
    }
}

/// Whether a row changes what is committed.
pub(super) fn is_change(it: &v1::ResetRow) -> bool {
    it.from != it.to
}

/// A row of `OffsetReset`; `done` tells whether it is written.
pub(super) fn reset_row(group: &str, it: &v1::ResetRow, done: bool) -> Row {
    let status = match (is_change(it), it.to.is_some(), done) {
        (false, _, _) => "unchanged",
        (true, true, true) => "reset",
        (true, true, false) => "would_be_reset",
        (true, false, true) => "deleted",
        (true, false, false) => "would_be_deleted",
    };
    row! {
        group: group,
        topic: &it.topic,
        partition: it.partition,
        from: it.from,
        to: it.to,
        reread: it.reread,
        skip: it.skip,
        to_time: time_cell(it.to_at_ms),
        note: Cell::text_or_null(it.note.as_str()),
        from_time: time_cell(it.from_at_ms),
        committed_at: time_cell(it.committed_at_ms),
        status: status,
        topic_id: Some(id_text(&it.topic_id)).filter(|id| !id.is_empty()),
        is_bound: it.is_bound,
        metadata: it.metadata.clone(),
        leader_epoch: it.leader_epoch,
    }
}

/// What became of a plan.
#[derive(Debug, Clone, Default)]
pub(super) struct Applied {
    pub(super) undo: Option<String>,
    pub(super) undo_file: Option<String>,
    pub(super) expelled_count: Option<u32>,
}

/// A row of `plans` in the summary.
pub(super) fn plan_row(plan: &v1::ResetPlan, applied: &Applied) -> Row {
    row! {
        plan: &plan.id,
        group: &plan.group,
        cluster_id: &plan.cluster_id,
        verb: &plan.verb,
        state: state_cell(plan.state()),
        generation: plan.generation,
        live: plan.live,
        planned_at: Cell::Time(plan.at_ms),
        coordinator: plan.coordinator,
        after: plan.after.clone(),
        reread: plan.reread,
        skip: plan.skip,
        to: &plan.typed,
        members: Cell::list(plan.members.iter().map(|it| it.member.as_str())),
        notes: Cell::list(plan.notes.iter()),
        undo: applied.undo.clone(),
        undo_file: applied.undo_file.clone(),
        expelled_count: applied.expelled_count,
        refused: plan.refused,
    }
}

/// The summary of all plans; what only one has is told where there is only one.
pub(super) fn sum_up(report: &mut Report, plans: &[(v1::ResetPlan, Applied)]) {
    let rows = || plans.iter().flat_map(|(plan, _)| &plan.rows);
    if let [(plan, applied)] = plans {
        report.sum("plan", plan.id.as_str());
        report.sum("group", plan.group.as_str());
        report.sum("state", state_cell(plan.state()));
        report.sum("expelled_count", applied.expelled_count);
        report.sum("undo", applied.undo.clone());
        report.sum("undo_file", applied.undo_file.clone());
    }
    report.sum("live", plans.iter().any(|(plan, _)| plan.live));
    report.sum("reread", plans.iter().map(|(plan, _)| plan.reread).sum::<u64>());
    report.sum("skip", plans.iter().map(|(plan, _)| plan.skip).sum::<u64>());
    report.sum("oldest_from", time_cell(rows().filter_map(|it| it.from_at_ms).min()));
    report.sum("oldest_to", time_cell(rows().filter_map(|it| it.to_at_ms).min()));
    let all = plans.iter().map(|(plan, applied)| plan_row(plan, applied)).collect();
    report.sum("plans", Cell::Rows(all));
}

/// How many offsets plans change.
pub(super) fn count_changes(plans: &[(v1::ResetPlan, Applied)]) -> usize {
    plans.iter().flat_map(|(plan, _)| &plan.rows).filter(|it| is_change(it)).count()
}

/// What a plan does, in lines for who is asked to agree.
pub(super) fn headline(plan: &v1::ResetPlan, now_ms: i64) -> Vec<String> {
    let mut deeds = Vec::new();
    if plan.reread > 0 {
        let oldest = plan.rows.iter().filter(|it| it.reread > 0).filter_map(|it| it.to_at_ms).min();
        let back = oldest.and_then(|at| u64::try_from(now_ms.saturating_sub(at)).ok());
        let back = back.map(|ms| format!(" (from {} back)", duration_text(ms)));
        deeds.push(format!("re-reads {} records{}", plan.reread, back.unwrap_or_default()));
    }
    if plan.skip > 0 {
        deeds.push(format!("skips {}", plan.skip));
    }
    let taken = plan.rows.iter().filter(|it| is_change(it) && it.to.is_none()).count();
    if taken > 0 {
        let plural = if taken == 1 { "" } else { "s" };
        deeds.push(format!("takes {taken} commit{plural} away"));
    }
    if deeds.is_empty() {
        deeds.push("neither re-reads nor skips".to_owned());
    }
    let mut lines = vec![format!("PLAN {}  {}  {}", plan.id, plan.group, deeds.join(", "))];
    // Those who were put out a moment ago are not there to be put out again.
    let count = plan.members.len();
    if plan.live && count > 0 {
        let who =
            if count == 1 { "member is put out and comes" } else { "members are put out and come" };
        lines.push(format!(
            "live: {count} {who} back in one rebalance; what they have not committed of other \
             partitions is read again"
        ));
    }
    lines.extend(plan.notes.iter().map(|it| format!("{}: {it}", plan.group)));
    lines
}

/// Who is at work, a line each, as far as they fit.
pub(super) fn members_words(members: &[v1::GroupMember]) -> String {
    const SHOWN: usize = 3;
    let one = |it: &v1::GroupMember| {
        let count = owned_count(it);
        let host = bare_host(&it.host);
        let plural = if count == 1 { "" } else { "s" };
        let name = it.instance.as_ref().unwrap_or(&it.member);
        format!("{name} {host} ({count} partition{plural})")
    };
    let mut words: Vec<String> = members.iter().take(SHOWN).map(one).collect();
    if SHOWN < members.len() {
        words.push(format!("{} more", members.len() - SHOWN));
    }
    words.join(", ")
}

/// Until when an undo is kept.
pub(super) fn undo_note(group: &str, id: &str, until_ms: Option<i64>, alone: bool) -> String {
    let of = if alone { String::new() } else { format!(" {group}") };
    let until = until_ms.map(|at| format!("   (until {})", rfc3339(at))).unwrap_or_default();
    format!("undo{of}: kq-ctl offset undo {id}{until}")
}
