//! Finding the place of an offset in a segment: by a hint, by the index, by reading headers.

use std::path::Path;
use std::sync::Arc;

use super::{Log, last_of};
use crate::batch::{BatchHeader, HEADER_BYTES};
use crate::checkpoint::Checkpoint;
use crate::segment::{
    Damaged, Entry, HeaderScan, IndexView, Indexer, OffsetEntry, PASS_CHUNK_BYTES,
    SEEK_CHUNK_BYTES, Segment, SegmentName, TimeEntry,
};
use crate::vfs::VfsFile;
use crate::{Offset, StorageError};

/// A batch boundary: a batch with this base offset begins there, or the segment ends there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Boundary {
    pub(super) position: u64,
    pub(super) offset: Offset,
}

impl Log {
    /// Where the batch that holds `target`, or the next one behind it, begins.
    pub(super) fn seek(&mut self, at: usize, target: Offset) -> Result<Boundary, StorageError> {
        let Some(segment) = self.segments.get(at) else {
            return Ok(Boundary { position: 0, offset: target });
        };
        let (base, size) = (segment.base, segment.size);
        if target >= self.segment_end(at) {
            return Ok(Boundary { position: size, offset: self.segment_end(at) });
        }
        if let Some(position) = self.hints.find(base, target) {
            return Ok(Boundary { position, offset: target });
        }
        let start = self.last_entry(at, |entry| base.plus(u64::from(entry.relative)) <= target)?;
        self.walk(at, start, |_, header| header.next_offset() <= target)
    }

    /// The last batch boundary of a segment that is not beyond `limit`, from `from` on.
    pub(super) fn last_boundary(
        &mut self,
        at: usize,
        from: Boundary,
        limit: u64,
    ) -> Result<Boundary, StorageError> {
        let start = self.last_entry(at, |entry| u64::from(entry.position) <= limit)?;
        let start = if start.position > from.position { start } else { from };
        self.walk(at, start, |position, header| position + header.size as u64 <= limit)
    }

    /// Walks batches from `start` while `pass` holds; the boundary before the first that fails.
    fn walk(
        &mut self,
        at: usize,
        start: Boundary,
        pass: impl Fn(u64, &BatchHeader) -> bool,
    ) -> Result<Boundary, StorageError> {
        let end = self.segment_end(at);
        let Some(segment) = self.segments.get_mut(at) else { return Ok(start) };
        let (path, size) = (segment.name.log_path(&self.dir), segment.size);
        let handle = segment.handle(&self.files, &self.dir)?;
        let mut scan = HeaderScan::new(handle, start.position, size, SEEK_CHUNK_BYTES);
        // The index says which batch begins here; the file has the last word.
        let mut expected = start.offset;
        while let Some((position, header)) = scan.next().map_err(|err| err.into_storage(&path))? {
            let found = header.base_offset;
            if found != expected || found >= end {
                let reason = format!("offset {found} stands where {expected} must");
                return Err(StorageError::corrupt(&path, position, reason));
            }
            if !pass(position, &header) {
                return Ok(Boundary { position, offset: found });
            }
            expected = header.next_offset();
        }
        if expected != end {
            let reason =
                format!("it ends at offset {expected}, but records up to {end} were in it");
            return Err(StorageError::corrupt(&path, size, reason));
        }
        Ok(Boundary { position: size, offset: end })
    }

    /// The last offset entry for which `holds`, as a boundary; else the segment's start.
    fn last_entry(
        &mut self,
        at: usize,
        holds: impl Fn(&OffsetEntry) -> bool,
    ) -> Result<Boundary, StorageError> {
        let Some(segment) = self.segments.get(at) else {
            return Ok(Boundary { position: 0, offset: self.log_end.offset() });
        };
        let Segment { base, name, size, .. } = *segment;
        let start = Boundary { position: 0, offset: base };
        // A segment this small is read through as fast as its index.
        if size <= self.config.index_interval_bytes {
            return Ok(start);
        }
        for attempt in 0..2 {
            let found = self.offset_view(at)?.and_then(|view| view.last_where(&holds));
            match found {
                Ok(Some(entry)) if self.confirms(at, entry)? => {
                    let offset = base.plus(u64::from(entry.relative));
                    return Ok(Boundary { position: u64::from(entry.position), offset });
                }
                Ok(Some(_)) | Err(Damaged::Rebuild) if attempt == 0 => self.rebuild_indexes(at)?,
                // Without an index a look-up is slower, not wrong.
                Ok(_) | Err(Damaged::Rebuild) => return Ok(start),
                Err(damaged) => return Err(self.index_error::<OffsetEntry>(name, damaged)),
            }
        }
        Ok(start)
    }

    /// Whether the batch that an index entry speaks of stands there.
    fn confirms(&mut self, at: usize, entry: OffsetEntry) -> Result<bool, StorageError> {
        let Some(segment) = self.segments.get_mut(at) else { return Ok(false) };
        let Segment { base, name, size, .. } = *segment;
        let position = u64::from(entry.position);
        if position + HEADER_BYTES as u64 > size {
            return Ok(false);
        }
        let mut bytes = [0; HEADER_BYTES];
        segment
            .handle(&self.files, &self.dir)?
            .read_exact_at(&mut bytes, position)
            .map_err(|err| StorageError::io("reading", &name.log_path(&self.dir), err))?;
        let offset = base.plus(u64::from(entry.relative));
        Ok(BatchHeader::parse(&bytes).is_ok_and(|header| header.base_offset == offset))
    }

    /// The offset index of a segment.
    fn offset_view(
        &mut self,
        at: usize,
    ) -> Result<Result<IndexView<'_, OffsetEntry>, Damaged>, StorageError> {
        if at + 1 == self.segments.len() {
            self.ensure_indexer()?;
        }
        let last = at + 1 == self.segments.len();
        let Some(segment) = self.segments.get_mut(at) else { return Ok(Err(Damaged::Rebuild)) };
        let [index, _] = segment.indexes(&self.files, &self.dir);
        let index = Arc::clone(index);
        let base = segment.base;
        Ok(match self.indexer.as_ref().filter(|_| last) {
            Some(indexer) => {
                let pending = &indexer.offsets;
                open_if(pending.on_disk > 0, || index.handle()).and_then(|file| {
                    IndexView::active(file, base, pending.on_disk, &pending.entries)
                })
            }
            None => open_if(true, || index.handle())
                .and_then(|file| file.ok_or(Damaged::Rebuild))
                .and_then(|file| IndexView::whole(file, base)),
        })
    }

    /// The time index of a segment.
    pub(super) fn time_view(
        &mut self,
        at: usize,
    ) -> Result<Result<IndexView<'_, TimeEntry>, Damaged>, StorageError> {
        if at + 1 == self.segments.len() {
            self.ensure_indexer()?;
        }
        let last = at + 1 == self.segments.len();
        let Some(segment) = self.segments.get_mut(at) else { return Ok(Err(Damaged::Rebuild)) };
        let [_, index] = segment.indexes(&self.files, &self.dir);
        let index = Arc::clone(index);
        let base = segment.base;
        Ok(match self.indexer.as_ref().filter(|_| last) {
            Some(indexer) => {
                let pending = &indexer.times;
                open_if(pending.on_disk > 0, || index.handle()).and_then(|file| {
                    IndexView::active(file, base, pending.on_disk, &pending.entries)
                })
            }
            None => open_if(true, || index.handle())
                .and_then(|file| file.ok_or(Damaged::Rebuild))
                .and_then(|file| IndexView::whole(file, base)),
        })
    }

    pub(super) fn index_error<E: Entry>(
        &self,
        name: SegmentName,
        damaged: Damaged,
    ) -> StorageError {
        let path = if E::FORMAT == OffsetEntry::FORMAT {
            name.index_path(&self.dir)
        } else {
            name.time_index_path(&self.dir)
        };
        match damaged {
            Damaged::Version(format, found) => format.unknown_version(&path, found),
            Damaged::Io(err) => StorageError::io("reading", &path, err),
            Damaged::Rebuild => StorageError::corrupt(&path, 0, "it cannot be rebuilt"),
        }
    }

    /// Makes the indexes of a segment anew out of its batches.
    pub(super) fn rebuild_indexes(&mut self, at: usize) -> Result<(), StorageError> {
        let sealed = at + 1 < self.segments.len();
        let interval = self.config.index_interval_bytes;
        let Some(segment) = self.segments.get_mut(at) else { return Ok(()) };
        let mut indexer = index_segment(segment, &self.files, &self.dir, interval)?;
        segment.close_indexes();
        segment.max = Some(indexer.max);
        if sealed {
            segment.sealed_at = self.opened;
            indexer.seal(self.opened);
            // On a full volume the look-up goes without.
            let _ = indexer.flush(self.files.fs().as_ref(), &self.dir);
        } else {
            self.indexer = Some(indexer);
        }
        Ok(())
    }

    /// Makes sure that the active segment's indexes can be added to.
    pub(super) fn ensure_indexer(&mut self) -> Result<(), StorageError> {
        if self.indexer.is_some() {
            return Ok(());
        }
        let at = self.segments.len() - 1;
        match self.resumed_indexer() {
            Ok(indexer) => self.indexer = Some(indexer),
            Err(Damaged::Rebuild) => self.rebuild_indexes(at)?,
            Err(damaged) => {
                let name = last_of(&mut self.segments).name;
                return Err(self.index_error::<OffsetEntry>(name, damaged));
            }
        }
        Ok(())
    }

    fn resumed_indexer(&mut self) -> Result<Indexer, Damaged> {
        let segment = last_of(&mut self.segments);
        let Segment { base, name, size, .. } = *segment;
        if size == 0 {
            return Ok(Indexer::new(name));
        }
        let max = segment.max.ok_or(Damaged::Rebuild)?;
        let [index, times] = segment.indexes(&self.files, &self.dir).clone();
        let (mut offsets, mut last) = (0, None);
        if let Some(file) = open_existing(|| index.handle())? {
            let view = IndexView::<OffsetEntry>::whole(file, base)?;
            offsets = view.count();
            last = offsets.checked_sub(1).map(|last| view.entry(last)).transpose()?;
            if last.is_some_and(|last| u64::from(last.position) >= size) {
                return Err(Damaged::Rebuild);
            }
        }
        let (mut indexed, mut times_count) = (None, 0);
        if let Some(file) = open_existing(|| times.handle())? {
            let view = IndexView::<TimeEntry>::whole(file, base)?;
            times_count = view.count();
            if let Some(last) = times_count.checked_sub(1) {
                let entry = view.entry(last)?;
                if entry.is_seal() {
                    return Err(Damaged::Rebuild);
                }
                indexed = Some(entry.timestamp);
            }
        }
        let at = self.segments.len() - 1;
        let resumed = Indexer::resume(name, offsets, times_count, indexed, max);
        self.caught_up(at, resumed, last, size)
    }

    /// Indexes what lies between the last entry on disk and `until`: entries that were still in
    /// memory when the process was killed.
    fn caught_up(
        &mut self,
        at: usize,
        mut indexer: Indexer,
        last: Option<OffsetEntry>,
        until: u64,
    ) -> Result<Indexer, Damaged> {
        let interval = self.config.index_interval_bytes;
        let from = last.map_or(0, |last| u64::from(last.position));
        if until.saturating_sub(from) <= 2 * interval {
            return Ok(indexer);
        }
        if let Some(last) = last
            && !self.confirms(at, last).map_err(|_| Damaged::Rebuild)?
        {
            return Err(Damaged::Rebuild);
        }
        let segment = self.segments.get_mut(at).ok_or(Damaged::Rebuild)?;
        let handle = segment.handle(&self.files, &self.dir).map_err(|_| Damaged::Rebuild)?;
        let mut scan = HeaderScan::new(handle, from, until, PASS_CHUNK_BYTES);
        while let Some((position, header)) = scan.next().map_err(|_| Damaged::Rebuild)? {
            indexer.note(&header, position, interval);
        }
        Ok(indexer)
    }

    /// Goes on with the indexes of a segment from a checkpoint inside of it.
    pub(super) fn indexer_below(
        &mut self,
        at: usize,
        known: Checkpoint,
    ) -> Result<Indexer, Damaged> {
        let segment = self.segments.get_mut(at).ok_or(Damaged::Rebuild)?;
        let Segment { base, name, .. } = *segment;
        let [index, times] = segment.indexes(&self.files, &self.dir).clone();
        let (mut offsets, mut last) = (0, None);
        if let Some(file) = open_existing(|| index.handle())? {
            let view = IndexView::<OffsetEntry>::whole(file, base)?;
            let below = |entry: &OffsetEntry| u64::from(entry.position) < known.position;
            (offsets, last) = view.prefix_where(below)?;
        }
        let (mut times_count, mut indexed) = (0, None);
        if let Some(file) = open_existing(|| times.handle())? {
            let view = IndexView::<TimeEntry>::whole(file, base)?;
            let below = |entry: &TimeEntry| {
                !entry.is_seal() && base.plus(u64::from(entry.relative)) < known.recovery_point
            };
            let (count, entry) = view.prefix_where(below)?;
            (times_count, indexed) = (count, entry.map(|entry| entry.timestamp));
        }
        if let Some(last) = last
            && !self.confirms(at, last).map_err(|_| Damaged::Rebuild)?
        {
            return Err(Damaged::Rebuild);
        }
        let resumed = Indexer::resume(name, offsets, times_count, indexed, known.max);
        self.caught_up(at, resumed, last, known.position)
    }

    /// Writes index entries out that are still in memory.
    pub(super) fn flush_indexes(&mut self) -> Result<(), StorageError> {
        let Some(indexer) = &mut self.indexer else { return Ok(()) };
        let fresh = indexer.offsets.on_disk == 0 || indexer.times.on_disk == 0;
        indexer.flush(self.files.fs().as_ref(), &self.dir)?;
        if fresh {
            // A file may have been replaced by one of the same name.
            last_of(&mut self.segments).close_indexes();
        }
        Ok(())
    }
}

/// Indexes all batches of a segment, by their headers.
fn index_segment(
    segment: &mut Segment,
    files: &Arc<crate::OpenFiles>,
    dir: &Path,
    interval: u64,
) -> Result<Indexer, StorageError> {
    let path = segment.name.log_path(dir);
    let mut indexer = Indexer::new(segment.name);
    let handle = segment.handle(files, dir)?;
    let mut scan = HeaderScan::new(handle, 0, segment.size, PASS_CHUNK_BYTES);
    while let Some((position, header)) = scan.next().map_err(|err| err.into_storage(&path))? {
        indexer.note(&header, position, interval);
    }
    Ok(indexer)
}

type Opened = std::io::Result<Arc<dyn VfsFile>>;

fn open_if(
    wanted: bool,
    open: impl FnOnce() -> Opened,
) -> Result<Option<Arc<dyn VfsFile>>, Damaged> {
    if !wanted {
        return Ok(None);
    }
    match open() {
        Ok(file) => Ok(Some(file)),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => Err(Damaged::Rebuild),
        Err(err) => Err(Damaged::Io(err)),
    }
}

fn open_existing(open: impl FnOnce() -> Opened) -> Result<Option<Arc<dyn VfsFile>>, Damaged> {
    match open() {
        Ok(file) => Ok(Some(file)),
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(err) => Err(Damaged::Io(err)),
    }
}
