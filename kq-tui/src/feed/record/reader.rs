//! Reading a recording, from any place in it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use prost::Message as _;

use super::entry::{ENTRY_BYTES, Entry};
use super::{HEADER_BYTES, MAGIC, Moment, VERSION};

/// Blocks of a recording: years of it.
const BLOCKS_MAX: usize = 50_000_000;

/// Why a file cannot be replayed.
#[derive(Debug)]
pub enum RecordingError {
    /// It cannot be read.
    Io(io::Error),
    /// It is something else.
    Foreign,
    /// It is of a format that this version does not know.
    Version(u32),
}

impl std::fmt::Display for RecordingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot read it: {error}"),
            Self::Foreign => write!(f, "it is no recording of kq-tui"),
            Self::Version(version) => {
                write!(f, "it has format {version}; this kq-tui reads format {VERSION}")
            }
        }
    }
}

impl std::error::Error for RecordingError {}

impl From<io::Error> for RecordingError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A recording that can be read. What was cut off or damaged, with all behind it, is not in it.
#[derive(Debug)]
pub struct Recording {
    file: File,
    /// Where the data of each block begins, and its entry.
    blocks: Vec<(u64, Entry)>,
    /// The cluster's clock at the beginning of blocks, as far as they were looked at.
    clocks: RefCell<BTreeMap<usize, Option<i64>>>,
}

impl Recording {
    /// Finds the blocks of a file.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut header = [0; HEADER_BYTES];
        let read = usize::try_from(length).unwrap_or(usize::MAX).min(HEADER_BYTES);
        let begun = header.get_mut(..read).unwrap_or_default();
        file.read_exact_at(begun, 0)?;
        // A file that was cut in its first bytes is a recording of nothing.
        if !begun.starts_with(MAGIC.get(..read.min(MAGIC.len())).unwrap_or_default()) {
            return Err(RecordingError::Foreign);
        }
        if let Some(version) = begun.get(8..12).and_then(|it| it.first_chunk())
            && u32::from_le_bytes(*version) != VERSION
        {
            return Err(RecordingError::Version(u32::from_le_bytes(*version)));
        }
        let blocks = blocks(&file, length);
        Ok(Self { file, blocks, clocks: RefCell::default() })
    }

    /// Blocks that there are.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// The cluster's clock at the first and at the last frame, in milliseconds since 1970; none if there
    /// is no frame.
    pub fn span_ms(&self) -> Option<(i64, i64)> {
        let first_ms = (0..self.len()).find_map(|nth| self.clock_of(nth))?;
        let last_ms = (0..self.len()).rev().find_map(|nth| {
            let moments = self.moments(nth)?;
            moments.iter().rev().find_map(Moment::clock_ms)
        });
        Some((first_ms, last_ms.unwrap_or(first_ms).max(first_ms)))
    }

    /// When the first moment was received, by the clock of whoever recorded; none if there is none.
    pub fn begin_ms(&self) -> Option<i64> {
        self.blocks.first().map(|(_, it)| it.first_ms)
    }

    /// When the last moment was received, by the same clock; none if there is none.
    pub fn end_ms(&self) -> Option<i64> {
        self.blocks.last().map(|(_, it)| it.last_ms())
    }

    /// The last block that begins by a moment of the cluster's clock, or the first one. Where that
    /// clock was set back, one of those that do.
    pub fn block_at(&self, clock_ms: i64) -> usize {
        let (mut from, mut until) = (0, self.len());
        while from < until {
            let middle = from + (until - from) / 2;
            // A block without a frame begins with the one behind it.
            let begins_ms = (middle..until).find_map(|nth| self.clock_of(nth));
            if begins_ms.is_some_and(|it| it <= clock_ms) {
                from = middle + 1;
            } else {
                until = middle;
            }
        }
        from.saturating_sub(1)
    }

    /// The cluster's clock at the first frame of a block.
    fn clock_of(&self, nth: usize) -> Option<i64> {
        if let Some(known) = self.clocks.borrow().get(&nth) {
            return *known;
        }
        let moments = self.moments(nth);
        let clock_ms = moments.and_then(|it| it.iter().find_map(Moment::clock_ms));
        self.clocks.borrow_mut().insert(nth, clock_ms);
        clock_ms
    }

    /// The block to begin with in order to know everything at a moment of the cluster's clock: the last
    /// one with a whole frame that began by then, or the first one.
    pub fn key_before(&self, clock_ms: i64) -> usize {
        self.key_at_or_before(self.block_at(clock_ms))
    }

    /// The last block with a whole frame that is this one or stands before it; the first one if
    /// there is none.
    pub fn key_at_or_before(&self, nth: usize) -> usize {
        let before = self.blocks.get(..=nth).unwrap_or(&self.blocks);
        before.iter().rposition(|(_, it)| it.is_key).unwrap_or(0)
    }

    /// The moments of a block, in their order. None behind the last block, or if the data is
    /// damaged: the recording ends there.
    pub fn moments(&self, nth: usize) -> Option<Vec<Moment>> {
        let (from, entry) = self.blocks.get(nth)?;
        let mut packed = vec![0; usize::try_from(entry.packed_bytes).ok()?];
        self.file.read_exact_at(&mut packed, *from).ok()?;
        if crc32c::crc32c(&packed) != entry.data_crc {
            return None;
        }
        let unpacked_bytes = usize::try_from(entry.unpacked_bytes).ok()?;
        let unpacked = zstd::bulk::decompress(&packed, unpacked_bytes).ok()?;
        let mut rest = unpacked.as_slice();
        let mut moments = Vec::with_capacity(usize::from(entry.moments));
        while !rest.is_empty() {
            moments.push(Moment::decode_length_delimited(&mut rest).ok()?);
        }
        Some(moments)
    }
}

fn blocks(file: &File, length: u64) -> Vec<(u64, Entry)> {
    let mut blocks = Vec::new();
    let mut at = u64::try_from(HEADER_BYTES).unwrap_or(0);
    let entry_bytes = u64::try_from(ENTRY_BYTES).unwrap_or(0);
    let mut last_ms = i64::MIN;
    while blocks.len() < BLOCKS_MAX {
        let mut bytes = [0; ENTRY_BYTES];
        if file.read_exact_at(&mut bytes, at).is_err() {
            break;
        }
        let Some(entry) = Entry::from_bytes(&bytes) else { break };
        let from = at.saturating_add(entry_bytes);
        let end = from.saturating_add(u64::from(entry.packed_bytes));
        if end > length || entry.first_ms < last_ms {
            break;
        }
        last_ms = entry.last_ms();
        blocks.push((from, entry));
        at = end;
    }
    blocks
}
