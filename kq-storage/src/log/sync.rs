//! Making a log stable: group commit, checkpoints, the clean stop.
//!
//! ```text
//!   begin_sync   under the lock: which files, up to which offset
//!   run          without the lock: names first, then data, through the handles that wrote
//!   finish_sync  under the lock: the synced end moves, or the log is offline for good
//! ```
//! Nothing that a sync failed on is ever synced again: the kernel may have dropped the pages and
//! would report success.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Log, last_of};
use crate::checkpoint::{Checkpoint, ProducersAt};
use crate::epochs::EPOCHS_FILE;
use crate::error::{LogDirOffline, SyncError};
use crate::format::{Stable, remove_if_there, replace_small};
use crate::open_files::PooledFile;
use crate::producers::to_bytes;
use crate::segment::{MaxTimestamp, snapshot_path};
use crate::vfs::{OpenMode, Vfs, sync_dir, sync_parent};
use crate::{LogEndOffset, Offset, StorageError};

/// Bytes synced since the last checkpoint that make a new one worth its write.
const CHECKPOINT_AFTER_BYTES: u64 = 16 << 20;

/// From this size on a log's epochs are synced when they are written: to make them again out of all
/// batches, as after a power cut, would take longer than that.
const EPOCHS_STABLE_FROM_BYTES: u64 = 64 << 20;

/// What is not stable yet.
#[derive(Debug, Default)]
pub(super) struct SyncState {
    /// Files beside the active segment: sealed ones, and those of a new log.
    pub(super) files: Vec<Arc<PooledFile>>,
    /// Names in the log's directory.
    pub(super) names: bool,
    /// The name of the log's directory itself.
    pub(super) parent: bool,
    /// Where the log ended when the sync that is under way began.
    pub(super) in_flight: Option<Mark>,
    /// A snapshot of producers that is not at a segment's base.
    pub(super) extra_snapshot: Option<Offset>,
}

/// A moment of the log: its end, as an offset and as a place in the active segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) end: LogEndOffset,
    segment: Offset,
    position: u64,
    max: Option<MaxTimestamp>,
}

impl Mark {
    /// The log was cut meanwhile: the place in the file no longer holds.
    pub(super) fn cut(&mut self, end: LogEndOffset) {
        self.end = self.end.min(end);
        self.max = None;
    }
}

/// A sync to be run without the log's lock.
#[derive(Debug)]
#[must_use = "a sync that is begun must be run and finished"]
pub struct SyncWork {
    fs: Arc<dyn Vfs>,
    dir: PathBuf,
    names: bool,
    parent: bool,
    files: Vec<Arc<PooledFile>>,
}

/// A sync that succeeded.
#[derive(Debug)]
#[must_use = "the log must be told"]
pub struct Synced(());

impl SyncWork {
    /// Blocks until all is stable.
    pub fn run(self) -> Result<Synced, SyncError> {
        let failed = |doing, path: &PathBuf| {
            let path = path.clone();
            move |source| SyncError { doing, path, source }
        };
        if self.parent {
            sync_parent(self.fs.as_ref(), &self.dir)
                .map_err(failed("syncing the directory of", &self.dir))?;
        }
        if self.names {
            sync_dir(self.fs.as_ref(), &self.dir).map_err(failed("syncing", &self.dir))?;
        }
        for file in &self.files {
            file.sync_data().map_err(failed("syncing", &file.path()))?;
        }
        Ok(Synced(()))
    }
}

impl Log {
    /// Whether something waits to be synced.
    pub fn needs_sync(&self) -> bool {
        self.synced_end < self.log_end
            || self.sync.names
            || self.sync.parent
            || !self.sync.files.is_empty()
    }

    /// Takes out the work of one sync. `None` if nothing waits, one is under way or the log is offline.
    pub fn begin_sync(&mut self) -> Option<SyncWork> {
        if !self.needs_sync() || self.sync.in_flight.is_some() || self.offline.is_some() {
            return None;
        }
        let max = self.active_max();
        let active = last_of(&mut self.segments);
        let (segment, position) = (active.base, active.size);
        let mut files = std::mem::take(&mut self.sync.files);
        files.push(Arc::clone(active.file(&self.files, &self.dir)));
        self.sync.in_flight = Some(Mark { end: self.log_end, segment, position, max });
        self.hints.note(segment, self.log_end.offset(), position);
        Some(SyncWork {
            fs: Arc::clone(self.files.fs()),
            dir: self.dir.clone(),
            names: std::mem::take(&mut self.sync.names),
            parent: std::mem::take(&mut self.sync.parent),
            files,
        })
    }

    /// Takes note of a sync's outcome. After a failure the log is offline for the rest of the process.
    pub fn finish_sync(
        &mut self,
        outcome: Result<Synced, SyncError>,
    ) -> Result<LogEndOffset, LogDirOffline> {
        let mark = self.sync.in_flight.take();
        if let Err(err) = outcome {
            let reason: Arc<str> = err.to_string().into();
            self.offline = Some(Arc::clone(&reason));
            return Err(LogDirOffline { dir: self.dir.clone(), reason });
        }
        if let Some(mark) = mark {
            if mark.end > self.synced_end {
                self.synced_end = mark.end;
            }
            if crate::canary::is("ack_before_sync") {
                self.synced_end = self.log_end;
            }
            self.checkpoint_if_due(mark);
        }
        Ok(self.synced_end)
    }

    /// After much was synced, notes how far, so that a crash has less to look through.
    fn checkpoint_if_due(&mut self, mark: Mark) {
        let last = self.checkpoint.last();
        let since = match last {
            Some(last) if last.segment == mark.segment => {
                mark.position.saturating_sub(last.position)
            }
            Some(_) | None => CHECKPOINT_AFTER_BYTES,
        };
        if since >= CHECKPOINT_AFTER_BYTES && mark.max.is_some() {
            // A checkpoint that cannot be written costs time after a crash, nothing else.
            let _ = self.flush_indexes();
            // Taken where the log ends now: what was appended since is most often there again.
            let producers = match self.snapshot_producers() {
                Ok(ProducersAt::Snapshot) if mark.end != self.log_end => ProducersAt::Unknown,
                Ok(producers) => producers,
                Err(_) => ProducersAt::Unknown,
            };
            let _ = self.write_checkpoint(mark, producers);
        }
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

    /// Notes all that a restart needs to skip recovery, if everything is synced. Cheap: no syncs.
    pub fn checkpoint(&mut self) -> Result<(), StorageError> {
        self.refuse_offline()?;
        if self.needs_sync() || self.sync.in_flight.is_some() {
            return Ok(());
        }
        self.ensure_indexer()?;
        self.flush_indexes()?;
        let producers = self.snapshot_producers()?;
        let max = self.active_max();
        let active = last_of(&mut self.segments);
        let (segment, position) = (active.base, active.size);
        let mark = Mark { end: self.log_end, segment, position, max };
        self.write_checkpoint(mark, producers)
    }

    /// Syncs what waits, checkpoints, and ends: the next opening needs to look at names only.
    pub fn close(mut self) -> Result<(), StorageError> {
        self.refuse_offline()?;
        while let Some(work) = self.begin_sync() {
            let outcome = work.run();
            self.finish_sync(outcome).map_err(|offline| StorageError::Offline(offline.reason))?;
        }
        self.checkpoint()
    }

    fn write_checkpoint(&mut self, mark: Mark, producers: ProducersAt) -> Result<(), StorageError> {
        let stable =
            if self.size_bytes() < EPOCHS_STABLE_FROM_BYTES { Stable::Later } else { Stable::Now };
        let epochs_crc = self.write_epochs(stable)?;
        let checkpoint = Checkpoint {
            recovery_point: mark.end.offset(),
            segment: mark.segment,
            position: mark.position,
            log_start: self.log_start,
            max: mark.max.flatten(),
            producers,
            epochs_crc,
        };
        self.checkpoint.advance(&self.files, &self.dir, checkpoint)
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
            return Ok(ProducersAt::None);
        }
        let end = self.log_end.offset();
        let path = snapshot_path(&self.dir, end);
        let fs = self.files.fs();
        remove_if_there(fs.as_ref(), &path)?;
        fs.open(&path, OpenMode::CreateNew)
            .and_then(|file| file.write_all_at(&to_bytes(&self.producers, end), 0))
            .map_err(|err| StorageError::io("writing", &path, err))?;
        self.drop_extra_snapshot(end)?;
        if last_of(&mut self.segments).base != end {
            self.sync.extra_snapshot = Some(end);
        }
        Ok(ProducersAt::Snapshot)
    }

    /// Removes the snapshot of an earlier checkpoint.
    pub(super) fn drop_extra_snapshot(&mut self, unless: Offset) -> Result<(), StorageError> {
        match self.sync.extra_snapshot.take_if(|extra| *extra != unless) {
            Some(extra) => {
                remove_if_there(self.files.fs().as_ref(), &snapshot_path(&self.dir, extra))
            }
            None => Ok(()),
        }
    }
}
