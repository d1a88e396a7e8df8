//! Creating, opening and removing the directory of a log.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cleaned::Cleaned;
use super::compact::CompactionState;
use super::hints::Hints;
use super::names::{Names, remove_segment};
use super::recovery::Found;
use super::sync::SyncState;
use super::truncate::read_snapshot;
use super::{ActiveBegan, Log, last_of};
use crate::checkpoint::{Checkpoint, CheckpointFile, ProducersAt};
use crate::config::LogConfig;
use crate::epochs::{EPOCHS_FILE, EpochHistory, FORMAT as EPOCHS_FORMAT};
use crate::format::{read_small, remove_if_there};
use crate::identity::{IDENTITY_FILE, LogIdentity, identity_bytes};
use crate::open_files::OpenFiles;
use crate::producers::Producers;
use crate::segment::{Segment, SegmentName, snapshot_path};
use crate::vfs::{OpenMode, Vfs, sync_parent};
use crate::{LogEndOffset, LogStartOffset, Offset, StorageError, TimestampMs};

/// What opening a log had to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Segments whose batches were looked at, because the last stop was not clean.
    pub segments_scanned: usize,
    /// What was cut off.
    pub cut: Option<Cut>,
    /// Segments behind the cut that were removed.
    pub segments_removed: usize,
    /// The epochs' file was lost and made anew out of the batches.
    pub epochs_rebuilt: bool,
    /// Producers' state was rebuilt out of the batches.
    pub producers_rebuilt: bool,
}

/// A torn tail: bytes that were written but not synced when the machine stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// The segment's file.
    pub path: PathBuf,
    /// From where on it was cut.
    pub position: u64,
    /// How many bytes went.
    pub bytes: u64,
    /// Where the log ends now.
    pub log_end: Offset,
    /// What was wrong with the batch there.
    pub reason: String,
}

impl Log {
    /// Creates the directory of a new log. Its names become stable with the first sync.
    pub fn create(
        files: Arc<OpenFiles>,
        dir: PathBuf,
        identity: LogIdentity,
        config: LogConfig,
        now: TimestampMs,
    ) -> Result<Self, StorageError> {
        let fs = Arc::clone(files.fs());
        let failed = |err| StorageError::io("creating", &dir, err);
        fs.create_dir_all(&dir).map_err(failed)?;
        let names = Names::list(fs.as_ref(), &dir)?;
        if names.checkpoint || names.segments.iter().any(|(_, bytes)| *bytes > 0) {
            // Another log's records must never show up as this one's.
            return Err(failed(ErrorKind::AlreadyExists.into()));
        }
        let path = dir.join(IDENTITY_FILE);
        remove_if_there(fs.as_ref(), &path)?;
        fs.open(&path, OpenMode::CreateNew)
            .and_then(|file| file.write_all_at(&identity_bytes(identity), 0))
            .map_err(|err| StorageError::io("creating", &path, err))?;
        // Opening finds no checkpoint, and so leaves all names and the identity to the first sync.
        let (log, _) = Self::open(files, dir, config, now)?;
        debug_assert!(log.sync.parent && log.sync.names, "new names wait for the first sync");
        Ok(log)
    }

    /// Opens the log in `dir`, which exists. Tells what had to be repaired.
    ///
    /// After a clean stop this looks at names only. After a crash it verifies what lies above the
    /// recovery point and cuts a torn tail; damage below is refused, never cut.
    pub fn open(
        files: Arc<OpenFiles>,
        dir: PathBuf,
        config: LogConfig,
        now: TimestampMs,
    ) -> Result<(Self, Recovered), StorageError> {
        let fs = Arc::clone(files.fs());
        let mut names = Names::list(fs.as_ref(), &dir)?;
        let checkpoint = CheckpointFile::open(fs.as_ref(), &dir)?;
        names.settle(fs.as_ref(), &dir, checkpoint.last())?;
        let cleaned = Cleaned::read(fs.as_ref(), &dir)?;
        let (epochs, epochs_lost) = read_epochs(fs.as_ref(), &dir)?;
        let mut log = Self {
            files,
            config,
            segments: names
                .segments
                .iter()
                .map(|(name, size)| Segment::existing(*name, *size))
                .collect(),
            indexer: None,
            active_began: ActiveBegan { first_record: None, created: now },
            log_start: LogStartOffset::default(),
            log_end: LogEndOffset::default(),
            synced_end: LogEndOffset::default(),
            epochs,
            epochs_dirty: false,
            producers: Producers::default(),
            sync: SyncState {
                names: names.is_changed,
                checkpointed: checkpoint.last().map(|last| (last.segment, last.position)),
                ..SyncState::default()
            },
            checkpoint,
            compaction: CompactionState::noted(cleaned),
            hints: Hints::default(),
            opened: now,
            offline: None,
            dir,
        };
        let mut recovered = Recovered::default();
        log.find_start()?;
        log.refuse_missing_segments()?;
        let epochs_lost = match epochs_lost {
            EpochsFile::Whole(crc) => {
                log.has_synced_records()
                    && log.checkpoint.last().is_some_and(|last| last.epochs_crc != crc)
            }
            EpochsFile::Damaged => true,
            EpochsFile::Missing => log.has_synced_records(),
        };
        if epochs_lost {
            // An older state would accuse batches of epochs that it does not know yet.
            log.epochs = EpochHistory::default();
            log.epochs_dirty = true;
        }
        match log.unchanged_since_checkpoint().filter(|_| !epochs_lost) {
            Some(checkpoint) => log.trust(checkpoint, &names.snapshots, &mut recovered)?,
            None => log.recover(epochs_lost, &names.snapshots, &mut recovered)?,
        }
        log.drop_snapshots(&names.snapshots)?;
        log.settle_cleaned()?;
        assert!(log.log_start.offset() <= log.log_end.offset(), "log start beyond log end");
        Ok((log, recovered))
    }

    /// The log start, and an end to segments below it: a deletion that a crash interrupted.
    fn find_start(&mut self) -> Result<(), StorageError> {
        let first = self.segments.first().map_or(Offset(0), |first| first.base);
        let Some(last) = self.checkpoint.last() else {
            self.log_start = LogStartOffset(first);
            return Ok(());
        };
        self.log_start = last.log_start;
        let start = last.log_start.offset();
        if self.segments.is_empty() && last.recovery_point > start {
            let reason = format!("records up to offset {} were synced", last.recovery_point);
            return Err(StorageError::Missing {
                path: SegmentName::plain(last.segment).log_path(&self.dir),
                reason,
            });
        }
        if first > start && !self.segments.is_empty() {
            let reason =
                format!("the log starts at offset {start}, but its first segment at {first}");
            return Err(StorageError::Missing {
                path: SegmentName::plain(start).log_path(&self.dir),
                reason,
            });
        }
        let gone = self.segments.iter().skip(1).filter(|next| next.base <= start).count();
        if gone > 0 {
            // What was read may be in the page cache only; what it says is acted on.
            self.checkpoint.force(&self.files, &self.dir, last)?;
        }
        for segment in self.segments.drain(..gone) {
            remove_segment(self.files.fs().as_ref(), &self.dir, segment.name)?;
        }
        Ok(())
    }

    /// Whether the checkpoint vouches for records, whose epochs must then be in their file.
    fn has_synced_records(&self) -> bool {
        let first = self.segments.first().map_or(Offset(0), |first| first.base);
        self.checkpoint.last().is_some_and(|last| last.recovery_point > first)
    }

    /// The checkpoint, if not a byte was appended after it.
    fn unchanged_since_checkpoint(&self) -> Option<Checkpoint> {
        let last = self.checkpoint.last()?;
        let active = self.segments.last()?;
        let same = active.base == last.segment && active.size == last.position;
        // Records that were never synced may be deleted, and the log then starts beyond them.
        let reached = last.log_start.offset() <= last.recovery_point;
        let whole = !last.cutting || crate::canary::is("cut_believed");
        (same && reached && whole).then_some(last)
    }

    /// Opens without looking for the end, and without a look at batches if producers are known.
    fn trust(
        &mut self,
        checkpoint: Checkpoint,
        snapshots: &[Offset],
        recovered: &mut Recovered,
    ) -> Result<(), StorageError> {
        self.log_end = LogEndOffset(checkpoint.recovery_point);
        self.synced_end = self.log_end;
        if let Some(active) = self.segments.last_mut() {
            active.max = Some(checkpoint.max);
        }
        match checkpoint.producers {
            ProducersAt::None => {}
            ProducersAt::Unknown => {
                self.sync.extra_snapshot = self.newest_extra(snapshots);
                self.producers = self.rebuilt_producers()?;
            }
            ProducersAt::Snapshot => {
                let at = checkpoint.recovery_point;
                if let Some(producers) = read_snapshot(self.files.fs().as_ref(), &self.dir, at)? {
                    self.producers = producers;
                    let of_segment = self.segments.iter().any(|segment| segment.base == at);
                    self.sync.extra_snapshot = (!of_segment).then_some(at);
                } else {
                    self.producers = self.rebuilt_producers()?;
                    recovered.producers_rebuilt = true;
                }
            }
        }
        Ok(())
    }

    /// Looks at all batches that may not have been synced.
    fn recover(
        &mut self,
        epochs_lost: bool,
        snapshots: &[Offset],
        recovered: &mut Recovered,
    ) -> Result<(), StorageError> {
        let known = self.checkpoint.last();
        let first = self.segments.first().map_or(self.log_start.offset(), |first| first.base);
        let found = Found {
            recovery_point: known.map_or(first, |last| last.recovery_point),
            known,
            epochs_lost,
            history: EpochHistory::default(),
        };
        let recovery_point = found.recovery_point;
        if self.segments.is_empty() {
            self.begin_segment(self.log_start.offset())?;
            self.log_end = LogEndOffset(self.log_start.offset());
        } else {
            self.recover_segments(found, recovered)?;
        }
        // A segment may have been begun just before the process was killed.
        self.sync.names |= !crate::canary::is("names_believed");
        // A checkpoint that was forced before anything was synced vouches for no name at all.
        if known.is_none_or(|known| known.position == 0) {
            self.doubt_names()?;
        }
        if known.is_some_and(|known| known.cutting) && !crate::canary::is("cut_believed") {
            self.sync_length()?;
        }
        self.synced_end = LogEndOffset(recovery_point).min(self.log_end);
        self.skip_to_start()?;
        self.mend_snapshots(snapshots, recovery_point)?;
        self.sync.extra_snapshot = self.newest_extra(snapshots);
        self.producers = self.rebuilt_producers()?;
        recovered.producers_rebuilt = !self.producers.is_empty();
        recovered.epochs_rebuilt = epochs_lost && !self.epochs.entries().is_empty();
        Ok(())
    }

    /// Looks at the snapshots of segments that no sync has covered, which are those from the recovery
    /// point on: a damaged one goes, and a whole one is written again for the next sync, since it may
    /// be in the page cache only.
    fn mend_snapshots(
        &mut self,
        found: &[Offset],
        recovery_point: Offset,
    ) -> Result<(), StorageError> {
        for offset in found.iter().copied().filter(|offset| *offset >= recovery_point) {
            let of_segment = self.segments.iter().any(|segment| segment.base == offset);
            let fs = self.files.fs().as_ref();
            if !of_segment || read_snapshot(fs, &self.dir, offset)?.is_none() {
                continue;
            }
            let path = snapshot_path(&self.dir, offset);
            if let Some(bytes) = read_small(fs, &path)? {
                let file = self.files.existing(path.clone());
                file.write_all_at(&bytes, 0)
                    .map_err(|err| StorageError::io("writing again", &path, err))?;
                self.sync.files.push(file);
            }
        }
        Ok(())
    }

    /// The newest snapshot that a checkpoint took between segments' bases, if its offset is there.
    fn newest_extra(&self, found: &[Offset]) -> Option<Offset> {
        let end = self.log_end.offset();
        let of_segment = |offset| self.segments.iter().any(|segment| segment.base == offset);
        found.iter().copied().filter(|offset| *offset <= end && !of_segment(*offset)).max()
    }

    /// A truncation that was not seen to its end is made stable with the next sync.
    fn sync_length(&mut self) -> Result<(), StorageError> {
        let active = last_of(&mut self.segments);
        let (path, size) = (active.name.log_path(&self.dir), active.size);
        let file = Arc::clone(active.file(&self.files, &self.dir));
        file.truncate(size).map_err(|err| StorageError::io("cutting", &path, err))?;
        self.sync.files.push(file);
        Ok(())
    }

    /// Without a checkpoint of synced bytes nothing says that the log's names ever became stable.
    fn doubt_names(&mut self) -> Result<(), StorageError> {
        self.sync.names = true;
        self.sync.parent = true;
        let path = self.dir.join(IDENTITY_FILE);
        if let Some(bytes) = read_small(self.files.fs().as_ref(), &path)? {
            let file = self.files.existing(path.clone());
            file.write_all_at(&bytes, 0)
                .map_err(|err| StorageError::io("writing again", &path, err))?;
            self.sync.files.push(file);
        }
        Ok(())
    }

    /// What is left ends below the log start, by a crash or a cut: goes on at the start.
    pub(super) fn skip_to_start(&mut self) -> Result<(), StorageError> {
        let start = self.log_start.offset();
        if self.log_end.offset() >= start {
            return Ok(());
        }
        self.call_off_swap()?;
        self.forget_cleaned()?;
        if let Some(last) = self.checkpoint.last() {
            self.checkpoint.force(&self.files, &self.dir, last)?;
        }
        for segment in self.segments.drain(..) {
            remove_segment(self.files.fs().as_ref(), &self.dir, segment.name)?;
        }
        self.indexer = None;
        self.epochs_dirty |= self.epochs.truncate_end(start);
        self.log_end = LogEndOffset(start);
        self.synced_end = self.log_end;
        self.begin_segment(start)?;
        self.sync_names()
    }

    pub(super) fn begin_segment(&mut self, base: Offset) -> Result<(), StorageError> {
        let path = SegmentName::plain(base).log_path(&self.dir);
        let file = self
            .files
            .create_new(path.clone())
            .map_err(|err| StorageError::io("creating", &path, err))?;
        self.segments.push(Segment::created(base, file));
        self.sync.names = true;
        Ok(())
    }

    /// Removes snapshots that belong to no segment and to no checkpoint.
    fn drop_snapshots(&self, found: &[Offset]) -> Result<(), StorageError> {
        let mut dropped = false;
        for offset in found {
            let of_segment = self.segments.iter().any(|segment| segment.base == *offset);
            if !of_segment && self.sync.extra_snapshot != Some(*offset) {
                remove_if_there(self.files.fs().as_ref(), &snapshot_path(&self.dir, *offset))?;
                dropped = true;
            }
        }
        // One that came back could be taken for that of a later segment.
        if dropped { self.sync_names() } else { Ok(()) }
    }
}

/// Removes a log's directory with all that is in it; stable when this returns.
///
/// It is renamed first, so that a crash half way leaves nothing that could be taken for a log.
pub fn remove_log(fs: &dyn Vfs, dir: &Path) -> Result<(), StorageError> {
    let mut name = dir.as_os_str().to_os_string();
    name.push(DELETED_SUFFIX);
    let doomed = PathBuf::from(name);
    let failed = |doing| move |err| StorageError::io(doing, dir, err);
    match fs.remove_dir_all(&doomed) {
        Err(err) if err.kind() != ErrorKind::NotFound => return Err(failed("removing")(err)),
        Ok(()) | Err(_) => {}
    }
    fs.rename(dir, &doomed).map_err(failed("renaming"))?;
    sync_parent(fs, dir).map_err(failed("syncing the directory of"))?;
    fs.remove_dir_all(&doomed).map_err(failed("removing"))
}

/// What a directory ends in while it is being removed.
pub const DELETED_SUFFIX: &str = "-delete";

/// The epoch history, and in what state its file is.
fn read_epochs(fs: &dyn Vfs, dir: &Path) -> Result<(EpochHistory, EpochsFile), StorageError> {
    let path = dir.join(EPOCHS_FILE);
    let Some(bytes) = read_small(fs, &path)? else {
        return Ok((EpochHistory::default(), EpochsFile::Missing));
    };
    match EpochHistory::from_bytes(&bytes) {
        Ok(epochs) => Ok((epochs, EpochsFile::Whole(crc32c::crc32c(&bytes)))),
        Err(Ok(version)) => Err(EPOCHS_FORMAT.unknown_version(&path, version)),
        Err(Err(_)) => Ok((EpochHistory::default(), EpochsFile::Damaged)),
    }
}

/// In what state the epochs' file was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EpochsFile {
    /// With this CRC.
    Whole(u32),
    Damaged,
    /// As it is before the first checkpoint of a log with records.
    Missing,
}
