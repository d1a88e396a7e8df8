//! Single records, for hands and scripts: batches built and opened. The data door does neither; it
//! moves batches as they are.

use std::sync::Arc;

use bytes::Bytes;
pub use kq_storage::batch::Compression;
use kq_storage::batch::{BatchBuilder, BatchHeader, DecompressLimits, records};
use kq_storage::{LeaderEpoch, Offset, ReadPlan, TimestampMs};

use super::{Acks, Appended, Partition, PartitionError};
use crate::env;
use kq_proto::kafka::ErrorCode;

/// Bytes of records that go into one batch; a larger record gets a batch of its own.
const BATCH_BYTES: usize = 512 * 1024;

/// A record to be appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRecord {
    /// When it was made.
    pub timestamp: TimestampMs,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
    /// Its headers, in order.
    pub headers: Vec<(Bytes, Option<Bytes>)>,
}

/// A record with what its batch says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadRecord {
    /// Its offset.
    pub offset: Offset,
    /// When it was made or appended.
    pub timestamp: Option<TimestampMs>,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its value.
    pub value: Option<Bytes>,
    /// Its headers, in order.
    pub headers: Vec<(Bytes, Option<Bytes>)>,
    /// Its batch.
    pub batch: BatchFacts,
}

/// What all records of one batch share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchFacts {
    /// Whether the broker stamped the time.
    pub is_log_append_time: bool,
    /// Whether it belongs to a transaction.
    pub is_transactional: bool,
    /// Whether it is a transaction marker.
    pub is_control: bool,
    /// How it is compressed.
    pub compression: Compression,
    /// The leader epoch under which it was appended.
    pub leader_epoch: Option<LeaderEpoch>,
    /// The idempotent producer, its epoch and the batch's first sequence number.
    pub producer: Option<(u64, u16, Option<u32>)>,
    /// The batch's first offset.
    pub base_offset: Offset,
}

impl NewRecord {
    /// Bytes of its content.
    pub fn size_bytes(&self) -> usize {
        size_of_content((&self.key, &self.value), &self.headers)
    }
}

impl ReadRecord {
    /// Bytes of its content.
    pub fn size_bytes(&self) -> usize {
        size_of_content((&self.key, &self.value), &self.headers)
    }
}

impl Partition {
    /// Appends records in as few batches as fit; answers each batch with how many it took.
    ///
    /// After a failure the batches before it stay, as with any producer.
    pub fn append_records(
        self: &Arc<Self>,
        new: &[NewRecord],
        compression: Compression,
        acks: Acks,
    ) -> Vec<Result<(Appended, usize), PartitionError>> {
        let mut outcomes = Vec::new();
        let mut rest = new;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(fitting(rest));
            let appended = build(now, compression).and_then(|batch| self.append(batch, acks));
            let failed = appended.is_err();
            outcomes.push(appended.map(|it| (it, now.len())));
            if failed {
                break;
            }
            rest = later;
        }
        outcomes
    }
}

/// Reads and opens the batches of a plan; records before `from` are left out.
pub async fn read_records(plan: ReadPlan, from: Offset) -> Result<Vec<ReadRecord>, PartitionError> {
    let open = move || open_plan(&plan, from);
    env::spawn_blocking(open).await.unwrap_or(Err(PartitionError::Stopping))
}

fn open_plan(plan: &ReadPlan, from: Offset) -> Result<Vec<ReadRecord>, PartitionError> {
    let damaged = |err: &dyn std::fmt::Display| PartitionError::Storage(err.to_string().into());
    let mut found = Vec::new();
    for region in &plan.regions {
        let mut bytes = vec![0; region.len];
        region.file.read_exact_at(&mut bytes, region.position).map_err(|err| damaged(&err))?;
        let mut left = bytes.as_slice();
        while !left.is_empty() {
            let header = BatchHeader::parse_verified(left).map_err(|err| damaged(&err))?;
            let opened = records(left, &header, DecompressLimits::default());
            let opened = opened.map_err(|err| damaged(&err))?;
            let batch = facts(&header);
            found.extend(opened.into_iter().filter(|it| from <= it.offset).map(|it| ReadRecord {
                offset: it.offset,
                timestamp: it.timestamp,
                key: it.key,
                value: it.value,
                headers: it.headers,
                batch,
            }));
            left = left.get(header.size..).unwrap_or_default();
        }
    }
    Ok(found)
}

fn facts(header: &BatchHeader) -> BatchFacts {
    BatchFacts {
        is_log_append_time: header.attributes.is_log_append_time(),
        is_transactional: header.attributes.is_transactional(),
        is_control: header.attributes.is_control(),
        compression: header.attributes.compression,
        leader_epoch: header.leader_epoch,
        producer: header.producer.map(|it| (it.id.0, it.epoch.0, it.first_sequence)),
        base_offset: header.base_offset,
    }
}

/// How many records go into the next batch; at least one.
fn fitting(records: &[NewRecord]) -> usize {
    let mut bytes = 0;
    let fits = |it: &&NewRecord| {
        bytes += it.size_bytes();
        bytes <= BATCH_BYTES
    };
    records.iter().take_while(fits).count().max(1)
}

fn build(
    records: &[NewRecord],
    compression: Compression,
) -> Result<bytes::BytesMut, PartitionError> {
    let empty = BatchBuilder::new(compression);
    let batch = records.iter().fold(empty, |batch, it| {
        batch.record_with_headers(it.timestamp, it.key.as_deref(), it.value.as_deref(), &it.headers)
    });
    batch.build().map_err(|err| PartitionError::Batch {
        code: ErrorCode::InvalidRecord,
        message: err.to_string().into(),
    })
}

fn size_of_content(
    (key, value): (&Option<Bytes>, &Option<Bytes>),
    headers: &[(Bytes, Option<Bytes>)],
) -> usize {
    let of = |field: &Option<Bytes>| field.as_ref().map_or(0, Bytes::len);
    let headers: usize = headers.iter().map(|(key, value)| key.len() + of(value)).sum();
    of(key) + of(value) + headers
}
