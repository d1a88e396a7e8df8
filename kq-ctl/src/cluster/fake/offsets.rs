//! Committed offsets of the cluster in memory, as far as the tests of commands need them.

#![expect(
    clippy::unnecessary_wraps,
    clippy::needless_pass_by_value,
    reason = "every operation has the shape of a call that can fail"
)]

use kq_proto::admin::v1;
use kq_proto::admin::v1::offset_spec::{Named, Spec};
use kq_proto::admin::v1::reset_target::To;

use super::groups::{Group, no_group};
use super::{BEGINNING_MS, CLUSTER_ID, State, error};
use crate::exit::Failure;

type Answer<T> = Result<T, Failure>;

/// Where an offset goes, when the record there was written, and what is particular.
type Place = (Option<u64>, Option<i64>, String);

fn in_scope(it: &v1::PartitionLag, scope: &[v1::TopicPartitions]) -> bool {
    let names = |of: &v1::TopicPartitions| {
        of.topic == it.topic && (of.partitions.is_empty() || of.partitions.contains(&it.partition))
    };
    scope.is_empty() || scope.iter().any(names)
}

impl State {
    pub(crate) fn get_offsets(
        &mut self,
        request: v1::GetOffsetsRequest,
    ) -> Answer<v1::GetOffsetsResponse> {
        let group = self.groups.get(&request.group);
        let group = group.ok_or_else(|| Failure::from(no_group(&request.group)))?;
        let wanted = group.partitions.iter().filter(|it| in_scope(it, &request.scope));
        let offsets: Vec<v1::PartitionLag> = wanted.cloned().collect();
        let at = |it: &v1::PartitionLag| v1::PartitionOffset {
            topic: it.topic.clone(),
            partition: it.partition,
            offset: to_spec(it, request.at.and_then(|it| it.spec)).0,
            ..v1::PartitionOffset::default()
        };
        let at = if request.at.is_some() { offsets.iter().map(at).collect() } else { Vec::new() };
        let leaderless = offsets.iter().filter(|it| it.end.is_none() && !it.topic_deleted);
        let errors = leaderless.map(nobody_leads).collect();
        Ok(v1::GetOffsetsResponse { offsets, at, errors })
    }

    pub(crate) fn propose_reset(
        &mut self,
        request: v1::ProposeResetRequest,
    ) -> Answer<v1::ProposeResetResponse> {
        let none = Group::default();
        self.reset_plans += 1;
        let group = match self.groups.get(&request.group) {
            Some(group) => group,
            None if request.new_group => &none,
            None => return Err(no_group(&request.group).into()),
        };
        let to = request.target.clone().and_then(|it| it.to).unwrap_or(To::Current(true));
        let mut answer = v1::ProposeResetResponse::default();
        let mut plan = v1::ResetPlan {
            id: format!("9f{:02x}", self.reset_plans),
            cluster_id: CLUSTER_ID.to_owned(),
            group: request.group.clone(),
            verb: verb(&to).to_owned(),
            state: group.summary.state,
            generation: group.summary.generation,
            live: request.live,
            at_ms: BEGINNING_MS,
            members: group.members.clone(),
            typed: request.typed.clone(),
            coordinator: 2,
            after: self.newest_change(&request.group),
            ..v1::ResetPlan::default()
        };
        for it in group.partitions.iter().filter(|it| in_scope(it, &request.scope)) {
            if it.topic_deleted && !matches!(to, To::Delete(_)) {
                continue;
            }
            match self.resolve(it, &to) {
                Ok(None) => {}
                Ok(Some(place)) => plan.rows.push(reset_row(it, place)),
                Err(error) => answer.errors.push(error),
            }
        }
        plan.reread = plan.rows.iter().map(|it| it.reread).sum();
        plan.skip = plan.rows.iter().map(|it| it.skip).sum();
        if !plan.members.is_empty() && !request.live {
            plan.refused = true;
            let message = format!("group '{}' has members", request.group);
            plan.refusal = Some(error(&request.group, "kafka.NON_EMPTY_GROUP", message, ""));
        }
        answer.plan = Some(plan);
        Ok(answer)
    }

    /// The plan that changed the group's offsets last.
    fn newest_change(&self, group: &str) -> Option<String> {
        let newest = self.undos.iter().rfind(|(undo, _)| undo.group == group)?;
        Some(newest.0.id.clone())
    }

    fn resolve(&self, it: &v1::PartitionLag, to: &To) -> Result<Option<Place>, v1::ItemError> {
        let item = format!("{}/{}", it.topic, it.partition);
        if it.end.is_none() && !matches!(to, To::Delete(_)) {
            return Err(nobody_leads(it));
        }
        let end = it.end.unwrap_or_default();
        let plain = |offset: u64| Ok(Some(clamped(it, offset)));
        match to {
            To::At(at) => Ok(Some(to_spec(it, at.spec))),
            To::Current(_) => {
                it.committed.map_or_else(|| Ok(Some((it.end, None, "no commit".to_owned()))), plain)
            }
            To::Shift(by) => {
                let message = format!("nothing is committed of {item} to count from");
                let none = || error(&item, "kq.NO_COMMIT", message, "--to earliest");
                plain(it.committed.ok_or_else(none)?.saturating_add_signed(*by))
            }
            To::BeforeEnd(n) => plain(end.saturating_sub(*n)),
            To::Group(other) => {
                let other = self.groups.get(other).into_iter().flat_map(|it| &it.partitions);
                let same =
                    |of: &&v1::PartitionLag| (&of.topic, of.partition) == (&it.topic, it.partition);
                Ok(other.clone().find(same).and_then(|it| it.committed).map(|at| clamped(it, at)))
            }
            To::Exactly(list) => {
                let same =
                    |of: &&v1::OffsetAt| (&of.topic, of.partition) == (&it.topic, it.partition);
                Ok(list.offsets.iter().find(same).map(|at| clamped(it, at.offset)))
            }
            To::Delete(_) => Ok(it.committed.map(|_| (None, None, String::new()))),
            To::Undo(id) => {
                let (_, rows) =
                    self.undos.iter().find(|(undo, _)| undo.id == *id).ok_or_else(|| {
                        error(id, "kq.UNKNOWN_UNDO", format!("there is no {id}"), "")
                    })?;
                let row =
                    rows.iter().find(|of| (&of.topic, of.partition) == (&it.topic, it.partition));
                Ok(row.map(|row| (row.from, None, String::new())))
            }
        }
    }

    pub(crate) fn apply_reset(
        &mut self,
        request: v1::ApplyResetRequest,
    ) -> Answer<v1::ApplyResetResponse> {
        let plan = request.plan.unwrap_or_default();
        let intent = request.intent.unwrap_or_default();
        if plan.live && plan.after != self.newest_change(&plan.group) {
            let message = "another plan changed the same offsets meanwhile";
            return Err(error(&plan.group, "kq.STALE_PLAN", message.to_owned(), "").into());
        }
        let group = self.groups.entry(plan.group.clone()).or_default();
        for row in &plan.rows {
            let found = group
                .partitions
                .iter_mut()
                .find(|it| (&it.topic, it.partition) == (&row.topic, row.partition));
            let Some(it) = found else { continue };
            if !plan.live && it.committed != row.from {
                let message = format!(
                    "group '{}' has committed since: {}/{} stands at {}, not at {}",
                    plan.group,
                    row.topic,
                    row.partition,
                    it.committed.unwrap_or_default(),
                    row.from.unwrap_or_default(),
                );
                return Err(error(&plan.group, "kq.STALE_PLAN", message, "").into());
            }
            if !intent.dry_run {
                it.committed = row.to;
            }
        }
        let expelled_count =
            if plan.live { u32::try_from(group.members.len()).unwrap() } else { 0 };
        if intent.dry_run {
            return Ok(v1::ApplyResetResponse::default());
        }
        if expelled_count > 0 {
            group.summary.generation = group.summary.generation.map(|it| it + 1);
        }
        let undo = v1::UndoSummary {
            id: plan.id.clone(),
            group: plan.group.clone(),
            verb: plan.verb.clone(),
            at_ms: BEGINNING_MS,
            reason: intent.reason,
            partition_count: u32::try_from(plan.rows.len()).unwrap(),
            live: plan.live,
            until_at_ms: BEGINNING_MS + 7 * 86_400_000,
        };
        let generation = group.summary.generation;
        self.undos.push((undo, plan.rows.clone()));
        let notes = self.thin(false);
        Ok(v1::ApplyResetResponse {
            rows: plan.rows,
            undo: plan.id,
            expelled_count,
            generation,
            notes,
        })
    }

    pub(crate) fn list_undo(
        &mut self,
        request: v1::ListUndoRequest,
    ) -> Answer<v1::ListUndoResponse> {
        let wanted = |it: &v1::UndoSummary| {
            (request.groups.is_empty() || request.groups.contains(&it.group))
                && request.id.as_ref().is_none_or(|id| *id == it.id)
        };
        let newest_first = self.undos.iter().rev().map(|(undo, _)| undo);
        let undos = newest_first.filter(|it| wanted(it)).cloned().collect();
        Ok(v1::ListUndoResponse { undos, errors: Vec::new() })
    }
}

fn verb(to: &To) -> &'static str {
    match to {
        To::Delete(_) => "delete",
        To::Undo(_) => "undo",
        To::At(_)
        | To::Current(_)
        | To::Shift(_)
        | To::BeforeEnd(_)
        | To::Group(_)
        | To::Exactly(_) => "reset",
    }
}

fn clamped(it: &v1::PartitionLag, offset: u64) -> Place {
    let (start, end) = (it.start.unwrap_or_default(), it.end.unwrap_or_default());
    if offset < start {
        return (Some(start), None, format!("to start {start}"));
    }
    if offset > end {
        return (Some(end), None, format!("to end {end}"));
    }
    (Some(offset), None, String::new())
}

/// Half of the records are two hours old.
fn to_spec(it: &v1::PartitionLag, spec: Option<Spec>) -> Place {
    let (start, end) = (it.start.unwrap_or_default(), it.end.unwrap_or_default());
    match spec {
        Some(Spec::Named(named)) if named == i32::from(Named::Earliest) => {
            (Some(start), Some(BEGINNING_MS - 86_400_000), String::new())
        }
        Some(Spec::Offset(offset)) => clamped(it, offset),
        Some(Spec::AtTimestampMs(at)) if at > BEGINNING_MS => {
            (Some(end), None, "future: end".to_owned())
        }
        Some(Spec::AtTimestampMs(_)) if it.committed == it.end => {
            (Some(end), None, "none so young: end".to_owned())
        }
        Some(Spec::AtTimestampMs(at)) => {
            (Some(start + (end - start) / 2), Some(at + 31_000), String::new())
        }
        Some(Spec::Named(_)) | None => (Some(end), None, String::new()),
    }
}

fn nobody_leads(it: &v1::PartitionLag) -> v1::ItemError {
    let item = format!("{}/{}", it.topic, it.partition);
    let message = format!("nobody leads {item}");
    error(&item, "kafka.LEADER_NOT_AVAILABLE", message, "")
}

fn reset_row(it: &v1::PartitionLag, (to, to_at_ms, note): Place) -> v1::ResetRow {
    let start = it.start.unwrap_or_default();
    let base = it.committed.map_or(start, |it| it.max(start));
    let reread = to.filter(|_| it.committed.is_some()).map_or(0, |to| base.saturating_sub(to));
    let note = match (note.as_str(), it.committed) {
        ("", None) => "no commit".to_owned(),
        _ => note,
    };
    v1::ResetRow {
        topic: it.topic.clone(),
        topic_id: it.topic_id.clone(),
        partition: it.partition,
        from: it.committed,
        to,
        reread,
        skip: to.map_or(0, |to| to.saturating_sub(base)),
        to_at_ms,
        note,
        committed_at_ms: it.committed_at_ms,
        ..v1::ResetRow::default()
    }
}
