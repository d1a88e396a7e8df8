//! What the codec costs per request, beside the crate that serves as its oracle.
//!
//! `cargo bench -p kq-proto --bench codec` prints nanoseconds, the median of five runs.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]
#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

use std::hint::black_box;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages as theirs;
use kafka_protocol::protocol::{Decodable, Encodable};
use kq_proto::kafka::messages::fetch::{
    FetchPartition, FetchTopic, FetchableTopicResponse, PartitionData,
};
use kq_proto::kafka::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, TopicProduceData, TopicProduceResponse,
};
use kq_proto::kafka::messages::{FetchRequest, FetchResponse, ProduceRequest, ProduceResponse};
use kq_proto::kafka::{Message, Records, Str, Writer, response_frame};

const ROUNDS: u32 = 2_000;
const PRODUCE_VERSION: i16 = 11;
const FETCH_VERSION: i16 = 12;

fn nanoseconds(mut work: impl FnMut()) -> f64 {
    let mut runs: Vec<f64> = (0..5)
        .map(|_| {
            let start = Instant::now();
            (0..ROUNDS).for_each(|_| work());
            start.elapsed().as_secs_f64() * 1e9 / f64::from(ROUNDS)
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    runs.get(2).copied().unwrap()
}

fn report(what: &str, ours: impl FnMut(), theirs: impl FnMut()) {
    let (ours, theirs) = (nanoseconds(ours), nanoseconds(theirs));
    println!("{what:<44} {ours:>8.0} ns   kafka-protocol {theirs:>8.0} ns");
}

fn encoded<M: Message>(message: &M, version: i16) -> Bytes {
    let mut writer = Writer::new();
    message.encode(&mut writer, version).unwrap();
    writer.into_bytes().unwrap()
}

fn topic(index: usize) -> Str {
    Str::from(format!("orders-{index}"))
}

fn bench_produce(partitions: i32) {
    let batch = Bytes::from(vec![7u8; 1024]);
    let request = ProduceRequest {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![TopicProduceData {
            name: topic(0),
            partition_data: (0..partitions)
                .map(|index| PartitionProduceData {
                    index,
                    records: Some(Records::Inline(batch.clone())),
                })
                .collect(),
            ..TopicProduceData::default()
        }],
        ..ProduceRequest::default()
    };
    let body = encoded(&request, PRODUCE_VERSION);
    report(
        &format!("produce request, {partitions} x 1 KiB, decode"),
        || drop(black_box(ProduceRequest::decode_all(&body, PRODUCE_VERSION))),
        || drop(black_box(theirs::ProduceRequest::decode(&mut body.clone(), PRODUCE_VERSION))),
    );
    let response = ProduceResponse {
        responses: vec![TopicProduceResponse {
            name: topic(0),
            partition_responses: (0..partitions)
                .map(|index| PartitionProduceResponse { index, ..Default::default() })
                .collect(),
            ..TopicProduceResponse::default()
        }],
        ..ProduceResponse::default()
    };
    let mut bytes = encoded(&response, PRODUCE_VERSION);
    let oracle = theirs::ProduceResponse::decode(&mut bytes, PRODUCE_VERSION).unwrap();
    report(
        &format!("produce response, {partitions} partitions, encode"),
        || {
            let frame = response_frame::<ProduceRequest>(1, PRODUCE_VERSION, &response);
            drop(black_box(frame.unwrap().into_bytes()));
        },
        || {
            let mut buffer = BytesMut::new();
            drop(black_box(oracle.encode(&mut buffer, PRODUCE_VERSION)));
        },
    );
}

fn bench_fetch(partitions: i32) {
    let request = FetchRequest {
        topics: vec![FetchTopic {
            topic: topic(0),
            partitions: (0..partitions)
                .map(|partition| FetchPartition { partition, ..Default::default() })
                .collect(),
            ..FetchTopic::default()
        }],
        ..FetchRequest::default()
    };
    let body = encoded(&request, FETCH_VERSION);
    report(
        &format!("fetch request, {partitions} partitions, decode"),
        || drop(black_box(FetchRequest::decode_all(&body, FETCH_VERSION))),
        || drop(black_box(theirs::FetchRequest::decode(&mut body.clone(), FETCH_VERSION))),
    );
    let response = |records: &dyn Fn(usize) -> Records| FetchResponse {
        responses: vec![FetchableTopicResponse {
            topic: topic(0),
            partitions: (0..partitions)
                .zip(0..)
                .map(|(partition_index, index)| PartitionData {
                    partition_index,
                    records: Some(records(index)),
                    ..PartitionData::default()
                })
                .collect(),
            ..FetchableTopicResponse::default()
        }],
        ..FetchResponse::default()
    };
    let holes = response(&|index| Records::Hole { index, length: 65_536 });
    let batch = Bytes::from(vec![7; 65_536]);
    let inline = response(&|_| Records::Inline(batch.clone()));
    let mut bytes = encoded(&inline, FETCH_VERSION);
    let oracle = theirs::FetchResponse::decode(&mut bytes, FETCH_VERSION).unwrap();
    report(
        &format!("fetch response, {partitions} x 64 KiB, encode"),
        || {
            let frame = response_frame::<FetchRequest>(1, FETCH_VERSION, &holes);
            drop(black_box(frame.unwrap().into_parts()));
        },
        || {
            let mut buffer = BytesMut::new();
            drop(black_box(oracle.encode(&mut buffer, FETCH_VERSION)));
        },
    );
}

fn main() {
    for partitions in [1, 50] {
        bench_produce(partitions);
    }
    for partitions in [1, 20] {
        bench_fetch(partitions);
    }
}
