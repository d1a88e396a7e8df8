//! Making a log stable: group commit, the clean stop.
//!
//! ```text
//!   begin_sync   under the lock: which files, up to which offset
//!   run          without the lock: names first, then data, through the handles that wrote
//!   finish_sync  under the lock: the synced end moves, or the log is offline for good
//!   note_synced  under the lock: how far it got, for the next opening
//! ```
//! Nothing that a sync failed on is ever synced again: the kernel may have dropped the pages and
//! would report success.

use std::path::PathBuf;
use std::sync::Arc;

use super::{Log, last_of};
use crate::checkpoint::CHECKPOINT_FILE;
use crate::error::{LogDirOffline, SyncError};
use crate::open_files::PooledFile;
use crate::segment::MaxTimestamp;
use crate::vfs::{OpenMode, Vfs, sync_dir, sync_parent};
use crate::{LogEndOffset, Offset, StorageError};

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
    /// What the last sync made stable, until it is noted on disk.
    pub(super) finished: Option<Mark>,
    /// Where in which segment the last whole checkpoint was taken.
    pub(super) checkpointed: Option<(Offset, u64)>,
    /// A snapshot of producers that is not at a segment's base.
    pub(super) extra_snapshot: Option<Offset>,
}

/// A moment of the log: its end, as an offset and as a place in the active segment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    pub(super) end: LogEndOffset,
    pub(super) segment: Offset,
    pub(super) position: u64,
    pub(super) max: Option<MaxTimestamp>,
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
    /// The recovery point's file, where what an earlier process left there is not stable.
    settle: Option<PathBuf>,
    names: bool,
    parent: bool,
    files: Vec<Arc<PooledFile>>,
}

/// A sync that succeeded.
#[derive(Debug)]
#[must_use = "the log must be told"]
pub struct Synced {
    settled: bool,
}

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
        if let Some(path) = &self.settle {
            self.fs
                .open(path, OpenMode::ReadWrite)
                .and_then(|file| file.sync_data())
                .map_err(failed("syncing", path))?;
        }
        Ok(Synced { settled: self.settle.is_some() })
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
        let mark = self.mark_here();
        let mut files = std::mem::take(&mut self.sync.files);
        files.push(Arc::clone(last_of(&mut self.segments).file(&self.files, &self.dir)));
        self.sync.in_flight = Some(mark);
        self.hints.note(mark.segment, mark.end.offset(), mark.position);
        Some(SyncWork {
            fs: Arc::clone(self.files.fs()),
            dir: self.dir.clone(),
            settle: self.checkpoint.is_unsettled().then(|| self.dir.join(CHECKPOINT_FILE)),
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
        match outcome {
            Ok(Synced { settled: true }) => self.checkpoint.note_settled(),
            Ok(Synced { settled: false }) => {}
            Err(err) => {
                let reason: Arc<str> = err.to_string().into();
                self.offline = Some(Arc::clone(&reason));
                return Err(LogDirOffline { dir: self.dir.clone(), reason });
            }
        }
        if let Some(mark) = mark {
            if mark.end > self.synced_end {
                self.synced_end = mark.end;
            }
            if crate::canary::is("ack_before_sync") {
                self.synced_end = self.log_end;
            }
            self.sync.finished = Some(mark);
        }
        Ok(self.synced_end)
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
}
