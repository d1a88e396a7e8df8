//! A broker in this process, and a client that speaks frames.

use bytes::{BufMut, Bytes, BytesMut};
use kq_proto::kafka::messages::create_topics::{CreatableTopic, CreatableTopicConfig};
use kq_proto::kafka::messages::fetch::{FetchPartition, FetchTopic};
use kq_proto::kafka::messages::metadata::MetadataRequestTopic;
use kq_proto::kafka::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, TopicProduceData,
};
use kq_proto::kafka::messages::{
    CreateTopicsRequest, FetchRequest, MetadataRequest, ProduceRequest,
};
use kq_proto::kafka::{ErrorCode, Message, Reader, Request, ResponseHeader, Str, request_frame};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::config;
use crate::process::Broker;

/// A running broker and its directory.
pub(super) struct Rig {
    pub(super) broker: Broker,
    dir: TempDir,
}

impl Rig {
    pub(super) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// The same broker after a stop, with its directory as it was left and these flags.
    pub(super) async fn restart(self, flags: &[&str]) -> Self {
        let Self { broker, dir } = self;
        broker.stop().await.unwrap();
        Self::start_in(dir, flags).await
    }

    /// A broker with more flags.
    pub(super) async fn start_with(flags: &[&str]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), flags).await
    }

    async fn start_in(dir: TempDir, flags: &[&str]) -> Self {
        let data_dir = dir.path().to_str().unwrap();
        let base = ["kq-broker", "--listen", "127.0.0.1:0", "--data-dir", data_dir];
        let args = base.iter().chain(flags).map(|it| (*it).into());
        let loaded = config::load(args, |_| None).unwrap();
        let broker = Box::pin(Broker::start(loaded.config)).await.unwrap();
        Self { broker, dir }
    }

    pub(super) async fn client(&self) -> Client {
        let stream = TcpStream::connect(self.broker.address()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Client { stream, next_correlation: 1 }
    }

    /// A client, and a topic of that many partitions.
    pub(super) async fn client_with_topic(&self, partitions: i32) -> (Client, Topic) {
        let mut client = self.client().await;
        let topic = client.create_topic("orders", partitions, &[]).await;
        (client, topic)
    }
}

#[derive(Debug, Clone)]
pub(super) struct Topic {
    pub(super) name: Str,
    pub(super) id: Uuid,
}

/// One connection.
pub(super) struct Client {
    pub(super) stream: TcpStream,
    next_correlation: i32,
}

impl Client {
    /// Sends a request and does not wait.
    pub(super) async fn send<R: Request>(&mut self, version: i16, request: &R) -> i32 {
        let [number] = self.send_at_once(version, [request]).await;
        number
    }

    /// Sends requests in one write: when the first is answered, all have been taken up.
    pub(super) async fn send_at_once<R: Request, const N: usize>(
        &mut self,
        version: i16,
        requests: [&R; N],
    ) -> [i32; N] {
        let mut bytes = BytesMut::new();
        let numbers = requests.map(|request| {
            let number = self.next_correlation;
            self.next_correlation += 1;
            let frame = request_frame(number, version, Some(&"test".into()), request).unwrap();
            bytes.extend_from_slice(&frame.into_bytes().unwrap());
            number
        });
        self.stream.write_all(&bytes).await.unwrap();
        numbers
    }

    /// The next frame's bytes; none when the broker has closed the connection.
    pub(super) async fn frame(&mut self) -> Option<Bytes> {
        let len = self.stream.read_u32().await.ok()?;
        let mut bytes = vec![0; len as usize];
        self.stream.read_exact(&mut bytes).await.ok()?;
        Some(bytes.into())
    }

    /// The response to the request of this number, which must be the next.
    pub(super) async fn receive<R: Request>(&mut self, version: i16, want: i32) -> R::Response {
        let bytes = self.frame().await.expect("the broker has closed the connection");
        let mut reader = Reader::new(&bytes);
        let header = ResponseHeader::parse(&mut reader, R::KEY, version).unwrap();
        assert_eq!(header.correlation_id, want, "responses come in order");
        let response = R::Response::decode(&mut reader, version).unwrap();
        assert_eq!(reader.left(), 0, "bytes behind the response to {}", R::KEY);
        response
    }

    pub(super) async fn call<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        let correlation = self.send(version, request).await;
        self.receive::<R>(version, correlation).await
    }

    /// The newest version of a request.
    pub(super) async fn ask<R: Request>(&mut self, request: &R) -> R::Response {
        self.call(*R::VERSIONS.end(), request).await
    }

    pub(super) async fn create_topic(
        &mut self,
        name: &'static str,
        partitions: i32,
        configs: &[(&'static str, &'static str)],
    ) -> Topic {
        let configs = configs.iter().map(|(name, value)| CreatableTopicConfig {
            name: Str::from_static(name),
            value: Some(Str::from_static(value)),
        });
        let topic = CreatableTopic {
            name: Str::from_static(name),
            num_partitions: partitions,
            replication_factor: 1,
            configs: configs.collect(),
            ..Default::default()
        };
        let request = CreateTopicsRequest { topics: vec![topic], ..Default::default() };
        let created = self.ask(&request).await;
        assert_eq!(created.topics[0].error_code, ErrorCode::None);
        Topic { name: Str::from_static(name), id: created.topics[0].topic_id }
    }

    /// Produces one batch to partition 0 with the newest version.
    pub(super) async fn produce(
        &mut self,
        topic: &Topic,
        acks: i16,
        records: Bytes,
    ) -> PartitionProduceResponse {
        let request = produce(topic, 0, acks, records);
        let mut response = self.ask(&request).await;
        response.responses.remove(0).partition_responses.remove(0)
    }

    pub(super) async fn metadata(&mut self, names: &[&'static str]) -> Vec<ErrorCode> {
        let topic = |name: &&'static str| MetadataRequestTopic {
            name: Some(Str::from_static(name)),
            ..Default::default()
        };
        let topics = Some(names.iter().map(topic).collect());
        let request = MetadataRequest { topics, ..Default::default() };
        self.ask(&request).await.topics.iter().map(|it| it.error_code).collect()
    }
}

/// A request that both kinds of versions can carry: named by name and by id.
pub(super) fn produce(topic: &Topic, index: i32, acks: i16, records: Bytes) -> ProduceRequest {
    ProduceRequest {
        acks,
        timeout_ms: 10_000,
        topic_data: vec![TopicProduceData {
            name: topic.name.clone(),
            topic_id: topic.id,
            partition_data: vec![PartitionProduceData { index, records: Some(records.into()) }],
        }],
        ..Default::default()
    }
}

/// A fetch of one partition from an offset on, that does not wait.
pub(super) fn fetch(topic: &Topic, index: i32, offset: i64) -> FetchRequest {
    FetchRequest {
        max_wait_ms: 0,
        min_bytes: 1,
        topics: vec![FetchTopic {
            topic: topic.name.clone(),
            topic_id: topic.id,
            partitions: vec![FetchPartition {
                partition: index,
                fetch_offset: offset,
                partition_max_bytes: 1 << 20,
                ..Default::default()
            }],
        }],
        ..Default::default()
    }
}

/// One batch of format 2, uncompressed, with a record for each value.
pub(super) fn batch(values: &[&[u8]]) -> Bytes {
    let mut records = BytesMut::new();
    for (delta, value) in values.iter().enumerate() {
        let mut record = BytesMut::new();
        record.put_u8(0);
        varint(&mut record, 0);
        varint(&mut record, delta);
        record.put_u8(1);
        varint(&mut record, value.len());
        record.put_slice(value);
        varint(&mut record, 0);
        varint(&mut records, record.len());
        records.put_slice(&record);
    }
    let count = i32::try_from(values.len()).unwrap();
    let mut checked = BytesMut::new();
    checked.put_i16(0);
    checked.put_i32(count - 1);
    checked.put_i64(1000);
    checked.put_i64(1000);
    checked.put_i64(-1);
    checked.put_i16(-1);
    checked.put_i32(-1);
    checked.put_i32(count);
    checked.put_slice(&records);
    let mut batch = BytesMut::new();
    batch.put_i64(0);
    batch.put_i32(i32::try_from(checked.len() + 9).unwrap());
    batch.put_i32(-1);
    batch.put_u8(2);
    batch.put_u32(crc32c::crc32c(&checked));
    batch.put_slice(&checked);
    batch.freeze()
}

/// A non-negative number as a zigzag varint.
fn varint(out: &mut BytesMut, value: usize) {
    let mut rest = value << 1;
    while rest > 0x7f {
        out.put_u8(u8::try_from(rest & 0x7f).unwrap() | 0x80);
        rest >>= 7;
    }
    out.put_u8(u8::try_from(rest).unwrap());
}

/// What of a stored batch is the same wherever it was appended: all but base offset and epoch.
pub(super) fn essence(batch: &[u8]) -> (&[u8], &[u8]) {
    (&batch[8..12], &batch[16..])
}
