//! The names in a log's directory, and an end to what a crash left half done among them.

use std::path::Path;

use crate::checkpoint::{CHECKPOINT_FILE, Checkpoint};
use crate::format::{TEMPORARY_SUFFIX, remove_if_there};
use crate::segment::{FileKind, SegmentName, parse_name, snapshot_path, superseded};
use crate::vfs::{Vfs, sync_dir};
use crate::{Offset, StorageError, canary};

/// The names in a log's directory.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Names and bytes, in order.
    pub(super) segments: Vec<(SegmentName, u64)>,
    pub(super) snapshots: Vec<Offset>,
    pub(super) checkpoint: bool,
    temporary: Vec<String>,
    /// Indexes of rewritten segments.
    indexes: Vec<SegmentName>,
    /// Some were removed; that is not stable yet.
    pub(super) is_changed: bool,
}

impl Names {
    pub(super) fn list(fs: &dyn Vfs, dir: &Path) -> Result<Self, StorageError> {
        let mut names = Self::default();
        for entry in fs.list(dir).map_err(|err| StorageError::io("listing", dir, err))? {
            match parse_name(&entry.name) {
                Some((name, FileKind::Log)) => names.segments.push((name, entry.len)),
                Some((name, FileKind::Snapshot)) => names.snapshots.push(name.base),
                Some((name, FileKind::Index | FileKind::TimeIndex)) => {
                    names.indexes.extend(name.rewritten.map(|_| name));
                }
                None if entry.name == CHECKPOINT_FILE => names.checkpoint = true,
                None if entry.name.ends_with(TEMPORARY_SUFFIX) => names.temporary.push(entry.name),
                None => {}
            }
        }
        names.segments.sort_by_key(|(name, _)| (name.base, name.generation()));
        Ok(names)
    }

    /// Removes what was being written when a crash came, and what has been replaced.
    pub(super) fn settle(
        &mut self,
        fs: &dyn Vfs,
        dir: &Path,
        checkpoint: Option<Checkpoint>,
    ) -> Result<(), StorageError> {
        for name in &self.temporary {
            remove_if_there(fs, &dir.join(name))?;
        }
        self.drop_superseded(fs, dir)?;
        self.end_emptying(fs, dir, checkpoint)?;
        for name in &self.indexes {
            if !self.segments.iter().any(|(known, _)| known == name) {
                remove_indexes(fs, dir, *name)?;
            }
        }
        Ok(())
    }

    /// A rewritten segment was written and synced before it got its name: it is believed, and what
    /// it replaces goes.
    fn drop_superseded(&mut self, fs: &dyn Vfs, dir: &Path) -> Result<(), StorageError> {
        let names: Vec<SegmentName> = self.segments.iter().map(|(name, _)| *name).collect();
        let replaced = superseded(&names);
        if replaced.is_empty() || canary::is("superseded_believed") {
            return Ok(());
        }
        // A process that was killed may have renamed it just before: its name may be in the page cache only.
        sync_dir(fs, dir).map_err(|err| StorageError::io("syncing", dir, err))?;
        for name in &replaced {
            remove_batches(fs, dir, *name)?;
        }
        self.segments.retain(|(name, _)| !replaced.contains(name));
        self.is_changed = true;
        Ok(())
    }

    /// No segment is rewritten that is not stable, so one beyond the recovery point stands in a log
    /// that was being emptied.
    fn end_emptying(
        &mut self,
        fs: &dyn Vfs,
        dir: &Path,
        checkpoint: Option<Checkpoint>,
    ) -> Result<(), StorageError> {
        let synced = checkpoint.map(|last| last.recovery_point);
        let beyond = self.segments.iter().find(|(name, _)| name.end() > synced.or(Some(Offset(0))));
        let Some((beyond, _)) = beyond else { return Ok(()) };
        if checkpoint.is_some_and(|last| last.cutting) {
            let names: Vec<SegmentName> = self.segments.drain(..).map(|(name, _)| name).collect();
            return remove_all(fs, dir, &names);
        }
        let reason = match synced {
            Some(synced) => {
                format!("it was rewritten, but only offsets below {synced} were synced")
            }
            None => format!("it was rewritten, but {CHECKPOINT_FILE} is missing"),
        };
        Err(StorageError::corrupt(&beyond.log_path(dir), 0, reason))
    }
}

/// Removes all segments of a log, oldest last; stable on return. A crash in between leaves its
/// beginning, or none.
pub(super) fn remove_all(
    fs: &dyn Vfs,
    dir: &Path,
    names: &[SegmentName],
) -> Result<(), StorageError> {
    let Some((oldest, others)) = names.split_first() else { return Ok(()) };
    let syncing = |err| StorageError::io("syncing", dir, err);
    for name in others.iter().rev() {
        remove_segment(fs, dir, *name)?;
    }
    sync_dir(fs, dir).map_err(syncing)?;
    remove_segment(fs, dir, *oldest)?;
    sync_dir(fs, dir).map_err(syncing)
}

/// Removes the files of a segment, the batches last: what is left over is then never taken for whole.
pub(super) fn remove_segment(
    fs: &dyn Vfs,
    dir: &Path,
    name: SegmentName,
) -> Result<(), StorageError> {
    remove_if_there(fs, &snapshot_path(dir, name.base))?;
    remove_batches(fs, dir, name)
}

/// Removes the files of a segment, but not its snapshot of producers: another segment begins there.
pub(super) fn remove_batches(
    fs: &dyn Vfs,
    dir: &Path,
    name: SegmentName,
) -> Result<(), StorageError> {
    remove_indexes(fs, dir, name)?;
    remove_if_there(fs, &name.log_path(dir))
}

/// Removes the indexes of a segment; they are made again when they are needed.
pub(super) fn remove_indexes(
    fs: &dyn Vfs,
    dir: &Path,
    name: SegmentName,
) -> Result<(), StorageError> {
    remove_if_there(fs, &name.index_path(dir))?;
    remove_if_there(fs, &name.time_index_path(dir))
}
