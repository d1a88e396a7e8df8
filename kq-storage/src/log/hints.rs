//! Batch boundaries seen lately, so that a reader who goes on where it stopped needs no search.

use crate::Offset;

const HINTS: usize = 8;

/// A batch with this base offset begins at this position of its segment.
#[derive(Debug, Clone, Copy)]
struct Hint {
    segment: Offset,
    offset: Offset,
    position: u64,
}

/// The last few boundaries; the oldest gives way.
#[derive(Debug, Default)]
pub(super) struct Hints {
    ring: [Option<Hint>; HINTS],
    next: usize,
}

impl Hints {
    /// Notes that the batch at `offset` begins, or will begin, at `position`.
    pub(super) fn note(&mut self, segment: Offset, offset: Offset, position: u64) {
        if self.find(segment, offset).is_some() {
            return;
        }
        if let Some(slot) = self.ring.get_mut(self.next) {
            *slot = Some(Hint { segment, offset, position });
        }
        self.next = (self.next + 1) % HINTS;
    }

    /// Where the batch with base offset `offset` begins, if that was seen.
    pub(super) fn find(&self, segment: Offset, offset: Offset) -> Option<u64> {
        let known = self.ring.iter().flatten();
        let mut same = known.filter(|hint| hint.segment == segment && hint.offset == offset);
        same.next().map(|hint| hint.position)
    }

    /// Forgets all: boundaries have moved.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
