//! `DescribeQuorum`: the voters of the metadata quorum and how far each of them is.
//!
//! Kafka calls the metadata log a topic; kq's is none, and only this request names it so.

use std::sync::Arc;

use kq_proto::kafka::messages::describe_quorum::{
    DescribeQuorumRequest, DescribeQuorumResponse, Listener, Node, ReplicaState,
    ResponsePartitionData, ResponseTopicData,
};
use kq_proto::kafka::{ErrorCode, Str};

use crate::ids::BrokerId;
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;
use crate::metadata::{BrokerImage, MetadataImage};
use crate::raft::{ControllerStatus, MemberStatus};

/// What Kafka calls the log of the metadata quorum.
const METADATA_TOPIC: &str = "__cluster_metadata";

impl Handle for DescribeQuorumRequest {
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let status = door.node.controller.status();
        let topics = self.topics.into_iter().map(|topic| {
            let is_metadata = topic.topic_name == METADATA_TOPIC;
            let partitions = topic.partitions.into_iter().map(|it| match it.partition_index {
                0 if is_metadata => describe(door, &status),
                index => refused(index, ErrorCode::UnknownTopicOrPartition, &status),
            });
            ResponseTopicData { partitions: partitions.collect(), topic_name: topic.topic_name }
        });
        let topics: Vec<ResponseTopicData> = topics.collect();
        let nodes = if call.version >= 2 { nodes(&door.image(), &status) } else { Vec::new() };
        call.answer::<Self>(&DescribeQuorumResponse { topics, nodes, ..Default::default() })
    }
}

fn describe(door: &Door, status: &ControllerStatus) -> ResponsePartitionData {
    let leads = status.leader == Some(door.node.broker_id);
    if !leads {
        return refused(0, ErrorCode::NotLeaderOrFollower, status);
    }
    let now = door.node.clock.now().0;
    let members = door.node.controller.quorum();
    let (voters, observers): (Vec<_>, Vec<_>) = members.iter().partition(|it| it.voter);
    let shown = |members: Vec<&MemberStatus>| {
        members.into_iter().map(|it| member_state(it, status, now)).collect()
    };
    ResponsePartitionData {
        high_watermark: end(status.applied_index),
        current_voters: shown(voters),
        observers: shown(observers),
        ..standing(0, status)
    }
}

/// Nothing is fetched from the leader, which sends of itself: the times are of the last answer.
fn member_state(member: &MemberStatus, status: &ControllerStatus, now: i64) -> ReplicaState {
    let ago_ms = member.answered.map(|ago| i64::try_from(ago.as_millis()).unwrap_or(i64::MAX));
    let answered_at = ago_ms.map_or(-1, |ago| now.saturating_sub(ago));
    let is_level = member.matched.is_some() && member.matched >= status.last_log_index;
    ReplicaState {
        replica_id: member.broker.to_wire(),
        log_end_offset: member.matched.map_or(-1, |index| end(Some(index))),
        last_fetch_timestamp: answered_at,
        last_caught_up_timestamp: if is_level { answered_at } else { -1 },
        ..Default::default()
    }
}

/// Raft counts entries from 0, so the end of a log is one behind its last index.
fn end(last_index: Option<u64>) -> i64 {
    i64::try_from(last_index.map_or(0, |index| index + 1)).unwrap_or(i64::MAX)
}

fn standing(partition_index: i32, status: &ControllerStatus) -> ResponsePartitionData {
    ResponsePartitionData {
        partition_index,
        leader_id: status.leader.map_or(-1, BrokerId::to_wire),
        leader_epoch: i32::try_from(status.term).unwrap_or(i32::MAX),
        ..Default::default()
    }
}

fn refused(index: i32, error_code: ErrorCode, status: &ControllerStatus) -> ResponsePartitionData {
    let message = if error_code == ErrorCode::NotLeaderOrFollower {
        "this voter does not lead the quorum"
    } else {
        "only partition 0 of __cluster_metadata can be described"
    };
    let error_message = Some(Str::from_static(message));
    ResponsePartitionData { error_code, error_message, ..standing(index, status) }
}

fn nodes(image: &MetadataImage, status: &ControllerStatus) -> Vec<Node> {
    let voters = status.voters.iter().filter_map(|voter| image.broker(*voter));
    voters
        .map(|broker| Node { node_id: broker.id.to_wire(), listeners: listeners(broker) })
        .collect()
}

fn listeners(broker: &BrokerImage) -> Vec<Listener> {
    let endpoints = broker.endpoints.iter();
    let listener = |it: &crate::metadata::Endpoint| Listener {
        name: it.listener.as_str().into(),
        host: it.host.as_str().into(),
        port: it.port,
    };
    endpoints.map(listener).collect()
}
