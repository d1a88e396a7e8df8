//! Batches that compaction writes: with fewer records, without any, or cut at their head.

use std::io;
use std::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::batch::{
    Attributes, BatchHeader, Codec, Compression, DecompressError, DecompressLimits, HEADER_BYTES,
    ProducerMark, RecordError, append_batch, assemble, compress, decompress, raw_records,
    sequence_plus, with_plain as with_small_plain,
};
use crate::{Offset, TimestampMs};

/// Hands the records of a batch to `read`, as they are without compression.
pub(crate) fn with_plain<T>(
    batch: &[u8],
    header: &BatchHeader,
    limits: DecompressLimits,
    read: impl FnOnce(&[u8]) -> T,
) -> Result<T, RecordError> {
    let block = batch.get(HEADER_BYTES..header.size).unwrap_or_default();
    let compression = header.attributes.compression;
    if compression == Compression::None {
        return Ok(read(block));
    }
    let mut read = Some(read);
    let quick = with_small_plain(compression, block, limits, |plain| Some(read.take()?(plain)));
    if let Some(found) = quick.flatten() {
        return Ok(found);
    }
    let plain = decompress(compression, block, limits, |from| {
        let mut plain = Vec::new();
        io::copy(from, &mut plain).map_err(failed)?;
        Ok::<_, RecordError>(plain)
    })?;
    let Some(read) = read else { unreachable!("records are read once") };
    Ok(read(&plain))
}

/// Records of a batch that stay, in order: where each is in the plain block, and what tells its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Staying {
    /// With the length before it.
    pub(crate) whole: Range<usize>,
    pub(crate) timestamp_delta: i64,
}

/// How the records that stay are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rewriting<'a> {
    pub(crate) header: &'a BatchHeader,
    /// Until when tombstones stay, if that is to be noted.
    pub(crate) horizon: Option<TimestampMs>,
    pub(crate) codec: Codec,
}

impl Rewriting<'_> {
    /// Appends the batch with the records `staying` of `plain` only.
    pub(crate) fn put(
        self,
        plain: &[u8],
        staying: &[Staying],
        room: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        let header = self.header(staying);
        append_batch(&header, out, |out| {
            if self.codec.compression == Compression::None {
                return self.put_records(plain, staying, out);
            }
            room.clear();
            self.put_records(plain, staying, room)?;
            compress(self.codec, room, out)
        })
    }

    fn header(self, staying: &[Staying]) -> BatchHeader {
        let header = self.header;
        let mut attributes = header.attributes;
        attributes.bits |= if self.horizon.is_some() { Attributes::DELETE_HORIZON } else { 0 };
        // Without timestamps each one is -1.
        let time = |record: &Staying| header.base_timestamp.wrapping_add(record.timestamp_delta);
        let newest = staying.iter().map(time).filter(|time| *time != -1).max();
        let stamped = attributes.is_log_append_time();
        BatchHeader {
            attributes,
            base_timestamp: self.horizon.map_or(header.base_timestamp, |horizon| horizon.0),
            max_timestamp: if stamped { header.max_timestamp } else { newest.map(TimestampMs) },
            record_count: u32::try_from(staying.len()).unwrap_or(u32::MAX),
            ..*header
        }
    }

    fn put_records(self, plain: &[u8], staying: &[Staying], out: &mut Vec<u8>) -> io::Result<()> {
        let Some(horizon) = self.horizon else {
            for run in staying.chunk_by(|one, next| one.whole.end == next.whole.start) {
                let ends = run.first().zip(run.last());
                let bytes = ends.and_then(|(one, last)| plain.get(one.whole.start..last.whole.end));
                out.extend_from_slice(bytes.unwrap_or_default());
            }
            return Ok(());
        };
        // The deltas count from another time: each record is written anew.
        let mut staying = staying.iter().peekable();
        let mut at = 0;
        for record in raw_records(plain, self.header) {
            let record = record.map_err(io::Error::other)?;
            let begin = at;
            at += record.whole.len();
            if staying.next_if(|next| next.whole.start == begin).is_some() {
                let time = self.header.base_timestamp.wrapping_add(record.timestamp_delta);
                record.put(time.wrapping_sub(horizon.0), record.offset_delta, out);
            }
        }
        Ok(())
    }
}

/// The header of a batch without records over the offsets from `base` on, up to `last_delta` beyond it.
pub(crate) fn empty_header(
    of: &BatchHeader,
    base: Offset,
    last_delta: u32,
    producer: Option<ProducerMark>,
) -> BatchHeader {
    BatchHeader {
        base_offset: base,
        attributes: Attributes { bits: 0, compression: Compression::None },
        last_offset_delta: last_delta,
        base_timestamp: -1,
        max_timestamp: None,
        producer,
        record_count: 0,
        ..*of
    }
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
    let rest = with_plain(batch, header, limits, |plain| records_from(plain, header, shift));
    let Rest { records, count, newest } = rest.flatten()?;
    let last_delta = header.last_offset_delta - shift;
    let producer = header.producer.map(|mark| ProducerMark {
        first_sequence: mark.first_sequence.map(|first| sequence_plus(first, shift)),
        ..mark
    });
    if count == 0 && !header.attributes.is_transactional() && !header.attributes.is_control() {
        let empty = empty_header(header, at, last_delta, producer);
        return assemble(&empty, &[]).map(BytesMut::freeze).map_err(failed);
    }
    let mut block = Vec::new();
    compress(header.attributes.compression.into(), &records, &mut block).map_err(failed)?;
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

/// The records of a batch from some offset on, as they are counted from there.
struct Rest {
    records: Vec<u8>,
    count: u32,
    newest: Option<TimestampMs>,
}

fn records_from(plain: &[u8], header: &BatchHeader, shift: u32) -> Result<Rest, RecordError> {
    let mut rest = Rest { records: Vec::new(), count: 0, newest: None };
    for record in raw_records(plain, header) {
        let record = record?;
        if let Some(delta) = record.offset_delta.checked_sub(shift) {
            record.put(record.timestamp_delta, delta, &mut rest.records);
            rest.newest = rest.newest.max(record.timestamp(header));
            rest.count += 1;
        }
    }
    Ok(rest)
}

pub(super) fn failed(err: io::Error) -> RecordError {
    RecordError::Compressed(DecompressError::of(err))
}
