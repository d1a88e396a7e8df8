//! Taking records away: from the end, where another history won, and from the start, on request.

use super::names::{remove_indexes, remove_segment};
use super::{Log, last_of};
use crate::checkpoint::{Checkpoint, ProducersAt};
use crate::error::ReadError;
use crate::format::{Stable, read_small, remove_if_there};
use crate::producers::{Producers, SnapshotError, from_bytes};
use crate::segment::{HeaderScan, PASS_CHUNK_BYTES, snapshot_path};
use crate::vfs::{Vfs, sync_dir};
use crate::{LogEndOffset, LogStartOffset, Offset, StorageError};

impl Log {
    /// Cuts the log so that it ends at `end`, a batch boundary; stable when this returns.
    ///
    /// Whole batches only: if `end` lies inside a batch, that batch goes too. A log that was
    /// compacted by what is cut loses all, and ends at its start.
    pub fn truncate_to(&mut self, end: Offset) -> Result<LogEndOffset, StorageError> {
        self.refuse_offline()?;
        if end >= self.log_end.offset() {
            return Ok(self.log_end);
        }
        let end = end.max(self.log_start.offset());
        if let Err(err) = self.call_off_swap() {
            return Err(self.failed(err));
        }
        if self.is_known_beyond(end) {
            return self.empty_at_start().inspect_err(|err| {
                // Also where the volume is full: its segments may be gone by now.
                self.offline = Some(err.to_string().into());
            });
        }
        self.try_truncate(end).map_err(|err| self.failed(err))
    }

    fn try_truncate(&mut self, end: Offset) -> Result<LogEndOffset, StorageError> {
        self.forget_cleaned_beyond(end)?;
        let at = self.segment_of(end);
        let place = self.seek_batch_of(at, end)?;
        let Some(segment) = self.segments.get(at) else { return Ok(self.log_end) };
        let base = segment.base;
        // What a sync made stable just now is not what there will be.
        self.sync.finished = None;
        // First of all the recovery point: what lies above it need not be there after a crash.
        self.epochs_dirty |= self.epochs.truncate_end(place.offset);
        let lowered = self.lowered_checkpoint(base, place.offset);
        self.checkpoint.force(&self.files, &self.dir, lowered)?;
        self.write_epochs(Stable::Now)?;
        self.drop_segments_after(at)?;
        if self.sync.extra_snapshot.is_some_and(|extra| extra > place.offset) {
            // It tells of records that are cut; another history may reach its offset again.
            self.drop_extra_snapshot(Some(place.offset))?;
            self.sync_names()?;
        }
        let segment = last_of(&mut self.segments);
        let path = segment.name.log_path(&self.dir);
        let failed = |err| StorageError::io("cutting", &path, err);
        let file = segment.file(&self.files, &self.dir);
        file.truncate(place.position).map_err(failed)?;
        file.sync_data().map_err(failed)?;
        segment.size = place.position;
        segment.trusted.cut(place.position);
        segment.max = None;
        segment.close_indexes();
        self.indexer = None;
        self.hints.clear();
        self.active_began.first_record = None;
        self.log_end = LogEndOffset(place.offset);
        self.synced_end = self.synced_end.min(self.log_end);
        // The batch that the log start lies in went too.
        self.skip_to_start()?;
        if let Some(mark) = &mut self.sync.in_flight {
            mark.cut(self.log_end);
        }
        let last = self.segments.len() - 1;
        self.rebuild_indexes(last)?;
        self.producers = self.rebuilt_producers()?;
        self.note_all_synced()?;
        Ok(self.log_end)
    }

    /// The boundary before the batch that holds `end`, or at `end` itself.
    fn seek_batch_of(
        &mut self,
        at: usize,
        end: Offset,
    ) -> Result<super::seek::Boundary, StorageError> {
        self.hints.clear();
        self.seek(at, end)
    }

    /// The last checkpoint, or one below it that a log cut at `end` in segment `base` still meets.
    fn lowered_checkpoint(&self, base: Offset, end: Offset) -> Checkpoint {
        let first = self.segments.first().map_or(base, |first| first.base);
        let begin_of = |segment| Checkpoint {
            recovery_point: segment,
            segment,
            log_start: self.log_start,
            ..Checkpoint::default()
        };
        let lowered = match self.checkpoint.last() {
            Some(last) if last.recovery_point <= end => {
                Checkpoint { log_start: self.log_start, producers: ProducersAt::Unknown, ..last }
            }
            // The segment begins below the old recovery point, so what is before it is synced.
            Some(_) => begin_of(base),
            None => begin_of(first),
        };
        let epochs_crc = crc32c::crc32c(&self.epochs.to_bytes());
        Checkpoint { cutting: true, epochs_crc, ..lowered }
    }

    /// Removes all segments behind `at`, newest first, so that a crash leaves no hole.
    fn drop_segments_after(&mut self, at: usize) -> Result<(), StorageError> {
        let fs = self.files.fs().clone();
        let fs = fs.as_ref();
        while self.segments.len() > at + 1 {
            let Some(segment) = self.segments.pop() else { break };
            remove_segment(fs, &self.dir, segment.name)?;
        }
        // Indexes of the longer life must not shine through what is appended next.
        remove_indexes(fs, &self.dir, last_of(&mut self.segments).name)?;
        self.sync_names()
    }

    /// Makes the names in the log's directory stable now.
    pub(super) fn sync_names(&self) -> Result<(), StorageError> {
        sync_dir(self.files.fs().as_ref(), &self.dir)
            .map_err(|err| StorageError::io("syncing", &self.dir, err))
    }

    /// Drops every record and goes on at `at`, which is not before the end unless the log is empty;
    /// stable on return. After a crash in between there is the log that was, or an empty one.
    pub fn start_over_at(&mut self, at: Offset) -> Result<(), StorageError> {
        self.refuse_offline()?;
        let is_empty = self.log_start.offset() == self.log_end.offset();
        assert!(is_empty || self.log_end.offset() <= at, "only what lies below may be dropped");
        self.try_start_over(at).inspect_err(|err| {
            // Also where the volume is full: its segments may be gone by now.
            self.offline = Some(err.to_string().into());
        })
    }

    fn try_start_over(&mut self, at: Offset) -> Result<(), StorageError> {
        self.call_off_swap()?;
        self.forget_cleaned()?;
        self.sync.finished = None;
        self.hints.clear();
        self.indexer = None;
        self.producers = Producers::default();
        self.active_began.first_record = None;
        self.drop_extra_snapshot(None)?;
        // What is appended next may be of an epoch below: nothing must be left that accuses it.
        self.epochs_dirty |= self.epochs.truncate_end(Offset(0));
        let epochs_crc = self.write_epochs(Stable::Now)?;
        let start = LogStartOffset(at);
        if at < self.log_end.offset() {
            // Empty as it is, it may lose its files before it is said where it goes on.
            self.drop_segments()?;
            self.sync_names()?;
        }
        // Not to be trusted without a look: the name of its segment is stable on return only.
        let here = Checkpoint {
            recovery_point: at,
            segment: at,
            cutting: true,
            epochs_crc,
            ..Checkpoint::default()
        };
        let below = self.checkpoint.last().filter(|last| last.recovery_point < at);
        let moved = Checkpoint { log_start: start, ..below.unwrap_or(here) };
        self.checkpoint.force(&self.files, &self.dir, moved)?;
        self.drop_segments()?;
        (self.log_start, self.log_end) = (start, LogEndOffset(at));
        self.synced_end = self.log_end;
        if let Some(mark) = &mut self.sync.in_flight {
            mark.cut(self.log_end);
        }
        self.begin_segment(at)?;
        self.sync_names()
    }

    /// Removes all segments, the newest once the others are surely gone: a crash keeps any of the
    /// removals that are not stable, and an older segment alone would end below what was synced.
    fn drop_segments(&mut self) -> Result<(), StorageError> {
        let newest = self.segments.pop();
        if !self.segments.is_empty() {
            for segment in self.segments.drain(..) {
                remove_segment(self.files.fs().as_ref(), &self.dir, segment.name)?;
            }
            self.sync_names()?;
        }
        let fs = self.files.fs().as_ref();
        newest.map_or(Ok(()), |newest| remove_segment(fs, &self.dir, newest.name))
    }

    /// Producers' state at the log's end: the last snapshot, and the batches behind it.
    pub(super) fn rebuilt_producers(&mut self) -> Result<Producers, StorageError> {
        self.producers_at(self.log_end.offset())
    }

    /// Producers' state at `end`, where a segment begins or the log ends.
    pub(super) fn producers_at(&mut self, end: Offset) -> Result<Producers, StorageError> {
        let (mut producers, from) = self.last_snapshot(end)?;
        for at in self.segment_of(from)..self.segments.len() {
            if self.segments.get(at).is_none_or(|segment| segment.base >= end) {
                break;
            }
            let whole = self.segments.get(at).is_some_and(|segment| from <= segment.base);
            let position = if whole { 0 } else { self.seek(at, from)?.position };
            let opened = self.opened;
            let Some(segment) = self.segments.get_mut(at) else { break };
            let path = segment.name.log_path(&self.dir);
            let handle = segment.handle(&self.files, &self.dir)?;
            let mut scan = HeaderScan::new(handle, position, segment.size, PASS_CHUNK_BYTES);
            while let Some((_, header)) = scan.next().map_err(|err| err.into_storage(&path))? {
                producers.note(&header, opened);
            }
        }
        Ok(producers)
    }

    /// The newest usable snapshot not above `end`, and the offset that it is of.
    fn last_snapshot(&self, end: Offset) -> Result<(Producers, Offset), StorageError> {
        let mut offsets: Vec<Offset> = self.segments.iter().map(|segment| segment.base).collect();
        offsets.extend(self.sync.extra_snapshot);
        offsets.sort_unstable();
        for offset in offsets.into_iter().rev().filter(|offset| *offset <= end) {
            if let Some(producers) = read_snapshot(self.fs().as_ref(), &self.dir, offset)? {
                return Ok((producers, offset));
            }
        }
        let first = self.segments.first().map_or(Offset(0), |segment| segment.base);
        Ok((Producers::default(), first))
    }

    /// Moves the log start up to `offset`; records below are never read again. Stable on return.
    pub fn delete_records_before(&mut self, offset: Offset) -> Result<LogStartOffset, ReadError> {
        self.refuse_offline()?;
        if offset > self.log_end.offset() {
            let (start, end) = (self.log_start, self.log_end);
            return Err(ReadError::OutOfRange { from: offset, start, end });
        }
        if offset > self.log_start.offset() {
            self.move_start(offset).map_err(|err| self.failed(err))?;
        }
        Ok(self.log_start)
    }

    /// Notes the new start for good, then removes the segments that lie wholly below it.
    pub(super) fn move_start(&mut self, offset: Offset) -> Result<(), StorageError> {
        let last = self.checkpoint.last().unwrap_or_else(|| Checkpoint {
            recovery_point: self.segments.first().map_or(Offset(0), |first| first.base),
            segment: self.segments.first().map_or(Offset(0), |first| first.base),
            ..Checkpoint::default()
        });
        let moved = Checkpoint { log_start: LogStartOffset(offset), ..last };
        self.checkpoint.force(&self.files, &self.dir, moved)?;
        self.log_start = LogStartOffset(offset);
        self.epochs_dirty |= self.epochs.truncate_start(offset);
        let gone = self.segments.iter().skip(1).filter(|next| next.base <= offset).count();
        for segment in self.segments.drain(..gone) {
            remove_segment(self.files.fs().as_ref(), &self.dir, segment.name)?;
        }
        Ok(())
    }
}

/// Reads the snapshot of producers at `offset`; `None` if there is none or it is damaged.
///
/// A damaged one is of no use to anybody and goes, so that a log that works is also sound.
pub(super) fn read_snapshot(
    fs: &dyn Vfs,
    dir: &std::path::Path,
    offset: Offset,
) -> Result<Option<Producers>, StorageError> {
    if crate::canary::is("producer_snapshot_not_restored") {
        return Ok(Some(Producers::default()));
    }
    let path = snapshot_path(dir, offset);
    let Some(bytes) = read_small(fs, &path)? else { return Ok(None) };
    match from_bytes(&bytes, offset) {
        Ok(producers) => Ok(Some(producers)),
        Err(SnapshotError::Damaged(_)) => {
            // Where nothing can be removed it is only looked at in vain again.
            let _ = remove_if_there(fs, &path);
            Ok(None)
        }
        Err(SnapshotError::Version(found)) => {
            Err(crate::producers::SNAPSHOT_FORMAT.unknown_version(&path, found))
        }
    }
}
