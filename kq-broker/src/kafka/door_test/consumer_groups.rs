//! Groups of the consumer protocol over the wire (KIP-848).

use kq_proto::kafka::messages::consumer_group_describe::DescribedGroup;
use kq_proto::kafka::messages::consumer_group_heartbeat::{
    ConsumerGroupHeartbeatResponse, TopicPartitions,
};
use kq_proto::kafka::messages::list_groups::ListedGroup;
use kq_proto::kafka::messages::offset_commit::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kq_proto::kafka::messages::offset_fetch::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use kq_proto::kafka::messages::{
    ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, DescribeGroupsRequest,
    FindCoordinatorRequest, ListGroupsRequest, OffsetCommitRequest, OffsetFetchRequest,
};
use kq_proto::kafka::{ErrorCode, Str};

use super::rig::{Client, Rig, Topic};

const GROUP: Str = Str::from_static("readers");
const FLAGS: &[&str] = &[
    "--offsets-topic-num-partitions",
    "3",
    "--group-consumer-assignment-interval-ms",
    "0",
    "--group-consumer-heartbeat-interval-ms",
    "1234",
];

/// A broker that has its coordinator, a client and a topic of four partitions.
async fn start() -> (Rig, Client, Topic) {
    let rig = Rig::start_with(FLAGS).await;
    let (mut client, topic) = rig.client_with_topic(4).await;
    client.find_group().await;
    (rig, client, topic)
}

fn beat(member: &'static str, epoch: i32) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        group_id: GROUP,
        member_id: member.into(),
        member_epoch: epoch,
        ..Default::default()
    }
}

fn join(member: &'static str, topic: &Topic) -> ConsumerGroupHeartbeatRequest {
    ConsumerGroupHeartbeatRequest {
        rebalance_timeout_ms: 60_000,
        subscribed_topic_names: Some(vec![topic.name.clone()]),
        topic_partitions: Some(Vec::new()),
        ..beat(member, 0)
    }
}

fn owning(
    member: &'static str,
    epoch: i32,
    topic: &Topic,
    partitions: &[i32],
) -> ConsumerGroupHeartbeatRequest {
    let owned = TopicPartitions { topic_id: topic.id, partitions: partitions.to_vec() };
    ConsumerGroupHeartbeatRequest { topic_partitions: Some(vec![owned]), ..beat(member, epoch) }
}

/// The share that an answer tells; none where it has not changed.
fn share(answer: &ConsumerGroupHeartbeatResponse) -> Option<Vec<i32>> {
    assert_eq!(answer.error_code, ErrorCode::None, "{:?}", answer.error_message);
    let topics = &answer.assignment.as_ref()?.topic_partitions;
    Some(topics.iter().flat_map(|it| it.partitions.clone()).collect())
}

impl Client {
    async fn find_group(&mut self) {
        let request =
            FindCoordinatorRequest { coordinator_keys: vec![GROUP], ..Default::default() };
        assert_eq!(self.ask(&request).await.coordinators[0].error_code, ErrorCode::None);
    }

    async fn described(&mut self) -> DescribedGroup {
        let request = ConsumerGroupDescribeRequest { group_ids: vec![GROUP], ..Default::default() };
        self.ask(&request).await.groups.remove(0)
    }

    async fn listed(&mut self, kind: &'static str) -> Vec<ListedGroup> {
        let request = ListGroupsRequest { types_filter: vec![kind.into()], ..Default::default() };
        self.ask(&request).await.groups
    }

    async fn commit_as(&mut self, topic: &Topic, member: &'static str, epoch: i32) -> ErrorCode {
        let answer = self.ask(&commit(topic, member, epoch)).await;
        answer.topics[0].partitions[0].error_code
    }

    async fn fetch_as(&mut self, topic: &Topic, member: &'static str, epoch: i32) -> ErrorCode {
        let topics =
            vec![OffsetFetchRequestTopics { name: topic.name.clone(), partition_indexes: vec![0] }];
        let group = OffsetFetchRequestGroup {
            group_id: GROUP,
            member_id: Some(member.into()),
            member_epoch: epoch,
            topics: Some(topics),
        };
        let request = OffsetFetchRequest { groups: vec![group], ..Default::default() };
        self.ask(&request).await.groups[0].error_code
    }
}

fn commit(topic: &Topic, member: &'static str, epoch: i32) -> OffsetCommitRequest {
    let partition = OffsetCommitRequestPartition { committed_offset: 5, ..Default::default() };
    OffsetCommitRequest {
        group_id: GROUP,
        generation_id_or_member_epoch: epoch,
        member_id: member.into(),
        topics: vec![OffsetCommitRequestTopic {
            name: topic.name.clone(),
            partitions: vec![partition],
        }],
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn members_share_give_back_and_outlive_a_restart() {
    let (rig, mut client, topic) = start().await;
    let first = client.ask(&join("a", &topic)).await;
    assert_eq!(share(&first), Some(vec![0, 1, 2, 3]));
    assert_eq!((first.member_epoch, first.heartbeat_interval_ms), (1, 1234));
    let second = client.ask(&join("b", &topic)).await;
    assert_eq!((share(&second), second.member_epoch), (Some(vec![]), 2));
    assert_eq!(share(&client.ask(&beat("a", 1)).await), Some(vec![0, 1]));
    assert_eq!(share(&client.ask(&beat("b", 2)).await), None);
    let released = client.ask(&owning("a", 1, &topic, &[0, 1])).await;
    assert_eq!((share(&released), released.member_epoch), (None, 2));
    assert_eq!(share(&client.ask(&beat("b", 2)).await), Some(vec![2, 3]));
    assert_eq!(client.described().await.group_state, "Stable");
    drop(client);

    let rig = rig.restart(FLAGS).await;
    let mut client = rig.client().await;
    client.find_group().await;
    let group = client.described().await;
    assert_eq!((group.group_state.as_ref(), group.group_epoch), ("Stable", 2));
    assert_eq!(share(&client.ask(&beat("b", 2)).await), None);
    let stale = client.ask(&beat("a", 7)).await;
    assert_eq!(stale.error_code, ErrorCode::FencedMemberEpoch);
    let gone = client.ask(&beat("b", -1)).await;
    assert_eq!((gone.error_code, gone.member_epoch), (ErrorCode::None, -1));
    let stranger = client.ask(&beat("b", 2)).await;
    assert_eq!(stranger.error_code, ErrorCode::UnknownMemberId);
}

#[tokio::test(flavor = "multi_thread")]
async fn commits_and_fetches_go_by_the_epoch() {
    let (_rig, mut client, topic) = start().await;
    client.ask(&join("a", &topic)).await;
    assert_eq!(client.commit_as(&topic, "a", 1).await, ErrorCode::None);
    assert_eq!(client.commit_as(&topic, "a", 0).await, ErrorCode::StaleMemberEpoch);
    assert_eq!(client.commit_as(&topic, "x", 1).await, ErrorCode::UnknownMemberId);
    assert_eq!(client.commit_as(&topic, "", -1).await, ErrorCode::UnknownMemberId);
    let old = client.call::<OffsetCommitRequest>(8, &commit(&topic, "a", 1)).await;
    assert_eq!(old.topics[0].partitions[0].error_code, ErrorCode::UnsupportedVersion);
    assert_eq!(client.fetch_as(&topic, "a", 1).await, ErrorCode::None);
    assert_eq!(client.fetch_as(&topic, "a", 9).await, ErrorCode::StaleMemberEpoch);
    assert_eq!(client.fetch_as(&topic, "x", 1).await, ErrorCode::UnknownMemberId);
    assert_eq!(client.fetch_as(&topic, "", -1).await, ErrorCode::None);
}

#[tokio::test(flavor = "multi_thread")]
async fn consumer_groups_are_listed_and_described_as_such() {
    let (_rig, mut client, topic) = start().await;
    let mut request = join("a", &topic);
    request.subscribed_topic_names = None;
    request.subscribed_topic_regex = Some(format!("{}.*", &*topic.name).into());
    request.rack_id = Some("r1".into());
    request.instance_id = Some("i1".into());
    assert_eq!(share(&client.ask(&request).await), Some(vec![0, 1, 2, 3]));

    assert!(client.listed("classic").await.is_empty());
    let listed = client.listed("consumer").await.remove(0);
    let words = (listed.group_type, listed.protocol_type, listed.group_state);
    assert_eq!(words, ("consumer".into(), "consumer".into(), "Stable".into()));

    let group = client.described().await;
    assert_eq!((group.group_epoch, group.assignment_epoch), (1, 1));
    assert_eq!(group.assignor_name, "uniform");
    let member = &group.members[0];
    assert_eq!((member.member_id.as_ref(), member.member_type), ("a", 1));
    assert_eq!(member.rack_id.as_deref(), Some("r1"));
    assert_eq!(member.assignment.topic_partitions[0].topic_name, topic.name);
    assert_eq!(member.target_assignment, member.assignment);

    // As in Kafka, the description of classic groups does not know it.
    let request = DescribeGroupsRequest { groups: vec![GROUP], ..Default::default() };
    let classic = client.ask(&request).await.groups.remove(0);
    assert_eq!(classic.error_code, ErrorCode::GroupIdNotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_make_no_sense_are_refused_in_words() {
    let (_rig, mut client, topic) = start().await;
    let full = || join("a", &topic);
    let cases = [
        (ConsumerGroupHeartbeatRequest { group_id: Str::EMPTY, ..full() }, "GroupId"),
        (ConsumerGroupHeartbeatRequest { member_id: Str::EMPTY, ..full() }, "MemberId"),
        (ConsumerGroupHeartbeatRequest { rebalance_timeout_ms: -1, ..full() }, "RebalanceTimeout"),
        (ConsumerGroupHeartbeatRequest { topic_partitions: None, ..full() }, "TopicPartitions"),
        (ConsumerGroupHeartbeatRequest { subscribed_topic_names: None, ..full() }, "Subscribed"),
        (ConsumerGroupHeartbeatRequest { member_epoch: -3, ..full() }, "MemberEpoch"),
        (ConsumerGroupHeartbeatRequest { member_epoch: -2, ..full() }, "InstanceId"),
    ];
    for (request, word) in cases {
        let answer = client.ask(&request).await;
        assert_eq!(answer.error_code, ErrorCode::InvalidRequest);
        assert!(answer.error_message.as_ref().unwrap().contains(word), "{word}: {answer:?}");
    }
    let assignor = ConsumerGroupHeartbeatRequest { server_assignor: Some("best".into()), ..full() };
    assert_eq!(client.ask(&assignor).await.error_code, ErrorCode::UnsupportedAssignor);
    let pattern =
        ConsumerGroupHeartbeatRequest { subscribed_topic_regex: Some("(".into()), ..full() };
    assert_eq!(client.ask(&pattern).await.error_code, ErrorCode::InvalidRegularExpression);
    // Version 0 gives names to those who have none.
    let nameless = ConsumerGroupHeartbeatRequest { member_id: Str::EMPTY, ..full() };
    let named = client.call::<ConsumerGroupHeartbeatRequest>(0, &nameless).await;
    assert_eq!(named.error_code, ErrorCode::None);
    assert_eq!(named.member_id.unwrap().len(), 36);
}
