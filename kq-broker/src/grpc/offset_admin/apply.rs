//! Carrying a plan of new offsets out, all of it or nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use tonic::Code;
use uuid::Uuid;

use super::propose::too_many;
use super::resolve::item_of;
use crate::group::{
    GroupId, Input, OffsetToCommit, Reply, ReplyTo, ResetDone, ResetOffset, ResetOffsets,
    ResetRefused, TopicPartition, UNDO_ROWS_MAX,
};
use crate::grpc::Admin;
use crate::grpc::answer::{is_dry_run, kept_reason};
use crate::grpc::error::{bad_argument, unknown_topic};
use crate::grpc::groups::{history, words};
use crate::grpc::passing::{Asker, passed_on, unknown_end};
use crate::ids::{PlanId, TopicId};
use crate::metadata::MetadataImage;

/// Bytes of a group's name that Kafka's records can hold.
const GROUP_ID_MAX: usize = 32_767;

impl Admin {
    pub(super) async fn apply_offsets(
        &self,
        request: v1::ApplyResetRequest,
        asker: Asker,
    ) -> Result<v1::ApplyResetResponse, AdminError> {
        let plan = request.plan.as_ref();
        let plan = plan.ok_or_else(|| bad_argument("there is no plan in the request"))?;
        let group = GroupId::from(plan.group.as_str());
        if self.groups.partition_of(&group).is_none() && !plan.group.is_empty() {
            // The first group of this cluster.
            self.groups.find(&group).await.map_err(words::no_coordinator)?;
        }
        if let Some(there) = self.coordinator_elsewhere(&plan.group, asker) {
            let (look, dry_run) = (look_for(plan), is_dry_run(request.intent.as_ref()));
            let answer = there.offsets().apply_reset(passed_on(request)).await;
            return answer.map(tonic::Response::into_inner).map_err(|status| {
                if dry_run {
                    there.silent_coordinator(&status)
                } else {
                    there.silent_amid_change(&status, &look)
                }
            });
        }
        let image = self.node.image();
        let rows = verify(plan, &image)?;
        let reason = kept_reason(request.intent.as_ref());
        let reset = |reply: ReplyTo| {
            Input::Reset(ResetOffsets {
                group: group.clone(),
                plan: plan.id.as_str().into(),
                verb: plan.verb.as_str().into(),
                reason: reason.as_str().into(),
                live: plan.live,
                after: plan.after.as_deref().map(Arc::from),
                rows,
                validate_only: is_dry_run(request.intent.as_ref()),
                reply,
            })
        };
        let reply = self.shard_of(&group).await?.call(reset).await;
        match reply {
            Some(Reply::Reset(Ok(done))) => {
                let deed = history::change(&plan.verb, plan.rows.len(), done.expelled, &plan.id);
                let mut answer = done_words(plan, done);
                if !is_dry_run(request.intent.as_ref()) {
                    answer.notes.extend(self.note_group(&plan.group, deed, &reason).await);
                }
                Ok(answer)
            }
            Some(Reply::Reset(Err(refused))) => Err(refusal(plan, refused)),
            Some(_) => {
                Err(AdminError::new(Code::Internal, "kq.INTERNAL", "an answer to another call"))
            }
            None => Err(unknown_end("the group's coordinator is moving", &look_for(plan))),
        }
    }
}

/// A plan as the core takes it, if it is one and fits the topics that there are.
fn verify(plan: &v1::ResetPlan, image: &MetadataImage) -> Result<Vec<ResetOffset>, AdminError> {
    let here = image.cluster_id().map_or("", |it| it.0.as_str());
    if plan.cluster_id != here {
        let message = format!("this is cluster {here}, the plan is for {}", plan.cluster_id);
        return Err(AdminError::new(Code::FailedPrecondition, "kq.WRONG_CLUSTER", message));
    }
    if plan.group.is_empty() || GROUP_ID_MAX < plan.group.len() {
        return Err(words::no_group_id());
    }
    if !matches!(plan.verb.as_str(), "reset" | "delete" | "undo") {
        let message =
            format!("'{}' is no verb of a plan; accepted: reset, delete, undo", plan.verb);
        return Err(bad_argument(message));
    }
    plan.id.parse::<PlanId>().map_err(|err| bad_argument(err.to_string()))?;
    if plan.rows.is_empty() {
        return Err(bad_argument("there is nothing to change in the plan"));
    }
    if UNDO_ROWS_MAX < plan.rows.len() {
        return Err(too_many(plan.rows.len()));
    }
    let mut seen = BTreeSet::new();
    for row in &plan.rows {
        let key = (row.topic.clone(), row.partition);
        if !seen.insert(key.clone()) {
            return Err(bad_argument(format!("{} stands there twice", item_of(&key))));
        }
    }
    plan.rows.iter().map(|it| verify_row(it, plan, image)).collect()
}

fn verify_row(
    row: &v1::ResetRow,
    plan: &v1::ResetPlan,
    image: &MetadataImage,
) -> Result<ResetOffset, AdminError> {
    let item = item_of(&(row.topic.clone(), row.partition));
    let topic = Uuid::from_slice(&row.topic_id).map(TopicId).unwrap_or_default();
    let number = |offset: u64| {
        i64::try_from(offset).map_err(|_| bad_argument(format!("{item}: {offset} is no offset")))
    };
    let index = i32::try_from(row.partition);
    let index = index.map_err(|_| bad_argument(format!("{item} is no partition")))?;
    let partition = TopicPartition { topic: Arc::from(row.topic.as_str()), partition: index };
    if row.to.is_some() {
        let now = image.topic_by_name(&row.topic);
        let now =
            now.ok_or_else(|| unknown_topic(format!("topic '{}' does not exist", row.topic)))?;
        if now.id != topic {
            return Err(stale(plan, &format!("topic {} was made anew", row.topic)));
        }
        if now.partition_count() <= row.partition {
            return Err(unknown_topic(format!("{item} does not exist")));
        }
    }
    let to = match row.to {
        None => None,
        Some(to) => Some(OffsetToCommit {
            partition: partition.clone(),
            offset: number(to)?,
            leader_epoch: row.leader_epoch,
            metadata: Arc::from(row.metadata.as_deref().unwrap_or_default()),
        }),
    };
    let expected = row.from.map(number).transpose()?;
    Ok(ResetOffset { partition, topic, expected, to })
}

fn done_words(plan: &v1::ResetPlan, done: ResetDone) -> v1::ApplyResetResponse {
    let notes = done.is_thin.then(words::thin);
    let rows = plan.rows.iter().zip(done.before).map(|(row, (_, before))| {
        let from = before.and_then(|it| u64::try_from(it.offset).ok());
        if from == row.from {
            return row.clone();
        }
        let mut row = v1::ResetRow { from, ..row.clone() };
        if let (Some(from), Some(to)) = (row.from, row.to) {
            (row.reread, row.skip) = (from.saturating_sub(to), to.saturating_sub(from));
        }
        row
    });
    v1::ApplyResetResponse {
        rows: rows.collect(),
        undo: plan.id.clone(),
        expelled_count: crate::grpc::shape::count(done.expelled),
        generation: Some(done.generation),
        notes: notes.into_iter().collect(),
    }
}

fn refusal(plan: &v1::ResetPlan, refused: ResetRefused) -> AdminError {
    match refused {
        ResetRefused::NonEmpty { members } => words::non_empty(&plan.group, members),
        ResetRefused::Stale(moved) => {
            let row = |(it, now): &(TopicPartition, Option<i64>)| {
                let now = now.map_or("gone".to_owned(), |it| format!("at {it}"));
                format!("{}/{} is {now}", it.topic, it.partition)
            };
            let mut told: Vec<_> = moved.iter().take(3).map(row).collect();
            if moved.len() > told.len() {
                told.push(format!("{} more moved", moved.len() - told.len()));
            }
            stale(plan, &told.join(", "))
        }
        ResetRefused::Overtaken(other) => {
            stale(plan, &format!("plan {other} changed the same offsets meanwhile"))
        }
        ResetRefused::Done => stale(plan, "it was carried out already")
            .hint(format!("kq-ctl offset undo {} takes it back", plan.id)),
        ResetRefused::Group(error) => words::refused(&plan.group, &error),
    }
}

fn stale(plan: &v1::ResetPlan, why: &str) -> AdminError {
    let message = format!("plan {} is stale: {why}", plan.id);
    AdminError::new(Code::Aborted, "kq.STALE_PLAN", message).hint("the same command again")
}

/// Where a change stands if it was made.
fn look_for(plan: &v1::ResetPlan) -> String {
    format!("kq-ctl offset undo lists {} if it was made", plan.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_held_by_too_few_is_done_with_a_warning() {
        let (id, group) = ("beef".to_owned(), "billing".to_owned());
        let plan = v1::ResetPlan { id, group, ..v1::ResetPlan::default() };
        let done = ResetDone { before: Vec::new(), expelled: 2, generation: 7, is_thin: true };
        let told = done_words(&plan, done.clone());
        assert_eq!((told.undo.as_str(), told.expelled_count), ("beef", 2));
        assert!(told.notes[0].contains("it counts, but fewer in-sync replicas"), "{told:?}");
        assert!(!told.notes[0].contains(&plan.group), "kq-ctl names the group");
        let told = done_words(&plan, ResetDone { is_thin: false, ..done });
        assert!(told.notes.is_empty());
    }
}
