//! Look-ups by time: exact, whatever the sparse index skips.

use std::path::Path;

use super::{Log, last_of};
use crate::batch::{BatchHeader, DecompressLimits, records};
use crate::error::TimedOffset;
use crate::segment::{
    Damaged, HeaderScan, MaxTimestamp, PASS_CHUNK_BYTES, SEEK_CHUNK_BYTES, SegmentName, TimeEntry,
};
use crate::vfs::VfsFile;
use crate::{Offset, StorageError, TimestampMs};

impl Log {
    /// The first record below `until` that is not earlier than `timestamp`.
    pub fn find_by_time(
        &mut self,
        timestamp: TimestampMs,
        until: Offset,
    ) -> Result<Option<TimedOffset>, StorageError> {
        let mut at = self.segment_of(self.log_start.offset());
        while at < self.segments.len() {
            if self.segments.get(at).is_none_or(|segment| segment.base >= until) {
                break;
            }
            let late = self.segment_max(at)?.is_some_and(|(max, _)| max >= timestamp);
            if late && let Some(found) = self.find_in_segment(at, timestamp)? {
                return Ok(Some(found).filter(|found| found.offset < until));
            }
            at += 1;
        }
        Ok(None)
    }

    /// The first of the records with the greatest timestamp below `until` (KIP-734).
    pub fn max_timestamp(&mut self, until: Offset) -> Result<Option<TimedOffset>, StorageError> {
        let mut best: MaxTimestamp = None;
        let log_start = self.log_start.offset();
        for at in self.segment_of(log_start)..self.segments.len() {
            let Some(base) = self.segments.get(at).map(|segment| segment.base) else { break };
            if base >= until {
                break;
            }
            let known = self.segment_max(at)?;
            let inside = known.is_none_or(|(_, offset)| offset < until);
            let max = if base >= log_start && inside { known } else { self.max_within(at, until)? };
            if max > best && max.map(|(time, _)| time) > best.map(|(time, _)| time) {
                best = max;
            }
        }
        let Some((timestamp, offset)) = best else { return Ok(None) };
        let at = self.segment_of(offset);
        let place = self.seek(at, offset)?;
        let found = self.scan_records(at, place.position, timestamp)?;
        Ok(found.filter(|found| found.offset < until))
    }

    /// The greatest timestamp of a segment.
    pub(super) fn segment_max(&mut self, at: usize) -> Result<MaxTimestamp, StorageError> {
        if at + 1 == self.segments.len() {
            self.ensure_indexer()?;
            if let Some(indexer) = &self.indexer {
                return Ok(indexer.max);
            }
        }
        if let Some(known) = self.segments.get(at).and_then(|segment| segment.max) {
            return Ok(known);
        }
        let name = self.name_of(at);
        let base = name.base;
        let read = self.time_view(at)?.and_then(|view| {
            let last = view.count().checked_sub(1).ok_or(Damaged::Rebuild)?;
            let seal = view.entry(last)?;
            if !seal.is_seal() {
                // The segment was sealed, but a crash took the entry that says so.
                return Err(Damaged::Rebuild);
            }
            let max = last.checked_sub(1).map(|before| view.entry(before)).transpose()?;
            Ok((seal.timestamp, max))
        });
        match read {
            Ok((sealed_at, entry)) => {
                let max = entry.map(|TimeEntry { timestamp, relative }| {
                    (timestamp, base.plus(u64::from(relative)))
                });
                if let Some(segment) = self.segments.get_mut(at) {
                    segment.max = Some(max);
                    segment.sealed_at = sealed_at;
                }
                Ok(max)
            }
            Err(Damaged::Rebuild) => {
                self.rebuild_indexes(at)?;
                Ok(self.segments.get(at).and_then(|segment| segment.max).flatten())
            }
            Err(damaged) => Err(self.index_error::<TimeEntry>(name, damaged)),
        }
    }

    /// The greatest timestamp of the batches in one segment, above the log start and below `until`.
    fn max_within(&mut self, at: usize, until: Offset) -> Result<MaxTimestamp, StorageError> {
        let log_start = self.log_start.offset();
        let Some(segment) = self.segments.get_mut(at) else { return Ok(None) };
        let path = segment.name.log_path(&self.dir);
        let handle = segment.handle(&self.files, &self.dir)?;
        let mut scan = HeaderScan::new(handle.clone(), 0, segment.size, PASS_CHUNK_BYTES);
        let mut best: MaxTimestamp = None;
        while let Some((position, header)) = scan.next().map_err(|err| err.into_storage(&path))? {
            if header.base_offset >= until {
                break;
            }
            if header.last_offset() < log_start {
                continue;
            }
            let mut max = header.max_timestamp;
            if header.base_offset < log_start {
                // Its latest record may be one of those that were deleted.
                let bytes = read_batch(handle.as_ref(), &path, position, &header)?;
                max = kept_max(&bytes, &header, log_start, self.config.decompress).or(max);
            }
            if let Some(max) = max.filter(|max| best.is_none_or(|(best, _)| *max > best)) {
                best = Some((max, header.last_offset()));
            }
        }
        Ok(best)
    }

    fn name_of(&self, at: usize) -> SegmentName {
        self.segments.get(at).map_or(SegmentName::plain(Offset(0)), |segment| segment.name)
    }

    fn find_in_segment(
        &mut self,
        at: usize,
        timestamp: TimestampMs,
    ) -> Result<Option<TimedOffset>, StorageError> {
        let name = self.name_of(at);
        let base = name.base;
        let earlier = |entry: &TimeEntry| !entry.is_seal() && entry.timestamp < timestamp;
        let entry = match self.time_view(at)?.and_then(|view| view.last_where(earlier)) {
            Ok(entry) => entry,
            Err(Damaged::Rebuild) => None,
            Err(damaged) => return Err(self.index_error::<TimeEntry>(name, damaged)),
        };
        // Up to and with that offset everything is earlier.
        let from = entry.map_or(base, |entry| base.plus(u64::from(entry.relative) + 1));
        let place = self.seek(at, from.max(self.log_start.offset()))?;
        self.scan_records(at, place.position, timestamp)
    }

    /// The first record, from a batch boundary on, that is not earlier than `timestamp`.
    fn scan_records(
        &mut self,
        at: usize,
        from: u64,
        timestamp: TimestampMs,
    ) -> Result<Option<TimedOffset>, StorageError> {
        let log_start = self.log_start.offset();
        let Some(segment) = self.segments.get_mut(at) else { return Ok(None) };
        let path = segment.name.log_path(&self.dir);
        let handle = segment.handle(&self.files, &self.dir)?;
        let mut scan = HeaderScan::new(handle.clone(), from, segment.size, SEEK_CHUNK_BYTES);
        while let Some((position, header)) = scan.next().map_err(|err| err.into_storage(&path))? {
            let late = header.max_timestamp.is_some_and(|max| max >= timestamp);
            if !late || header.last_offset() < log_start {
                continue;
            }
            let mut bytes = vec![0; header.size];
            let reading = |err| StorageError::io("reading", &path, err);
            handle.read_exact_at(&mut bytes, position).map_err(reading)?;
            header.verify_crc(&bytes).map_err(|err| StorageError::corrupt(&path, position, err))?;
            if let Some(found) = self.find_in_batch(&bytes, &header, timestamp) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn find_in_batch(
        &self,
        bytes: &[u8],
        header: &BatchHeader,
        timestamp: TimestampMs,
    ) -> Option<TimedOffset> {
        let log_start = self.log_start.offset();
        let leader_epoch = header.leader_epoch;
        // Where none is missing the first is the one: all have the same time.
        let is_whole = header.record_count == header.last_offset_delta + 1;
        if header.attributes.is_log_append_time() && is_whole {
            let offset = header.base_offset.max(log_start);
            return header.max_timestamp.map(|timestamp| TimedOffset {
                timestamp,
                offset,
                leader_epoch,
            });
        }
        let Ok(all) = records(bytes, header, self.config.decompress) else {
            // Taken in before records were looked at: the header's word is the best there is.
            let offset = header.base_offset.max(log_start);
            return header.max_timestamp.map(|timestamp| TimedOffset {
                timestamp,
                offset,
                leader_epoch,
            });
        };
        all.into_iter().find_map(|record| {
            let found = record.timestamp.filter(|found| *found >= timestamp)?;
            (record.offset >= log_start).then_some(TimedOffset {
                timestamp: found,
                offset: record.offset,
                leader_epoch,
            })
        })
    }

    /// When the newest record of a sealed segment was written.
    pub(super) fn newest_time(&mut self, at: usize) -> Result<TimestampMs, StorageError> {
        let max = self.segment_max(at)?;
        let sealed = at + 1 < self.segments.len();
        let fallback = if sealed {
            self.segments.get(at).map_or(self.opened, |segment| segment.sealed_at)
        } else {
            self.active_began.created
        };
        Ok(max.map_or(fallback, |(timestamp, _)| timestamp))
    }

    /// The greatest timestamp of the active segment, if it is known without reading.
    pub(super) fn active_max(&mut self) -> Option<MaxTimestamp> {
        match &self.indexer {
            Some(indexer) => Some(indexer.max),
            None => last_of(&mut self.segments).max,
        }
    }
}

/// Reads one batch whole and verifies it.
pub(super) fn read_batch(
    file: &dyn VfsFile,
    path: &Path,
    position: u64,
    header: &BatchHeader,
) -> Result<Vec<u8>, StorageError> {
    let mut bytes = vec![0; header.size];
    file.read_exact_at(&mut bytes, position)
        .map_err(|err| StorageError::io("reading", path, err))?;
    header.verify_crc(&bytes).map_err(|err| StorageError::corrupt(path, position, err))?;
    Ok(bytes)
}

/// The greatest timestamp of a batch's records from `log_start` on.
fn kept_max(
    bytes: &[u8],
    header: &BatchHeader,
    log_start: Offset,
    limits: DecompressLimits,
) -> Option<TimestampMs> {
    let kept = records(bytes, header, limits).ok()?;
    let kept = kept.into_iter().filter(|record| record.offset >= log_start);
    kept.filter_map(|record| record.timestamp).max()
}
