//! Records of a plain block as slices of it, for those who copy records without a look at values.
//!
//! ```text
//!   length varint | attributes i8 | timestamp delta varlong | offset delta varint | rest ...
//!   '---------------------------------- whole ----------------------------------------------'
//! ```
//! Stored batches may lack records that compaction dropped: offset deltas grow, but not by one.

use super::build::{as_i64, put_varint};
use super::{BatchHeader, RecordError};
use crate::{Offset, TimestampMs};

/// One record, still in its block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RawRecord<'a> {
    /// All of its bytes, with the length before it.
    pub(crate) whole: &'a [u8],
    /// Less the batch's base timestamp.
    pub(crate) timestamp_delta: i64,
    /// Less the batch's base offset.
    pub(crate) offset_delta: u32,
    /// The key, if it has one.
    pub(crate) key: Option<&'a [u8]>,
    /// Whether it has no value.
    pub(crate) is_tombstone: bool,
    attributes: u8,
    /// Key, value and headers.
    rest: &'a [u8],
}

impl RawRecord<'_> {
    /// Its position in the log.
    pub(crate) const fn offset(&self, header: &BatchHeader) -> Offset {
        header.base_offset.plus(self.offset_delta as u64)
    }

    /// Its own time, which readers see unless the log stamped the batch.
    pub(crate) fn timestamp(&self, header: &BatchHeader) -> Option<TimestampMs> {
        let own = header.base_timestamp.wrapping_add(self.timestamp_delta);
        (own != -1).then_some(TimestampMs(own))
    }

    /// Appends the record with other deltas.
    pub(crate) fn put(&self, timestamp_delta: i64, offset_delta: u32, out: &mut Vec<u8>) {
        let mut head = vec![self.attributes];
        put_varint(&mut head, timestamp_delta);
        put_varint(&mut head, i64::from(offset_delta));
        put_varint(out, as_i64(head.len() + self.rest.len()));
        out.extend_from_slice(&head);
        out.extend_from_slice(self.rest);
    }
}

/// Walks the records of `block`, which is not compressed; ends behind the first that is refused.
pub(crate) const fn raw_records<'a>(block: &'a [u8], header: &BatchHeader) -> RawRecords<'a> {
    RawRecords {
        left: block,
        record: 0,
        record_count: header.record_count,
        deltas: (None, header.last_offset_delta),
        ended: false,
    }
}

/// The walk of [`raw_records`].
#[derive(Debug, Clone)]
pub(crate) struct RawRecords<'a> {
    left: &'a [u8],
    record: u32,
    record_count: u32,
    /// The last one seen, and the greatest allowed.
    deltas: (Option<u32>, u32),
    ended: bool,
}

impl<'a> Iterator for RawRecords<'a> {
    type Item = Result<RawRecord<'a>, RecordError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        if self.record == self.record_count {
            self.ended = true;
            let record_count = self.record_count;
            return (!self.left.is_empty()).then_some(Err(RecordError::Trailing { record_count }));
        }
        let found = self.one();
        self.ended = found.is_err();
        self.record += 1;
        Some(found)
    }
}

impl<'a> RawRecords<'a> {
    #[inline]
    fn one(&mut self) -> Result<RawRecord<'a>, RecordError> {
        let start = self.left;
        let mut field = Fields { left: start, record: self.record };
        let length = field.varint()?;
        let body = field.take("length", length)?;
        let size = start.len() - field.left.len();
        let mut fields = Fields { left: body, record: self.record };
        let attributes = fields.byte()?;
        let timestamp_delta = fields.varint()?;
        let offset_delta = self.in_order(fields.varint()?)?;
        let rest = fields.left;
        let key = fields.nullable("key length")?;
        let is_tombstone = fields.nullable("value length")?.is_none();
        let whole = start.get(..size).unwrap_or_default();
        self.left = field.left;
        self.deltas.0 = Some(offset_delta);
        Ok(RawRecord { whole, timestamp_delta, offset_delta, key, is_tombstone, attributes, rest })
    }

    fn in_order(&self, found: i64) -> Result<u32, RecordError> {
        let (last, max) = self.deltas;
        let delta = u32::try_from(found).ok().filter(|delta| *delta <= max && Some(*delta) > last);
        delta.ok_or(RecordError::OffsetDelta { record: self.record, found })
    }
}

/// Takes fields off a slice; no length is believed before it is compared with what is left.
struct Fields<'a> {
    left: &'a [u8],
    record: u32,
}

impl<'a> Fields<'a> {
    #[inline]
    fn byte(&mut self) -> Result<u8, RecordError> {
        let (byte, left) = self.left.split_first().ok_or(RecordError::Cut(self.record))?;
        self.left = left;
        Ok(*byte)
    }

    #[inline]
    fn varint(&mut self) -> Result<i64, RecordError> {
        // Most are of one byte.
        if let Some((byte, left)) = self.left.split_first().filter(|(byte, _)| **byte < 0x80) {
            self.left = left;
            let raw = i64::from(*byte);
            return Ok((raw >> 1) ^ -(raw & 1));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<i64, RecordError> {
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

    #[inline]
    fn take(&mut self, field: &'static str, value: i64) -> Result<&'a [u8], RecordError> {
        let taken = usize::try_from(value).ok().and_then(|len| self.left.split_at_checked(len));
        let bad = RecordError::Length { record: self.record, field, value };
        let (taken, left) = taken.ok_or(bad)?;
        self.left = left;
        Ok(taken)
    }

    #[inline]
    fn nullable(&mut self, field: &'static str) -> Result<Option<&'a [u8]>, RecordError> {
        match self.varint()? {
            -1 => Ok(None),
            length => self.take(field, length).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{BatchBuilder, Compression, HEADER_BYTES};

    fn two_records() -> (Vec<u8>, BatchHeader) {
        let built = BatchBuilder::new(Compression::None)
            .record(TimestampMs(1_000), Some(b"a"), Some(b"one"))
            .record(TimestampMs(990), Some(b"b"), None)
            .build()
            .unwrap();
        let header = BatchHeader::parse(&built).unwrap();
        (built[HEADER_BYTES..].to_vec(), header)
    }

    #[test]
    fn records_are_slices_that_make_up_their_block() {
        let (block, header) = two_records();
        let found: Result<Vec<_>, _> = raw_records(&block, &header).collect();
        let found = found.unwrap();
        let whole: Vec<u8> = found.iter().flat_map(|record| record.whole.to_vec()).collect();
        assert_eq!(whole, block);
        let keys: Vec<_> = found.iter().map(|record| record.key).collect();
        assert_eq!(keys, [Some(b"a".as_slice()), Some(b"b".as_slice())]);
        assert_eq!([found[0].is_tombstone, found[1].is_tombstone], [false, true]);
        assert_eq!(found[1].timestamp(&header), Some(TimestampMs(990)));
    }

    #[test]
    fn a_record_with_its_own_deltas_is_put_as_it_was() {
        let (block, header) = two_records();
        let mut out = Vec::new();
        for record in raw_records(&block, &header) {
            let record = record.unwrap();
            record.put(record.timestamp_delta, record.offset_delta, &mut out);
        }
        assert_eq!(out, block);
    }

    #[test]
    fn deltas_may_leave_gaps_but_never_fall_or_pass_the_last() {
        let (block, header) = two_records();
        let first = raw_records(&block, &header).next().unwrap().unwrap();
        let walk = |deltas: [u32; 2], last_offset_delta: u32| {
            let mut block = Vec::new();
            for delta in deltas {
                first.put(0, delta, &mut block);
            }
            let header = BatchHeader { last_offset_delta, ..header };
            raw_records(&block, &header).all(|record| record.is_ok())
        };
        assert!(walk([0, 7], 9) && walk([3, 9], 9));
        assert!(!walk([3, 3], 9) && !walk([4, 3], 9) && !walk([0, 10], 9));
    }

    #[test]
    fn bytes_behind_the_last_record_are_refused() {
        let (mut block, header) = two_records();
        block.push(0);
        let last = raw_records(&block, &header).last().unwrap();
        assert!(matches!(last, Err(RecordError::Trailing { record_count: 2 })));
    }
}
