//! Look-ups by offset: the first record that a reader at an offset would be given, and its time.

use super::Log;
use super::time::read_batch;
use crate::batch::{BatchHeader, records};
use crate::error::RecordAt;
use crate::segment::{HeaderScan, SEEK_CHUNK_BYTES};
use crate::{Offset, StorageError, TimestampMs};

/// How closely a look-up by offset looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// By the batch's header alone, one small read: the offset may be one that compaction took out
    /// of the batch, and the time is that of the batch's first record.
    Header,
    /// By the record itself, for which its batch is read and decompressed.
    Record,
}

impl Log {
    /// The first record at or above `from` and below `until` that a reader would be given: no
    /// control record, and nothing below the log start. None if there is none.
    pub fn find_at(
        &mut self,
        from: Offset,
        until: Offset,
        precision: Precision,
    ) -> Result<Option<RecordAt>, StorageError> {
        let from = from.max(self.log_start.offset());
        if from >= until {
            return Ok(None);
        }
        for at in self.segment_of(from)..self.segments.len() {
            let base = self.segments.get(at).map_or(until, |segment| segment.base);
            if base >= until {
                break;
            }
            if let Some(found) = self.find_at_in_segment(at, from..until, precision)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn find_at_in_segment(
        &mut self,
        at: usize,
        within: std::ops::Range<Offset>,
        precision: Precision,
    ) -> Result<Option<RecordAt>, StorageError> {
        let Some(base) = self.segments.get(at).map(|segment| segment.base) else { return Ok(None) };
        let place = self.seek(at, within.start.max(base))?;
        let Some(segment) = self.segments.get_mut(at) else { return Ok(None) };
        let path = segment.name.log_path(&self.dir);
        let handle = segment.handle(&self.files, &self.dir)?;
        let mut scan =
            HeaderScan::new(handle.clone(), place.position, segment.size, SEEK_CHUNK_BYTES);
        while let Some((position, header)) = scan.next().map_err(|err| err.into_storage(&path))? {
            if header.base_offset >= within.end {
                break;
            }
            let is_read = header.last_offset() >= within.start && header.record_count > 0;
            if !is_read || header.attributes.is_control() {
                continue;
            }
            let by_header = header_says(&header, within.start);
            if precision == Precision::Header {
                return Ok(Some(by_header));
            }
            let bytes = read_batch(handle.as_ref(), &path, position, &header)?;
            let Ok(all) = records(&bytes, &header, self.config.decompress) else {
                // Taken in before records were looked at: the header's word is the best there is.
                return Ok(Some(by_header));
            };
            if let Some(record) = all.into_iter().find(|it| within.contains(&it.offset)) {
                let (offset, timestamp) = (record.offset, record.timestamp);
                return Ok(Some(RecordAt { offset, timestamp }));
            }
        }
        Ok(None)
    }
}

/// What a batch's header tells of its first record at or above `from`.
fn header_says(header: &BatchHeader, from: Offset) -> RecordAt {
    let attributes = header.attributes;
    // A delete horizon stands in the base timestamp's place (KIP-534).
    let has_first = !attributes.is_log_append_time() && !attributes.has_delete_horizon();
    let first = (has_first && header.base_timestamp >= 0)
        .then_some(TimestampMs(header.base_timestamp))
        .filter(|_| header.max_timestamp.is_some());
    RecordAt { offset: header.base_offset.max(from), timestamp: first.or(header.max_timestamp) }
}
