//! Groups, members and refusals in the words of the control door.

use std::sync::Arc;
use std::time::Duration;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use kq_proto::kafka::ErrorCode;
use tonic::Code;

use crate::group::{
    ConsumerState, GroupError, GroupState, GroupSurvey, GroupType, KindState, MemberSurvey,
};
use crate::grpc::error::bad_argument;
use crate::grpc::shape::count;
use crate::ids::BrokerId;

/// A row of a list of groups, without its lag.
pub(in crate::grpc) fn summary(it: &GroupSurvey, coordinator: BrokerId) -> v1::GroupSummary {
    let text = |it: &Option<Arc<str>>| it.as_deref().unwrap_or_default().to_owned();
    v1::GroupSummary {
        group: it.group.to_string(),
        r#type: group_type(it.group_type).into(),
        state: state(it.state).into(),
        protocol_type: text(&it.protocol_type),
        protocol: text(&it.protocol),
        member_count: count(it.member_count),
        topic_count: count(it.topics.len()),
        coordinator: coordinator.0,
        last_commit_at_ms: it.last_commit_at_ms,
        state_since_at_ms: it.state_since_ms,
        generation: Some(it.generation),
        lag: None,
        windowless_count: 0,
    }
}

/// A member; `now_ms` is the time at which it was looked at.
pub(in crate::grpc) fn member(it: &MemberSurvey, now_ms: i64) -> v1::GroupMember {
    let silent_ms = i64::try_from(it.silent_for.as_millis()).unwrap_or(i64::MAX);
    v1::GroupMember {
        member: it.member.to_string(),
        instance: it.instance.as_ref().map(ToString::to_string),
        client_id: it.client_id.to_string(),
        host: it.client_host.to_string(),
        assigned: it.assigned.iter().map(|(topic, of)| partitions(topic, of)).collect(),
        revoking: it.revoking.iter().map(|(topic, of)| partitions(topic, of)).collect(),
        epoch: it.epoch.map(|it| it.0),
        session_timeout_ms: millis(it.session_timeout),
        rebalance_timeout_ms: millis(it.rebalance_timeout),
        last_heard_at_ms: now_ms.saturating_sub(silent_ms),
        leads: it.leads,
        joining: it.joining,
        subscribed: it.subscribed.iter().map(ToString::to_string).collect(),
        regex: it.pattern.as_deref().map(str::to_owned),
        rack: it.rack.as_deref().map(str::to_owned),
    }
}

fn partitions(topic: &str, of: &[i32]) -> v1::TopicPartitions {
    let mut partitions: Vec<u32> = of.iter().filter_map(|it| u32::try_from(*it).ok()).collect();
    partitions.sort_unstable();
    v1::TopicPartitions { topic: topic.to_owned(), partitions }
}

/// The protocol of a group.
pub(in crate::grpc) fn group_type(it: GroupType) -> v1::GroupType {
    match it {
        GroupType::Classic => v1::GroupType::Classic,
        GroupType::Consumer => v1::GroupType::Consumer,
    }
}

/// Where a group stands.
pub(in crate::grpc) fn state(it: KindState) -> v1::GroupState {
    match it {
        KindState::Classic(GroupState::Empty) | KindState::Consumer(ConsumerState::Empty) => {
            v1::GroupState::Empty
        }
        KindState::Classic(GroupState::PreparingRebalance) => v1::GroupState::PreparingRebalance,
        KindState::Classic(GroupState::CompletingRebalance) => v1::GroupState::CompletingRebalance,
        KindState::Classic(GroupState::Stable) | KindState::Consumer(ConsumerState::Stable) => {
            v1::GroupState::Stable
        }
        KindState::Consumer(ConsumerState::Assigning) => v1::GroupState::Assigning,
        KindState::Consumer(ConsumerState::Reconciling) => v1::GroupState::Reconciling,
    }
}

fn millis(it: Duration) -> u64 {
    u64::try_from(it.as_millis()).unwrap_or(u64::MAX)
}

/// The code of a group that is not there.
pub(in crate::grpc) const UNKNOWN_GROUP: &str = "kafka.GROUP_ID_NOT_FOUND";

/// A group that is not there.
pub(in crate::grpc) fn unknown_group(name: &str) -> AdminError {
    let message = format!("group '{name}' does not exist");
    AdminError::new(Code::NotFound, UNKNOWN_GROUP, message).hint("kq-ctl group list")
}

/// No group is named.
pub(in crate::grpc) fn no_group_id() -> AdminError {
    let message = "the group id is empty; a name of at least one character is needed";
    AdminError::new(Code::InvalidArgument, "kafka.INVALID_GROUP_ID", message)
}

/// A group whose members are at work, or on their way back.
pub(in crate::grpc) fn non_empty(group: &str, members: usize) -> AdminError {
    let who = match members {
        0 => "its members are coming back".to_owned(),
        1 => "1 member is at work".to_owned(),
        count => format!("{count} members are at work"),
    };
    AdminError::new(Code::FailedPrecondition, "kafka.NON_EMPTY_GROUP", format!("{group}: {who}"))
        .hint(format!(
            "stop them, kq-ctl group wait {group} --for empty, then this again; or --live"
        ))
}

/// A group that cannot go, because these are in it; where there are none, they are on their way back.
pub(in crate::grpc) fn has_members(group: &str, members: &[MemberSurvey]) -> AdminError {
    const SHOWN: usize = 3;
    let name = |it: &MemberSurvey| {
        let host = it.client_host.trim_start_matches('/');
        match &it.instance {
            Some(instance) => format!("{instance} ({}) at {host}", it.member),
            None => format!("{} at {host}", it.member),
        }
    };
    let shown: Vec<String> = members.iter().take(SHOWN).map(name).collect();
    let shown = shown.join(", ");
    let message = match members.len() {
        0 => format!("the members of group '{group}' are coming back"),
        1 => format!("group '{group}' has a member: {shown}"),
        count if count <= SHOWN => format!("group '{group}' has {count} members: {shown}"),
        count => format!("group '{group}' has {count} members: {shown} and {} more", count - SHOWN),
    };
    AdminError::new(Code::FailedPrecondition, "kafka.NON_EMPTY_GROUP", message).hint(format!(
        "stop them, kq-ctl group wait {group} --for empty, then this again; who is gone without a \
         word goes by kq-ctl group member remove {group} --expired"
    ))
}

/// What the coordinator of a group refuses.
pub(in crate::grpc) fn refused(group: &str, error: &GroupError) -> AdminError {
    if *error == GroupError::GroupNotFound {
        return unknown_group(group);
    }
    if *error == GroupError::InvalidGroupId {
        return no_group_id();
    }
    if *error == GroupError::NotAvailable {
        let message = "the group's records cannot be written now";
        return AdminError::new(Code::Unavailable, "kafka.COORDINATOR_NOT_AVAILABLE", message)
            .hint("kq-ctl partition list __consumer_offsets --unhealthy tells why")
            .retriable();
    }
    bad_argument(error.to_string())
}

/// What is told of a change that is committed while the ISR is too small.
pub(in crate::grpc) fn thin() -> String {
    "it counts, but fewer in-sync replicas hold it than min.insync.replicas of \
     __consumer_offsets: kq-ctl partition list __consumer_offsets --unhealthy"
        .to_owned()
}

/// Why the shard of a group cannot be asked here and now.
pub(in crate::grpc) fn no_coordinator(code: ErrorCode) -> AdminError {
    let message = if code == ErrorCode::CoordinatorLoadInProgress {
        "the group's coordinator is still loading it"
    } else if code == ErrorCode::NotCoordinator {
        "the group's coordinator is moving to another broker"
    } else {
        "the group has no coordinator at this moment"
    };
    AdminError::new(Code::Unavailable, format!("kafka.{}", code.name()), message)
        .hint("kq-ctl partition list __consumer_offsets --unhealthy tells who leads")
        .retriable()
}

/// A coordinator that did not answer.
pub(in crate::grpc) fn silent(id: BrokerId) -> v1::ItemError {
    let message = "it did not answer: the groups that it coordinates are not shown";
    AdminError::new(Code::Unavailable, "kafka.COORDINATOR_NOT_AVAILABLE", message)
        .hint(format!("kq-ctl broker describe {id}"))
        .retriable()
        .into_item(format!("broker {id}"))
}
