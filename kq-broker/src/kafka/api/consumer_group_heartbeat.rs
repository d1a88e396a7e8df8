//! `ConsumerGroupHeartbeat`: all that a member of a consumer group says and learns (KIP-848).

use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::messages::consumer_group_heartbeat::{
    Assignment, ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, TopicPartitions,
};
use kq_proto::kafka::{ErrorCode, Str};
use uuid::Uuid;

use super::groups::{ask, code, own, text};
use crate::group::{
    Assignor, Beat, ConsumerHeartbeat, Epoch, GroupId, Input, InstanceId, MemberId, PartitionSet,
    Phase, Reply, ReplyTo,
};
use crate::ids::{PartitionId, PartitionIndex, TopicId};
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;

/// From this version on members choose their ids themselves (KIP-1082).
const CHOOSES_ID_FROM: i16 = 1;

/// Why a request makes no sense, in words for whoever writes clients.
type Refusal = (ErrorCode, String);

impl Handle for ConsumerGroupHeartbeatRequest {
    fn handle(self, door: &Arc<Door>, peer: &mut Peer, call: Call) -> Answer {
        let checked = check(&self, call.version).and_then(|()| understand(&self));
        let (phase, assignor, owned) = match checked {
            Ok(checked) => checked,
            Err(refusal) => return call.answer::<Self>(&refused(refusal)),
        };
        let client_id = own(call.client_id.as_ref().unwrap_or(&Str::EMPTY));
        let client_host = Arc::from(format!("/{}", peer.address.ip()));
        let group = GroupId::from(&*self.group_id);
        let rebalance_ms = u64::try_from(self.rebalance_timeout_ms).ok();
        let names = self.subscribed_topic_names.as_ref();
        let beat = |reply: ReplyTo| ConsumerHeartbeat {
            group: group.clone(),
            member: member_id(&self.member_id),
            phase,
            instance: self.instance_id.as_ref().map(|it| InstanceId::from(&**it)),
            rack: self.rack_id.as_ref().map(own),
            rebalance_timeout: rebalance_ms.map(Duration::from_millis),
            topics: names.map(|names| names.iter().map(own).collect()),
            pattern: self.subscribed_topic_regex.as_ref().map(own),
            assignor,
            owned,
            client_id,
            client_host,
            reply,
        };
        let beat = |reply| Input::ConsumerHeartbeat(beat(reply));
        ask::<Self>(door, call, &group, beat, respond)
    }
}

/// In version 0 a member that has no id yet is given one.
fn member_id(given: &Str) -> MemberId {
    if given.is_empty() {
        MemberId::from(&*Uuid::new_v4().to_string())
    } else {
        MemberId::from(&**given)
    }
}

fn check(it: &ConsumerGroupHeartbeatRequest, version: i16) -> Result<(), Refusal> {
    let is_empty = |text: &Option<Str>| text.as_ref().is_some_and(|it| it.is_empty());
    let joins = it.member_epoch == Epoch::JOINING.0;
    let needs_id = version >= CHOOSES_ID_FROM || !joins;
    let names_none = it.subscribed_topic_names.as_ref().is_none_or(Vec::is_empty);
    let subscribes = !names_none || it.subscribed_topic_regex.is_some();
    let owns_nothing = it.topic_partitions.as_ref().is_some_and(Vec::is_empty);
    let checks = [
        (it.group_id.is_empty(), "GroupId can't be empty."),
        (is_empty(&it.instance_id), "InstanceId can't be empty."),
        (is_empty(&it.rack_id), "RackId can't be empty."),
        (needs_id && it.member_id.is_empty(), "MemberId can't be empty."),
        (it.member_epoch < Epoch::AWAY.0, "MemberEpoch is invalid."),
        (
            it.member_epoch == Epoch::AWAY.0 && it.instance_id.is_none(),
            "InstanceId can't be null for a member that leaves and comes back.",
        ),
        (
            joins && it.rebalance_timeout_ms < 0,
            "RebalanceTimeoutMs must be provided in first request.",
        ),
        (joins && !owns_nothing, "TopicPartitions must be empty when (re-)joining."),
        (
            joins && !subscribes,
            "SubscribedTopicNames or SubscribedTopicRegex must be set in first request.",
        ),
    ];
    match checks.iter().find(|(is_wrong, _)| *is_wrong) {
        Some((_, why)) => Err((ErrorCode::InvalidRequest, (*why).to_owned())),
        None => Ok(()),
    }
}

/// What becomes words of ours: the epoch's special values, the assignor, the partitions.
fn understand(
    it: &ConsumerGroupHeartbeatRequest,
) -> Result<(Phase, Option<Assignor>, Option<PartitionSet>), Refusal> {
    let phase = match Epoch(it.member_epoch) {
        Epoch::JOINING => Phase::Join,
        Epoch::GONE => Phase::Leave,
        Epoch::AWAY => Phase::LeaveForAWhile,
        epoch => Phase::At(epoch),
    };
    let assignor = match &it.server_assignor {
        None => None,
        Some(name) => Some(Assignor::named(name).ok_or_else(|| {
            let known = Assignor::ALL.map(Assignor::name).join(", ");
            let why = format!("ServerAssignor {name} is not supported. Supported: {known}.");
            (ErrorCode::UnsupportedAssignor, why)
        })?),
    };
    let owned = it.topic_partitions.as_ref().map(|topics| topics.iter().flat_map(owned).collect());
    Ok((phase, assignor, owned))
}

/// Negative numbers are no partitions, and so are owned by nobody.
fn owned(of: &TopicPartitions) -> impl Iterator<Item = PartitionId> {
    let topic = TopicId(of.topic_id);
    let indexes = of.partitions.iter().filter_map(|it| PartitionIndex::from_wire(*it));
    indexes.map(move |index| PartitionId { topic, index })
}

fn respond(reply: Result<Reply, ErrorCode>) -> ConsumerGroupHeartbeatResponse {
    match reply {
        Ok(Reply::ConsumerBeat(Ok(beat))) => accepted(&beat),
        Ok(Reply::ConsumerBeat(Err(error))) => refused((code(&error), error.to_string())),
        Ok(_) => refused((ErrorCode::UnknownServerError, "an answer of another kind".to_owned())),
        Err(code) => refused((code, code.name().to_owned())),
    }
}

fn refused((error_code, why): Refusal) -> ConsumerGroupHeartbeatResponse {
    let error_message = Some(Str::from(why.as_str()));
    ConsumerGroupHeartbeatResponse { error_code, error_message, ..Default::default() }
}

fn accepted(beat: &Beat) -> ConsumerGroupHeartbeatResponse {
    let interval_ms = i32::try_from(beat.interval.as_millis()).unwrap_or(i32::MAX);
    ConsumerGroupHeartbeatResponse {
        member_id: Some(text(beat.member.as_str())),
        member_epoch: beat.epoch.0,
        heartbeat_interval_ms: interval_ms,
        assignment: beat.assignment.as_ref().map(assignment),
        ..Default::default()
    }
}

fn assignment(share: &PartitionSet) -> Assignment {
    let topics = share.topics().map(|(topic, indexes)| TopicPartitions {
        topic_id: topic.0,
        partitions: indexes.iter().map(|it| it.to_wire()).collect(),
    });
    Assignment { topic_partitions: topics.collect() }
}
