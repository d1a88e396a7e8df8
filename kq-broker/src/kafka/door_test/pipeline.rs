//! Batches that were on their way behind a refused one: nothing passes it.

use bytes::{Bytes, BytesMut};
use kq_proto::kafka::messages::ProduceRequest;
use kq_proto::kafka::messages::incremental_alter_configs::{AlterConfigsResource, AlterableConfig};
use kq_proto::kafka::messages::{IncrementalAlterConfigsRequest, produce::ProduceResponse};
use kq_proto::kafka::{ErrorCode, Str};
use uuid::Uuid;

use super::follower::{DEADLINE, create_topic, register};
use super::rig::{Client, Rig, Topic, batch, produce};
use crate::controller::{Command, FenceReason};
use crate::ids::BrokerId;

/// The newest version that names topics by name.
const BY_NAME: i16 = 12;

/// A batch of one record, the producer's one of that number.
fn numbered(sequence: i32) -> Bytes {
    let mut batch = BytesMut::from(&batch(&[b"x"])[..]);
    batch[43..51].copy_from_slice(&77_i64.to_be_bytes());
    batch[51..53].copy_from_slice(&0_i16.to_be_bytes());
    batch[53..57].copy_from_slice(&sequence.to_be_bytes());
    let crc = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
    batch.freeze()
}

fn outcome(response: &ProduceResponse) -> (ErrorCode, i64) {
    let written = &response.responses[0].partition_responses[0];
    (written.error_code, written.base_offset)
}

async fn send(client: &mut Client, topic: &Topic, acks: i16, sequence: i32) -> (ErrorCode, i64) {
    let request = produce(topic, 0, acks, numbered(sequence));
    outcome(&client.call::<ProduceRequest>(BY_NAME, &request).await)
}

async fn settle(rig: &Rig) {
    let node = rig.broker.node();
    node.partitions.wait_applied(node.image().applied()).await;
}

async fn set_isr_min(rig: &Rig, client: &mut Client, value: &'static str) {
    let config = AlterableConfig {
        name: Str::from_static("min.insync.replicas"),
        config_operation: 0,
        value: Some(Str::from_static(value)),
    };
    let resource = AlterConfigsResource {
        resource_type: 2,
        resource_name: Str::from_static("orders"),
        configs: vec![config],
    };
    let request =
        IncrementalAlterConfigsRequest { resources: vec![resource], validate_only: false };
    let altered = client.ask(&request).await;
    assert_eq!(altered.responses[0].error_code, ErrorCode::None);
    settle(rig).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_a_refused_batch_is_refused_as_it_was() {
    let rig = Rig::start().await;
    register(&rig).await;
    let topic = create_topic(&rig, "orders", &[1, 2], 1).await;
    let mut client = rig.client().await;
    set_isr_min(&rig, &mut client, "2").await;
    assert_eq!(send(&mut client, &topic, 1, 0).await, (ErrorCode::None, 0));
    let (broker, why) = (BrokerId(2), FenceReason::Operator);
    let fence = Command::FenceBroker { broker, epoch: None, why };
    rig.broker.node().controller.submit(fence, DEADLINE).await.unwrap();
    settle(&rig).await;
    assert_eq!(send(&mut client, &topic, -1, 1).await, (ErrorCode::NotEnoughReplicas, -1));
    set_isr_min(&rig, &mut client, "1").await;
    // Sent before its producer could know that the one before was refused.
    assert_eq!(send(&mut client, &topic, -1, 2).await, (ErrorCode::NotEnoughReplicas, -1));
    assert_eq!(send(&mut client, &topic, -1, 1).await, (ErrorCode::None, 1));
    assert_eq!(send(&mut client, &topic, -1, 2).await, (ErrorCode::None, 2));
    assert_eq!(
        send(&mut client, &topic, -1, 4).await,
        (ErrorCode::OutOfOrderSequenceNumber, -1),
        "a gap that no refusal made"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_stood_still_ends_no_producer() {
    let rig = Rig::start().await;
    register(&rig).await;
    let node = rig.broker.node();
    let topics =
        [create_topic(&rig, "orders", &[1, 2], 1).await, create_topic(&rig, "own", &[1], 1).await];
    let mut client = rig.client().await;
    for topic in &topics {
        assert_eq!(send(&mut client, topic, 1, 0).await, (ErrorCode::None, 0));
    }
    let gap = ErrorCode::OutOfOrderSequenceNumber;
    assert_eq!(send(&mut client, &topics[0], 1, 2).await, (gap, -1));
    // Its next tick comes late.
    node.standstill.tick(node.clock.elapsed() + DEADLINE);
    assert_eq!(send(&mut client, &topics[0], 1, 3).await, (ErrorCode::NotLeaderOrFollower, -1));
    assert_eq!(send(&mut client, &topics[1], 1, 3).await, (gap, -1), "nobody else could lead it");
    assert_eq!(send(&mut client, &topics[0], 1, 1).await, (ErrorCode::None, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_producers_second_batch_does_not_pass_its_first() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let topic = Topic { name: Str::from_static("orders"), id: Uuid::nil() };
    let unknown = (ErrorCode::UnknownTopicOrPartition, -1);
    assert_eq!(send(&mut client, &topic, -1, 0).await, unknown);
    client.create_topic("orders", 1, &[]).await;
    assert_eq!(send(&mut client, &topic, -1, 1).await, unknown);
    assert_eq!(send(&mut client, &topic, -1, 0).await, (ErrorCode::None, 0));
    assert_eq!(send(&mut client, &topic, -1, 1).await, (ErrorCode::None, 1));
}
