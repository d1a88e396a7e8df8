//! Compaction of this log: what a pass may touch, and how its segments take the place of others.
//!
//! ```text
//!   begin_compaction    locked: recovery point and `known to` become stable; what to read
//!   Compaction::step    keys are mapped, a group is written and synced, under a temporary name
//!   publish             locked: one rename
//!   Published::sync     the name becomes stable: from here on the group counts
//!   switch              locked: readers see it, its sources go
//!   finish_compaction   locked: how far all is clean
//! ```
//! "Locked" is what the owner of the log does under its lock; the rest needs none.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use super::Log;
use super::cleaned::Cleaned;
use super::names::{remove_all, remove_batches};
use crate::batch::{BatchHeader, HEADER_BYTES};
use crate::checkpoint::Checkpoint;
use crate::compact::{
    CompactedGroup, Compaction, Dirtiness, Keys, LastBatches, PassRules, SegmentFacts, Source,
    measure,
};
use crate::error::{LogDirOffline, SyncError};
use crate::format::{Stable, remove_if_there};
use crate::producers::Producers;
use crate::segment::{Segment, SegmentName, snapshot_path};
use crate::vfs::{Vfs, sync_dir};
use crate::{LogEndOffset, Offset, StorageError, TimestampMs, canary};

/// What a log knows of its compaction.
#[derive(Debug, Default)]
pub(super) struct CompactionState {
    /// As noted in the file.
    pub(super) cleaned: Option<Cleaned>,
    /// Counts what calls a pass off: records that were cut.
    rewrites: u64,
    /// Renamed, but not in the place of its sources yet.
    swap: Option<SegmentName>,
}

impl CompactionState {
    /// As it is found at opening.
    pub(super) fn noted(cleaned: Option<Cleaned>) -> Self {
        Self { cleaned, ..Self::default() }
    }
}

/// What a pass is asked for.
#[derive(Debug, Clone, Copy)]
pub struct CompactionRequest {
    /// No record at or above may be touched: the last stable offset.
    pub bound: Offset,
    /// The time of day.
    pub now: TimestampMs,
    /// Bytes that the map of keys may take.
    pub map_bytes_max: u64,
    /// Random: keys are hashed with it.
    pub seed: [u64; 2],
    /// Some replica may have a value but not its tombstone yet.
    pub keeps_tombstones: bool,
    /// Asked for by somebody: any dirty segment is reason enough.
    pub is_demanded: bool,
    /// Bytes that must stay free on the volume.
    pub spare_bytes: u64,
}

/// A group under its final name; nobody reads it yet.
#[derive(Debug)]
#[must_use = "a group that is published must be synced and switched to"]
pub struct Published {
    fs: Arc<dyn Vfs>,
    dir: PathBuf,
    group: CompactedGroup,
}

/// A group that a crash no longer undoes.
#[derive(Debug)]
#[must_use = "the log must be told"]
pub struct PublishedStable {
    group: CompactedGroup,
}

/// Segments that were replaced, with their open files. Dropping it closes them, which may take a
/// file system a while.
#[derive(Debug)]
pub struct Replaced {
    /// How many segments became one.
    pub segments: usize,
    /// Bytes that they took.
    pub bytes_before: u64,
    /// Bytes that the one takes.
    pub bytes_after: u64,
    _open: Vec<Segment>,
}

impl Published {
    /// Makes the group's name stable.
    pub fn sync(self) -> Result<PublishedStable, SyncError> {
        if !canary::is("names_not_synced_before_switch") {
            sync_dir(self.fs.as_ref(), &self.dir).map_err(|source| SyncError {
                doing: "syncing",
                path: self.dir.clone(),
                source,
            })?;
        }
        Ok(PublishedStable { group: self.group })
    }
}

impl Log {
    /// What of the log a pass could look at now, if no record at or above `bound` is touched.
    pub fn dirtiness(
        &mut self,
        bound: Offset,
        now: TimestampMs,
    ) -> Result<Dirtiness, StorageError> {
        let bound = self.compaction_bound(bound);
        let facts = self.segment_facts()?;
        Ok(measure(&facts, self.dirty_from(), bound, &self.config.compaction, now))
    }

    /// When the last pass ended.
    pub fn last_compacted(&self) -> Option<TimestampMs> {
        self.compaction.cleaned?.finished_at
    }

    /// Begins a pass, if one is due. Stable when this returns: nothing that it will look at is lost
    /// in a crash any more.
    pub fn begin_compaction(
        &mut self,
        request: CompactionRequest,
    ) -> Result<Option<Compaction>, StorageError> {
        self.refuse_offline()?;
        if !self.config.compact || self.compaction.swap.is_some() {
            return Ok(None);
        }
        let found = self.dirtiness(request.bound, request.now)?;
        let rules = &self.config.compaction;
        let is_wanted = if request.is_demanded { found.is_any() } else { found.is_due(rules) };
        let Some(last) = self.checkpoint.last().filter(|_| is_wanted) else { return Ok(None) };
        let begun = self.try_begin_compaction(request, found, last);
        begun.map(Some).map_err(|err| self.failed(err))
    }

    fn try_begin_compaction(
        &mut self,
        request: CompactionRequest,
        found: Dirtiness,
        last: Checkpoint,
    ) -> Result<Compaction, StorageError> {
        if !self.checkpoint.is_stable_from(found.until) {
            self.checkpoint.force(&self.files, &self.dir, last)?;
        }
        let noted = self.compaction.cleaned;
        self.note_cleaned(Cleaned {
            // Where that was lost, with care.
            known_to: noted.map_or(
                if self.is_rewritten() { self.log_end.offset() } else { found.until },
                |noted| noted.known_to.max(found.until),
            ),
            clean_end: noted.map_or(Offset(0), |noted| noted.clean_end),
            finished_at: noted.and_then(|noted| noted.finished_at),
        })?;
        let map_from = found.dirty_from.max(self.log_start.offset());
        let at_bound = self.producers_at(found.until)?;
        let rules = PassRules {
            fs: Arc::clone(self.files.fs()),
            dir: self.dir.clone(),
            epochs: self.epochs.clone(),
            map_from,
            log_start: self.log_start.offset(),
            now: request.now,
            delete_retention_ms: self.config.compaction.delete_retention_ms,
            keeps_tombstones: request.keeps_tombstones,
            last_of_producers: LastBatches::of(&at_bound, &self.producers),
            limits: self.config.decompress,
            codec: self.config.compression,
            segment_bytes: self.config.segment_bytes,
            index_interval_bytes: self.config.index_interval_bytes,
            spare_bytes: request.spare_bytes,
            rewrites: self.compaction.rewrites,
        };
        let keys = Keys::new(request.map_bytes_max, map_from, found.until, request.seed);
        let sources = self.sources(found.until)?;
        Ok(Compaction::new(rules, sources, keys))
    }

    /// Puts a group under its final name. `None`, and the group is thrown away, where the log has
    /// changed meanwhile, or where its tombstones are needed by now.
    pub fn publish(
        &mut self,
        mut group: CompactedGroup,
        keeps_tombstones: bool,
    ) -> Result<Option<Published>, StorageError> {
        self.refuse_offline()?;
        let is_stale = !self.config.compact
            || group.rewrites != self.compaction.rewrites
            || self.compaction.swap.is_some()
            || self.place_of(&group.sources).is_none()
            || (keeps_tombstones && group.tombstones_removed > 0);
        let Some(from) = group.temporary.path().filter(|_| !is_stale) else { return Ok(None) };
        let to = group.name.log_path(&self.dir);
        match self.files.fs().rename(from, &to) {
            Ok(()) => {}
            // The log was opened again, which removes what was being written.
            Err(err) if err.kind() == ErrorKind::NotFound => return Ok(None),
            Err(err) => return Err(self.failed(StorageError::io("renaming to", &to, err))),
        }
        group.temporary.take();
        self.compaction.swap = Some(group.name);
        let (fs, dir) = (Arc::clone(self.files.fs()), self.dir.clone());
        Ok(Some(Published { fs, dir, group }))
    }

    /// Lets readers see a group that is stable, and removes its sources. `None` if it was called off.
    pub fn switch(
        &mut self,
        outcome: Result<PublishedStable, SyncError>,
    ) -> Result<Option<Replaced>, LogDirOffline> {
        let group = match outcome {
            Ok(stable) => stable.group,
            Err(err) => return Err(self.taken_offline(&err.to_string())),
        };
        if self.compaction.swap != Some(group.name) {
            return Ok(None);
        }
        self.compaction.swap = None;
        let switched = self.try_switch(group);
        switched.map_err(|err| self.taken_offline(&err.to_string()))
    }

    fn try_switch(&mut self, group: CompactedGroup) -> Result<Option<Replaced>, StorageError> {
        let fs = Arc::clone(self.files.fs());
        let Some(at) = self.place_of(&group.sources) else {
            // Retention took some of them. Should it come back, it lies below the log start in part.
            remove_batches(fs.as_ref(), &self.dir, group.name)?;
            return Ok(None);
        };
        let mut segment = Segment::existing(group.name, group.size);
        segment.max = Some(group.max);
        segment.sealed_at = group.sealed_at;
        segment.trusted.add(0..group.size);
        let range = at..at + group.sources.len();
        let open: Vec<Segment> = self.segments.splice(range, [segment]).collect();
        if !canary::is("hints_kept") {
            self.hints.clear();
        }
        for replaced in &open {
            remove_batches(fs.as_ref(), &self.dir, replaced.name)?;
            if replaced.base != group.name.base {
                remove_if_there(fs.as_ref(), &snapshot_path(&self.dir, replaced.base))?;
            }
        }
        self.sync.names = true;
        Ok(Some(Replaced {
            segments: open.len(),
            bytes_before: open.iter().map(|segment| segment.size).sum(),
            bytes_after: group.size,
            _open: open,
        }))
    }

    /// Notes that a pass went through to its end; stable on return. False if the log was cut meanwhile.
    pub fn finish_compaction(
        &mut self,
        pass: &Compaction,
        now: TimestampMs,
    ) -> Result<bool, StorageError> {
        self.refuse_offline()?;
        let noted = self.compaction.cleaned;
        let Some(noted) = noted.filter(|_| pass.is_done() && self.has_not_been_cut(pass)) else {
            return Ok(false);
        };
        let clean_end = noted.clean_end.max(pass.until());
        let finished = Cleaned { clean_end, finished_at: Some(now), ..noted };
        self.note_cleaned(finished).map_err(|err| self.failed(err))?;
        Ok(true)
    }

    /// Whether what a pass has yet to read is still there: else its failure to read says nothing.
    pub fn is_current(&self, pass: &Compaction) -> bool {
        let is_there = |name| self.segments.iter().any(|segment| segment.name == name);
        self.config.compact && self.has_not_been_cut(pass) && pass.names_ahead().all(is_there)
    }

    const fn has_not_been_cut(&self, pass: &Compaction) -> bool {
        pass.rewrites() == self.compaction.rewrites
    }

    /// Undoes a rename that readers have not seen, and calls the pass off: records are about to be
    /// cut, which must not come back with it. Stable on return.
    pub(super) fn call_off_swap(&mut self) -> Result<(), StorageError> {
        self.compaction.rewrites += 1;
        let Some(name) = self.compaction.swap.take() else { return Ok(()) };
        if canary::is("swap_not_called_off") {
            return Ok(());
        }
        remove_batches(self.files.fs().as_ref(), &self.dir, name)?;
        self.sync_names()
    }

    /// Whether a log that is cut at `end` could lack records that it ought to have: those that gave
    /// way to newer ones which are cut.
    pub(super) fn is_known_beyond(&self, end: Offset) -> bool {
        let known_to = self.compaction.cleaned.map_or(self.log_end.offset(), |it| it.known_to);
        self.is_rewritten() && end < known_to && !canary::is("known_to_forgotten")
    }

    fn is_rewritten(&self) -> bool {
        self.segments.iter().any(|segment| segment.name.rewritten.is_some())
    }

    /// Forgets how far the log is clean, before it is cut below; stable on return.
    pub(super) fn forget_cleaned(&mut self) -> Result<(), StorageError> {
        if self.compaction.cleaned.is_some() {
            Cleaned::remove(self.files.fs().as_ref(), &self.dir)?;
            self.compaction.cleaned = None;
        }
        Ok(())
    }

    /// Forgets it as well if the log is to end at `end` and nothing stands that was rewritten.
    pub(super) fn forget_cleaned_beyond(&mut self, end: Offset) -> Result<(), StorageError> {
        match self.compaction.cleaned {
            Some(cleaned) if end < cleaned.known_to => self.forget_cleaned(),
            Some(_) | None => Ok(()),
        }
    }

    /// Takes every record away; the log goes on at its start. Stable on return. After a crash in
    /// between it is as it was, or ends somewhere before the first segment that was rewritten.
    pub(super) fn empty_at_start(&mut self) -> Result<LogEndOffset, StorageError> {
        let start = self.log_start.offset();
        self.sync.finished = None;
        self.hints.clear();
        self.indexer = None;
        self.producers = Producers::default();
        self.active_began.first_record = None;
        self.drop_extra_snapshot(None)?;
        // What was replaced must not come back once that which replaced it is gone.
        self.sync_names()?;
        self.epochs_dirty |= self.epochs.truncate_end(Offset(0));
        let here = Checkpoint {
            recovery_point: start,
            segment: start,
            log_start: self.log_start,
            cutting: true,
            epochs_crc: crc32c::crc32c(&self.epochs.to_bytes()),
            ..Checkpoint::default()
        };
        self.checkpoint.force(&self.files, &self.dir, here)?;
        self.write_epochs(Stable::Now)?;
        self.forget_cleaned()?;
        let names: Vec<SegmentName> = self.segments.drain(..).map(|segment| segment.name).collect();
        remove_all(self.files.fs().as_ref(), &self.dir, &names)?;
        self.log_end = LogEndOffset(start);
        self.synced_end = self.log_end;
        if let Some(mark) = &mut self.sync.in_flight {
            mark.cut(self.log_end);
        }
        self.begin_segment(start)?;
        self.sync_names()?;
        Ok(self.log_end)
    }

    /// Settles what was noted with what was found, at opening.
    pub(super) fn settle_cleaned(&mut self) -> Result<(), StorageError> {
        match self.compaction.cleaned {
            // A false clean end calls old values gone that are not, and their tombstones go.
            Some(noted) if noted.clean_end > self.log_end.offset() => self.forget_cleaned(),
            Some(_) | None => Ok(()),
        }
    }

    /// Each rewritten segment ends where the next one begins, and some segment takes appends.
    pub(super) fn refuse_missing_segments(&self) -> Result<(), StorageError> {
        for (at, segment) in self.segments.iter().enumerate() {
            let Some(end) = segment.name.end() else { continue };
            let next = self.segments.get(at + 1).map(|next| next.base);
            if next != Some(end) {
                let path = SegmentName::plain(end).log_path(&self.dir);
                let reason = format!("the segment before it ends at offset {end}");
                return Err(StorageError::Missing { path, reason });
            }
        }
        Ok(())
    }

    fn note_cleaned(&mut self, cleaned: Cleaned) -> Result<(), StorageError> {
        if self.compaction.cleaned != Some(cleaned) {
            cleaned.write(self.files.fs().as_ref(), &self.dir)?;
            self.compaction.cleaned = Some(cleaned);
        }
        Ok(())
    }

    /// The least of `bound`, the active segment's base and that of the recovery point's segment: a
    /// record that a crash may take must not be the reason to drop another.
    fn compaction_bound(&self, bound: Offset) -> Offset {
        let first = self.segments.first().map_or(Offset(0), |first| first.base);
        let active = self.segments.last().map_or(first, |active| active.base);
        if canary::is("compacts_unsynced") {
            return active;
        }
        bound.min(active).min(self.checkpoint.last().map_or(first, |last| last.segment))
    }

    fn dirty_from(&self) -> Offset {
        let cleaned = self.compaction.cleaned.map_or(Offset(0), |noted| noted.clean_end);
        let start = self.log_start.offset();
        if cleaned > self.log_end.offset() { start } else { cleaned.max(start) }
    }

    fn segment_facts(&mut self) -> Result<Vec<SegmentFacts>, StorageError> {
        let rules = self.config.compaction;
        let dirty_from = self.dirty_from();
        let mut facts = Vec::with_capacity(self.segments.len());
        for at in 0..self.segments.len().saturating_sub(1) {
            let end = self.segment_end(at);
            let is_dirty = end > dirty_from;
            let newest = if is_dirty && rules.lag_min_ms > 0 {
                self.newest_time(at)?
            } else {
                TimestampMs(0)
            };
            let first =
                if is_dirty && rules.lag_max_ms.is_some() { self.first_time(at)? } else { None };
            let Some(segment) = self.segments.get(at) else { break };
            let (base, size) = (segment.base, segment.size);
            facts.push(SegmentFacts { base, end, size, newest, first });
        }
        Ok(facts)
    }

    /// Max timestamp of a sealed segment's first batch.
    fn first_time(&mut self, at: usize) -> Result<Option<TimestampMs>, StorageError> {
        let Some(segment) = self.segments.get_mut(at) else { return Ok(None) };
        if let Some(known) = segment.first {
            return Ok(known);
        }
        let path = segment.name.log_path(&self.dir);
        let mut bytes = [0; HEADER_BYTES];
        let handle = segment.handle(&self.files, &self.dir)?;
        let read = handle.read_exact_at(&mut bytes, 0);
        read.map_err(|err| StorageError::io("reading", &path, err))?;
        let parsed = BatchHeader::parse(&bytes);
        let header = parsed.map_err(|err| StorageError::corrupt(&path, 0, err))?;
        segment.first = Some(header.max_timestamp);
        Ok(header.max_timestamp)
    }

    fn sources(&mut self, until: Offset) -> Result<Vec<Source>, StorageError> {
        let mut sources = Vec::new();
        for at in 0..self.segments.len().saturating_sub(1) {
            let end = self.segment_end(at);
            if end > until {
                break;
            }
            let newest = self.newest_time(at)?;
            let Some(segment) = self.segments.get(at) else { break };
            let (name, size) = (segment.name, segment.size);
            sources.push(Source { name, end, size, newest, plain_records: None });
        }
        Ok(sources)
    }

    /// Where these segments stand, one after the other.
    fn place_of(&self, names: &[SegmentName]) -> Option<usize> {
        let at = self.segments.iter().position(|segment| Some(&segment.name) == names.first())?;
        let found = self.segments.get(at..at + names.len())?.iter().map(|segment| segment.name);
        // The active one is never among them.
        (found.eq(names.iter().copied()) && at + names.len() < self.segments.len()).then_some(at)
    }

    fn taken_offline(&mut self, reason: &str) -> LogDirOffline {
        let reason: Arc<str> = reason.into();
        self.offline.get_or_insert_with(|| Arc::clone(&reason));
        LogDirOffline { dir: self.dir.clone(), reason }
    }
}
