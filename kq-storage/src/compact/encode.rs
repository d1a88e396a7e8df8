//! Batches that compaction writes: with fewer records, without any, or cut at their head.

use std::borrow::Cow;
use std::io;

use bytes::{Bytes, BytesMut};

use crate::batch::{
    Attributes, BatchHeader, Codec, Compression, DecompressError, DecompressLimits, HEADER_BYTES,
    ProducerMark, RawRecord, RecordError, assemble, compress, decompress, raw_records,
    sequence_plus, with_plain,
};
use crate::{Offset, TimestampMs};

/// The records of a batch as they are without compression.
pub(crate) fn plain_block<'a>(
    batch: &'a [u8],
    header: &BatchHeader,
    limits: DecompressLimits,
) -> Result<Cow<'a, [u8]>, RecordError> {
    let block = batch.get(HEADER_BYTES..header.size).unwrap_or_default();
    let compression = header.attributes.compression;
    if compression == Compression::None {
        return Ok(Cow::Borrowed(block));
    }
    if let Some(plain) = with_plain(compression, block, limits, <[u8]>::to_vec) {
        return Ok(Cow::Owned(plain));
    }
    decompress(compression, block, limits, |from| {
        let mut plain = Vec::new();
        io::copy(from, &mut plain).map_err(failed)?;
        Ok(Cow::Owned(plain))
    })
}

/// The batch with the records `kept` of it only; with `horizon` its tombstones stay until then.
pub(crate) fn rewrite(
    header: &BatchHeader,
    kept: &[RawRecord<'_>],
    horizon: Option<TimestampMs>,
    codec: Codec,
) -> io::Result<BytesMut> {
    let mut plain = Vec::with_capacity(kept.iter().map(|record| record.whole.len() + 8).sum());
    for record in kept {
        match horizon {
            Some(horizon) => {
                let time = header.base_timestamp.wrapping_add(record.timestamp_delta);
                record.put(time.wrapping_sub(horizon.0), record.offset_delta, &mut plain);
            }
            None => plain.extend_from_slice(record.whole),
        }
    }
    let mut block = Vec::new();
    compress(codec, &plain, &mut block)?;
    let mut attributes = header.attributes;
    attributes.bits |= if horizon.is_some() { Attributes::DELETE_HORIZON } else { 0 };
    let newest = kept.iter().filter_map(|record| record.timestamp(header)).max();
    let stamped = attributes.is_log_append_time();
    let rewritten = BatchHeader {
        attributes,
        base_timestamp: horizon.map_or(header.base_timestamp, |horizon| horizon.0),
        max_timestamp: if stamped { header.max_timestamp } else { newest },
        record_count: u32::try_from(kept.len()).unwrap_or(u32::MAX),
        ..*header
    };
    assemble(&rewritten, &block)
}

/// A batch without records over the offsets from `base` on, up to `last_delta` beyond it.
pub(crate) fn empty_batch(
    of: &BatchHeader,
    base: Offset,
    last_delta: u32,
    producer: Option<ProducerMark>,
) -> io::Result<BytesMut> {
    let header = BatchHeader {
        base_offset: base,
        attributes: Attributes { bits: 0, compression: Compression::None },
        last_offset_delta: last_delta,
        base_timestamp: -1,
        max_timestamp: None,
        producer,
        record_count: 0,
        ..*of
    };
    assemble(&header, &[])
}

/// What of a batch is at or above `at`, an offset inside of it, as a batch that begins there.
pub(crate) fn cut_head(
    batch: &[u8],
    header: &BatchHeader,
    at: Offset,
    limits: DecompressLimits,
) -> Result<Bytes, RecordError> {
    assert!(header.base_offset <= at && at <= header.last_offset(), "the cut is beside the batch");
    let shift = u32::try_from(at.since(header.base_offset)).unwrap_or(u32::MAX);
    let plain = plain_block(batch, header, limits)?;
    let (mut rest, mut count) = (Vec::new(), 0);
    let mut newest = None;
    for record in raw_records(&plain, header) {
        let record = record?;
        if let Some(delta) = record.offset_delta.checked_sub(shift) {
            record.put(record.timestamp_delta, delta, &mut rest);
            newest = newest.max(record.timestamp(header));
            count += 1;
        }
    }
    let last_delta = header.last_offset_delta - shift;
    let producer = header.producer.map(|mark| ProducerMark {
        first_sequence: mark.first_sequence.map(|first| sequence_plus(first, shift)),
        ..mark
    });
    if count == 0 && !header.attributes.is_transactional() && !header.attributes.is_control() {
        return empty_batch(header, at, last_delta, producer).map(BytesMut::freeze).map_err(failed);
    }
    let mut block = Vec::new();
    compress(header.attributes.compression.into(), &rest, &mut block).map_err(failed)?;
    let stamped = header.attributes.is_log_append_time();
    let cut = BatchHeader {
        base_offset: at,
        last_offset_delta: last_delta,
        max_timestamp: if stamped { header.max_timestamp } else { newest },
        producer,
        record_count: count,
        ..*header
    };
    assemble(&cut, &block).map(BytesMut::freeze).map_err(failed)
}

fn failed(err: io::Error) -> RecordError {
    RecordError::Compressed(DecompressError::of(err))
}
