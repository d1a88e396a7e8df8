//! Keeps what compaction writes contiguous: each batch begins where the one before it ends.
//!
//! ```text
//!   read       | 0..3 | 4..6 dropped | 7..9 | 10..11 dropped, new epoch | 12..
//!   written    | 0.........6         | 7..9 | 10..11 without records    | 12..
//! ```
//! One batch is held back, since it may have to cover what comes next.

use std::io;

use super::encode::empty_batch;
use super::filter::Kept;
use crate::batch::{BatchHeader, HEADER_BYTES, seal};
use crate::{Offset, canary};

/// The greatest last offset delta that the format has room for.
const DELTA_MAX: u64 = i32::MAX.unsigned_abs() as u64;
const LAST_DELTA_AT: std::ops::Range<usize> = 23..27;
/// Producer id, epoch and sequence.
const MARK_AT: std::ops::Range<usize> = 43..57;

/// The end of what was written, and the batch that is held back.
#[derive(Debug)]
pub(crate) struct Chain {
    next: Offset,
    held: Option<Held>,
    /// Batches that are finished and were not taken out yet.
    finished: Vec<u8>,
}

#[derive(Debug)]
struct Held {
    bytes: Vec<u8>,
    /// As read or made; `next` is ahead of it once it covers more.
    header: BatchHeader,
    next: Offset,
    may_grow: bool,
}

impl Chain {
    /// Goes on at `base`.
    pub(crate) const fn new(base: Offset) -> Self {
        Self { next: base, held: None, finished: Vec::new() }
    }

    /// Takes what is kept of the next batch; `is_marked` if what it says of its producer must stay.
    pub(crate) fn take(
        &mut self,
        header: &BatchHeader,
        kept: Kept,
        is_marked: bool,
        batch: &[u8],
    ) -> io::Result<()> {
        let is_whole = header.attributes.is_control() || header.attributes.is_transactional();
        let may_grow = !is_marked && !is_whole;
        let bytes = match kept {
            Kept::Verbatim => batch.get(..header.size).unwrap_or_default().to_vec(),
            Kept::Rewritten(bytes) => bytes.to_vec(),
            Kept::Empty => {
                let (base, last_delta) = (header.base_offset, header.last_offset_delta);
                empty_batch(header, base, last_delta, header.producer)?.to_vec()
            }
            Kept::Nothing => return self.cover(header),
        };
        self.hold(Held { bytes, header: *header, next: header.next_offset(), may_grow });
        Ok(())
    }

    /// Bytes of the batch that is held back.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.held.as_ref().map_or(0, |held| held.bytes.len() as u64)
    }

    /// Takes out the batches that are finished.
    pub(crate) fn take_finished(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.finished)
    }

    /// Ends at `end`, where the next segment begins; nothing is held back any longer.
    pub(crate) fn close(&mut self, end: Offset) {
        self.finish_held();
        assert!(self.next == end || canary::is("gap_left"), "compacted batches end short");
    }

    fn hold(&mut self, held: Held) {
        self.finish_held();
        let is_next = held.header.base_offset == self.next;
        assert!(is_next || canary::is("gap_left"), "compacted batches leave a gap");
        self.held = Some(held);
    }

    /// Makes the batch held back reach over `header`'s offsets, or begins one without records.
    fn cover(&mut self, header: &BatchHeader) -> io::Result<()> {
        let next = header.next_offset();
        if canary::is("gap_left") {
            return Ok(());
        }
        if let Some(held) = self.held.as_mut().filter(|held| held.may_cover(header)) {
            assert!(held.next == header.base_offset, "batches read leave a gap");
            held.next = next;
            return Ok(());
        }
        let last_delta = header.last_offset_delta;
        let bytes = empty_batch(header, header.base_offset, last_delta, None)?.to_vec();
        let header = BatchHeader { producer: None, ..*header };
        self.hold(Held { bytes, header, next, may_grow: true });
        Ok(())
    }

    fn finish_held(&mut self) {
        let Some(mut held) = self.held.take() else { return };
        if held.next != held.header.next_offset() {
            held.grow();
        }
        self.finished.extend_from_slice(&held.bytes);
        self.next = held.next;
    }
}

impl Held {
    fn may_cover(&self, header: &BatchHeader) -> bool {
        self.may_grow
            && self.header.leader_epoch == header.leader_epoch
            && header.last_offset().since(self.header.base_offset) <= DELTA_MAX
    }

    /// Writes down how far it reaches. Its sequences no longer tell its records, so it is nobody's.
    fn grow(&mut self) {
        let last_delta = self.next.since(self.header.base_offset).saturating_sub(1);
        let last_delta = u32::try_from(last_delta).unwrap_or(u32::MAX);
        debug_assert!(self.bytes.len() >= HEADER_BYTES, "a batch is longer than its header");
        if let Some(place) = self.bytes.get_mut(LAST_DELTA_AT) {
            place.copy_from_slice(&last_delta.to_be_bytes());
        }
        if let Some(place) = self.bytes.get_mut(MARK_AT) {
            place.fill(0xff);
        }
        seal(&mut self.bytes);
    }
}
