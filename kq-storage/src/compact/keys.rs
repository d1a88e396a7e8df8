//! What a pass knows of the keys in the dirty part: where the latest record of each is, and which
//! records cannot just stay.
//!
//! ```text
//!   offset      10  11  12  13          map    a -> 13, b -> 11
//!   key          a   b   a   a          marks  10, 12: each is met again higher up
//! ```
//! A record in the dirty part without a mark has a key and a value, and no later record has the key.
//! So most decisions over what was mapped take neither a look-up nor a hash, and batches without a
//! mark need not even be decoded.

use super::encode::with_plain;
use super::filter::is_kept_whole;
use super::key_map::{KeyHash, KeyMap, Noted};
use super::marks::Marks;
use crate::batch::{BatchHeader, DecompressLimits, RecordError, raw_records};
use crate::{Offset, canary};

/// The part of the memory that marks may take.
const MARKS_PART: u64 = 4;
/// Marks for so many offsets there are always.
const MARKS_MIN: u64 = 1 << 12;
/// Keys whose places are brought near together.
const RUN_KEYS: usize = 32;

/// Keys of the records from one offset to another.
#[derive(Debug)]
pub(crate) struct Keys {
    from: Offset,
    until: Offset,
    map: KeyMap,
    marks: Marks,
    /// Records that were read and are not noted yet.
    waiting: Vec<Waiting>,
    /// Where those end that were read.
    read_to: Offset,
    /// Some batch could not be decoded: it stays, and nothing tells where it is.
    has_undecoded: bool,
}

#[derive(Debug)]
struct Waiting {
    offset: Offset,
    /// None for a record without a key.
    key: Option<KeyHash>,
    is_tombstone: bool,
}

impl Keys {
    /// For records at and above `from` and below `end`, in about `bytes_max`.
    pub(crate) fn new(bytes_max: u64, from: Offset, end: Offset, seed: [u64; 2]) -> Self {
        let offsets = end.0.saturating_sub(from.0);
        let marks_max = (bytes_max / MARKS_PART).saturating_mul(8).max(MARKS_MIN);
        let marked = offsets.min(marks_max);
        let left = bytes_max.saturating_sub(marked / 8);
        Self {
            from,
            until: Offset(0),
            map: KeyMap::new(left, offsets, from, seed),
            marks: Marks::new(from, marked),
            waiting: Vec::new(),
            read_to: Offset(0),
            has_undecoded: false,
        }
    }

    /// Takes the keys of the next batch, the part of it that is not below the first offset. False
    /// where there is no room for more.
    pub(crate) fn take(
        &mut self,
        batch: &[u8],
        header: &BatchHeader,
        limits: DecompressLimits,
    ) -> bool {
        self.read_to = header.next_offset();
        // What is not mapped stays, and so does all below it that it would replace.
        if header.next_offset() > self.from && header.record_count > 0 && !is_kept_whole(header) {
            let before = self.waiting.len();
            let read = with_plain(batch, header, limits, |plain| self.read(plain, header));
            if read.flatten().is_err() {
                self.waiting.truncate(before);
                self.has_undecoded = true;
            }
        }
        self.waiting.len() < RUN_KEYS || self.note_waiting()
    }

    /// Notes what was taken last. False where there is no room for it.
    pub(crate) fn finish(&mut self) -> bool {
        let is_noted = self.note_waiting();
        self.waiting = Vec::new();
        is_noted
    }

    /// What is at or above is not known, and stays as it is.
    pub(crate) fn until(&self) -> Offset {
        if canary::is("map_end_overstated") {
            return Offset(self.until.0 + 2);
        }
        self.until
    }

    /// Whether each record of the offsets from `base` to `next` is known to stay.
    pub(crate) fn all_stay(&self, base: Offset, next: Offset) -> bool {
        next <= self.until && !self.has_undecoded && self.marks.are_clear(base..next)
    }

    /// Whether the record at `offset` is known to stay, without a look at its key.
    pub(crate) fn stays(&self, offset: Offset) -> bool {
        offset >= self.from && !self.marks.is_set(offset)
    }

    /// Whether a later record is known to have the key of the record at `offset`, which has one.
    pub(crate) fn is_replaced(&self, offset: Offset, is_tombstone: bool) -> bool {
        // A tombstone has a mark of its own.
        !is_tombstone && self.marks.is_set(offset)
    }

    /// What stands for a key.
    pub(crate) fn hash(&self, key: &[u8]) -> KeyHash {
        self.map.hash(key)
    }

    /// Brings near what [`Self::latest`] is asked for next.
    pub(crate) fn approach(&self, hashes: impl Iterator<Item = KeyHash>) {
        self.map.approach(hashes);
    }

    /// Where the latest record of a key is.
    pub(crate) fn latest(&self, hash: KeyHash) -> Option<Offset> {
        self.map.latest(hash)
    }

    fn read(&mut self, plain: &[u8], header: &BatchHeader) -> Result<(), RecordError> {
        for record in raw_records(plain, header) {
            let record = record?;
            let offset = record.offset(header);
            if offset >= self.from {
                let key = record.key.map(|key| self.map.hash(key));
                self.waiting.push(Waiting { offset, key, is_tombstone: record.is_tombstone });
            }
        }
        Ok(())
    }

    fn note_waiting(&mut self) -> bool {
        let waiting = std::mem::take(&mut self.waiting);
        for run in waiting.chunks(RUN_KEYS) {
            self.map.approach(run.iter().filter_map(|record| record.key));
            for record in run {
                if !self.note(record) {
                    self.until = self.until.max(record.offset);
                    return false;
                }
            }
        }
        self.until = self.until.max(self.read_to);
        // Its room serves again.
        self.waiting = waiting;
        self.waiting.clear();
        true
    }

    fn note(&mut self, record: &Waiting) -> bool {
        if !self.marks.reach(record.offset) {
            return false;
        }
        let noted = record.key.map(|key| self.map.put(key, record.offset));
        match noted {
            Some(Noted::NoRoom) => return false,
            Some(Noted::Instead(older)) => self.marks.set(older),
            Some(Noted::First) | None => {}
        }
        if record.is_tombstone || record.key.is_none() {
            self.marks.set(record.offset);
        }
        true
    }
}
