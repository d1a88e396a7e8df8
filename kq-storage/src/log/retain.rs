//! Carries out what retention decided.

use super::Log;
use crate::retention::{Limits, SegmentAge, choose};
use crate::{Offset, StorageError, TimestampMs};

/// A segment that retention deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeletedSegment {
    /// Offset of its first record.
    pub base: Offset,
    /// Offset after its last record.
    pub end: Offset,
    /// Bytes it took.
    pub size_bytes: u64,
}

impl Log {
    /// Deletes the oldest segments that the limits give up, none of them beyond `keep_from`.
    ///
    /// Readers that hold regions of a deleted file go on: its bytes stay until they let go, so no
    /// delay (`file.delete.delay.ms`) is needed. A topic that is only compacted deletes nothing.
    pub fn apply_retention(
        &mut self,
        now: TimestampMs,
        keep_from: Offset,
    ) -> Result<Vec<DeletedSegment>, StorageError> {
        self.refuse_offline()?;
        let limits = Limits {
            retention_bytes: self.config.retention_bytes,
            retention_ms: self.config.retention_ms,
        };
        if !self.config.delete || limits == Limits::default() || self.size_bytes() == 0 {
            return Ok(Vec::new());
        }
        let ages = self.ages(limits)?;
        let doomed = choose(&ages, limits, keep_from, now);
        if doomed == 0 {
            return Ok(Vec::new());
        }
        if doomed == self.segments.len() {
            self.roll(now)?;
        }
        let deleted: Vec<DeletedSegment> =
            (0..doomed).filter_map(|at| self.described(at)).collect();
        let start = deleted.last().map_or(self.log_start.offset(), |last| last.end);
        self.move_start(start).map_err(|err| self.failed(err))?;
        Ok(deleted)
    }

    fn ages(&mut self, limits: Limits) -> Result<Vec<SegmentAge>, StorageError> {
        let mut ages = Vec::with_capacity(self.segments.len());
        for at in 0..self.segments.len() {
            let newest = match limits.retention_ms {
                Some(_) => self.newest_time(at)?,
                None => TimestampMs(0),
            };
            let size_bytes = self.segments.get(at).map_or(0, |segment| segment.size);
            ages.push(SegmentAge { end: self.segment_end(at), size_bytes, newest });
        }
        Ok(ages)
    }

    fn described(&self, at: usize) -> Option<DeletedSegment> {
        let segment = self.segments.get(at)?;
        let (base, size_bytes) = (segment.base, segment.size);
        Some(DeletedSegment { base, end: self.segment_end(at), size_bytes })
    }
}
