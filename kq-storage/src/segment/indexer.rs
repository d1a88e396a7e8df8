//! Makes the index entries of a segment as its batches come, and writes them out now and then.

use std::path::Path;

use super::index::{Entry, OffsetEntry, TimeEntry, entry_at, header_bytes, put_entry};
use super::{MaxTimestamp, SegmentName};
use crate::batch::BatchHeader;
use crate::format::remove_if_there;
use crate::vfs::{OpenMode, Vfs};
use crate::{Offset, StorageError, TimestampMs};

/// Entries kept in memory before they are written out: a page of the file.
const PENDING_MAX: usize = 340;

/// The indexes of the segment that is being written, or rebuilt.
#[derive(Debug)]
pub(crate) struct Indexer {
    name: SegmentName,
    /// Bytes since the last entry.
    since_entry: u64,
    pub(crate) offsets: Pending<OffsetEntry>,
    pub(crate) times: Pending<TimeEntry>,
    /// The timestamp of the last time entry.
    indexed_max: Option<TimestampMs>,
    /// The greatest timestamp so far.
    pub(crate) max: MaxTimestamp,
}

/// Entries on disk, by number, and those that follow them in memory.
#[derive(Debug)]
pub(crate) struct Pending<E> {
    pub(crate) on_disk: u32,
    pub(crate) entries: Vec<E>,
}

impl<E> Pending<E> {
    const fn after(on_disk: u32) -> Self {
        Self { on_disk, entries: Vec::new() }
    }
}

impl Indexer {
    /// For a segment without batches, or one that is read from its start.
    pub(crate) const fn new(name: SegmentName) -> Self {
        Self {
            name,
            since_entry: 0,
            offsets: Pending::after(0),
            times: Pending::after(0),
            indexed_max: None,
            max: None,
        }
    }

    /// Goes on behind the entries that are on disk; `indexed` is the last time entry's timestamp.
    pub(crate) const fn resume(
        name: SegmentName,
        offsets: u32,
        times: u32,
        indexed: Option<TimestampMs>,
        max: MaxTimestamp,
    ) -> Self {
        Self {
            name,
            since_entry: 0,
            offsets: Pending::after(offsets),
            times: Pending::after(times),
            indexed_max: indexed,
            max,
        }
    }

    /// Notes a batch at `position`. Tells whether it is time to write entries out.
    pub(crate) fn note(&mut self, header: &BatchHeader, position: u64, interval: u64) -> bool {
        if let Some(timestamp) = header.max_timestamp
            && self.max.is_none_or(|(max, _)| timestamp > max)
        {
            self.max = Some((timestamp, header.last_offset()));
        }
        if self.since_entry > interval {
            self.add_entries(header.base_offset, position);
            self.since_entry = 0;
        }
        self.since_entry += header.size as u64;
        self.offsets.entries.len() >= PENDING_MAX
    }

    fn add_entries(&mut self, base_offset: Offset, position: u64) {
        let relative = u32::try_from(base_offset.since(self.name.base));
        if let (Ok(relative), Ok(position)) = (relative, u32::try_from(position)) {
            self.offsets.entries.push(OffsetEntry { relative, position });
        }
        self.add_time_entry();
    }

    fn add_time_entry(&mut self) {
        let Some((timestamp, offset)) = self.max else { return };
        if self.indexed_max.is_some_and(|indexed| indexed >= timestamp) {
            return;
        }
        if let Ok(relative) = u32::try_from(offset.since(self.name.base)) {
            self.times.entries.push(TimeEntry { timestamp, relative });
            self.indexed_max = Some(timestamp);
        }
    }

    /// Whether entries have been written out.
    pub(crate) const fn is_on_disk(&self) -> bool {
        self.offsets.on_disk > 0 || self.times.on_disk > 0
    }

    /// Closes the time index: its last entry is the segment's greatest timestamp.
    pub(crate) fn seal(&mut self, now: TimestampMs) {
        self.add_time_entry();
        self.times.entries.push(TimeEntry::seal(now));
    }

    /// The segment is called otherwise from here on; nothing may be on disk yet.
    pub(crate) fn rename(&mut self, name: SegmentName) {
        assert!(name.base == self.name.base && !self.is_on_disk(), "indexes of another segment");
        self.name = name;
    }

    /// Writes out what is in memory. Not synced: what a crash takes is rebuilt.
    pub(crate) fn flush(&mut self, fs: &dyn Vfs, dir: &Path) -> Result<(), StorageError> {
        let name = self.name;
        flush_one(&mut self.offsets, name.base, fs, &name.index_path(dir))?;
        flush_one(&mut self.times, name.base, fs, &name.time_index_path(dir))
    }
}

fn flush_one<E: Entry>(
    pending: &mut Pending<E>,
    base: Offset,
    fs: &dyn Vfs,
    path: &Path,
) -> Result<(), StorageError> {
    if pending.entries.is_empty() {
        return Ok(());
    }
    let mut bytes = Vec::new();
    let mut at = entry_at::<E>(pending.on_disk);
    if pending.on_disk == 0 {
        // A file left over from an earlier segment of this name must not shine through.
        remove_if_there(fs, path)?;
        bytes = header_bytes::<E>(base);
        at = 0;
    }
    for entry in &pending.entries {
        put_entry(entry, base, &mut bytes);
    }
    let failed = |err| StorageError::io("writing", path, err);
    let file = fs.open(path, OpenMode::CreateOrOpen).map_err(failed)?;
    file.write_all_at(&bytes, at).map_err(failed)?;
    // Cuts entries of a longer life that a crash or a failed write left behind.
    file.truncate(at + bytes.len() as u64).map_err(failed)?;
    pending.on_disk += u32::try_from(pending.entries.len()).unwrap_or(u32::MAX);
    pending.entries.clear();
    pending.entries.shrink_to_fit();
    Ok(())
}
