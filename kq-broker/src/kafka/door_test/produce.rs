//! Produce: every version, each level of acks, and what is refused.

use bytes::{Bytes, BytesMut};
use kq_proto::kafka::messages::produce::PartitionProduceData;
use kq_proto::kafka::messages::{FetchRequest, ProduceRequest};
use kq_proto::kafka::{ErrorCode, Message};

use super::rig::{Rig, batch, essence, fetch, produce};

#[tokio::test(flavor = "multi_thread")]
async fn every_version_stores_and_returns_the_same_bytes() {
    let rig = Rig::start().await;
    let (mut client, topic) = rig.client_with_topic(1).await;
    let mut offset = 0;
    for version in ProduceRequest::VERSIONS {
        let sent = batch(&[b"one", b"two"]);
        let request = produce(&topic, 0, -1, sent.clone());
        let response = client.call(version, &request).await;
        let written = &response.responses[0].partition_responses[0];
        assert_eq!((written.error_code, written.base_offset), (ErrorCode::None, offset));
        for version in FetchRequest::VERSIONS {
            let response = client.call(version, &fetch(&topic, 0, offset)).await;
            let read = &response.responses[0].partitions[0];
            assert_eq!((read.error_code, read.high_watermark), (ErrorCode::None, offset + 2));
            let records = read.records.clone().unwrap().into_bytes().unwrap();
            assert_eq!(essence(&records), essence(&sent));
            assert_eq!(&records[..8], offset.to_be_bytes());
        }
        offset += 2;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_produces_leave_no_answer() {
    let rig = Rig::start().await;
    let (mut client, topic) = rig.client_with_topic(1).await;
    for _ in 0..5 {
        client.send(13, &produce(&topic, 0, 0, batch(&[b"x"]))).await;
    }
    let written = client.produce(&topic, 1, batch(&[b"y"])).await;
    assert_eq!(written.base_offset, 5, "the next answer is that of the next request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_silent_produce_closes_the_connection() {
    let rig = Rig::start().await;
    let (mut client, topic) = rig.client_with_topic(1).await;
    client.send(13, &produce(&topic, 9, 0, batch(&[b"x"]))).await;
    assert_eq!(client.frame().await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_partition_is_refused_for_its_own_reason() {
    let rig = Rig::start().await;
    let (mut client, topic) = rig.client_with_topic(2).await;
    let mut damaged = BytesMut::from(&batch(&[b"x"])[..]);
    *damaged.last_mut().unwrap() ^= 1;
    let mut old = BytesMut::from(&batch(&[b"x"])[..]);
    old[16] = 1;
    let mut request = produce(&topic, 0, -1, batch(&[b"x"]));
    let of = |index, records: Bytes| PartitionProduceData { index, records: Some(records.into()) };
    let partitions = &mut request.topic_data[0].partition_data;
    partitions.push(of(1, damaged.freeze()));
    partitions.push(of(7, batch(&[b"x"])));
    partitions.push(of(-1, batch(&[b"x"])));
    partitions.push(of(1, Bytes::new()));
    partitions.push(PartitionProduceData { index: 1, records: None });
    partitions.push(of(1, old.freeze()));
    let response = client.ask(&request).await;
    let codes: Vec<_> =
        response.responses[0].partition_responses.iter().map(|it| it.error_code).collect();
    assert_eq!(
        codes,
        [
            ErrorCode::None,
            ErrorCode::CorruptMessage,
            ErrorCode::UnknownTopicOrPartition,
            ErrorCode::UnknownTopicOrPartition,
            ErrorCode::InvalidRecord,
            ErrorCode::InvalidRecord,
            ErrorCode::InvalidRecord,
        ]
    );
    let refused = &response.responses[0].partition_responses[1];
    assert!(refused.error_message.is_some() && refused.base_offset == -1);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_numbers_of_acks_are_refused() {
    let rig = Rig::start().await;
    let (mut client, topic) = rig.client_with_topic(1).await;
    let written = client.produce(&topic, 2, batch(&[b"x"])).await;
    assert_eq!(written.error_code, ErrorCode::InvalidRequiredAcks);
    let written = client.produce(&topic, 1, batch(&[b"x"])).await;
    assert_eq!(written.base_offset, 0, "nothing was stored before");
}
