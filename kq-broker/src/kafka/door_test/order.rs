//! Many requests on one connection: answered in order, whatever each of them waits for.

use kq_proto::kafka::messages::create_topics::CreatableTopic;
use kq_proto::kafka::messages::{
    ApiVersionsRequest, CreateTopicsRequest, FetchRequest, MetadataRequest, ProduceRequest,
};
use kq_proto::kafka::{ErrorCode, Str};

use super::rig::{Rig, batch, fetch, produce};

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_of_mixed_requests_keeps_its_order() {
    let rig = Rig::start().await;
    let (mut client, topic) = rig.client_with_topic(1).await;
    let mut numbers = Vec::new();
    for round in 0..20 {
        let all = client.send(13, &produce(&topic, 0, -1, batch(&[b"all"]))).await;
        client.send(13, &produce(&topic, 0, 0, batch(&[b"silent"]))).await;
        let leader = client.send(13, &produce(&topic, 0, 1, batch(&[b"leader"]))).await;
        let versions = client.send(4, &ApiVersionsRequest::default()).await;
        let tail = FetchRequest { max_wait_ms: 10, ..fetch(&topic, 0, round * 3) };
        let read = client.send(17, &tail).await;
        numbers.push((all, leader, versions, read));
    }
    for (round, (all, leader, versions, read)) in (0..).zip(numbers) {
        let written = client.receive::<ProduceRequest>(13, all).await;
        let offset = |it: &kq_proto::kafka::messages::ProduceResponse| {
            it.responses[0].partition_responses[0].base_offset
        };
        assert_eq!(offset(&written), round * 3);
        assert_eq!(offset(&client.receive::<ProduceRequest>(13, leader).await), round * 3 + 2);
        client.receive::<ApiVersionsRequest>(4, versions).await;
        let read = client.receive::<FetchRequest>(17, read).await;
        assert_eq!(read.responses[0].partitions[0].error_code, ErrorCode::None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_behind_a_creation_sees_the_topic() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let topic = CreatableTopic {
        name: Str::from_static("fresh"),
        num_partitions: 3,
        replication_factor: 1,
        ..Default::default()
    };
    let create = CreateTopicsRequest { topics: vec![topic], ..Default::default() };
    let created = client.send(7, &create).await;
    let asked = client.send(13, &MetadataRequest { topics: None, ..Default::default() }).await;
    client.receive::<CreateTopicsRequest>(7, created).await;
    let metadata = client.receive::<MetadataRequest>(13, asked).await;
    assert_eq!(metadata.topics.len(), 1);
    assert_eq!(metadata.topics[0].partitions.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_fetch_does_not_keep_later_produces_from_being_stored() {
    let rig = Rig::start().await;
    let (mut client, topic) = rig.client_with_topic(1).await;
    let waiting = FetchRequest { max_wait_ms: 60_000, ..fetch(&topic, 0, 0) };
    let read = client.send(17, &waiting).await;
    let written = client.send(13, &produce(&topic, 0, -1, batch(&[b"x"]))).await;
    let response = client.receive::<FetchRequest>(17, read).await;
    assert_eq!(response.responses[0].partitions[0].high_watermark, 1);
    client.receive::<ProduceRequest>(13, written).await;
}
