//! Fetch: waiting, limits, epochs, and sessions over the wire.

use std::time::Duration;

use bytes::Bytes;
use kq_proto::kafka::ErrorCode::{self, UnsupportedCompressionType};
use kq_proto::kafka::Message;
use kq_proto::kafka::messages::FetchRequest;
use kq_proto::kafka::messages::fetch::{FetchPartition, FetchResponse, FetchTopic, ForgottenTopic};

use super::rig::{Client, Rig, Topic, batch, fetch};

fn records(response: &FetchResponse) -> usize {
    let partitions = response.responses.iter().flat_map(|it| &it.partitions);
    partitions.filter_map(|it| it.records.as_ref()).map(kq_proto::kafka::Records::len).sum()
}

fn code(response: &FetchResponse) -> ErrorCode {
    response.responses[0].partitions[0].error_code
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_fetch_wakes_for_a_new_record() {
    let rig = Rig::start().await;
    let (mut client, topic) = rig.client_with_topic(1).await;
    let mut consumer = rig.client().await;
    let waiting = FetchRequest { max_wait_ms: 60_000, ..fetch(&topic, 0, 0) };
    let number = consumer.send(17, &waiting).await;
    client.produce(&topic, 1, batch(&[b"x"])).await;
    let response = consumer.receive::<FetchRequest>(17, number).await;
    assert_eq!(records(&response), batch(&[b"x"]).len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parked_fetch_waits_for_enough_bytes() {
    let rig = Rig::start().await;
    let (mut client, topic) = rig.client_with_topic(1).await;
    let one = batch(&[&[b'x'; 1000]]);
    let min_bytes = i32::try_from(one.len() * 3).unwrap();
    let waiting = FetchRequest { max_wait_ms: 60_000, min_bytes, ..fetch(&topic, 0, 0) };
    let mut consumer = rig.client().await;
    let number = consumer.send(17, &waiting).await;
    for _ in 0..3 {
        client.produce(&topic, -1, one.clone()).await;
    }
    let response = consumer.receive::<FetchRequest>(17, number).await;
    assert_eq!(records(&response), one.len() * 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_is_over_brings_what_there_is() {
    let rig = Rig::start().await;
    let (mut client, topic) = rig.client_with_topic(1).await;
    client.produce(&topic, -1, batch(&[b"x"])).await;
    let waiting = FetchRequest { max_wait_ms: 50, min_bytes: 1 << 20, ..fetch(&topic, 0, 0) };
    let response = client.call(17, &waiting).await;
    assert_eq!(records(&response), batch(&[b"x"]).len());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_waits_for_more_than_a_response_may_hold() {
    let rig = Rig::start().await;
    let (mut client, topic) = rig.client_with_topic(1).await;
    let large = batch(&[&[b'x'; 1000]]);
    client.produce(&topic, -1, large.clone()).await;
    let greedy = FetchRequest {
        max_wait_ms: i32::MAX,
        min_bytes: 1 << 20,
        max_bytes: 1000,
        ..fetch(&topic, 0, 0)
    };
    assert_eq!(records(&client.call(17, &greedy).await), large.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_takes_its_parked_fetch_along() {
    let rig = Rig::start().await;
    let (_, topic) = rig.client_with_topic(1).await;
    let mut consumer = rig.client().await;
    consumer.send(17, &FetchRequest { max_wait_ms: i32::MAX, ..fetch(&topic, 0, 0) }).await;
    drop(consumer);
    let stopped = tokio::time::timeout(Duration::from_secs(10), rig.broker.stop()).await;
    stopped.expect("a stop does not wait for parked fetches").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_parked_fetches() {
    let rig = Rig::start().await;
    let (_, topic) = rig.client_with_topic(1).await;
    let mut consumer = rig.client().await;
    let prompt = fetch(&topic, 0, 0);
    let waiting = FetchRequest { max_wait_ms: i32::MAX, ..prompt.clone() };
    let [first, number] = consumer.send_at_once(17, [&prompt, &waiting]).await;
    consumer.receive::<FetchRequest>(17, first).await;
    let (stopped, response) =
        tokio::join!(rig.broker.stop(), consumer.receive::<FetchRequest>(17, number));
    stopped.unwrap();
    assert_eq!(code(&response), ErrorCode::None);
    assert_eq!(consumer.frame().await, None, "and then the connection ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_batch_comes_whatever_the_limits() {
    let rig = Rig::start().await;
    let (mut client, topic) = rig.client_with_topic(1).await;
    let large = batch(&[&vec![b'x'; 100_000]]);
    client.produce(&topic, -1, large.clone()).await;
    client.produce(&topic, -1, batch(&[b"next"])).await;
    let mut tiny = fetch(&topic, 0, 0);
    tiny.max_bytes = 1;
    tiny.topics[0].partitions[0].partition_max_bytes = 1;
    assert_eq!(records(&client.call(17, &tiny).await), large.len());
    tiny.topics[0].partitions[0].partition_max_bytes = 1 << 20;
    tiny.max_bytes = 1 << 20;
    assert!(records(&client.call(17, &tiny).await) > large.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn large_and_small_batches_arrive_byte_for_byte() {
    let rig = Rig::start().await;
    let (mut client, topic) = rig.client_with_topic(1).await;
    let mut sent = Vec::new();
    for size in [1, 40_000, 5, 300_000, 20, 700_000, 3] {
        let value: Vec<u8> = (0..size).map(|i| u8::try_from(i % 251).unwrap()).collect();
        let one = batch(&[&value]);
        sent.extend_from_slice(&one);
        client.produce(&topic, -1, one).await;
    }
    let mut whole = fetch(&topic, 0, 0);
    whole.topics[0].partitions[0].partition_max_bytes = 10 << 20;
    let response = client.call(17, &whole).await;
    let read = response.responses[0].partitions[0].records.clone().unwrap().into_bytes().unwrap();
    assert_eq!(values(&read), values(&sent));
}

/// A stream of batches without their offsets and epochs.
fn values(mut batches: &[u8]) -> Vec<Bytes> {
    let mut all = Vec::new();
    while let Some(len) = batches.get(8..12) {
        let end = 12 + u32::from_be_bytes(len.try_into().unwrap()) as usize;
        all.push(Bytes::copy_from_slice(&batches[16..end]));
        batches = &batches[end..];
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_places_are_named() {
    let rig = Rig::start().await;
    let (mut client, topic) = rig.client_with_topic(1).await;
    client.produce(&topic, -1, batch(&[b"x"])).await;
    let none = Topic { id: uuid::Uuid::new_v4(), ..topic.clone() };
    for (request, want) in [
        (fetch(&topic, 0, 2), ErrorCode::OffsetOutOfRange),
        (fetch(&topic, 0, -1), ErrorCode::OffsetOutOfRange),
        (fetch(&topic, 1, 0), ErrorCode::UnknownTopicOrPartition),
        (fetch(&none, 0, 0), ErrorCode::UnknownTopicId),
    ] {
        assert_eq!(code(&client.call(17, &request).await), want);
    }
    let mut ahead = fetch(&topic, 0, 0);
    ahead.topics[0].partitions[0].current_leader_epoch = 99;
    assert_eq!(code(&client.call(17, &ahead).await), ErrorCode::UnknownLeaderEpoch);
    let mut elsewhere = fetch(&topic, 0, 0);
    elsewhere.topics[0].partitions[0].last_fetched_epoch = 99;
    assert_eq!(code(&client.call(17, &elsewhere).await), ErrorCode::OffsetOutOfRange);
}

async fn next(client: &mut Client, session_id: i32, session_epoch: i32) -> FetchResponse {
    let min_bytes = 0;
    client
        .call(17, &FetchRequest { session_id, session_epoch, min_bytes, ..Default::default() })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_speaks_only_of_news() {
    let rig = Rig::start().await;
    let (mut client, topic) = rig.client_with_topic(3).await;
    let mut opening = fetch(&topic, 0, 0);
    opening.session_epoch = 0;
    let of =
        |partition| FetchPartition { partition, partition_max_bytes: 1000, ..Default::default() };
    opening.topics[0].partitions = vec![of(0), of(1), of(2)];
    let opened = client.call(17, &opening).await;
    let id = opened.session_id;
    assert!(id != 0 && opened.responses[0].partitions.len() == 3);
    assert!(next(&mut client, id, 1).await.responses.is_empty(), "nothing happened");

    client.produce(&topic, -1, batch(&[b"x"])).await;
    let news = next(&mut client, id, 2).await;
    assert_eq!(news.responses[0].partitions.len(), 1);
    assert_eq!(records(&news), batch(&[b"x"]).len());

    let forgotten =
        ForgottenTopic { topic_id: topic.id, partitions: vec![0], ..Default::default() };
    let request = FetchRequest {
        session_id: id,
        session_epoch: 3,
        topics: vec![FetchTopic {
            topic_id: topic.id,
            partitions: vec![FetchPartition { fetch_offset: 5, ..of(1) }],
            ..Default::default()
        }],
        forgotten_topics_data: vec![forgotten],
        ..Default::default()
    };
    let response = client.call(17, &request).await;
    assert_eq!(code(&response), ErrorCode::OffsetOutOfRange, "the changed partition is read anew");

    let again = next(&mut client, id, 3).await;
    assert_eq!(again.error_code, ErrorCode::InvalidFetchSessionEpoch);
    let unknown = next(&mut client, id ^ 1, 1).await;
    assert_eq!(unknown.error_code, ErrorCode::FetchSessionIdNotFound);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_too_old_for_zstd_is_told_so() {
    let rig = Rig::start().await;
    let mut client = rig.client().await;
    let topic = client.create_topic("packed", 1, &[("compression.type", "zstd")]).await;
    client.produce(&topic, -1, batch(&[&[b'x'; 1000]])).await;
    for version in FetchRequest::VERSIONS {
        let response = client.call(version, &fetch(&topic, 0, 0)).await;
        let want = if version < 10 { UnsupportedCompressionType } else { ErrorCode::None };
        assert_eq!(code(&response), want, "version {version}");
        assert_eq!(records(&response) > 0, version >= 10, "version {version}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_fetch_counts_only_what_it_brings() {
    let rig = Rig::start().await;
    let (mut client, topic) = rig.client_with_topic(1).await;
    let one = batch(&[&[b'x'; 100]]);
    let min_bytes = i32::try_from(one.len() * 4).unwrap();
    let waiting = FetchRequest { max_wait_ms: 60_000, min_bytes, ..fetch(&topic, 0, 0) };
    let mut consumer = rig.client().await;
    let number = consumer.send(17, &waiting).await;
    for _ in 0..4 {
        client.produce(&topic, -1, one.clone()).await;
    }
    let brought = records(&consumer.receive::<FetchRequest>(17, number).await);
    let (_, meter) = rig.broker.node().partitions.meters().remove(0);
    assert_eq!((meter.counts().bytes_out, meter.counts().reads), (brought as u64, 1));
}
