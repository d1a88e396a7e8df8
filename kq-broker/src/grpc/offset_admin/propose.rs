//! A plan of new offsets: what is shown is what will be written.

use std::time::Duration;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use tonic::Code;

use super::resolve::{Spans, item_of};
use super::target::{Aim, Aims, no_commit, partitions_of};
use super::times::Planned;
use super::view::View;
use crate::group::reset::{Goal, Standing};
use crate::group::{GroupId, GroupState, KindState, UNDO_ROWS_MAX};
use crate::grpc::Admin;
use crate::grpc::answer::{draw_plan_id, id_bytes};
use crate::grpc::groups::words;
use crate::grpc::passing::{Asker, passed_on};

/// Who commits from outside does so again within this time, or has stopped.
const OUTSIDER_COMMITS: Duration = Duration::from_mins(1);

impl Admin {
    pub(super) async fn propose_offsets(
        &self,
        request: v1::ProposeResetRequest,
        asker: Asker,
    ) -> Result<v1::ProposeResetResponse, AdminError> {
        if let Some(there) = self.coordinator_elsewhere(&request.group, asker) {
            let answer = there.offsets().propose_reset(passed_on(request)).await;
            let failed = |status| there.silent_coordinator(&status);
            return answer.map(tonic::Response::into_inner).map_err(failed);
        }
        if request.group.is_empty() {
            return Err(words::no_group_id());
        }
        let group = GroupId::from(request.group.as_str());
        let view = match self.view(&group).await {
            Err(err) if err.code == words::UNKNOWN_GROUP && may_be_new(&request) => {
                let any = self.view_of_any(&group).await;
                any.unwrap_or_else(|_| View::of_nothing(self.now()))
            }
            Err(err) if err.code == words::UNKNOWN_GROUP => {
                return Err(err.hint("kq-ctl group list, or --new-group to make it"));
            }
            view => view?,
        };
        let mut aims = self.aims(&request, &view).await?;
        if UNDO_ROWS_MAX < aims.of.len() {
            return Err(too_many(aims.of.len()));
        }
        let spans = self.spans(&partitions_of(&aims)).await;
        let mut rows = self.rows(&mut aims, &view, &spans);
        self.add_times(&mut rows).await;
        let rows = rows.into_iter().map(|it| it.shown).collect();
        let plan = self.plan(request, &view, rows, aims.notes);
        let errors = aims.errors.into_values().collect();
        Ok(v1::ProposeResetResponse { plan: Some(plan), errors })
    }

    fn rows(&self, aims: &mut Aims, view: &View, spans: &Spans) -> Vec<Planned> {
        let mut rows = Vec::new();
        for (key, aim) in std::mem::take(&mut aims.of) {
            match self.row(&key, aim, view, spans) {
                Ok(row) => rows.push(row),
                Err(error) => drop(aims.errors.insert(item_of(&key), error)),
            }
        }
        rows
    }

    fn row(
        &self,
        key: &(String, u32),
        aim: Aim,
        view: &View,
        spans: &Spans,
    ) -> Result<Planned, v1::ItemError> {
        let image = self.node.image();
        let topic = image.topic_by_name(&key.0);
        let committed = view.committed(key);
        let signed = |it: u64| i64::try_from(it).unwrap_or(i64::MAX);
        let span = spans.found.get(key).map(|it| (signed(it.start), signed(it.end)));
        // What is taken away needs no log, and what is put back to the letter none either.
        let needs_no_log = matches!(aim.goal, Goal::Nowhere | Goal::Before { before: None, .. });
        let (start, end) = match span {
            Some(span) => span,
            None if needs_no_log => (0, 0),
            None => return Err(silent(key, spans)),
        };
        let standing = Standing {
            committed: committed.map(|it| it.offset),
            start,
            end,
            is_compacted: topic.is_some_and(|it| self.is_compacted(it)),
        };
        let row = standing.aim(aim.goal).map_err(|_| no_commit().into_item(item_of(key)))?;
        let unsigned = |it: i64| u64::try_from(it).ok();
        let shown = v1::ResetRow {
            topic: key.0.clone(),
            topic_id: topic.map(|it| id_bytes(it.id)).unwrap_or_default(),
            partition: key.1,
            from: committed.and_then(|it| unsigned(it.offset)),
            to: row.to.and_then(unsigned),
            reread: row.reread,
            skip: row.skip,
            is_bound: row.is_bound,
            from_at_ms: None,
            to_at_ms: aim.found_at_ms,
            note: row.note.clone(),
            committed_at_ms: committed.map(|it| it.committed_at_ms),
            metadata: aim.metadata,
            leader_epoch: aim.leader_epoch,
        };
        Ok(Planned { row, shown })
    }

    fn plan(
        &self,
        request: v1::ProposeResetRequest,
        view: &View,
        rows: Vec<v1::ResetRow>,
        mut notes: Vec<String>,
    ) -> v1::ResetPlan {
        let survey = view.survey.as_ref();
        let state = survey.map_or(KindState::Classic(GroupState::Empty), |it| it.state);
        notes.extend(outsider(view));
        let refusal = refusal(&request.group, view, state).filter(|_| !request.live);
        let sum = |of: fn(&v1::ResetRow) -> u64| rows.iter().map(of).fold(0, u64::saturating_add);
        let image = self.node.image();
        v1::ResetPlan {
            id: draw_plan_id().to_string(),
            cluster_id: image.cluster_id().map(|it| it.0.clone()).unwrap_or_default(),
            group: request.group,
            verb: verb(request.target.as_ref()).to_owned(),
            state: words::state(state).into(),
            generation: survey.map(|it| it.generation),
            live: request.live,
            at_ms: view.at.wall_ms,
            reread: sum(|it| it.reread),
            skip: sum(|it| it.skip),
            rows,
            members: view.members.iter().map(|it| words::member(it, view.at.wall_ms)).collect(),
            refused: refusal.is_some(),
            refusal,
            notes,
            typed: request.typed,
            coordinator: self.node.broker_id.0,
            after: view.changed.as_ref().map(|(_, plan)| plan.to_string()),
        }
    }
}

/// What is taken back may be the deletion of the group's last offset.
fn may_be_new(request: &v1::ProposeResetRequest) -> bool {
    request.new_group || verb(request.target.as_ref()) == "undo"
}

fn verb(target: Option<&v1::ResetTarget>) -> &'static str {
    use v1::reset_target::To;
    match target.and_then(|it| it.to.as_ref()) {
        Some(To::Delete(_)) => "delete",
        Some(To::Undo(_)) => "undo",
        _ => "reset",
    }
}

/// Why offsets cannot be changed while members are at work, or on their way.
fn refusal(group: &str, view: &View, state: KindState) -> Option<v1::ItemError> {
    if state.is_empty() {
        return None;
    }
    Some(words::non_empty(group, view.members.len()).into_item(group))
}

/// A warning where someone commits who is no member, and so cannot be put out.
fn outsider(view: &View) -> Option<String> {
    let survey = view.survey.as_ref().filter(|it| it.state.is_empty())?;
    let at = survey.last_commit_at_ms.filter(|at| survey.state_since_ms < *at)?;
    if view.changed.as_ref().is_some_and(|(changed_at, _)| at <= *changed_at) {
        return None;
    }
    let age = u64::try_from(view.at.wall_ms.saturating_sub(at)).unwrap_or(0);
    (Duration::from_millis(age) < OUTSIDER_COMMITS)
        .then(|| "still commits from outside the group: it may overwrite this".to_owned())
}

fn silent(key: &(String, u32), spans: &Spans) -> v1::ItemError {
    let item = item_of(key);
    let told = spans.errors.get(&item).or_else(|| spans.errors.get(&key.0)).cloned();
    told.unwrap_or_else(|| {
        let message = "its leader did not tell where it begins and ends";
        AdminError::new(Code::Unavailable, "kafka.LEADER_NOT_AVAILABLE", message)
            .retriable()
            .into_item(item)
    })
}

/// More rows than one change may have.
pub(super) fn too_many(count: usize) -> AdminError {
    let message =
        format!("{count} offsets at once; at most {UNDO_ROWS_MAX} are changed in one step");
    AdminError::new(Code::InvalidArgument, "kq.TOO_MANY", message).hint("one topic at a time")
}
