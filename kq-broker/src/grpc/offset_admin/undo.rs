//! Changes of offsets that can be taken back.

use std::time::Duration;

use futures::future::join_all;
use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use kq_proto::admin::v1::offsets_client::OffsetsClient;
use tonic::Code;
use tonic::transport::Channel;

use super::resolve::item_of;
use super::target::{Aim, Aims};
use crate::group::reset::Goal;
use crate::group::{GroupId, Undo, UndoRow};
use crate::grpc::Admin;
use crate::grpc::error::unknown_topic;
use crate::grpc::groups::{LOAD_WAIT, words};
use crate::grpc::passing::{Asker, passed_on_for};
use crate::grpc::shape::count;
use crate::runtime::OFFSETS_TOPIC;

/// How long another broker may take: it may have to load groups first.
const ANSWER_WAIT: Duration = Duration::from_secs(5);

impl Admin {
    /// The changes that every coordinator keeps, the newest first.
    pub(super) async fn list_undos(
        &self,
        request: v1::ListUndoRequest,
        asker: Asker,
    ) -> v1::ListUndoResponse {
        let mut answer = self.own_undos(&request).await;
        if asker == Asker::Client {
            let others = self.other_coordinators().into_iter().map(|id| {
                let channel = self.node.controller.peers().channel(id);
                let request = request.clone();
                async move { (id, ask(channel, request).await) }
            });
            for (id, told) in join_all(others).await {
                match told {
                    Some(told) => {
                        answer.undos.extend(told.undos);
                        answer.errors.extend(told.errors);
                    }
                    None => answer.errors.push(words::silent(id)),
                }
            }
        }
        answer.undos.sort_by(|a, b| (b.at_ms, &b.id).cmp(&(a.at_ms, &a.id)));
        answer
    }

    async fn own_undos(&self, request: &v1::ListUndoRequest) -> v1::ListUndoResponse {
        let mut answer = v1::ListUndoResponse::default();
        let is_wanted = |it: &&Undo| {
            let named =
                request.groups.is_empty() || request.groups.iter().any(|name| *name == *it.group.0);
            named && request.id.as_deref().is_none_or(|id| *id == *it.plan)
        };
        for (index, host) in self.groups.led_within(LOAD_WAIT).await {
            match host {
                Ok(host) => answer.undos.extend(host.look(|shard| {
                    let kept = shard.undos().filter(is_wanted);
                    kept.map(|it| self.undo_summary(it)).collect::<Vec<_>>()
                })),
                Err(code) => {
                    let item = format!("{OFFSETS_TOPIC}/{}", index.0);
                    answer.errors.push(words::no_coordinator(code).into_item(item));
                }
            }
        }
        answer
    }

    pub(in crate::grpc) fn undo_summary(&self, it: &Undo) -> v1::UndoSummary {
        let minutes = i64::from(self.node.config.group_undo_retention_minutes);
        v1::UndoSummary {
            id: it.plan.to_string(),
            group: it.group.to_string(),
            verb: it.verb.to_string(),
            at_ms: it.at_ms,
            reason: it.reason.to_string(),
            partition_count: count(it.rows.len()),
            live: it.live,
            until_at_ms: it.at_ms.saturating_add(minutes.saturating_mul(60_000)),
        }
    }

    /// Where offsets were before a change.
    pub(super) async fn aims_of_undo(&self, group: &str, id: &str) -> Result<Aims, AdminError> {
        let group = GroupId::from(group);
        let host = self.shard_of(&group).await?;
        let undo = host
            .look(|shard| shard.undos().find(|it| it.group == group && *it.plan == *id).cloned());
        let undo = undo.ok_or_else(|| unknown_undo(&group, id))?;
        let mut aims = Aims::default();
        for row in undo.rows {
            let Ok(index) = u32::try_from(row.partition.partition) else { continue };
            let key = (row.partition.topic.to_string(), index);
            match self.verify_topic(&row) {
                Ok(()) => drop(aims.of.insert(key, aim(row))),
                Err(err) => aims.refuse(item_of(&key), err),
            }
        }
        Ok(aims)
    }

    /// An offset of a topic that is gone means nothing in its namesake.
    fn verify_topic(&self, row: &UndoRow) -> Result<(), AdminError> {
        let name = &row.partition.topic;
        let image = self.node.image();
        if row.before.is_none() {
            return Ok(());
        }
        let now = image.topic_by_name(name);
        let now = now.ok_or_else(|| unknown_topic(format!("topic '{name}' does not exist")))?;
        if now.id == row.topic {
            return Ok(());
        }
        let message = format!("topic {name} was made anew since");
        Err(AdminError::new(Code::FailedPrecondition, "kafka.INCONSISTENT_TOPIC_ID", message))
    }
}

fn aim(row: UndoRow) -> Aim {
    let before = row.before.as_ref();
    let goal = Goal::Before { before: before.map(|it| it.offset), after: row.after };
    Aim {
        metadata: before.map(|it| it.metadata.to_string()),
        leader_epoch: before.and_then(|it| it.leader_epoch),
        ..Aim::from(goal)
    }
}

fn unknown_undo(group: &GroupId, id: &str) -> AdminError {
    let message = format!("no change {id} of group '{group}' can be taken back");
    AdminError::new(Code::NotFound, "kq.UNKNOWN_UNDO", message).hint("kq-ctl offset undo")
}

async fn ask(
    channel: Option<Channel>,
    request: v1::ListUndoRequest,
) -> Option<v1::ListUndoResponse> {
    let mut broker = OffsetsClient::new(channel?);
    let answer = broker.list_undo(passed_on_for(request, ANSWER_WAIT));
    let answer = tokio::time::timeout(ANSWER_WAIT, answer).await.ok()?;
    answer.ok().map(tonic::Response::into_inner)
}
