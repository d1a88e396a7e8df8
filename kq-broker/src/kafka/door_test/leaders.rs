//! Leaders and brokers, as clients administer them.

use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::messages::create_topics::{CreatableReplicaAssignment, CreatableTopic};
use kq_proto::kafka::messages::elect_leaders::TopicPartitions;
use kq_proto::kafka::messages::{
    CreateTopicsRequest, ElectLeadersRequest, ElectLeadersResponse, UnregisterBrokerRequest,
};
use kq_proto::kafka::{ErrorCode, Str};

use super::rig::Rig;
use crate::controller::{
    Command, FenceReason, Handover, PolicyChange, PolicyTarget, Reply, TopicRef,
};
use crate::ids::{BrokerId, PartitionId, PartitionIndex};
use crate::metadata::{BrokerRegistration, MetadataImage};

const PATIENCE: Duration = Duration::from_secs(30);

fn of(topic: &'static str, partitions: &[i32]) -> TopicPartitions {
    TopicPartitions { topic: Str::from_static(topic), partitions: partitions.to_vec() }
}

fn election(election_type: i8, topics: Option<Vec<TopicPartitions>>) -> ElectLeadersRequest {
    ElectLeadersRequest { election_type, topic_partitions: topics, timeout_ms: 30_000 }
}

/// Each partition with its code.
fn codes(response: &ElectLeadersResponse) -> Vec<(String, i32, ErrorCode)> {
    let topics = response.replica_election_results.iter();
    let each = topics.flat_map(|topic| {
        let name = topic.topic.to_string();
        topic.partition_result.iter().map(move |it| (name.clone(), it.partition_id, it.error_code))
    });
    each.collect()
}

/// A broker that is registered and not there.
async fn register_phantom(rig: &Rig) {
    let registration = BrokerRegistration::at(BrokerId(9), "127.0.0.1", 1);
    submit(rig, Command::RegisterBroker(registration)).await;
}

async fn submit(rig: &Rig, command: Command) -> Reply {
    rig.broker.node().controller.submit(command, PATIENCE).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_election_that_changes_nothing_says_so() {
    let rig = Rig::start().await;
    let (mut client, _) = rig.client_with_topic(2).await;
    let (not_needed, unknown) = (ErrorCode::ElectionNotNeeded, ErrorCode::UnknownTopicOrPartition);
    let named = election(0, Some(vec![of("orders", &[0, 1, 7]), of("none", &[0])]));
    let want = [
        ("orders".to_owned(), 0, not_needed),
        ("orders".to_owned(), 1, not_needed),
        ("orders".to_owned(), 7, unknown),
        ("none".to_owned(), 0, unknown),
    ];
    for version in 0..=2 {
        let response = client.call(version, &named).await;
        assert_eq!((response.error_code, codes(&response)), (ErrorCode::None, want.to_vec()));
    }
    assert_eq!(codes(&client.ask(&election(0, None)).await), []);
    let unclean = client.ask(&election(1, Some(vec![of("orders", &[0])]))).await;
    assert_eq!(codes(&unclean), want[..1]);
    let strange = client.ask(&election(5, Some(vec![of("orders", &[0])]))).await;
    assert_eq!(strange.error_code, ErrorCode::InvalidRequest);
    assert_eq!(codes(&strange), [("orders".to_owned(), 0, ErrorCode::InvalidRequest)]);
}

/// A topic that broker 1 leads and that broker 9 is to lead.
async fn topic_to_hand_over(rig: &Rig) -> PartitionId {
    register_phantom(rig).await;
    let assignment = CreatableReplicaAssignment { partition_index: 0, broker_ids: vec![1, 9] };
    let topic = CreatableTopic {
        name: Str::from_static("orders"),
        num_partitions: -1,
        replication_factor: -1,
        assignments: vec![assignment],
        ..Default::default()
    };
    let mut client = rig.client().await;
    let request = CreateTopicsRequest { topics: vec![topic], ..Default::default() };
    let created = client.ask(&request).await.topics.remove(0);
    assert_eq!(created.error_code, ErrorCode::None, "{:?}", created.error_message);
    let change =
        PolicyChange { pins: vec![(PartitionIndex(0), Some(BrokerId(9)))], ..Default::default() };
    let targets = vec![PolicyTarget::Topic(TopicRef::Name("orders".to_owned()))];
    submit(rig, Command::SetLeaderPolicy { targets, change, validate_only: false }).await;
    let topic = crate::ids::TopicId(created.topic_id);
    PartitionId { topic, index: PartitionIndex(0) }
}

/// The image in which the leader is asked to hand over.
async fn until_asked(rig: &Rig, partition: PartitionId) -> Arc<MetadataImage> {
    let mut images = rig.broker.node().controller.subscribe();
    let asked = images.wait_for(|image| {
        image.partition(partition).is_some_and(|it| it.handover == Some(BrokerId(9)))
    });
    let image = tokio::time::timeout(PATIENCE, asked).await.unwrap().unwrap();
    Arc::clone(&image)
}

/// What broker 1 says of the handover that it is asked for.
fn settled(image: &MetadataImage, partition: PartitionId, completes: bool) -> Command {
    let now = image.partition(partition).unwrap();
    let handovers = vec![Handover {
        partition,
        leader_epoch: now.leader_epoch,
        partition_epoch: now.partition_epoch,
        to: BrokerId(9),
    }];
    let broker = BrokerId(1);
    let epoch = image.broker(broker).unwrap().epoch;
    if completes {
        Command::CompleteHandover { broker, epoch, handovers }
    } else {
        Command::CancelHandover { broker, epoch, handovers }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_election_is_answered_when_the_leader_has_handed_over() {
    for (completes, code) in
        [(true, ErrorCode::None), (false, ErrorCode::PreferredLeaderNotAvailable)]
    {
        let rig = Rig::start().await;
        let partition = topic_to_hand_over(&rig).await;
        let mut client = rig.client().await;
        let number = client.send(2, &election(0, Some(vec![of("orders", &[0])]))).await;
        let image = until_asked(&rig, partition).await;
        submit(&rig, settled(&image, partition, completes)).await;
        let response = client.receive::<ElectLeadersRequest>(2, number).await;
        assert_eq!(codes(&response), [("orders".to_owned(), 0, code)]);
        let leader = rig.broker.node().image().partition(partition).unwrap().leader;
        assert_eq!(leader, Some(BrokerId(if completes { 9 } else { 1 })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_broker_that_is_gone_is_unregistered() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    register_phantom(&rig).await;
    let mut unregister =
        async |broker_id| client.ask(&UnregisterBrokerRequest { broker_id }).await.error_code;
    assert_eq!(unregister(1).await, ErrorCode::InvalidRequest);
    assert_eq!(unregister(9).await, ErrorCode::InvalidRequest);
    assert_eq!(unregister(-1).await, ErrorCode::BrokerIdNotRegistered);
    let (broker, why) = (BrokerId(9), FenceReason::Operator);
    submit(&rig, Command::FenceBroker { broker, epoch: None, why }).await;
    assert_eq!(unregister(9).await, ErrorCode::None);
    assert_eq!(unregister(9).await, ErrorCode::BrokerIdNotRegistered);
    assert!(rig.broker.node().image().broker(broker).is_none());
}
