//! Records inside a batch: walked without copying, and read one by one.
//!
//! ```text
//!   length varint | attributes i8 | timestamp delta varlong | offset delta varint
//!   | key length varint, key | value length varint, value | header count varint
//!   | header key length varint, key, value length varint, value ...
//! ```
//! A null key or value has length -1. Varints are zigzag. No length is believed before it is
//! compared with the bytes that are left.

use std::io::{self, BufRead};

use bytes::Bytes;

use super::codec::with_plain;
use super::quick_walk;
use super::{
    BatchHeader, Compression, DecompressError, DecompressLimits, HEADER_BYTES, decompress,
};
use crate::{Offset, TimestampMs};

/// One record, taken out of its batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its position in the log.
    pub offset: Offset,
    /// When it was made or, by the topic's choice, appended.
    pub timestamp: Option<TimestampMs>,
    /// The key, if it has one.
    pub key: Option<Bytes>,
    /// The value; none is a tombstone.
    pub value: Option<Bytes>,
    /// Headers in order; keys may repeat.
    pub headers: Vec<(Bytes, Option<Bytes>)>,
}

/// What a walk over all records of a batch found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecordsSummary {
    /// The greatest timestamp, by the deltas of the records.
    pub timestamp_max: Option<TimestampMs>,
    /// The least timestamp.
    pub timestamp_min: Option<TimestampMs>,
    /// Whether some record has no key.
    pub has_keyless: bool,
}

/// What is wrong with the records of a batch.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The records end before the count is reached, or inside a record.
    #[error("records end inside record {0}")]
    Cut(u32),
    /// Bytes follow the last record.
    #[error("{record_count} records are followed by further bytes")]
    Trailing {
        /// Records that the header counts.
        record_count: u32,
    },
    /// A varint longer than its type.
    #[error("record {0} holds a varint that is too long")]
    Varint(u32),
    /// A length below -1, or beyond the record.
    #[error("record {record} has a {field} of {value}")]
    Length {
        /// Which record, from 0.
        record: u32,
        /// Which field.
        field: &'static str,
        /// What it holds.
        value: i64,
    },
    /// Offsets inside a new batch count up by one from zero; in a stored one they grow at least.
    #[error("record {record} has offset delta {found}")]
    OffsetDelta {
        /// Which record, from 0.
        record: u32,
        /// What it holds.
        found: i64,
    },
    /// The compressed block cannot be read.
    #[error(transparent)]
    Compressed(#[from] DecompressError),
}

/// Walks all records of the batch in `bytes`: framing, count and offset deltas are checked.
///
/// Large compressed batches are decompressed as a stream, so memory stays small whatever they claim.
pub fn walk_records(
    bytes: &[u8],
    header: &BatchHeader,
    limits: DecompressLimits,
) -> Result<RecordsSummary, RecordError> {
    let block = bytes.get(HEADER_BYTES..header.size).unwrap_or_default();
    if header.attributes.compression == Compression::None {
        return quick_walk::walk(block, header).map_or_else(|| careful_walk(block, header), Ok);
    }
    let quick = with_plain(header.attributes.compression, block, limits, |plain| {
        careful_walk(plain, header)
    });
    if let Some(walked) = quick {
        return walked;
    }
    decompress(header.attributes.compression, block, limits, |records| {
        Walk::of(records, Deltas::ByOne).all(header)
    })
}

/// Walks all records of a batch that stands in a log, where compaction may have dropped some of them:
/// as [`walk_records`], but offset deltas only grow, up to the last offset's.
pub fn walk_stored_records(
    bytes: &[u8],
    header: &BatchHeader,
    limits: DecompressLimits,
) -> Result<RecordsSummary, RecordError> {
    let block = bytes.get(HEADER_BYTES..header.size).unwrap_or_default();
    decompress(header.attributes.compression, block, limits, |records| {
        Walk::of(records, Deltas::Growing).all(header)
    })
}

/// Says of records that lie in memory what is wrong with them.
pub(super) fn careful_walk(
    records: &[u8],
    header: &BatchHeader,
) -> Result<RecordsSummary, RecordError> {
    Walk::of(records, Deltas::ByOne).all(header)
}

/// What offset deltas may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deltas {
    /// Each its record's number.
    ByOne,
    /// With gaps.
    Growing,
}

struct Walk<R> {
    from: R,
    deltas: Deltas,
    record: u32,
    /// The greatest offset delta so far.
    last_delta: Option<u32>,
    /// Bytes taken since the current record's length.
    taken: u64,
}

impl<R: BufRead> Walk<R> {
    const fn of(from: R, deltas: Deltas) -> Self {
        Self { from, deltas, record: 0, last_delta: None, taken: 0 }
    }

    fn all(mut self, header: &BatchHeader) -> Result<RecordsSummary, RecordError> {
        let mut summary = RecordsSummary::default();
        for record in 0..header.record_count {
            self.record = record;
            self.one(header, &mut summary)?;
        }
        if !self.fill()?.is_empty() {
            return Err(RecordError::Trailing { record_count: header.record_count });
        }
        Ok(summary)
    }

    fn one(
        &mut self,
        header: &BatchHeader,
        summary: &mut RecordsSummary,
    ) -> Result<(), RecordError> {
        let length = self.varint()?;
        let length = self.bounded("length", length, u64::from(u32::MAX))?;
        self.taken = 0;
        self.byte()?;
        let timestamp = header.base_timestamp.wrapping_add(self.varint()?);
        if timestamp != -1 {
            let timestamp = TimestampMs(timestamp);
            summary.timestamp_max = summary.timestamp_max.max(Some(timestamp));
            let least = summary.timestamp_min.unwrap_or(timestamp).min(timestamp);
            summary.timestamp_min = Some(least);
        }
        self.offset_delta(header)?;
        summary.has_keyless |= !self.skip_nullable("key length", length)?;
        self.skip_nullable("value length", length)?;
        let headers = self.varint()?;
        let headers = self.bounded("header count", headers, length)?;
        for _ in 0..headers {
            let key = self.varint()?;
            let key = self.bounded("header key length", key, length)?;
            self.skip(key)?;
            self.skip_nullable("header value length", length)?;
        }
        if self.taken != length {
            let value = i64::try_from(length).unwrap_or(i64::MAX);
            return Err(RecordError::Length { record: self.record, field: "length", value });
        }
        Ok(())
    }

    fn offset_delta(&mut self, header: &BatchHeader) -> Result<(), RecordError> {
        let found = self.varint()?;
        let delta = u32::try_from(found).ok();
        let fits = match self.deltas {
            Deltas::ByOne => found == i64::from(self.record),
            Deltas::Growing => delta > self.last_delta && delta <= Some(header.last_offset_delta),
        };
        self.last_delta = delta;
        if fits { Ok(()) } else { Err(RecordError::OffsetDelta { record: self.record, found }) }
    }

    /// A varint of up to ten bytes; the commonest, of one byte, first.
    fn varint(&mut self) -> Result<i64, RecordError> {
        let mut raw = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            raw |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed());
            }
        }
        Err(RecordError::Varint(self.record))
    }

    fn byte(&mut self) -> Result<u8, RecordError> {
        let Some(byte) = self.fill()?.first().copied() else {
            return Err(RecordError::Cut(self.record));
        };
        self.from.consume(1);
        self.taken += 1;
        Ok(byte)
    }

    /// Skips a field with a length; tells whether it is there at all.
    fn skip_nullable(&mut self, field: &'static str, room: u64) -> Result<bool, RecordError> {
        let length = self.varint()?;
        if length == -1 {
            return Ok(false);
        }
        let length = self.bounded(field, length, room)?;
        self.skip(length)?;
        Ok(true)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), RecordError> {
        let mut left = bytes;
        while left > 0 {
            let have = self.fill()?.len();
            if have == 0 {
                return Err(RecordError::Cut(self.record));
            }
            let step = usize::try_from(left).unwrap_or(usize::MAX).min(have);
            self.from.consume(step);
            left -= step as u64;
        }
        self.taken += bytes;
        Ok(())
    }

    fn bounded(&self, field: &'static str, value: i64, max: u64) -> Result<u64, RecordError> {
        u64::try_from(value).ok().filter(|length| *length <= max).ok_or(RecordError::Length {
            record: self.record,
            field,
            value,
        })
    }

    fn fill(&mut self) -> Result<&[u8], RecordError> {
        self.from.fill_buf().map_err(|err| RecordError::Compressed(DecompressError::of(err)))
    }
}

/// Reads all records of the batch in `bytes`, in order.
pub fn records(
    bytes: &[u8],
    header: &BatchHeader,
    limits: DecompressLimits,
) -> Result<Vec<Record>, RecordError> {
    let block = bytes.get(HEADER_BYTES..header.size).unwrap_or_default();
    let plain = decompress(header.attributes.compression, block, limits, |source| {
        let mut plain = Vec::new();
        io::copy(source, &mut plain)
            .map_err(|err| RecordError::Compressed(DecompressError::of(err)))?;
        Ok(Bytes::from(plain))
    })?;
    let mut slice = RecordSlice { bytes: &plain, at: 0, record: 0 };
    let mut found = Vec::new();
    for record in 0..header.record_count {
        slice.record = record;
        found.push(slice.record(header)?);
    }
    if slice.at != plain.len() {
        return Err(RecordError::Trailing { record_count: header.record_count });
    }
    Ok(found)
}

struct RecordSlice<'a> {
    bytes: &'a Bytes,
    at: usize,
    record: u32,
}

impl RecordSlice<'_> {
    fn record(&mut self, header: &BatchHeader) -> Result<Record, RecordError> {
        let length = self.varint()?;
        let length = self.length("length", length)?;
        let end = self.at + length;
        self.at += 1;
        let delta = self.varint()?;
        let offset_delta = self.varint()?;
        // After compaction deltas may have gaps, so here only the bounds are checked.
        let in_batch = |delta: &u64| *delta <= u64::from(header.last_offset_delta);
        let bad = RecordError::OffsetDelta { record: self.record, found: offset_delta };
        let offset_delta = u64::try_from(offset_delta).ok().filter(in_batch).ok_or(bad)?;
        let key = self.nullable("key length")?;
        let value = self.nullable("value length")?;
        let count = self.varint()?;
        let count = self.length("header count", count)?;
        let mut headers = Vec::new();
        for _ in 0..count {
            let key = self.varint()?;
            let key = self.length("header key length", key)?;
            headers.push((self.take(key), self.nullable("header value length")?));
        }
        if self.at != end {
            let value = i64::try_from(length).unwrap_or(i64::MAX);
            return Err(RecordError::Length { record: self.record, field: "length", value });
        }
        let timestamp = if header.attributes.is_log_append_time() {
            header.max_timestamp
        } else {
            let own = header.base_timestamp.wrapping_add(delta);
            (own != -1).then_some(TimestampMs(own))
        };
        let offset = header.base_offset.plus(offset_delta);
        Ok(Record { offset, timestamp, key, value, headers })
    }

    fn varint(&mut self) -> Result<i64, RecordError> {
        let mut raw = 0_u64;
        for shift in (0..64).step_by(7) {
            let Some(byte) = self.bytes.get(self.at).copied() else {
                return Err(RecordError::Cut(self.record));
            };
            self.at += 1;
            raw |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed());
            }
        }
        Err(RecordError::Varint(self.record))
    }

    fn nullable(&mut self, field: &'static str) -> Result<Option<Bytes>, RecordError> {
        let length = self.varint()?;
        if length == -1 {
            return Ok(None);
        }
        let length = self.length(field, length)?;
        Ok(Some(self.take(length)))
    }

    /// A length that fits into what is left.
    fn length(&self, field: &'static str, value: i64) -> Result<usize, RecordError> {
        let left = self.bytes.len().saturating_sub(self.at);
        usize::try_from(value).ok().filter(|length| *length <= left).ok_or(RecordError::Length {
            record: self.record,
            field,
            value,
        })
    }

    fn take(&mut self, length: usize) -> Bytes {
        // `length` was bounded by what is left.
        let taken = self.bytes.slice(self.at..self.at + length);
        self.at += length;
        taken
    }
}
