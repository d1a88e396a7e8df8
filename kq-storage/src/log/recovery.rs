//! Recovery after a crash: verify above the recovery point, cut a torn tail, refuse the rest.
//!
//! ```text
//!   segment 0        segment 40                     segment 90
//!   [ trusted ]      [ headers only | CRC checked ] [ CRC checked, torn ]
//!                                   ^                           ^
//!                          recovery point                   cut here
//! ```
//! What is below the recovery point was synced. A batch there that does not verify is corruption:
//! the log is refused with file, position and reason, for cutting would lose what was acknowledged.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::names::{remove_indexes, remove_segment};
use super::open::{Cut, Recovered};
use super::seek::Boundary;
use super::{Log, last_of};
use crate::batch::BatchHeader;
use crate::checkpoint::Checkpoint;
use crate::epochs::EpochHistory;
use crate::open_files::PooledFile;
use crate::segment::{HeaderScan, Indexer, PASS_CHUNK_BYTES, ScanError, Segment, SegmentName};
use crate::{LogEndOffset, Offset, StorageError};

/// What is known before any batch was looked at.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) recovery_point: Offset,
    pub(super) known: Option<Checkpoint>,
    pub(super) epochs_lost: bool,
    pub(super) history: EpochHistory,
}

/// What is wrong, and where.
struct Torn {
    place: Boundary,
    reason: String,
}

impl Log {
    /// Scans every segment that reaches above the recovery point.
    pub(super) fn recover_segments(
        &mut self,
        found: Found,
        recovered: &mut Recovered,
    ) -> Result<(), StorageError> {
        let from = if found.epochs_lost { 0 } else { self.segment_of(found.recovery_point) };
        let from_base = self.segments.get(from).map_or(found.recovery_point, |at| at.base);
        // The file's history vouches for what was synced; for the rest it is made anew.
        let found = Found { history: self.epochs.clone(), ..found };
        let mut resumed = self.resumed_below(from, &found);
        let begin = if resumed.is_some() { found.recovery_point } else { from_base };
        self.epochs_dirty |= self.epochs.truncate_end(begin);
        let mut expected = begin;
        for at in from..self.segments.len() {
            recovered.segments_scanned += 1;
            let base = self.segments.get(at).map_or(expected, |segment| segment.base);
            let torn = if base > expected {
                let reason = format!("the segment at {base} does not follow offset {expected}");
                Some(Torn { place: Boundary { position: 0, offset: expected }, reason })
            } else {
                self.scan_segment(at, &found, resumed.take(), &mut expected)?
            };
            if let Some(torn) = torn {
                self.refuse_if_synced(at, &found, &torn)?;
                return self.cut(at, torn, recovered);
            }
        }
        self.log_end = LogEndOffset(expected);
        if expected < found.recovery_point {
            let path = last_of(&mut self.segments).name.log_path(&self.dir);
            let reason =
                format!("it ends at {expected}, but all below {} was synced", found.recovery_point);
            return Err(StorageError::corrupt(&path, 0, reason));
        }
        self.mark_unsynced()
    }

    /// Scans one segment; `expected` moves to the offset after its last good batch.
    fn scan_segment(
        &mut self,
        at: usize,
        found: &Found,
        resumed: Option<(Indexer, u64)>,
        expected: &mut Offset,
    ) -> Result<Option<Torn>, StorageError> {
        let last = at + 1 == self.segments.len();
        let interval = self.config.index_interval_bytes;
        let Some(segment) = self.segments.get_mut(at) else { return Ok(None) };
        let Segment { base, name, size, .. } = *segment;
        let path = name.log_path(&self.dir);
        let handle = segment.handle(&self.files, &self.dir)?;
        let synced = synced_bytes(found, base, size);
        let (mut indexer, mut good) = resumed.unwrap_or_else(|| (Indexer::new(name), 0));
        let mut scan = HeaderScan::new(handle, good, size, PASS_CHUNK_BYTES);
        *expected = (*expected).max(base);
        let torn = loop {
            let place = Boundary { position: good, offset: *expected };
            match self.next_good(&mut scan, found, place) {
                Ok(Some(header)) => {
                    if let Some(epoch) = header.leader_epoch {
                        self.epochs_dirty |= self.epochs.note(epoch, header.base_offset);
                    }
                    indexer.note(&header, good, interval);
                    good += header.size as u64;
                    *expected = header.next_offset();
                }
                Ok(None) => break None,
                Err(Stop::Io(err)) => return Err(StorageError::io("reading", &path, err)),
                Err(Stop::Bad(reason)) => break Some(Torn { place, reason }),
            }
        };
        self.keep_indexes(at, indexer, last || torn.is_some());
        if let Some(segment) = self.segments.get_mut(at) {
            segment.trusted.add(synced.min(good)..good);
        }
        Ok(torn)
    }

    /// The indexes of the segment that the recovery point lies in, up to there, and its position.
    ///
    /// What is below was synced and needs no look, unless its indexes do not tell of it.
    fn resumed_below(&mut self, at: usize, found: &Found) -> Option<(Indexer, u64)> {
        let known = found.known.filter(|_| !found.epochs_lost)?;
        let segment = self.segments.get(at)?;
        let inside = known.segment == segment.base && known.recovery_point > segment.base;
        if !inside || known.position == 0 || known.position > segment.size {
            return None;
        }
        // Indexes that are damaged are made again out of all batches.
        let indexer = self.indexer_below(at, known).ok()?;
        Some((indexer, known.position))
    }

    /// The next batch, verified if it lies above what is known to be synced.
    fn next_good(
        &self,
        scan: &mut HeaderScan,
        found: &Found,
        place: Boundary,
    ) -> Result<Option<BatchHeader>, Stop> {
        let Some((position, header)) = scan.next().map_err(Stop::of)? else { return Ok(None) };
        header.verify_follows(place.offset).map_err(Stop::Bad)?;
        if header.base_offset < found.recovery_point {
            found.history.verify(&header).map_err(Stop::Bad)?;
        } else {
            scan.verify(position, &header).map_err(Stop::of)?;
        }
        if header.leader_epoch.is_none() || header.leader_epoch < self.epochs.latest() {
            // Stale bytes of an earlier life of this file: epochs never go back.
            let (stands, last) = (header.leader_epoch, self.epochs.latest());
            return Err(Stop::Bad(format!("epoch {stands:?} follows epoch {last:?}")));
        }
        Ok(Some(header))
    }

    fn keep_indexes(&mut self, at: usize, mut indexer: Indexer, active: bool) {
        let Some(segment) = self.segments.get_mut(at) else { return };
        segment.close_indexes();
        segment.max = Some(indexer.max);
        if active {
            self.indexer = Some(indexer);
        } else {
            segment.sealed_at = self.opened;
            indexer.seal(self.opened);
            // Made again when it is needed, if it cannot be written now.
            let _ = indexer.flush(self.files.fs().as_ref(), &self.dir);
        }
    }

    fn refuse_if_synced(&self, at: usize, found: &Found, torn: &Torn) -> Result<(), StorageError> {
        if torn.place.offset >= found.recovery_point {
            return Ok(());
        }
        let plain = SegmentName::plain(Offset(0));
        let name = self.segments.get(at).map_or(plain, |segment| segment.name);
        let reason = format!(
            "{}; offsets below {} were synced, so nothing is cut",
            torn.reason, found.recovery_point
        );
        Err(StorageError::corrupt(&name.log_path(&self.dir), torn.place.position, reason))
    }

    /// Cuts the log at a torn batch, for good before anything is appended there.
    fn cut(
        &mut self,
        at: usize,
        torn: Torn,
        recovered: &mut Recovered,
    ) -> Result<(), StorageError> {
        let Torn { place, reason } = torn;
        let base = self.segments.get(at).map_or(place.offset, |segment| segment.base);
        // A segment that holds nothing good goes too, unless it is the first.
        let keep = if place.position == 0 && at > 0 && base > place.offset { at } else { at + 1 };
        let removed = self.segments.len() - keep;
        while self.segments.len() > keep {
            let Some(segment) = self.segments.pop() else { break };
            remove_segment(self.files.fs().as_ref(), &self.dir, segment.name)?;
        }
        // Indexes of the longer life must be gone for good before anything is appended.
        let kept = last_of(&mut self.segments).name;
        remove_indexes(self.files.fs().as_ref(), &self.dir, kept)?;
        if self.indexer.take_if(|indexer| indexer.is_on_disk()).is_some() {
            last_of(&mut self.segments).max = None;
        }
        self.sync_names()?;
        let segment = last_of(&mut self.segments);
        let path = segment.name.log_path(&self.dir);
        let position = if keep == at { segment.size } else { place.position };
        let bytes = segment.size - position;
        let cutting = |err| StorageError::io("cutting", &path, err);
        let file = segment.file(&self.files, &self.dir);
        file.truncate(position).map_err(cutting)?;
        file.sync_data().map_err(cutting)?;
        segment.size = position;
        self.log_end = LogEndOffset(place.offset);
        if keep == at {
            // The segment before was taken for sealed: its indexes are made again when needed.
            last_of(&mut self.segments).max = None;
            self.indexer = None;
        }
        recovered.segments_removed = removed;
        recovered.cut = Some(Cut { path, position, bytes, log_end: place.offset, reason });
        self.mark_unsynced()
    }

    /// What was read back may be in the page cache only: it is written again for the next sync.
    ///
    /// A sync that failed leaves pages that look clean though the disk never got them, and the
    /// process that was told of it may be gone. Syncing such pages does nothing; writing does.
    fn mark_unsynced(&mut self) -> Result<(), StorageError> {
        for segment in &mut self.segments {
            if segment.trusted.is_empty() {
                continue;
            }
            let path = segment.name.log_path(&self.dir);
            let file = Arc::clone(segment.file(&self.files, &self.dir));
            for range in segment.trusted.iter() {
                write_again(&file, range.clone())
                    .map_err(|err| StorageError::io("writing again", &path, err))?;
            }
            self.sync.files.push(file);
        }
        Ok(())
    }
}

/// Writes the bytes of `range` over themselves.
fn write_again(file: &Arc<PooledFile>, range: Range<u64>) -> io::Result<()> {
    if crate::canary::is("page_cache_believed") {
        return file.truncate(range.end);
    }
    let handle = file.handle()?;
    let mut at = range.start;
    while at < range.end {
        let len = (range.end - at).min(PASS_CHUNK_BYTES as u64);
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(PASS_CHUNK_BYTES)];
        handle.read_exact_at(&mut bytes, at)?;
        file.write_all_at(&bytes, at)?;
        at += len;
    }
    Ok(())
}

enum Stop {
    Io(std::io::Error),
    Bad(String),
}

impl Stop {
    fn of(err: ScanError) -> Self {
        match err {
            ScanError::Io(err) => Self::Io(err),
            ScanError::Bad(_, err) => Self::Bad(err.to_string()),
        }
    }
}

/// How many bytes of a segment are known to be synced.
fn synced_bytes(found: &Found, base: Offset, size: u64) -> u64 {
    match found.known {
        Some(known) if known.segment == base => known.position.min(size),
        Some(known) if base < known.segment => size,
        Some(_) | None => 0,
    }
}
