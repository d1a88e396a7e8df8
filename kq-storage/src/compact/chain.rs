//! Keeps what compaction writes contiguous: each batch begins where the one before it ends.
//!
//! ```text
//!   read       | 0..3 | 4..6 dropped | 7..9 | 10..11 dropped, new epoch | 12..
//!   written    | 0.........6         | 7..9 | 10..11 without records    | 12..
//! ```
//! One batch is held back, since it may have to cover what comes next.

use std::io;

use super::encode::empty_header;
use super::filter::Kept;
use crate::batch::{BatchHeader, append_batch, seal};
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
    /// Finished batches, then the one that is held back, then one that is to be taken.
    bytes: Vec<u8>,
    /// Where those end that were taken.
    taken_to: usize,
    held: Option<Held>,
}

#[derive(Debug)]
struct Held {
    /// Where it begins.
    at: usize,
    /// As read or made; `next` is ahead of it once it covers more.
    header: BatchHeader,
    next: Offset,
    may_grow: bool,
}

impl Chain {
    /// Goes on at `base`.
    pub(crate) const fn new(base: Offset) -> Self {
        Self { next: base, bytes: Vec::new(), taken_to: 0, held: None }
    }

    /// Where a batch goes that is rewritten, before it is taken: at the end.
    pub(crate) const fn room(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
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
        match kept {
            Kept::Verbatim => {
                self.bytes.extend_from_slice(batch.get(..header.size).unwrap_or_default());
            }
            Kept::Rewritten => {}
            Kept::Empty => {
                let (base, last_delta) = (header.base_offset, header.last_offset_delta);
                self.append_empty(&empty_header(header, base, last_delta, header.producer))?;
            }
            Kept::Nothing => return self.cover(header),
        }
        self.hold(*header, may_grow);
        Ok(())
    }

    /// Bytes with the batch that is held back.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The batches that are finished.
    pub(crate) fn finished(&self) -> &[u8] {
        let end = self.held.as_ref().map_or(self.taken_to, |held| held.at);
        self.bytes.get(..end).unwrap_or_default()
    }

    /// Lets go of the batches that are finished.
    pub(crate) fn drop_finished(&mut self) {
        let end = self.finished().len();
        self.bytes.drain(..end);
        self.taken_to -= end;
        if let Some(held) = &mut self.held {
            held.at = 0;
        }
    }

    /// Ends at `end`, where the next segment begins; nothing is held back any longer.
    pub(crate) fn close(&mut self, end: Offset) {
        self.finish_held();
        assert!(self.next == end || canary::is("gap_left"), "compacted batches end short");
    }

    /// Holds the last batch back, which was appended behind the one that is held back so far.
    fn hold(&mut self, header: BatchHeader, may_grow: bool) {
        self.finish_held();
        let at = std::mem::replace(&mut self.taken_to, self.bytes.len());
        let is_next = header.base_offset == self.next;
        assert!(is_next || canary::is("gap_left"), "compacted batches leave a gap");
        self.held = Some(Held { at, header, next: header.next_offset(), may_grow });
    }

    /// Makes the batch held back reach over `header`'s offsets, or begins one without records.
    fn cover(&mut self, header: &BatchHeader) -> io::Result<()> {
        if canary::is("gap_left") {
            return Ok(());
        }
        if let Some(held) = self.held.as_mut().filter(|held| held.may_cover(header)) {
            assert!(held.next == header.base_offset, "batches read leave a gap");
            held.next = header.next_offset();
            return Ok(());
        }
        let empty = empty_header(header, header.base_offset, header.last_offset_delta, None);
        self.append_empty(&empty)?;
        self.hold(BatchHeader { producer: None, ..*header }, true);
        Ok(())
    }

    fn append_empty(&mut self, header: &BatchHeader) -> io::Result<()> {
        append_batch(header, &mut self.bytes, |_| Ok(()))
    }

    fn finish_held(&mut self) {
        let Some(held) = self.held.take() else { return };
        if held.next != held.header.next_offset() {
            let batch = self.bytes.get_mut(held.at..self.taken_to).unwrap_or_default();
            grow(batch, held.next.since(held.header.base_offset));
        }
        self.next = held.next;
    }
}

impl Held {
    fn may_cover(&self, header: &BatchHeader) -> bool {
        self.may_grow
            && self.header.leader_epoch == header.leader_epoch
            && header.last_offset().since(self.header.base_offset) <= DELTA_MAX
    }
}

/// Writes down that a batch reaches over so many offsets. Its sequences no longer tell its records,
/// so it is nobody's.
fn grow(batch: &mut [u8], offsets: u64) {
    let last_delta = u32::try_from(offsets.saturating_sub(1)).unwrap_or(u32::MAX);
    if let Some(place) = batch.get_mut(LAST_DELTA_AT) {
        place.copy_from_slice(&last_delta.to_be_bytes());
    }
    if let Some(place) = batch.get_mut(MARK_AT) {
        place.fill(0xff);
    }
    seal(batch);
}
