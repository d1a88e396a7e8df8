//! What clients hear of a leader that others may have replaced without its knowledge.

use kq_proto::kafka::ErrorCode;
use kq_proto::kafka::messages::describe_topic_partitions::TopicRequest;
use kq_proto::kafka::messages::metadata::{MetadataRequestTopic, MetadataResponsePartition};
use kq_proto::kafka::messages::{DescribeTopicPartitionsRequest, MetadataRequest, ProduceRequest};

use super::follower::{create_topic, register};
use super::rig::{Client, Rig, Topic, batch, fetch, produce};
use crate::replica::CutOff;

const NOT_LEADER: ErrorCode = ErrorCode::NotLeaderOrFollower;

/// A broker that nothing but this test judges: by itself it looks once a session.
async fn rig() -> Rig {
    let rig = Rig::start_with(&["--broker-session-timeout-ms", "3600000"]).await;
    register(&rig).await;
    rig
}

async fn described(client: &mut Client, topic: &Topic) -> MetadataResponsePartition {
    let asked = MetadataRequestTopic { name: Some(topic.name.clone()), ..Default::default() };
    let request = MetadataRequest { topics: Some(vec![asked]), ..Default::default() };
    client.ask(&request).await.topics.remove(0).partitions.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_off_leader_names_no_leader_and_takes_no_writes() {
    let rig = rig().await;
    let topic = create_topic(&rig, "orders", &[1, 2], 1).await;
    let mut client = rig.client().await;
    assert_eq!(described(&mut client, &topic).await.leader_id, 1);
    let mut waiting = rig.client().await;
    let number = waiting.send(13, &produce(&topic, 0, -1, batch(&[b"before"]))).await;
    // Answered when the one before it has been taken up: the log holds it then.
    while client.ask(&fetch(&topic, 0, 1)).await.responses[0].partitions[0].error_code
        != ErrorCode::None
    {
        tokio::task::yield_now().await;
    }
    assert!(rig.broker.node().partitions.conclude(Some(CutOff::default())));
    let answered = waiting.receive::<ProduceRequest>(13, number).await;
    let refused = &answered.responses[0].partition_responses[0];
    assert_eq!((refused.error_code, refused.current_leader.leader_id), (NOT_LEADER, -1));
    let partition = described(&mut client, &topic).await;
    assert!(client.frame().await.is_none(), "it is to ask another broker");
    let mut client = rig.client().await;
    assert_eq!((partition.error_code, partition.leader_id), (ErrorCode::LeaderNotAvailable, -1));
    assert_eq!(partition.isr_nodes, [1, 2]);
    for acks in [-1, 1] {
        let refused = client.produce(&topic, acks, batch(&[b"after"])).await;
        assert_eq!((refused.error_code, refused.current_leader.leader_id), (NOT_LEADER, -1));
    }
    let read = client.ask(&fetch(&topic, 0, 0)).await.responses.remove(0).partitions.remove(0);
    assert_eq!((read.error_code, read.current_leader.leader_id), (NOT_LEADER, -1));
    let topics = vec![TopicRequest { name: topic.name.clone() }];
    let request = DescribeTopicPartitionsRequest {
        topics,
        response_partition_limit: 9,
        ..Default::default()
    };
    assert_eq!(client.ask(&request).await.topics[0].partitions[0].leader_id, -1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_off_broker_serves_what_it_alone_has_in_sync() {
    let rig = rig().await;
    let topic = create_topic(&rig, "alone", &[1], 1).await;
    rig.broker.node().partitions.conclude(Some(CutOff::default()));
    let mut client = rig.client().await;
    assert_eq!(described(&mut client, &topic).await.leader_id, 1);
    let taken = client.produce(&topic, -1, batch(&[b"kept"])).await;
    assert_eq!(taken.error_code, ErrorCode::None);
}
