//! Fetch as a follower: who is believed to be one, what it sees, and what it sets off.

use std::sync::Arc;
use std::time::Duration;

use kq_proto::kafka::messages::FetchRequest;
use kq_proto::kafka::messages::fetch::{FetchPartition, FetchResponse, FetchTopic, ReplicaState};
use kq_proto::kafka::{ErrorCode, Records};

use super::rig::{Client, Rig, Topic, batch, fetch};
use crate::controller::{Command, ManualAssignment, NewTopic};
use crate::ids::{BrokerId, Incarnation, PartitionId, PartitionIndex};
use crate::metadata::BrokerRegistration;
use crate::runtime::{Offset, Partition};

pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// The epoch of broker 2, which registers here and is no process.
pub(super) async fn register(rig: &Rig) -> i64 {
    let node = rig.broker.node();
    let mine = node.image().broker(BrokerId(1)).unwrap().registration();
    let incarnation = Incarnation(uuid::Uuid::new_v4());
    let its = BrokerRegistration { broker: BrokerId(2), incarnation, ..mine };
    node.controller.submit(Command::RegisterBroker(its), DEADLINE).await.unwrap();
    i64::try_from(node.image().broker(BrokerId(2)).unwrap().epoch.0).unwrap()
}

pub(super) async fn create_topic(
    rig: &Rig,
    name: &'static str,
    brokers: &[i32],
    partitions: i32,
) -> Topic {
    let place = |partition| ManualAssignment { partition, brokers: brokers.to_vec() };
    let topic = NewTopic {
        name: name.to_owned(),
        assignments: (0..partitions).map(place).collect(),
        ..NewTopic::default()
    };
    let node = rig.broker.node();
    let command = Command::CreateTopics { topics: vec![topic], validate_only: false };
    node.controller.submit(command, DEADLINE).await.unwrap();
    node.partitions.wait_applied(node.image().applied()).await;
    let id = node.image().topic_by_name(name).unwrap().id.0;
    Topic { name: name.into(), id }
}

fn as_replica(replica_id: i32, replica_epoch: i64, request: FetchRequest) -> FetchRequest {
    let replica_state = ReplicaState { replica_id, replica_epoch };
    FetchRequest { replica_state, session_epoch: 0, ..request }
}

/// A request of a session that waits for something to be there.
fn waiting(
    session_id: i32,
    session_epoch: i32,
    replica_epoch: i64,
    topics: Vec<FetchTopic>,
) -> FetchRequest {
    FetchRequest {
        session_id,
        session_epoch,
        max_wait_ms: 60_000,
        min_bytes: 1,
        topics,
        replica_state: ReplicaState { replica_id: 2, replica_epoch },
        ..FetchRequest::default()
    }
}

/// One partition of an incremental request.
fn going_on(topic: &Topic, index: i32, offset: i64) -> FetchTopic {
    FetchTopic {
        topic_id: topic.id,
        partitions: vec![FetchPartition {
            partition: index,
            fetch_offset: offset,
            synced_end: offset,
            partition_max_bytes: 1 << 20,
            ..FetchPartition::default()
        }],
        ..FetchTopic::default()
    }
}

fn bytes(response: &FetchResponse) -> usize {
    let partitions = response.responses.iter().flat_map(|it| &it.partitions);
    partitions.filter_map(|it| it.records.as_ref()).map(Records::len).sum()
}

fn code(response: &FetchResponse) -> ErrorCode {
    response.responses[0].partitions[0].error_code
}

fn led(rig: &Rig, topic: &Topic) -> Arc<Partition> {
    let image = rig.broker.node().image();
    let topic = image.topic_by_name(&topic.name).unwrap().id;
    rig.broker.node().partition(PartitionId { topic, index: PartitionIndex(0) }).unwrap()
}

fn watermark(rig: &Rig, topic: &Topic) -> u64 {
    led(rig, topic).describe().unwrap().offsets.high_watermark().offset().0
}

async fn produce_unacknowledged(client: &mut Client, topic: &Topic) {
    assert_eq!(client.produce(topic, 1, batch(&[b"x"])).await.error_code, ErrorCode::None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_without_the_epoch_is_refused_and_changes_nothing() {
    let rig = Rig::start().await;
    let epoch = register(&rig).await;
    let topic = create_topic(&rig, "orders", &[1, 2], 1).await;
    let mut client = rig.client().await;
    produce_unacknowledged(&mut client, &topic).await;
    let mut ahead = fetch(&topic, 0, 1);
    ahead.topics[0].partitions[0].synced_end = 1;
    for (replica, claimed) in [(2, epoch - 1), (2, epoch + 1), (2, -1), (3, epoch)] {
        let response = client.ask(&as_replica(replica, claimed, ahead.clone())).await;
        assert_eq!(response.error_code, ErrorCode::StaleBrokerEpoch, "{replica} {claimed}");
        assert!(response.responses.is_empty() && response.session_id == 0);
    }
    let foreign = FetchRequest { cluster_id: Some("another".into()), ..ahead.clone() };
    let response = client.ask(&as_replica(2, epoch, foreign)).await;
    assert_eq!(response.error_code, ErrorCode::InconsistentClusterId);
    assert_eq!(watermark(&rig, &topic), 0);
    client.ask(&as_replica(2, epoch, ahead)).await;
    let committed = led(&rig, &topic).committed(Offset(1));
    committed.await.expect("the replica itself is believed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_follows_only_what_it_is_a_replica_of() {
    let rig = Rig::start().await;
    let epoch = register(&rig).await;
    let topic = create_topic(&rig, "orders", &[1], 1).await;
    let mut client = rig.client().await;
    let response = client.ask(&as_replica(2, epoch, fetch(&topic, 0, 0))).await;
    assert_eq!(code(&response), ErrorCode::NotLeaderOrFollower);
    let image = rig.broker.node().image();
    let own = i64::try_from(image.broker(BrokerId(1)).unwrap().epoch.0).unwrap();
    let response = client.ask(&as_replica(1, own, fetch(&topic, 0, 0))).await;
    assert_eq!(code(&response), ErrorCode::NotLeaderOrFollower, "a leader follows nobody");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_without_an_epoch_is_cut_off() {
    let rig = Rig::start().await;
    let topic = create_topic(&rig, "orders", &[1], 1).await;
    let mut client = rig.client().await;
    client.send(12, &FetchRequest { replica_id: 2, ..fetch(&topic, 0, 0) }).await;
    assert_eq!(client.frame().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_reads_to_the_log_end_and_a_consumer_to_the_watermark() {
    let rig = Rig::start().await;
    let epoch = register(&rig).await;
    let topic = create_topic(&rig, "orders", &[1, 2], 1).await;
    let mut client = rig.client().await;
    produce_unacknowledged(&mut client, &topic).await;
    assert_eq!(bytes(&client.ask(&fetch(&topic, 0, 0)).await), 0);
    let response = client.ask(&as_replica(2, epoch, fetch(&topic, 0, 0))).await;
    assert!(bytes(&response) > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_follower_wakes_for_an_append_and_then_for_its_commit() {
    let rig = Rig::start().await;
    let epoch = register(&rig).await;
    let topic = create_topic(&rig, "orders", &[1, 2], 1).await;
    let mut follower = rig.client().await;
    let opening = as_replica(2, epoch, fetch(&topic, 0, 0));
    let opened = follower.ask(&opening).await;
    let next = |session_epoch, offset| {
        let topics = vec![going_on(&topic, 0, offset)];
        waiting(opened.session_id, session_epoch, epoch, topics)
    };
    let parked = follower.send(18, &next(1, 0)).await;
    let mut client = rig.client().await;
    produce_unacknowledged(&mut client, &topic).await;
    let response = follower.receive::<FetchRequest>(18, parked).await;
    assert!(bytes(&response) > 0);
    // Told that the follower has it, the leader commits it and tells so, without any records.
    let response = follower.ask(&next(2, 1)).await;
    assert_eq!((bytes(&response), response.responses[0].partitions[0].high_watermark), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_request_of_a_session_takes_over_from_the_parked_one() {
    let rig = Rig::start().await;
    let epoch = register(&rig).await;
    let topic = create_topic(&rig, "orders", &[1, 2], 2).await;
    let mut follower = rig.client().await;
    let opened = follower.ask(&as_replica(2, epoch, fetch(&topic, 0, 0))).await;
    let id = opened.session_id;
    let first = follower.send(18, &waiting(id, 1, epoch, vec![])).await;
    let second = waiting(id, 2, epoch, vec![going_on(&topic, 1, 0)]);
    let second = follower.send(18, &second).await;
    let response = follower.receive::<FetchRequest>(18, first).await;
    assert!(response.error_code == ErrorCode::None && response.responses.is_empty());
    let mut client = rig.client().await;
    produce_unacknowledged(&mut client, &topic).await;
    let response = follower.receive::<FetchRequest>(18, second).await;
    let told: Vec<_> = response.responses.iter().flat_map(|it| &it.partitions).collect();
    assert!(!told.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_session_of_a_thousand_partitions_speaks_of_one() {
    let rig = Rig::start().await;
    let epoch = register(&rig).await;
    let topic = create_topic(&rig, "orders", &[1, 2], 1000).await;
    let mut follower = rig.client().await;
    let mut opening = fetch(&topic, 0, 0);
    let one = opening.topics[0].partitions.remove(0);
    opening.topics[0].partitions =
        (0..1000).map(|partition| FetchPartition { partition, ..one.clone() }).collect();
    let opened = follower.ask(&as_replica(2, epoch, opening)).await;
    assert_eq!(opened.responses[0].partitions.len(), 1000);
    let parked = follower.send(18, &waiting(opened.session_id, 1, epoch, vec![])).await;
    let mut client = rig.client().await;
    produce_unacknowledged(&mut client, &topic).await;
    let response = follower.receive::<FetchRequest>(18, parked).await;
    let told: Vec<_> = response.responses.iter().flat_map(|it| &it.partitions).collect();
    assert_eq!(told.len(), 1);
}
