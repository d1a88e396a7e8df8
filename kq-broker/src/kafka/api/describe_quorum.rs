//! `DescribeQuorum`: the voters of the metadata quorum and how far each of them is.
//!
//! Kafka calls the metadata log a topic; kq's is none, and only this request names it so.

use std::sync::Arc;

use kq_proto::kafka::ErrorCode;
use kq_proto::kafka::messages::describe_quorum::{
    DescribeQuorumRequest, DescribeQuorumResponse, Listener, Node, ReplicaState,
    ResponsePartitionData, ResponseTopicData,
};

use crate::ids::BrokerId;
use crate::kafka::answer::Answer;
use crate::kafka::connection::Peer;
use crate::kafka::dispatch::{Call, Handle};
use crate::kafka::door::Door;
use crate::metadata::{BrokerImage, MetadataImage};
use crate::raft::{ControllerStatus, Leadership, MemberStatus};

/// What Kafka calls the log of the metadata quorum.
const METADATA_TOPIC: &str = "__cluster_metadata";
const ONE_PARTITION: &str = "only partition 0 of __cluster_metadata can be described";

impl Handle for DescribeQuorumRequest {
    /// Any broker can be asked, as in Kafka: it answers what the leader of the quorum told it.
    fn handle(self, door: &Arc<Door>, _: &mut Peer, call: Call) -> Answer {
        let door = Arc::clone(door);
        Answer::Later(Box::pin(async move {
            let told = door.node.controller.quorum_by_leader().await;
            let status = door.node.controller.status();
            let now = door.node.clock.now().0;
            let metadata = || match &told {
                Ok((led, members)) => described(led, members, (status.applied_index, now)),
                Err(err) => refused(0, (ErrorCode::NotLeaderOrFollower, &err.message), &status),
            };
            let unknown = (ErrorCode::UnknownTopicOrPartition, ONE_PARTITION);
            let topics = self.topics.into_iter().map(|topic| {
                let is_metadata = topic.topic_name == METADATA_TOPIC;
                let partitions = topic.partitions.iter().map(|it| match it.partition_index {
                    0 if is_metadata => metadata(),
                    index => refused(index, unknown, &status),
                });
                ResponseTopicData { partitions: partitions.collect(), topic_name: topic.topic_name }
            });
            let topics: Vec<ResponseTopicData> = topics.collect();
            let nodes = if call.version >= 2 { nodes(&door.image(), &status) } else { Vec::new() };
            call.reply::<Self>(&DescribeQuorumResponse { topics, nodes, ..Default::default() })
        }))
    }
}

/// What the leader told, with what is committed as far as it and this broker know.
fn described(
    led: &Leadership,
    members: &[MemberStatus],
    (applied, now): (Option<u64>, i64),
) -> ResponsePartitionData {
    let (voters, observers): (Vec<_>, Vec<_>) = members.iter().partition(|it| it.voter);
    let leader = members.iter().find(|it| Some(it.broker) == led.leader);
    let last = leader.and_then(|it| it.matched);
    let committed = held_by_majority(voters.iter().map(|it| it.matched).collect()).max(applied);
    let shown = |members: Vec<&MemberStatus>| {
        members.into_iter().map(|it| member_state(it, last, now)).collect()
    };
    ResponsePartitionData {
        high_watermark: end(committed),
        current_voters: shown(voters),
        observers: shown(observers),
        ..standing(0, led.leader, led.term)
    }
}

/// How far most of the voters are, by how far each of them is.
fn held_by_majority(mut ends: Vec<Option<u64>>) -> Option<u64> {
    ends.sort_unstable_by(|one, other| other.cmp(one));
    ends.get(ends.len() / 2).copied().flatten()
}

/// Nothing is fetched from the leader, which sends of itself: the times are of the last answer.
fn member_state(member: &MemberStatus, last: Option<u64>, now: i64) -> ReplicaState {
    let ago_ms = member.answered.map(|ago| i64::try_from(ago.as_millis()).unwrap_or(i64::MAX));
    let answered_at = ago_ms.map_or(-1, |ago| now.saturating_sub(ago));
    let is_level = member.matched.is_some() && member.matched >= last;
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

fn standing(partition_index: i32, leader: Option<BrokerId>, term: u64) -> ResponsePartitionData {
    ResponsePartitionData {
        partition_index,
        leader_id: leader.map_or(-1, BrokerId::to_wire),
        leader_epoch: i32::try_from(term).unwrap_or(i32::MAX),
        ..Default::default()
    }
}

fn refused(
    index: i32,
    (error_code, message): (ErrorCode, &str),
    status: &ControllerStatus,
) -> ResponsePartitionData {
    let error_message = Some(message.into());
    let standing = standing(index, status.leader, status.term);
    ResponsePartitionData { error_code, error_message, ..standing }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_most_voters_hold_counts_as_committed() {
        let held = |ends: &[Option<u64>]| held_by_majority(ends.to_vec());
        assert_eq!(held(&[Some(7)]), Some(7));
        assert_eq!(held(&[Some(5), Some(9), Some(7)]), Some(7));
        assert_eq!(held(&[Some(5), Some(9), Some(7), Some(9)]), Some(7));
        assert_eq!(held(&[Some(9), None, None]), None);
        assert_eq!(held(&[]), None);
    }
}
