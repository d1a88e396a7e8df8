//! What an operator has groups do: they are deleted, rebalanced, or lose members.
//!
//! Each call goes to the group's coordinator, once. A coordinator that goes away amid it leaves open
//! whether it was done; all three may be asked for again.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{join, join_all};
use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use tonic::{Code, Status};

use super::{history, words};
use crate::controller::GroupNote;
use crate::group::{
    Act, Chosen, GroupId, GroupState, Input, InstanceId, KindState, MemberId, Operate,
    OperateRefused, Operated, Reply, Silence, Unknown,
};
use crate::grpc::Admin;
use crate::grpc::answer::{draw_plan_id, is_dry_run, kept_reason};
use crate::grpc::error::bad_argument;
use crate::grpc::passing::{Asker, Elsewhere, passed_on, unknown_end};
use crate::grpc::shape::count;
use crate::runtime::PendingReply;

/// Where a change of a group stands if it was made.
const LOOK: &str = "kq-ctl group describe, and kq-ctl events --kind group_operated";

/// One call to the coordinator of one group.
struct Call {
    group: String,
    validate_only: bool,
    answer: PendingReply,
}

impl Admin {
    pub(super) async fn delete_groups(
        &self,
        request: v1::DeleteGroupsRequest,
        asker: Asker,
    ) -> v1::DeleteGroupsResponse {
        let mut names: Vec<String> = Vec::new();
        for name in request.groups {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let coordinated = self.by_coordinator(names.clone(), asker);
        let others = coordinated.there.into_iter().map(|(there, groups)| {
            let theirs = v1::DeleteGroupsRequest { groups, intent: request.intent.clone() };
            async move { there.delete_groups(theirs).await }
        });
        let own = self.delete_own(coordinated.own, request.intent.as_ref());
        let (mut answer, others) = join(own, join_all(others)).await;
        for mut told in others {
            answer.groups.append(&mut told.groups);
            answer.errors.append(&mut told.errors);
            answer.notes.append(&mut told.notes);
        }
        let place = |name: &str| names.iter().position(|it| it == name);
        answer.groups.sort_by_key(|it| place(&it.group));
        answer.errors.sort_by_key(|it| place(&it.item));
        answer
    }

    /// Those that this broker coordinates: all are asked before the first answer is awaited.
    async fn delete_own(
        &self,
        groups: Vec<String>,
        intent: Option<&v1::Intent>,
    ) -> v1::DeleteGroupsResponse {
        let mut answer = v1::DeleteGroupsResponse::default();
        let mut calls = Vec::new();
        let reason: Arc<str> = kept_reason(intent).into();
        for name in groups {
            let plan = draw_plan_id().to_string().into();
            let act = Act::Delete { plan, reason: Arc::clone(&reason) };
            match self.ask_of(&name, act, intent).await {
                Ok(it) => calls.push(it),
                Err(err) => answer.errors.push(err.into_item(name)),
            }
        }
        let mut deeds = Vec::new();
        for it in calls {
            let group = it.group.clone();
            match it.deleted().await {
                Ok((deleted, deed, is_thin)) => {
                    answer.groups.push(deleted);
                    answer.notes.extend(is_thin.then(|| format!("{group}: {}", words::thin())));
                    deeds.push(GroupNote { group, deed });
                }
                Err(err) => answer.errors.push(err.into_item(group)),
            }
        }
        if !is_dry_run(intent) {
            answer.notes.extend(self.note_groups(&deeds, &reason).await);
        }
        answer
    }

    pub(super) async fn rebalance_group(
        &self,
        request: v1::RebalanceGroupRequest,
        asker: Asker,
    ) -> Result<v1::RebalanceGroupResponse, AdminError> {
        if let Some(there) = self.coordinator_elsewhere(&request.group, asker) {
            let dry_run = is_dry_run(request.intent.as_ref());
            let answer = there.groups().rebalance(passed_on(request)).await;
            let failed = |status| there.silent_at(&status, dry_run);
            return answer.map(tonic::Response::into_inner).map_err(failed);
        }
        let (group, intent) = (&request.group, request.intent.as_ref());
        let call = self.ask_of(group, Act::Rebalance, intent).await?;
        let Operated::Rebalanced { before, under_way, is_thin } = call.done().await? else {
            return Err(other_answer());
        };
        let mut notes: Vec<String> = is_thin.then(words::thin).into_iter().collect();
        // Who is called to join already is not called again.
        let was_under_way = before.state == KindState::Classic(GroupState::PreparingRebalance);
        if under_way && !was_under_way && !is_dry_run(intent) {
            let deed = history::rebalance(before.member_count);
            notes.extend(self.note_group(group, deed, &kept_reason(intent)).await);
        }
        let before = Some(words::summary(&before, self.node.broker_id));
        Ok(v1::RebalanceGroupResponse { before, under_way, notes })
    }

    pub(super) async fn remove_group_members(
        &self,
        request: v1::RemoveMembersRequest,
        asker: Asker,
    ) -> Result<v1::RemoveMembersResponse, AdminError> {
        if let Some(there) = self.coordinator_elsewhere(&request.group, asker) {
            let dry_run = is_dry_run(request.intent.as_ref());
            let answer = there.groups().remove_members(passed_on(request)).await;
            let failed = |status| there.silent_at(&status, dry_run);
            return answer.map(tonic::Response::into_inner).map_err(failed);
        }
        let chosen = chosen(&request);
        if chosen == Chosen::default() {
            let message = "no member is named: give ids of members or instances, or a silence";
            return Err(bad_argument(message));
        }
        let (group, intent) = (&request.group, request.intent.as_ref());
        let call = self.ask_of(group, Act::Remove(chosen), intent).await?;
        let Operated::Removed { members, unknown, left, is_thin } = call.done().await? else {
            return Err(other_answer());
        };
        let now_ms = self.node.clock.now().0;
        let removed = members.iter().map(|it| words::member(it, now_ms)).collect();
        let mut errors = strangers(group, unknown);
        if left > 0 {
            errors.push(some_left(group, members.len(), left));
        }
        let mut notes: Vec<String> = is_thin.then(words::thin).into_iter().collect();
        if !members.is_empty() && !is_dry_run(intent) {
            let deed = history::removal(&members);
            notes.extend(self.note_group(group, deed, &kept_reason(intent)).await);
        }
        Ok(v1::RemoveMembersResponse { removed, errors, notes })
    }

    /// Puts it to a group that this broker coordinates. The broker's log says what was asked for, whether
    /// or not it is done then; what is done stands in the history of the cluster.
    async fn ask_of(
        &self,
        group: &str,
        act: Act,
        intent: Option<&v1::Intent>,
    ) -> Result<Call, AdminError> {
        let id = GroupId::from(group);
        let host = self.shard_of(&id).await?;
        let validate_only = is_dry_run(intent);
        if !validate_only {
            let reason = kept_reason(intent);
            tracing::info!(group, verb = verb_of(&act), reason, "asked for by an operator");
        }
        let answer =
            host.call(|reply| Input::Operate(Operate { group: id, act, validate_only, reply }));
        Ok(Call { group: group.to_owned(), validate_only, answer })
    }
}

impl Call {
    async fn done(self) -> Result<Operated, AdminError> {
        match self.answer.await {
            Some(Reply::Operated(Ok(done))) => Ok(done),
            Some(Reply::Operated(Err(OperateRefused::NonEmpty(members)))) => {
                Err(words::has_members(&self.group, &members))
            }
            Some(Reply::Operated(Err(OperateRefused::Group(error)))) => {
                Err(words::refused(&self.group, &error))
            }
            Some(_) => Err(other_answer()),
            None => Err(moving(self.validate_only)),
        }
    }

    /// Also how the history tells it, and whether too few replicas hold it.
    async fn deleted(self) -> Result<(v1::DeletedGroup, String, bool), AdminError> {
        let group = self.group.clone();
        let Operated::Deleted { group_type, offset_count, undo, is_thin } = self.done().await?
        else {
            return Err(other_answer());
        };
        let deed = history::deletion(offset_count, undo.as_deref());
        let deleted = v1::DeletedGroup {
            group,
            r#type: words::group_type(group_type).into(),
            offset_count: count(offset_count),
            undo: undo.as_deref().unwrap_or_default().to_owned(),
        };
        Ok((deleted, deed, is_thin))
    }
}

impl Elsewhere {
    /// What another coordinator said to a change, or that it said nothing.
    fn silent_at(&self, status: &Status, dry_run: bool) -> AdminError {
        if dry_run {
            self.silent_coordinator(status)
        } else {
            self.silent_amid_change(status, LOOK)
        }
    }

    /// What another coordinator did with its groups, or that it tells nothing.
    async fn delete_groups(&self, request: v1::DeleteGroupsRequest) -> v1::DeleteGroupsResponse {
        let (groups, dry_run) = (request.groups.clone(), is_dry_run(request.intent.as_ref()));
        match self.groups().delete(passed_on(request)).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => {
                let err = self.silent_at(&status, dry_run);
                let errors = groups.into_iter().map(|it| err.clone().into_item(it)).collect();
                v1::DeleteGroupsResponse { errors, ..v1::DeleteGroupsResponse::default() }
            }
        }
    }
}

fn verb_of(act: &Act) -> &'static str {
    match act {
        Act::Delete { .. } => "delete",
        Act::Rebalance => "rebalance",
        Act::Remove(_) => "remove members",
    }
}

fn chosen(request: &v1::RemoveMembersRequest) -> Chosen {
    let silence = |ms| match ms {
        0 => Silence::HalfSession,
        ms => Silence::For(Duration::from_millis(ms)),
    };
    Chosen {
        members: request.members.iter().map(|it| MemberId::from(it.as_str())).collect(),
        instances: request.instances.iter().map(|it| InstanceId::from(it.as_str())).collect(),
        silent: request.silent_for_ms.map(silence),
    }
}

fn strangers(group: &str, unknown: Unknown) -> Vec<v1::ItemError> {
    let error = |name: &str, what: &str| {
        let message = format!("group '{group}' has no {what} '{name}'");
        AdminError::new(Code::NotFound, "kafka.UNKNOWN_MEMBER_ID", message)
            .hint(format!("kq-ctl group member list {group}"))
            .into_item(name)
    };
    let members = unknown.members.iter().map(|it| error(it.as_str(), "member"));
    let instances = unknown.instances.iter().map(|it| error(it.as_str(), "instance"));
    members.chain(instances).collect()
}

fn some_left(group: &str, removed: usize, left: usize) -> v1::ItemError {
    let message = format!("{removed} members go in one step, and {left} more were chosen");
    AdminError::new(Code::ResourceExhausted, "kq.TOO_MANY", message)
        .hint("the same command again")
        .into_item(group)
}

/// The coordinator went while the request was on its way.
fn moving(validate_only: bool) -> AdminError {
    let message = "the group's coordinator is moving";
    if !validate_only {
        return unknown_end(message, LOOK);
    }
    AdminError::new(Code::Unavailable, "kafka.COORDINATOR_NOT_AVAILABLE", message)
        .hint("the same command again")
        .retriable()
}

fn other_answer() -> AdminError {
    AdminError::new(Code::Internal, "kq.INTERNAL", "an answer to another call")
}
