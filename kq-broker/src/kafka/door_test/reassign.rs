//! Reassignments as Kafka's tools ask for them.

use std::time::Duration;

use kq_proto::kafka::messages::alter_partition_reassignments::{
    AlterPartitionReassignmentsRequest, ReassignablePartition, ReassignablePartitionResponse,
    ReassignableTopic,
};
use kq_proto::kafka::messages::list_partition_reassignments::{
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsTopics,
    OngoingPartitionReassignment,
};
use kq_proto::kafka::{ErrorCode, Str};

use super::rig::{Client, Rig};
use crate::controller::Command;
use crate::ids::{BrokerId, Incarnation};
use crate::metadata::BrokerRegistration;

/// Broker 2 registers, and is no process.
async fn register(rig: &Rig) {
    let node = rig.broker.node();
    let mine = node.image().broker(BrokerId(1)).unwrap().registration();
    let incarnation = Incarnation(uuid::Uuid::new_v4());
    let its = BrokerRegistration { broker: BrokerId(2), incarnation, ..mine };
    node.controller.submit(Command::RegisterBroker(its), Duration::from_secs(10)).await.unwrap();
}

async fn reassign(
    client: &mut Client,
    partition_index: i32,
    replicas: Option<Vec<i32>>,
) -> ReassignablePartitionResponse {
    let partitions = vec![ReassignablePartition { partition_index, replicas }];
    let topics = vec![ReassignableTopic { name: Str::from_static("orders"), partitions }];
    let request = AlterPartitionReassignmentsRequest { topics, ..Default::default() };
    client.ask(&request).await.responses.remove(0).partitions.remove(0)
}

async fn ongoing(client: &mut Client, asked: Option<i32>) -> Vec<OngoingPartitionReassignment> {
    let topics = asked.map(|index| {
        let (name, partition_indexes) = (Str::from_static("orders"), vec![index]);
        vec![ListPartitionReassignmentsTopics { name, partition_indexes }]
    });
    let request = ListPartitionReassignmentsRequest { topics, ..Default::default() };
    let listed = client.ask(&request).await;
    assert_eq!(listed.error_code, ErrorCode::None);
    listed.topics.into_iter().flat_map(|it| it.partitions).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reassignment_is_listed_until_it_is_taken_back() {
    // Broker 2 never beats: its session outlasts the test.
    let rig = Rig::start_with(&["--broker-session-timeout-ms", "3600000"]).await;
    let (mut client, _) = rig.client_with_topic(3).await;
    register(&rig).await;
    assert!(ongoing(&mut client, None).await.is_empty());

    let started = reassign(&mut client, 1, Some(vec![2])).await;
    assert_eq!((started.error_code, started.error_message), (ErrorCode::None, None));
    let listed = ongoing(&mut client, None).await;
    let it = &listed[0];
    assert_eq!((listed.len(), it.partition_index), (1, 1));
    assert_eq!((&it.replicas, &it.adding_replicas), (&vec![1, 2], &vec![2]));
    assert_eq!(it.removing_replicas, [1]);
    assert_eq!(ongoing(&mut client, Some(1)).await, listed);
    assert!(ongoing(&mut client, Some(0)).await.is_empty());

    assert_eq!(reassign(&mut client, 1, None).await.error_code, ErrorCode::None);
    assert!(ongoing(&mut client, None).await.is_empty());
    let again = reassign(&mut client, 1, None).await;
    assert_eq!(again.error_code, ErrorCode::NoReassignmentInProgress);
    let unknown = reassign(&mut client, 0, Some(vec![7])).await;
    assert_eq!(unknown.error_code, ErrorCode::InvalidReplicaAssignment);
}
