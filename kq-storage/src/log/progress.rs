//! Noting how far a log is synced, so that the next opening knows what a crash cannot have taken.
//!
//! After a sync its end goes into the recovery point, in the page cache and without a sync of its
//! own. A process that is killed leaves it there: what is above is then what was never synced,
//! and what is damaged below is damage, not a torn tail. A power cut takes the notes that the kernel
//! had not written back yet, half a minute's at most by its defaults; older ones are true as well.
//!
//! ```text
//!   syncs            recovery point                          opening reads nothing below it
//!   every 16 MiB,    indexes, producers, recovery point      opening reads nothing at all
//!   and at rest
//! ```

use std::sync::Arc;

use super::sync::Mark;
use super::{Log, last_of};
use crate::checkpoint::{Checkpoint, ProducersAt};
use crate::epochs::EPOCHS_FILE;
use crate::format::{Stable, remove_if_there, replace_small};
use crate::open_files::PooledFile;
use crate::producers::to_bytes;
use crate::segment::snapshot_path;
use crate::vfs::exists;
use crate::{Offset, StorageError};

/// Bytes synced since the last whole checkpoint that make a new one worth its writes.
const CHECKPOINT_AFTER_BYTES: u64 = 16 << 20;

/// From this size on a log's epochs are synced when they are written: to make them again out of all
/// batches, as after a power cut, would take longer than that.
const EPOCHS_STABLE_FROM_BYTES: u64 = 64 << 20;

impl Log {
    /// Below it nothing is ever cut by recovery: what does not verify there is damaged.
    pub fn recovery_point(&self) -> Offset {
        let first = self.segments.first().map_or(self.log_start.offset(), |first| first.base);
        self.checkpoint.last().map_or(first, |last| last.recovery_point)
    }

    /// Notes on disk what the sync that was finished last has made stable. A small write that
    /// nobody has to wait for: call it once the acknowledgements are out, and not for every one.
    pub fn note_synced(&mut self) {
        let Some(mark) = self.sync.finished.take() else { return };
        if self.offline.is_some() || crate::canary::is("synced_end_not_noted") {
            return;
        }
        // What cannot be written costs time after a crash, and is written after the next sync.
        let _ = if mark.max.is_none() {
            self.note_all_synced()
        } else if self.is_checkpoint_due(mark) {
            self.checkpoint_at(mark)
        } else {
            self.write_checkpoint(mark, self.producers_unless_any())
        };
    }

    fn is_checkpoint_due(&self, mark: Mark) -> bool {
        self.sync.checkpointed.is_none_or(|(segment, position)| {
            segment != mark.segment
                || mark.position.saturating_sub(position) >= CHECKPOINT_AFTER_BYTES
        })
    }

    /// A whole checkpoint as of `mark`.
    fn checkpoint_at(&mut self, mark: Mark) -> Result<(), StorageError> {
        let _ = self.flush_indexes();
        // Taken where the log ends now: what was appended since is most often there again.
        let producers = match self.snapshot_producers() {
            Ok(ProducersAt::Snapshot) if mark.end != self.log_end => ProducersAt::Unknown,
            Ok(producers) => producers,
            Err(_) => ProducersAt::Unknown,
        };
        self.write_checkpoint(mark, producers)?;
        self.sync.checkpointed = Some((mark.segment, mark.position));
        Ok(())
    }

    /// Whether a checkpoint would spare a restart some work.
    pub fn needs_checkpoint(&self) -> bool {
        let last = self.checkpoint.last();
        !self.needs_sync()
            && last.is_none_or(|last| {
                last.recovery_point != self.log_end.offset()
                    || last.producers == ProducersAt::Unknown
                    || last.log_start != self.log_start
            })
    }

    /// Notes all that a restart needs to skip recovery, if everything is synced. Cheap: it waits for no
    /// sync but, once in a segment's life, that of a snapshot which a power cut took.
    pub fn checkpoint(&mut self) -> Result<(), StorageError> {
        self.refuse_offline()?;
        if self.needs_sync() || self.sync.in_flight.is_some() {
            return Ok(());
        }
        self.ensure_indexer()?;
        self.flush_indexes()?;
        let producers = self.snapshot_producers()?;
        let mark = self.mark_here();
        self.sync.finished = None;
        self.write_checkpoint(mark, producers)?;
        self.sync.checkpointed = Some((mark.segment, mark.position));
        Ok(())
    }

    /// Notes that all there is was synced, where that is so.
    pub(super) fn note_all_synced(&mut self) -> Result<(), StorageError> {
        if self.needs_sync() || self.sync.in_flight.is_some() {
            return Ok(());
        }
        self.ensure_indexer()?;
        let mark = self.mark_here();
        self.write_checkpoint(mark, self.producers_unless_any())
    }

    /// The present moment.
    pub(super) fn mark_here(&mut self) -> Mark {
        let max = self.active_max();
        let active = last_of(&mut self.segments);
        Mark { end: self.log_end, segment: active.base, position: active.size, max }
    }

    fn producers_unless_any(&self) -> ProducersAt {
        if self.producers.is_empty() { ProducersAt::None } else { ProducersAt::Unknown }
    }

    fn write_checkpoint(&mut self, mark: Mark, producers: ProducersAt) -> Result<(), StorageError> {
        // Where the log was cut meanwhile the place no longer holds.
        let Some(max) = mark.max else { return Ok(()) };
        let epochs_crc = self.write_epochs_in_time()?;
        let checkpoint = Checkpoint {
            recovery_point: mark.end.offset(),
            segment: mark.segment,
            position: mark.position,
            log_start: self.log_start,
            max,
            producers,
            cutting: false,
            epochs_crc,
        };
        self.checkpoint.advance(&self.files, &self.dir, checkpoint)
    }

    fn write_epochs_in_time(&mut self) -> Result<u32, StorageError> {
        let small = !self.epochs_dirty || self.size_bytes() < EPOCHS_STABLE_FROM_BYTES;
        self.write_epochs(if small { Stable::Later } else { Stable::Now })
    }

    /// Writes the epochs' file if it lags behind; tells its CRC, by which a checkpoint knows it again.
    pub(super) fn write_epochs(&mut self, stable: Stable) -> Result<u32, StorageError> {
        let bytes = self.epochs.to_bytes();
        if self.epochs_dirty {
            let path = self.dir.join(EPOCHS_FILE);
            replace_small(self.files.fs().as_ref(), &path, &bytes, stable)?;
            self.epochs_dirty = false;
        }
        Ok(crc32c::crc32c(&bytes))
    }

    fn snapshot_producers(&mut self) -> Result<ProducersAt, StorageError> {
        if self.producers.is_empty() {
            self.drop_extra_snapshot(None)?;
            return Ok(ProducersAt::None);
        }
        let end = self.log_end.offset();
        if last_of(&mut self.segments).base == end {
            self.ensure_segment_snapshot(end)?;
            self.drop_extra_snapshot(None)?;
        } else {
            self.write_snapshot(end)?;
            self.drop_extra_snapshot(Some(end))?;
            self.sync.extra_snapshot = Some(end);
        }
        Ok(ProducersAt::Snapshot)
    }

    /// Writes the snapshot at the active segment's base if it is gone, and syncs it: it stays for as
    /// long as the segment, and no later sync would cover it.
    fn ensure_segment_snapshot(&self, base: Offset) -> Result<(), StorageError> {
        let path = snapshot_path(&self.dir, base);
        let found = exists(self.files.fs().as_ref(), &path)
            .map_err(|err| StorageError::io("looking for", &path, err))?;
        if found {
            return Ok(());
        }
        self.write_snapshot(base)?.sync_data().map_err(|err| {
            // Nobody knows what of it is on disk: it must not be found there next time.
            let _ = remove_if_there(self.files.fs().as_ref(), &path);
            StorageError::io("syncing", &path, err)
        })
    }

    /// Writes the producers' state as of `at`, the log's end. It is not stable yet.
    pub(super) fn write_snapshot(&self, at: Offset) -> Result<Arc<PooledFile>, StorageError> {
        let path = snapshot_path(&self.dir, at);
        remove_if_there(self.files.fs().as_ref(), &path)?;
        let file = self.files.create_new(path.clone());
        file.and_then(|file| {
            file.write_all_at(&to_bytes(&self.producers, at), 0)?;
            Ok(file)
        })
        .map_err(|err| StorageError::io("writing", &path, err))
    }

    /// Removes the snapshot of an earlier checkpoint.
    pub(super) fn drop_extra_snapshot(
        &mut self,
        unless: Option<Offset>,
    ) -> Result<(), StorageError> {
        match self.sync.extra_snapshot.take_if(|extra| Some(*extra) != unless) {
            Some(extra) => {
                remove_if_there(self.files.fs().as_ref(), &snapshot_path(&self.dir, extra))
            }
            None => Ok(()),
        }
    }
}
