//! Reading: which regions of which files hold the batches from an offset on.
//!
//! Bytes that this process neither wrote nor verified are verified when they are first planned:
//! the CRC, the chain of offsets, and the epoch against the history. So a bit that flipped on disk
//! is found before it is served, and serving itself stays a `sendfile`.

use std::ops::Range;

use super::seek::Boundary;
use super::{FileRegion, Log, ReadPlan};
use crate::error::ReadError;
use crate::segment::{HeaderScan, PASS_CHUNK_BYTES};
use crate::{Offset, StorageError};

impl Log {
    /// Plans a read of whole batches from the one that holds `from`, below `until`.
    ///
    /// At most `bytes_max` bytes, but at least one batch if `at_least_one` says so and there is one.
    pub fn read(
        &mut self,
        from: Offset,
        until: Offset,
        bytes_max: usize,
        at_least_one: bool,
    ) -> Result<ReadPlan, ReadError> {
        self.check_range(from)?;
        let until = until.min(self.log_end.offset());
        let mut plan = ReadPlan::empty(from);
        let mut at = self.segment_of(from);
        while plan.next_offset < until && at < self.segments.len() {
            let room = bytes_max.saturating_sub(plan.bytes);
            let forced = at_least_one && plan.regions.is_empty();
            if room == 0 && !forced {
                break;
            }
            let start = self.seek(at, plan.next_offset)?;
            let stop = self.stop_of(at, start, until, (room, forced))?;
            if stop.position == start.position && at + 1 == self.segments.len() {
                break;
            }
            self.verify(at, start.position..stop.position, start.offset)?;
            self.add_region(&mut plan, at, start, stop)?;
            plan.next_offset = plan.next_offset.max(stop.offset);
            if stop.offset < self.segment_end(at) {
                break;
            }
            at += 1;
        }
        Ok(plan)
    }

    fn check_range(&self, from: Offset) -> Result<(), ReadError> {
        let (start, end) = (self.log_start, self.log_end);
        if from < start.offset() || from > end.offset() {
            return Err(ReadError::OutOfRange { from, start, end });
        }
        Ok(())
    }

    /// Where a read that begins at `start` ends in this segment.
    fn stop_of(
        &mut self,
        at: usize,
        start: Boundary,
        until: Offset,
        (room, forced): (usize, bool),
    ) -> Result<Boundary, StorageError> {
        let mut stop = self.seek(at, until)?;
        if stop.position <= start.position {
            return Ok(start);
        }
        let limit = start.position.saturating_add(room as u64);
        if stop.position > limit {
            stop = self.last_boundary(at, start, limit)?;
        }
        if stop.position <= start.position && forced {
            stop = self.after_one(at, start)?;
        }
        Ok(stop)
    }

    /// The boundary after the batch that begins at `start`.
    fn after_one(&mut self, at: usize, start: Boundary) -> Result<Boundary, StorageError> {
        let Some(segment) = self.segments.get_mut(at) else { return Ok(start) };
        let path = segment.name.log_path(&self.dir);
        let handle = segment.handle(&self.files, &self.dir)?;
        let mut scan = HeaderScan::new(handle, start.position, segment.size, HEADER_CHUNK_BYTES);
        let next = scan.next().map_err(|err| err.into_storage(&path))?;
        Ok(next.map_or(start, |(position, header)| Boundary {
            position: position + header.size as u64,
            offset: header.next_offset(),
        }))
    }

    fn add_region(
        &mut self,
        plan: &mut ReadPlan,
        at: usize,
        start: Boundary,
        stop: Boundary,
    ) -> Result<(), StorageError> {
        let Some(segment) = self.segments.get_mut(at) else { return Ok(()) };
        let len = usize::try_from(stop.position - start.position).unwrap_or(usize::MAX);
        if len == 0 {
            return Ok(());
        }
        let file = segment.handle(&self.files, &self.dir)?;
        plan.regions.push(FileRegion { file, position: start.position, len });
        plan.bytes += len;
        self.hints.note(segment.base, stop.offset, stop.position);
        Ok(())
    }

    /// Verifies a region of whole batches unless that was done before.
    pub(super) fn verify(
        &mut self,
        at: usize,
        region: Range<u64>,
        first: Offset,
    ) -> Result<(), StorageError> {
        let segment_end = self.segment_end(at);
        let Some(segment) = self.segments.get_mut(at) else { return Ok(()) };
        if segment.trusted.contain(&region) {
            return Ok(());
        }
        let (path, size) = (segment.name.log_path(&self.dir), segment.size);
        let handle = segment.handle(&self.files, &self.dir)?;
        let mut scan = HeaderScan::new(handle, region.start, region.end, PASS_CHUNK_BYTES);
        let mut expected = first;
        while let Some((position, header)) = scan.next().map_err(|err| err.into_storage(&path))? {
            scan.verify(position, &header).map_err(|err| err.into_storage(&path))?;
            header
                .verify_follows(expected)
                .and_then(|()| self.epochs.verify(&header))
                .map_err(|reason| StorageError::corrupt(&path, position, reason))?;
            expected = header.next_offset();
        }
        if region.end == size && expected != segment_end {
            let reason = format!("it ends at offset {expected}, but {segment_end} comes next");
            return Err(StorageError::corrupt(&path, region.end, reason));
        }
        if let Some(segment) = self.segments.get_mut(at) {
            segment.trusted.add(region);
        }
        Ok(())
    }
}

/// One header and a little.
const HEADER_CHUNK_BYTES: usize = 64;
