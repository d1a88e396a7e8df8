//! New batches: for recompression, for the cluster's own records and for tests.

use std::io;

use bytes::{BufMut, Bytes, BytesMut};

use super::codec::compress;
use super::{
    Attributes, BatchHeader, CRC_FROM, Codec, Compression, DecompressError, DecompressLimits,
    HEADER_BYTES, LENGTH_PREFIX_BYTES, MAGIC, ProducerMark, RecordError, decompress,
};
use crate::{Offset, TimestampMs};

/// Builds one batch, record by record.
#[derive(Debug, Clone, Default)]
pub struct BatchBuilder {
    compression: Compression,
    producer: Option<ProducerMark>,
    extra_attributes: u16,
    base_timestamp: Option<i64>,
    max_timestamp: i64,
    count: u32,
    records: Vec<u8>,
}

impl BatchBuilder {
    /// An empty batch, compressed with `compression`.
    pub fn new(compression: Compression) -> Self {
        Self { compression, max_timestamp: -1, ..Self::default() }
    }

    /// Marks the batch as an idempotent producer's.
    #[must_use]
    pub const fn producer(mut self, mark: ProducerMark) -> Self {
        self.producer = Some(mark);
        self
    }

    /// Sets further attribute bits: control, transactional.
    #[must_use]
    pub const fn attributes(mut self, bits: u16) -> Self {
        self.extra_attributes = bits;
        self
    }

    /// Adds a record without headers.
    #[must_use]
    pub fn record(self, at: TimestampMs, key: Option<&[u8]>, value: Option<&[u8]>) -> Self {
        self.record_with_headers(at, key, value, &[])
    }

    /// Adds a record.
    #[must_use]
    pub fn record_with_headers(
        mut self,
        at: TimestampMs,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(Bytes, Option<Bytes>)],
    ) -> Self {
        let base = *self.base_timestamp.get_or_insert(at.0);
        let mut body = vec![0_u8];
        put_varint(&mut body, at.0.wrapping_sub(base));
        put_varint(&mut body, i64::from(self.count));
        put_field(&mut body, key);
        put_field(&mut body, value);
        put_varint(&mut body, as_i64(headers.len()));
        for (key, value) in headers {
            put_field(&mut body, Some(key));
            put_field(&mut body, value.as_deref());
        }
        put_varint(&mut self.records, as_i64(body.len()));
        self.records.extend_from_slice(&body);
        self.count += 1;
        self.max_timestamp = self.max_timestamp.max(at.0);
        self
    }

    /// The bytes of the batch, with base offset 0 and no leader epoch, as a client sends it.
    pub fn build(self) -> io::Result<BytesMut> {
        let mut block = Vec::new();
        compress(self.compression.into(), &self.records, &mut block)?;
        let bits = self.compression.bits() | self.extra_attributes;
        let header = BatchHeader {
            base_offset: Offset(0),
            size: 0,
            leader_epoch: None,
            crc: 0,
            attributes: Attributes { bits, compression: self.compression },
            last_offset_delta: self.count.saturating_sub(1),
            base_timestamp: self.base_timestamp.unwrap_or(-1),
            max_timestamp: Some(TimestampMs(self.max_timestamp)),
            producer: self.producer,
            record_count: self.count,
        };
        assemble(&header, &block)
    }
}

/// The bytes of a batch with all that `header` says, but for size and CRC: those follow from `block`.
pub(crate) fn assemble(header: &BatchHeader, block: &[u8]) -> io::Result<BytesMut> {
    let mut out = Vec::with_capacity(HEADER_BYTES + block.len());
    append_batch(header, &mut out, |out| {
        out.extend_from_slice(block);
        Ok(())
    })?;
    Ok(BytesMut::from(Bytes::from(out)))
}

/// Appends a batch with all that `header` says, but for size and CRC: those follow from what
/// `put_block` appends. Nothing is appended where that fails.
pub(crate) fn append_batch(
    header: &BatchHeader,
    out: &mut Vec<u8>,
    put_block: impl FnOnce(&mut Vec<u8>) -> io::Result<()>,
) -> io::Result<()> {
    let at = out.len();
    put_header(header, out);
    let put = put_block(out).and_then(|()| {
        let length = out.len() - at - LENGTH_PREFIX_BYTES;
        i32::try_from(length).map_err(io::Error::other)
    });
    let batch = out.get_mut(at..).unwrap_or_default();
    match put {
        Ok(length) => {
            if let Some(place) = batch.get_mut(8..12) {
                place.copy_from_slice(&length.to_be_bytes());
            }
            seal(batch);
            Ok(())
        }
        Err(err) => {
            out.truncate(at);
            Err(err)
        }
    }
}

fn put_header(header: &BatchHeader, out: &mut Vec<u8>) {
    out.put_u64(header.base_offset.0);
    // The length, once it is known.
    out.put_u32(0);
    // All bits set is -1, the wire's word for none.
    out.put_u32(header.leader_epoch.map_or(u32::MAX, |epoch| epoch.0));
    out.put_u8(MAGIC);
    out.put_u32(0);
    out.put_u16(header.attributes.bits);
    out.put_u32(header.last_offset_delta);
    out.put_i64(header.base_timestamp);
    out.put_i64(header.max_timestamp.map_or(-1, |max| max.0));
    put_producer(out, header.producer);
    out.put_u32(header.record_count);
}

/// The same batch with its records compressed by `target`; nothing else changes.
pub fn recompress(
    bytes: &[u8],
    header: &BatchHeader,
    target: Codec,
    limits: DecompressLimits,
) -> Result<BytesMut, RecordError> {
    let failed = |err| RecordError::Compressed(DecompressError::of(err));
    let block = bytes.get(HEADER_BYTES..header.size).unwrap_or_default();
    let plain = decompress(header.attributes.compression, block, limits, |from| {
        let mut plain = Vec::new();
        io::copy(from, &mut plain).map_err(failed)?;
        Ok(plain)
    })?;
    let mut block = Vec::new();
    compress(target, &plain, &mut block).map_err(failed)?;
    let mut out = BytesMut::with_capacity(HEADER_BYTES + block.len());
    out.put_slice(bytes.get(..HEADER_BYTES).unwrap_or_default());
    out.put_slice(&block);
    let length = i32::try_from(out.len() - LENGTH_PREFIX_BYTES)
        .map_err(|err| failed(io::Error::other(err)))?;
    let bits = (header.attributes.bits & !Attributes::COMPRESSION) | target.compression.bits();
    if let Some(place) = out.get_mut(8..12) {
        place.copy_from_slice(&length.to_be_bytes());
    }
    if let Some(place) = out.get_mut(21..23) {
        place.copy_from_slice(&bits.to_be_bytes());
    }
    seal(&mut out);
    Ok(out)
}

/// Writes the CRC of a finished batch.
pub(crate) fn seal(out: &mut [u8]) {
    let crc = out.get(CRC_FROM..).map_or(0, crc32c::crc32c);
    if let Some(place) = out.get_mut(17..21) {
        place.copy_from_slice(&crc.to_be_bytes());
    }
}

fn put_producer(out: &mut Vec<u8>, mark: Option<ProducerMark>) {
    let (id, epoch, sequence) = mark.map_or((u64::MAX, u16::MAX, u32::MAX), |mark| {
        (mark.id.0, mark.epoch.0, mark.first_sequence.unwrap_or(u32::MAX))
    });
    out.put_u64(id);
    out.put_u16(epoch);
    out.put_u32(sequence);
}

fn put_field(out: &mut Vec<u8>, field: Option<&[u8]>) {
    match field {
        Some(bytes) => {
            put_varint(out, as_i64(bytes.len()));
            out.extend_from_slice(bytes);
        }
        None => put_varint(out, -1),
    }
}

pub(super) fn put_varint(out: &mut Vec<u8>, value: i64) {
    let mut raw = ((value << 1) ^ (value >> 63)).cast_unsigned();
    while raw >= 0x80 {
        out.push((raw & 0x7f).to_le_bytes()[0] | 0x80);
        raw >>= 7;
    }
    out.push(raw.to_le_bytes()[0]);
}

pub(super) fn as_i64(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
