//! The two sparse indexes of a segment: their entries, their files and the search in them.
//!
//! ```text
//!   .index      magic "KQOIDX" | version u16 | base offset u64 | crc u32
//!               then per entry: offset less base u32 | position u32 | crc u32
//!   .timeindex  magic "KQTIDX" | version u16 | base offset u64 | crc u32
//!               then per entry: timestamp i64 | offset less base u32 | crc u32
//!               a sealed segment ends in an entry whose offset is u32::MAX and whose timestamp
//!               is the time at which it was sealed
//! ```
//! An offset entry says where the batch with that base offset begins. A time entry says that up to
//! and with that offset no record is later than the timestamp. Each entry carries the CRC of itself
//! and the base offset, so a damaged index is noticed when it is used, and rebuilt.

use std::io;
use std::sync::Arc;

use crate::format::{Format, Opened};
use crate::vfs::VfsFile;
use crate::{Offset, TimestampMs};

/// Bytes before the first entry.
pub(crate) const INDEX_HEADER_BYTES: u64 = 20;
/// The offset of the entry that seals a time index.
const SEAL: u32 = u32::MAX;

/// Why an index cannot be used.
#[derive(Debug)]
pub(crate) enum Damaged {
    /// Not what was written: it has to be rebuilt.
    Rebuild,
    /// Whole, but of another version.
    Version(Format, u16),
    /// The file could not be read.
    Io(io::Error),
}

/// An entry of an index file.
pub(crate) trait Entry: Copy {
    /// The head of its files.
    const FORMAT: Format;
    /// Bytes without the CRC.
    const BYTES: usize;
    /// Bytes with the CRC.
    const STRIDE: usize = Self::BYTES + 4;

    /// Writes the entry without its CRC.
    fn put(&self, out: &mut Vec<u8>);
    /// Reads an entry of `BYTES` bytes.
    fn parse(bytes: &[u8]) -> Option<Self>;
}

/// Where a batch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OffsetEntry {
    pub(crate) relative: u32,
    pub(crate) position: u32,
}

/// The greatest timestamp up to an offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimeEntry {
    pub(crate) timestamp: TimestampMs,
    pub(crate) relative: u32,
}

impl TimeEntry {
    /// The entry that seals an index.
    pub(crate) const fn seal(now: TimestampMs) -> Self {
        Self { timestamp: now, relative: SEAL }
    }

    /// Whether this is the entry that seals an index.
    pub(crate) const fn is_seal(&self) -> bool {
        self.relative == SEAL
    }
}

impl Entry for OffsetEntry {
    const FORMAT: Format = Format { magic: *b"KQOIDX", version: 1 };
    const BYTES: usize = 8;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.relative.to_be_bytes());
        out.extend_from_slice(&self.position.to_be_bytes());
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (relative, position) = bytes.split_first_chunk::<4>()?;
        let position = u32::from_be_bytes(position.try_into().ok()?);
        Some(Self { relative: u32::from_be_bytes(*relative), position })
    }
}

impl Entry for TimeEntry {
    const FORMAT: Format = Format { magic: *b"KQTIDX", version: 1 };
    const BYTES: usize = 12;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.timestamp.0.to_be_bytes());
        out.extend_from_slice(&self.relative.to_be_bytes());
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (timestamp, relative) = bytes.split_first_chunk::<8>()?;
        let relative = u32::from_be_bytes(relative.try_into().ok()?);
        Some(Self { timestamp: TimestampMs(i64::from_be_bytes(*timestamp)), relative })
    }
}

/// The first bytes of an index file.
pub(crate) fn header_bytes<E: Entry>(base: Offset) -> Vec<u8> {
    E::FORMAT.seal(&base.0.to_be_bytes())
}

/// Appends the bytes of one entry, with its CRC.
pub(crate) fn put_entry<E: Entry>(entry: &E, base: Offset, out: &mut Vec<u8>) {
    let start = out.len();
    entry.put(out);
    let crc = entry_crc(out.get(start..).unwrap_or_default(), base);
    out.extend_from_slice(&crc.to_be_bytes());
}

fn entry_crc(bytes: &[u8], base: Offset) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&base.0.to_be_bytes()), bytes)
}

/// All entries of an index file, or where and how it is damaged. An empty file has none yet.
pub(crate) fn parse_entries<E: Entry>(
    bytes: &[u8],
    base: Offset,
) -> Result<Vec<E>, (u64, &'static str)> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let Some((head, body)) = bytes.split_first_chunk::<20>() else {
        return Err((0, "shorter than its head"));
    };
    match E::FORMAT.open(head) {
        Opened::Body(found) if *found == base.0.to_be_bytes() => {}
        Opened::Body(_) => return Err((0, "made for a segment with another base offset")),
        Opened::Version(_) => return Err((0, "of an unknown version")),
        Opened::Damaged(why) => return Err((0, why)),
    }
    let mut entries = Vec::new();
    for (number, entry) in (0..).zip(body.chunks(E::STRIDE)) {
        let damaged = |why| (entry_at::<E>(number), why);
        let (fields, crc) = entry.split_last_chunk::<4>().ok_or(damaged("an entry is cut"))?;
        if entry_crc(fields, base) != u32::from_be_bytes(*crc) {
            return Err(damaged("the crc of an entry does not match"));
        }
        entries.push(E::parse(fields).ok_or(damaged("an entry is cut"))?);
    }
    Ok(entries)
}

/// Where the entry of this number stands.
pub(crate) const fn entry_at<E: Entry>(number: u32) -> u64 {
    INDEX_HEADER_BYTES + number as u64 * E::STRIDE as u64
}

/// An index to be searched: what is on disk, and what is still in memory behind it.
pub(crate) struct IndexView<'a, E> {
    file: Option<Arc<dyn VfsFile>>,
    base: Offset,
    on_disk: u32,
    pending: &'a [E],
}

impl<'a, E: Entry> IndexView<'a, E> {
    /// The index of the active segment, of which `on_disk` entries are written out.
    pub(crate) fn active(
        file: Option<Arc<dyn VfsFile>>,
        base: Offset,
        on_disk: u32,
        pending: &'a [E],
    ) -> Result<Self, Damaged> {
        let view = Self { file, base, on_disk, pending };
        view.check_header()?;
        Ok(view)
    }

    /// The index of a sealed segment: all of its file.
    pub(crate) fn whole(file: Arc<dyn VfsFile>, base: Offset) -> Result<Self, Damaged> {
        let len = file.len().map_err(Damaged::Io)?;
        let body = len.checked_sub(INDEX_HEADER_BYTES).ok_or(Damaged::Rebuild)?;
        if body % E::STRIDE as u64 != 0 {
            return Err(Damaged::Rebuild);
        }
        let on_disk = u32::try_from(body / E::STRIDE as u64).map_err(|_| Damaged::Rebuild)?;
        Self::active(Some(file), base, on_disk, &[])
    }

    /// Entries in the file and in memory.
    pub(crate) fn count(&self) -> u32 {
        self.on_disk + u32::try_from(self.pending.len()).unwrap_or(u32::MAX)
    }

    /// The last entry for which `holds`; it must hold for a prefix of the entries.
    pub(crate) fn last_where(&self, holds: impl Fn(&E) -> bool) -> Result<Option<E>, Damaged> {
        Ok(self.prefix_where(holds)?.1)
    }

    /// How many entries `holds` for, and the last of them; it must hold for a prefix.
    pub(crate) fn prefix_where(
        &self,
        holds: impl Fn(&E) -> bool,
    ) -> Result<(u32, Option<E>), Damaged> {
        let in_memory = self.pending.partition_point(&holds);
        if let Some(at) = in_memory.checked_sub(1) {
            let count = self.on_disk.saturating_add(u32::try_from(in_memory).unwrap_or(u32::MAX));
            return Ok((count, self.pending.get(at).copied()));
        }
        let (mut low, mut high) = (0, self.on_disk);
        let mut found = None;
        while low < high {
            let middle = low + (high - low) / 2;
            let entry = self.entry(middle)?;
            if holds(&entry) {
                found = Some(entry);
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok((low, found))
    }

    /// One entry, by its number.
    pub(crate) fn entry(&self, number: u32) -> Result<E, Damaged> {
        if let Some(pending) = number.checked_sub(self.on_disk) {
            let at = usize::try_from(pending).unwrap_or(usize::MAX);
            return self.pending.get(at).copied().ok_or(Damaged::Rebuild);
        }
        let file = self.file.as_ref().ok_or(Damaged::Rebuild)?;
        // Room for the larger kind of entry with its CRC.
        let mut room = [0; 16];
        let bytes = room.get_mut(..E::STRIDE).ok_or(Damaged::Rebuild)?;
        file.read_exact_at(bytes, entry_at::<E>(number)).map_err(damaged)?;
        let (entry, crc) = bytes.split_last_chunk::<4>().ok_or(Damaged::Rebuild)?;
        let whole = entry_crc(entry, self.base) == u32::from_be_bytes(*crc);
        if !whole && !crate::canary::is("index_trusted") {
            return Err(Damaged::Rebuild);
        }
        E::parse(entry).ok_or(Damaged::Rebuild)
    }

    fn check_header(&self) -> Result<(), Damaged> {
        let Some(file) = self.file.as_ref().filter(|_| self.on_disk > 0) else { return Ok(()) };
        let mut found = [0; 20];
        file.read_exact_at(&mut found, 0).map_err(damaged)?;
        match E::FORMAT.open(&found) {
            Opened::Body(body) if *body == self.base.0.to_be_bytes() => Ok(()),
            Opened::Version(version) => Err(Damaged::Version(E::FORMAT, version)),
            Opened::Body(_) | Opened::Damaged(_) => Err(Damaged::Rebuild),
        }
    }
}

fn damaged(err: io::Error) -> Damaged {
    if err.kind() == io::ErrorKind::UnexpectedEof {
        return Damaged::Rebuild;
    }
    Damaged::Io(err)
}
