//! Consumer groups over the wire: membership, offsets, administration, restarts.

use bytes::Bytes;
use kq_proto::kafka::messages::join_group::{JoinGroupRequestProtocol, JoinGroupResponse};
use kq_proto::kafka::messages::offset_commit::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kq_proto::kafka::messages::offset_delete::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kq_proto::kafka::messages::offset_fetch::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use kq_proto::kafka::messages::sync_group::{SyncGroupRequestAssignment, SyncGroupResponse};
use kq_proto::kafka::messages::{
    DeleteGroupsRequest, DescribeGroupsRequest, FindCoordinatorRequest, HeartbeatRequest,
    JoinGroupRequest, LeaveGroupRequest, ListGroupsRequest, OffsetCommitRequest,
    OffsetDeleteRequest, OffsetFetchRequest, SyncGroupRequest,
};
use kq_proto::kafka::{ErrorCode, Message, Str};

use super::rig::{Client, Rig, Topic, batch};

const GROUP: Str = Str::from_static("readers");
/// The first rebalance of a group waits for nobody, and silent members go soon.
const FLAGS: &[&str] = &[
    "--group-initial-rebalance-delay-ms",
    "0",
    "--group-min-session-timeout-ms",
    "1",
    "--offsets-topic-num-partitions",
    "3",
];

impl Client {
    async fn find_coordinator(&mut self) -> ErrorCode {
        let request =
            FindCoordinatorRequest { coordinator_keys: vec![GROUP], ..Default::default() };
        self.ask(&request).await.coordinators[0].error_code
    }

    async fn commit(&mut self, topic: &Topic, offset: i64) -> ErrorCode {
        let response = self.ask(&commit(topic, 0, offset)).await;
        response.topics[0].partitions[0].error_code
    }

    async fn committed(&mut self, topic: &Topic) -> i64 {
        let topics =
            vec![OffsetFetchRequestTopics { name: topic.name.clone(), partition_indexes: vec![0] }];
        let group =
            OffsetFetchRequestGroup { group_id: GROUP, topics: Some(topics), ..Default::default() };
        let response =
            self.ask(&OffsetFetchRequest { groups: vec![group], ..Default::default() }).await;
        assert_eq!(response.groups[0].error_code, ErrorCode::None);
        response.groups[0].topics[0].partitions[0].committed_offset
    }

    /// Joins with the id that the coordinator gives out first.
    async fn join(&mut self, session_ms: i32) -> JoinGroupResponse {
        let sent_back = self.ask(&join(Str::EMPTY, session_ms)).await;
        assert_eq!(sent_back.error_code, ErrorCode::MemberIdRequired);
        self.ask(&join(sent_back.member_id, session_ms)).await
    }

    async fn sync(&mut self, joined: &JoinGroupResponse, share: &[(&Str, &'static str)]) -> Bytes {
        let synced = self.sync_response(joined, share).await;
        assert_eq!(synced.error_code, ErrorCode::None);
        synced.assignment
    }

    async fn sync_response(
        &mut self,
        joined: &JoinGroupResponse,
        share: &[(&Str, &'static str)],
    ) -> SyncGroupResponse {
        let assignments = share.iter().map(|(member, share)| SyncGroupRequestAssignment {
            member_id: (*member).clone(),
            assignment: Bytes::from_static(share.as_bytes()),
        });
        let request = SyncGroupRequest {
            group_id: GROUP,
            generation_id: joined.generation_id,
            member_id: joined.member_id.clone(),
            protocol_type: Some("consumer".into()),
            protocol_name: Some("range".into()),
            assignments: assignments.collect(),
            ..Default::default()
        };
        self.ask(&request).await
    }

    async fn state(&mut self) -> (Str, usize) {
        let request = DescribeGroupsRequest { groups: vec![GROUP], ..Default::default() };
        let group = self.ask(&request).await.groups.remove(0);
        (group.group_state, group.members.len())
    }

    async fn delete_group(&mut self) -> ErrorCode {
        let request = DeleteGroupsRequest { groups_names: vec![GROUP] };
        self.ask(&request).await.results[0].error_code
    }
}

fn commit(topic: &Topic, partition_index: i32, committed_offset: i64) -> OffsetCommitRequest {
    OffsetCommitRequest {
        group_id: GROUP,
        topics: vec![OffsetCommitRequestTopic {
            name: topic.name.clone(),
            partitions: vec![OffsetCommitRequestPartition {
                partition_index,
                committed_offset,
                ..Default::default()
            }],
        }],
        ..Default::default()
    }
}

fn join(member_id: Str, session_timeout_ms: i32) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: GROUP,
        session_timeout_ms,
        rebalance_timeout_ms: 60_000,
        member_id,
        protocol_type: "consumer".into(),
        protocols: vec![JoinGroupRequestProtocol {
            name: "range".into(),
            metadata: Bytes::from_static(b"\0\x01\0\0\0\x01\0\x06orders\0\0\0\0"),
        }],
        ..Default::default()
    }
}

/// A broker that has its coordinator, a client and a topic of one partition.
async fn start() -> (Rig, Client, Topic) {
    let rig = Rig::start_with(FLAGS).await;
    let (mut client, topic) = rig.client_with_topic(1).await;
    assert_eq!(client.find_coordinator().await, ErrorCode::None);
    (rig, client, topic)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_members_share_and_the_second_takes_over() {
    let (rig, mut one, _) = start().await;
    let mut two = rig.client().await;
    let first = one.join(60_000).await;
    assert_eq!((first.generation_id, &first.leader), (1, &first.member_id));
    assert_eq!(one.sync(&first, &[(&first.member_id, "all")]).await, "all");
    assert_eq!(one.state().await, ("Stable".into(), 1));

    let sent_back = two.ask(&join(Str::EMPTY, 60_000)).await;
    let waiting = two.send(9, &join(sent_back.member_id.clone(), 60_000)).await;
    // The leader hears of it from its next heartbeat, and joins again.
    let beat = HeartbeatRequest {
        group_id: GROUP,
        generation_id: 1,
        member_id: first.member_id.clone(),
        ..Default::default()
    };
    while one.ask(&beat).await.error_code != ErrorCode::RebalanceInProgress {}
    let again = one.ask(&join(first.member_id.clone(), 60_000)).await;
    let second = two.receive::<JoinGroupRequest>(9, waiting).await;
    assert_eq!((again.generation_id, again.members.len()), (2, 2));
    assert_eq!((second.generation_id, second.members.len()), (2, 0));
    let share = [(&again.member_id, "left"), (&second.member_id, "right")];
    assert_eq!(one.sync(&again, &share).await, "left");
    assert_eq!(two.sync(&second, &[]).await, "right");

    let leave = LeaveGroupRequest {
        group_id: GROUP,
        members: vec![kq_proto::kafka::messages::leave_group::MemberIdentity {
            member_id: again.member_id.clone(),
            ..Default::default()
        }],
        ..Default::default()
    };
    assert_eq!(one.ask(&leave).await.members[0].error_code, ErrorCode::None);
    let alone = two.ask(&join(second.member_id.clone(), 60_000)).await;
    assert_eq!((alone.generation_id, &alone.leader), (3, &alone.member_id));
    assert_eq!(one.ask(&beat).await.error_code, ErrorCode::UnknownMemberId);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_member_makes_room_after_its_session() {
    let (rig, mut one, _) = start().await;
    let silent = one.join(50).await;
    assert_eq!(one.sync(&silent, &[(&silent.member_id, "all")]).await, "all");
    let mut two = rig.client().await;
    // Its rebalance timeout is a minute: only the end of its session lets the other one in.
    let joined = two.join(60_000).await;
    assert_eq!(joined.leader, joined.member_id);
    assert_eq!(joined.members.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn members_and_offsets_survive_a_restart() {
    let (rig, mut client, topic) = start().await;
    let joined = client.join(60_000).await;
    client.sync(&joined, &[(&joined.member_id, "all")]).await;
    let mut request = commit(&topic, 0, 42);
    request.generation_id_or_member_epoch = joined.generation_id;
    request.member_id = joined.member_id.clone();
    let answer = client.ask(&request).await;
    assert_eq!(answer.topics[0].partitions[0].error_code, ErrorCode::None);
    drop(client);

    let rig = rig.restart(FLAGS).await;
    let mut client = rig.client().await;
    assert_eq!(client.find_coordinator().await, ErrorCode::None);
    assert_eq!(client.committed(&topic).await, 42);
    assert_eq!(client.state().await, ("Stable".into(), 1));
    let beat = HeartbeatRequest {
        group_id: GROUP,
        generation_id: joined.generation_id,
        member_id: joined.member_id.clone(),
        ..Default::default()
    };
    assert_eq!(client.ask(&beat).await.error_code, ErrorCode::None);
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_of_one_connection_take_effect_in_order() {
    let (_rig, mut client, topic) = start().await;
    let mut numbers = Vec::new();
    for offset in 0..50 {
        numbers.push(client.send(9, &commit(&topic, 0, offset)).await);
    }
    for number in numbers {
        let answer = client.receive::<OffsetCommitRequest>(9, number).await;
        assert_eq!(answer.topics[0].partitions[0].error_code, ErrorCode::None);
    }
    assert_eq!(client.committed(&topic).await, 49);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_names_what_it_refuses_and_keeps_the_rest() {
    let (_rig, mut client, topic) = start().await;
    let mut request = commit(&topic, 0, 7);
    let unknown = OffsetCommitRequestPartition { partition_index: 9, ..Default::default() };
    request.topics[0].partitions.insert(0, unknown);
    let noted = OffsetCommitRequestPartition {
        committed_metadata: Some("n".repeat(5_000).into()),
        ..Default::default()
    };
    request.topics[0].partitions.push(noted);
    let answer = client.ask(&request).await;
    let codes: Vec<_> = answer.topics[0].partitions.iter().map(|it| it.error_code).collect();
    let want =
        [ErrorCode::UnknownTopicOrPartition, ErrorCode::None, ErrorCode::OffsetMetadataTooLarge];
    assert_eq!(codes, want);
    assert_eq!(client.committed(&topic).await, 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_cannot_commit_into_a_live_group() {
    let (_rig, mut client, topic) = start().await;
    let joined = client.join(60_000).await;
    client.sync(&joined, &[(&joined.member_id, "all")]).await;
    assert_eq!(client.commit(&topic, 5).await, ErrorCode::UnknownMemberId);
    assert_eq!(client.committed(&topic).await, -1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_empty_group_is_deleted() {
    let (rig, mut client, topic) = start().await;
    assert_eq!(client.delete_group().await, ErrorCode::GroupIdNotFound);
    let joined = client.join(60_000).await;
    client.sync(&joined, &[(&joined.member_id, "all")]).await;
    assert_eq!(client.delete_group().await, ErrorCode::NonEmptyGroup);
    let leave = LeaveGroupRequest {
        group_id: GROUP,
        member_id: joined.member_id.clone(),
        ..Default::default()
    };
    assert_eq!(client.call(2, &leave).await.error_code, ErrorCode::None);
    assert_eq!(client.commit(&topic, 5).await, ErrorCode::None);
    let listed = client.ask(&ListGroupsRequest::default()).await.groups;
    assert_eq!((&*listed[0].group_id, &*listed[0].group_state), ("readers", "Empty"));
    assert_eq!(client.delete_group().await, ErrorCode::None);
    drop(client);

    let rig = rig.restart(FLAGS).await;
    let mut client = rig.client().await;
    assert_eq!(client.find_coordinator().await, ErrorCode::None);
    assert_eq!(client.committed(&topic).await, -1);
    assert!(client.ask(&ListGroupsRequest::default()).await.groups.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_of_a_read_topic_are_not_deleted() {
    let (_rig, mut client, topic) = start().await;
    client.commit(&topic, 5).await;
    let delete = OffsetDeleteRequest {
        group_id: GROUP,
        topics: vec![OffsetDeleteRequestTopic {
            name: topic.name.clone(),
            partitions: vec![OffsetDeleteRequestPartition { partition_index: 0 }],
        }],
    };
    let joined = client.join(60_000).await;
    client.sync(&joined, &[(&joined.member_id, "all")]).await;
    let refused = client.ask(&delete).await;
    assert_eq!(refused.topics[0].partitions[0].error_code, ErrorCode::GroupSubscribedToTopic);
    assert_eq!(client.committed(&topic).await, 5);
    let member_id = joined.member_id.clone();
    let leave = LeaveGroupRequest { group_id: GROUP, member_id, ..Default::default() };
    client.call(2, &leave).await;
    let deleted = client.ask(&delete).await;
    assert_eq!(deleted.topics[0].partitions[0].error_code, ErrorCode::None);
    assert_eq!(client.committed(&topic).await, -1);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_of_the_group_calls_is_answered() {
    let (_rig, mut client, topic) = start().await;
    for version in FindCoordinatorRequest::VERSIONS {
        let many = if version >= 4 { vec![GROUP] } else { Vec::new() };
        let key = if version < 4 { GROUP } else { Str::EMPTY };
        let request = FindCoordinatorRequest { key, coordinator_keys: many, key_type: 0 };
        client.call(version, &request).await;
    }
    for version in JoinGroupRequest::VERSIONS {
        let refused = JoinGroupRequest { session_timeout_ms: 0, ..join(Str::EMPTY, 0) };
        let answer = client.call(version, &refused).await;
        assert_eq!(answer.error_code, ErrorCode::InvalidSessionTimeout, "version {version}");
    }
    for version in SyncGroupRequest::VERSIONS {
        let request = SyncGroupRequest { group_id: GROUP, ..Default::default() };
        let answer = client.call(version, &request).await;
        assert_eq!(answer.error_code, ErrorCode::UnknownMemberId, "version {version}");
    }
    for version in HeartbeatRequest::VERSIONS {
        let request = HeartbeatRequest { group_id: GROUP, ..Default::default() };
        let answer = client.call(version, &request).await;
        assert_eq!(answer.error_code, ErrorCode::UnknownMemberId, "version {version}");
    }
    for version in OffsetCommitRequest::VERSIONS {
        let answer = client.call(version, &commit(&topic, 0, 1)).await;
        assert_eq!(answer.topics[0].partitions[0].error_code, ErrorCode::None);
    }
    for version in OffsetFetchRequest::VERSIONS.filter(|it| *it < 8) {
        let topics = (version < 2).then(Vec::new);
        let request = OffsetFetchRequest { group_id: GROUP, topics, ..Default::default() };
        let answer = client.call(version, &request).await;
        assert_eq!(answer.topics.len(), usize::from(version >= 2), "version {version}");
    }
    for version in DescribeGroupsRequest::VERSIONS {
        let request = DescribeGroupsRequest { groups: vec!["nobody".into()], ..Default::default() };
        assert_eq!(client.call(version, &request).await.groups[0].group_state, "Dead");
    }
    for version in ListGroupsRequest::VERSIONS {
        let answer = client.call(version, &ListGroupsRequest::default()).await;
        assert_eq!(answer.groups.len(), 1, "version {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_cannot_write_to_the_topic_of_offsets() {
    let (rig, mut client, _) = start().await;
    let image = rig.broker.node().image();
    let id = image.topic_by_name("__consumer_offsets").unwrap().id.0;
    let topic = Topic { name: "__consumer_offsets".into(), id };
    let refused = client.produce(&topic, -1, batch(&[b"forged"])).await;
    assert_eq!(refused.error_code, ErrorCode::InvalidTopicException);
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_without_a_coordinator_are_sent_to_look_for_one() {
    let rig = Rig::start_with(FLAGS).await;
    let mut client = rig.client().await;
    let beat = HeartbeatRequest { group_id: GROUP, ..Default::default() };
    assert_eq!(client.ask(&beat).await.error_code, ErrorCode::NotCoordinator);
    assert!(client.ask(&ListGroupsRequest::default()).await.groups.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_wait_for_others_do_not_hold_up_a_stop() {
    let (rig, mut one, _) = start().await;
    let joined = one.join(60_000).await;
    one.sync(&joined, &[(&joined.member_id, "all")]).await;
    let mut two = rig.client().await;
    let sent_back = two.ask(&join(Str::EMPTY, 60_000)).await;
    let waiting = two.send(9, &join(sent_back.member_id, 60_000)).await;
    // The first member hears of it, so the second one's join has come in.
    let beat = HeartbeatRequest {
        group_id: GROUP,
        generation_id: joined.generation_id,
        member_id: joined.member_id,
        ..Default::default()
    };
    while one.ask(&beat).await.error_code != ErrorCode::RebalanceInProgress {}
    let stop = tokio::spawn(async move { rig.broker.stop().await });
    let refused = two.receive::<JoinGroupRequest>(9, waiting).await;
    assert_eq!(refused.error_code, ErrorCode::CoordinatorNotAvailable);
    stop.await.unwrap().unwrap();
}
