//! The file that a producers' state is kept in.
//!
//! ```text
//!   <offset, 20 digits>.snapshot    magic "KQPROD" | version u16 | offset u64 | count u32
//!     | (id u64, epoch u16, heard i64, batches u8
//!        | (first sequence u32, last sequence u32, base u64, last u64, timestamp i64) ...) ...
//!     | crc u32
//! ```

use std::collections::VecDeque;

use bytes::{Buf, BufMut, TryGetError};

use super::{BATCHES_KEPT, Producer, ProducerBatch, Producers};
use crate::format::{Format, Opened};
use crate::{Offset, ProducerEpoch, ProducerId, TimestampMs};

/// The head of a snapshot file.
pub(crate) const FORMAT: Format = Format { magic: *b"KQPROD", version: 1 };

/// Why a snapshot cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SnapshotError {
    /// It is whole, but of another version.
    Version(u16),
    /// It is damaged: an older one will do.
    Damaged(&'static str),
}

impl From<TryGetError> for SnapshotError {
    fn from(_: TryGetError) -> Self {
        Self::Damaged("fewer entries than counted")
    }
}

/// The bytes of a snapshot of `producers` as of `offset`.
pub(crate) fn to_bytes(producers: &Producers, offset: Offset) -> Vec<u8> {
    let mut body = Vec::new();
    body.put_u64(offset.0);
    body.put_u32(u32::try_from(producers.by_id.len()).unwrap_or(u32::MAX));
    for (id, producer) in producers.iter() {
        body.put_u64(id.0);
        body.put_u16(producer.epoch.0);
        body.put_i64(producer.heard.0);
        body.put_u8(u8::try_from(producer.batches.len()).unwrap_or(u8::MAX));
        for batch in &producer.batches {
            body.put_u32(batch.first_sequence);
            body.put_u32(batch.last_sequence);
            body.put_u64(batch.base_offset.0);
            body.put_u64(batch.last_offset.0);
            body.put_i64(batch.timestamp.map_or(-1, |timestamp| timestamp.0));
        }
    }
    FORMAT.seal(&body)
}

/// Reads a snapshot that must be as of `offset`.
pub(crate) fn from_bytes(bytes: &[u8], offset: Offset) -> Result<Producers, SnapshotError> {
    let mut body = match FORMAT.open(bytes) {
        Opened::Body(body) => body,
        Opened::Version(found) => return Err(SnapshotError::Version(found)),
        Opened::Damaged(why) => return Err(SnapshotError::Damaged(why)),
    };
    if Offset(body.try_get_u64()?) != offset {
        return Err(SnapshotError::Damaged("taken at another offset"));
    }
    let count = body.try_get_u32()?;
    let mut producers = Producers::default();
    for _ in 0..count {
        let id = ProducerId(body.try_get_u64()?);
        producers.insert(id, producer(&mut body)?);
    }
    if !body.is_empty() {
        return Err(SnapshotError::Damaged("more entries than counted"));
    }
    Ok(producers)
}

fn producer(body: &mut &[u8]) -> Result<Producer, SnapshotError> {
    let epoch = ProducerEpoch(body.try_get_u16()?);
    let heard = TimestampMs(body.try_get_i64()?);
    let count = usize::from(body.try_get_u8()?);
    if count > BATCHES_KEPT {
        return Err(SnapshotError::Damaged("more batches than are kept"));
    }
    let mut batches = VecDeque::with_capacity(count);
    for _ in 0..count {
        let (first_sequence, last_sequence) = (body.try_get_u32()?, body.try_get_u32()?);
        let (base_offset, last_offset) = (Offset(body.try_get_u64()?), Offset(body.try_get_u64()?));
        let timestamp = body.try_get_i64()?;
        let timestamp = (timestamp != -1).then_some(TimestampMs(timestamp));
        batches.push_back(ProducerBatch {
            first_sequence,
            last_sequence,
            base_offset,
            last_offset,
            timestamp,
        });
    }
    Ok(Producer { epoch, heard, batches })
}
