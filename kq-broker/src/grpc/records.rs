//! `kq.admin.v1.Records`: records for hands and scripts.

mod fetch;
mod partitioner;
mod parts;
mod produce;
mod relay;

pub(super) use parts::PartsMemory;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use kq_proto::admin::AdminError;
use kq_proto::admin::v1;
use kq_proto::admin::v1::records_server::Records;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};

use super::Admin;
use super::answer::{Answer, is_dry_run};
use super::error::of_partition;
use super::offsets::resolve;
use super::passing::{Asker, Elsewhere, item_of};
use crate::ids::BrokerId;
use crate::runtime::{Compression, Isolation, Offset, ReadFrom, ReadRecord, read_records};

/// Bytes of records in one answer, beyond its first.
const GET_BYTES_MAX: u64 = 16 << 20;

fn too_much(item: String) -> v1::ItemError {
    AdminError::new(Code::ResourceExhausted, "kq.TOO_LARGE", "the answer is full")
        .hint("ask for fewer records at once")
        .into_item(item)
}

type Fetched = Pin<Box<dyn Stream<Item = Result<v1::FetchResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Records for Admin {
    type FetchStream = Fetched;

    async fn produce(&self, request: Request<v1::ProduceRequest>) -> Answer<v1::ProduceResponse> {
        let asker = Asker::of(&request);
        Ok(Response::new(self.append_records(request.into_inner(), asker).await?))
    }

    async fn produce_parts(
        &self,
        request: Request<tonic::Streaming<v1::ProducePart>>,
    ) -> Answer<v1::ProduceResponse> {
        let asker = Asker::of(&request);
        let gathered = self.parts.gather(request.into_inner(), &self.node.stopping).await?;
        Ok(Response::new(self.append_records(gathered.request, asker).await?))
    }

    async fn fetch(&self, request: Request<v1::FetchRequest>) -> Result<Response<Fetched>, Status> {
        let asker = Asker::of(&request);
        let request = request.into_inner();
        let (answers, stream) = mpsc::channel(4);
        let admin = self.clone();
        tokio::spawn(async move { admin.stream_records(request, asker, answers).await });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn get(&self, request: Request<v1::GetRecordsRequest>) -> Answer<v1::GetRecordsResponse> {
        let asker = Asker::of(&request);
        let mut answer = v1::GetRecordsResponse::default();
        let (mut bytes, mut full) = (0, false);
        let records = request.into_inner().records;
        let mut elsewhere = self.get_elsewhere(&records, asker).await;
        for (at, it) in records.into_iter().enumerate() {
            let item = item_of(&it);
            if full {
                answer.errors.push(too_much(item));
                continue;
            }
            let found = match elsewhere.remove(&at) {
                Some(told) => told,
                None => self.get_one(&it).await,
            };
            match found {
                Ok(record) => {
                    let size = u64::from(record.size_bytes);
                    if answer.records.is_empty() || bytes + size <= GET_BYTES_MAX {
                        bytes += size;
                        answer.records.push(record);
                    } else {
                        full = true;
                        answer.errors.push(too_much(item));
                    }
                }
                Err(err) => answer.errors.push(err.into_item(item)),
            }
        }
        Ok(Response::new(answer))
    }

    async fn delete(
        &self,
        request: Request<v1::DeleteRecordsRequest>,
    ) -> Answer<v1::DeleteRecordsResponse> {
        let asker = Asker::of(&request);
        let v1::DeleteRecordsRequest { partitions, intent } = request.into_inner();
        let dry_run = is_dry_run(intent.as_ref());
        let mut answer = v1::DeleteRecordsResponse::default();
        for it in partitions {
            match self.delete_one(&it, dry_run, asker).await {
                Ok(row) => answer.partitions.push(row),
                Err(err) => {
                    let item = format!("{}/{}", it.topic, it.partition);
                    answer.errors.push(err.into_item(item));
                }
            }
        }
        Ok(Response::new(answer))
    }
}

/// How long a deletion waits for in-sync followers.
const DELETE_WAIT_MAX: Duration = Duration::from_secs(10);

impl Admin {
    /// Those that other brokers lead, each of which is asked once; by their places in the question.
    async fn get_elsewhere(
        &self,
        records: &[v1::RecordRef],
        asker: Asker,
    ) -> BTreeMap<usize, Result<v1::Record, AdminError>> {
        let mut leaders: BTreeMap<BrokerId, (Elsewhere, Vec<usize>)> = BTreeMap::new();
        for (at, it) in records.iter().enumerate() {
            if let Some(leader) = self.elsewhere(&it.topic, it.partition, asker) {
                leaders.entry(leader.broker).or_insert((leader, Vec::new())).1.push(at);
            }
        }
        let ask = |(leader, places): (Elsewhere, Vec<usize>)| async move {
            let its = places.iter().filter_map(|at| records.get(*at).cloned()).collect();
            places.into_iter().zip(leader.get(its).await)
        };
        let told = futures::future::join_all(leaders.into_values().map(ask)).await;
        told.into_iter().flatten().collect()
    }

    async fn get_one(&self, it: &v1::RecordRef) -> Result<v1::Record, AdminError> {
        let partition = self.partition_of(&it.topic, it.partition)?;
        let offset = Offset(it.offset);
        let from = ReadFrom {
            offset,
            leader_epoch: None,
            last_fetched_epoch: None,
            isolation: Isolation::ReadUncommitted,
            bytes_max: 1,
            at_least_one: true,
        };
        let failed = |err| of_partition(&err);
        let outcome = partition.read(from).map_err(failed)?;
        let records = read_records(outcome.plan, offset).await.map_err(failed)?;
        let found = records.into_iter().find(|record| record.offset == offset);
        found.map(|record| record_of(&it.topic, it.partition, record, true)).ok_or_else(|| {
            let end = outcome.offsets.high_watermark();
            let message = format!("there is no record at {offset}: it ends before {end}");
            AdminError::new(Code::OutOfRange, "kafka.OFFSET_OUT_OF_RANGE", message)
        })
    }

    async fn delete_one(
        &self,
        it: &v1::DeleteBefore,
        dry_run: bool,
        asker: Asker,
    ) -> Result<v1::DeletedRecords, AdminError> {
        if let Some(leader) = self.elsewhere(&it.topic, it.partition, asker) {
            return leader.delete(it.clone(), dry_run).await;
        }
        let partition = self.partition_of(&it.topic, it.partition)?;
        let failed = |err| of_partition(&err);
        let offsets = partition.describe().map_err(failed)?.offsets;
        let old = offsets.log_start().offset();
        let found = resolve(&partition, &it.before.unwrap_or_default()).await?;
        // Where no record is that young, all that is committed goes.
        let before = found.offset.unwrap_or(offsets.high_watermark().offset());
        let new = if dry_run {
            if before > offsets.high_watermark().offset() {
                let end = offsets.high_watermark();
                let message = format!("offset {before} is beyond {end}, the end of what can go");
                return Err(AdminError::new(
                    Code::OutOfRange,
                    "kafka.OFFSET_OUT_OF_RANGE",
                    message,
                ));
            }
            before.max(old)
        } else {
            partition.delete_records(Some(before), DELETE_WAIT_MAX).await.map_err(failed)?.offset()
        };
        Ok(v1::DeletedRecords {
            topic: it.topic.clone(),
            partition: it.partition,
            old_log_start_offset: old.0,
            new_log_start_offset: new.0,
        })
    }
}

/// One record for the wire.
fn record_of(topic: &str, partition: u32, it: ReadRecord, with_payload: bool) -> v1::Record {
    let size_bytes = u32::try_from(it.size_bytes()).unwrap_or(u32::MAX);
    let ReadRecord { offset, timestamp, key, value, headers, batch } = it;
    let header = |(key, value): (bytes::Bytes, Option<bytes::Bytes>)| v1::Header {
        key: String::from_utf8_lossy(&key).into_owned(),
        value,
    };
    let since_base = u32::try_from(offset.0 - batch.base_offset.0).unwrap_or(u32::MAX);
    let first_sequence = batch.producer.and_then(|(_, _, first)| first);
    v1::Record {
        topic: topic.to_owned(),
        partition,
        offset: offset.0,
        timestamp_ms: timestamp.map_or(-1, |it| it.0),
        log_append_time: batch.is_log_append_time,
        key: key.filter(|_| with_payload),
        value: value.filter(|_| with_payload),
        headers: if with_payload { headers.into_iter().map(header).collect() } else { Vec::new() },
        leader_epoch: batch.leader_epoch.map_or(0, |it| it.0),
        producer_id: batch.producer.map(|(id, _, _)| id),
        producer_epoch: batch.producer.map(|(_, epoch, _)| u32::from(epoch)),
        sequence: first_sequence.map(|first| first.wrapping_add(since_base) & 0x7fff_ffff),
        transactional: batch.is_transactional,
        control: batch.is_control,
        compression: compression_of(batch.compression).into(),
        size_bytes,
    }
}

fn compression_of(codec: Compression) -> v1::Compression {
    match codec {
        Compression::None => v1::Compression::None,
        Compression::Gzip => v1::Compression::Gzip,
        Compression::Snappy => v1::Compression::Snappy,
        Compression::Lz4 => v1::Compression::Lz4,
        Compression::Zstd => v1::Compression::Zstd,
    }
}
