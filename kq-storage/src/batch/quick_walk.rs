//! The walk over records that are as they should be, for batches that lie in memory as a whole.
//!
//! It runs for every record that comes in uncompressed. Whatever is odd ends it without a verdict:
//! the careful walk in `record.rs` then says what is wrong, or that nothing is.

use super::{BatchHeader, RecordsSummary};
use crate::TimestampMs;

/// What [`super::walk_records`] finds, or none where a record is odd in any way.
pub(super) fn walk(mut block: &[u8], header: &BatchHeader) -> Option<RecordsSummary> {
    let (mut least, mut greatest, mut stamped) = (i64::MAX, i64::MIN, false);
    let mut has_keyless = false;
    for number in 0..header.record_count {
        let record = field(&mut block)??;
        let seen = one(record, number)?;
        has_keyless |= seen.keyless;
        let timestamp = header.base_timestamp.wrapping_add(seen.timestamp_delta);
        if timestamp != -1 {
            stamped = true;
            least = least.min(timestamp);
            greatest = greatest.max(timestamp);
        }
    }
    block.is_empty().then(|| RecordsSummary {
        timestamp_max: stamped.then_some(TimestampMs(greatest)),
        timestamp_min: stamped.then_some(TimestampMs(least)),
        has_keyless,
    })
}

struct Seen {
    timestamp_delta: i64,
    keyless: bool,
}

/// One record without its length.
fn one(mut record: &[u8], number: u32) -> Option<Seen> {
    let (_attributes, rest) = record.split_first()?;
    record = rest;
    let timestamp_delta = varint(&mut record)?;
    if varint(&mut record)? != i64::from(number) {
        return None;
    }
    let keyless = field(&mut record)?.is_none();
    field(&mut record)?;
    for _ in 0..u32::try_from(varint(&mut record)?).ok()? {
        field(&mut record)??;
        field(&mut record)?;
    }
    record.is_empty().then_some(Seen { timestamp_delta, keyless })
}

/// Takes a field with its length before it; the inner none is a null field.
#[expect(clippy::option_option, reason = "three cases: odd, null, there")]
fn field<'a>(from: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    match varint(from)? {
        -1 => Some(None),
        length => {
            let (taken, rest) = from.split_at_checked(usize::try_from(length).ok()?)?;
            *from = rest;
            Some(Some(taken))
        }
    }
}

/// Takes a varint of up to nine bytes.
#[inline]
fn varint(from: &mut &[u8]) -> Option<i64> {
    let (&first, rest) = from.split_first()?;
    *from = rest;
    let mut raw = u64::from(first & 0x7f);
    let (mut last, mut shift) = (first, 7);
    while last >= 0x80 {
        if shift > 56 {
            return None;
        }
        let (&next, rest) = from.split_first()?;
        *from = rest;
        raw |= u64::from(next & 0x7f) << shift;
        (last, shift) = (next, shift + 7);
    }
    Some((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::batch::record::careful_walk;
    use crate::batch::{BatchBuilder, Compression, HEADER_BYTES};

    type Field = Option<Vec<u8>>;

    fn batches() -> impl Strategy<Value = (Bytes, BatchHeader)> {
        let field = || proptest::option::of(proptest::collection::vec(any::<u8>(), 0..200));
        let record = (-1_i64..1_000_000, field(), field());
        proptest::collection::vec(record, 1..80).prop_map(|records: Vec<(i64, Field, Field)>| {
            let empty = BatchBuilder::new(Compression::None);
            let built = records.iter().fold(empty, |batch, (time, key, value)| {
                batch.record(TimestampMs(*time), key.as_deref(), value.as_deref())
            });
            let bytes = built.build().unwrap().freeze();
            let header = BatchHeader::parse(&bytes).unwrap();
            (bytes.slice(HEADER_BYTES..), header)
        })
    }

    proptest! {
        #[test]
        fn sound_records_are_walked_with_the_careful_walks_result((block, header) in batches()) {
            prop_assert_eq!(walk(&block, &header), careful_walk(&block, &header).ok());
            prop_assert!(walk(&block, &header).is_some());
        }

        #[test]
        fn nothing_passes_that_the_careful_walk_refuses(
            (block, header) in batches(),
            hits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            cut in any::<prop::sample::Index>(),
            is_cut in any::<bool>(),
        ) {
            let mut block = block.to_vec();
            for (at, byte) in hits {
                let at = at.index(block.len());
                block[at] = byte;
            }
            if is_cut {
                block.truncate(cut.index(block.len()));
            }
            if let Some(summary) = walk(&block, &header) {
                prop_assert_eq!(Some(summary), careful_walk(&block, &header).ok());
            }
        }
    }
}
