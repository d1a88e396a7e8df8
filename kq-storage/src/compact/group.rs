//! Which neighbouring segments become one. Decides only.

use crate::Offset;
use crate::segment::SegmentName;

/// Sources that one segment is made of, at most.
const SOURCES_MAX: usize = 64;
/// Offsets in a segment are counted from its base in 31 bits.
const SEGMENT_OFFSETS_MAX: u64 = i32::MAX.unsigned_abs() as u64;

/// A group as far as it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GroupSoFar {
    pub(crate) base: Offset,
    /// Bytes that are written, or will be.
    pub(crate) bytes: u64,
    pub(crate) sources: usize,
}

impl GroupSoFar {
    /// Whether a segment of `size` bytes that ends at `end` still goes into the same one.
    pub(crate) const fn has_room(self, size: u64, end: Offset, segment_bytes: u64) -> bool {
        let bytes_max =
            if segment_bytes < u32::MAX as u64 { segment_bytes } else { u32::MAX as u64 };
        self.bytes + size <= bytes_max
            && end.since(self.base) <= SEGMENT_OFFSETS_MAX
            && self.sources < SOURCES_MAX
    }
}

/// Whether a segment in which nothing changed is worth being put together with its neighbour.
pub(crate) const fn is_worth_merging(size: u64, segment_bytes: u64) -> bool {
    size <= segment_bytes / 2
}

/// What the segment that replaces `sources` is called.
pub(crate) fn name_of(sources: &[SegmentName], end: Offset) -> Option<SegmentName> {
    let base = sources.first()?.base;
    let generation = sources.iter().map(SegmentName::generation).max()?.saturating_add(1);
    Some(SegmentName::rewritten(base, end, generation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_grows_up_to_the_size_of_a_segment() {
        let group = GroupSoFar { base: Offset(10), bytes: 60, sources: 2 };
        assert!(group.has_room(40, Offset(90), 100) && !group.has_room(41, Offset(90), 100));
        assert!(!group.has_room(1, Offset(11 + SEGMENT_OFFSETS_MAX), 100));
        assert!(!GroupSoFar { sources: 64, ..group }.has_room(1, Offset(90), 100));
        assert!(!GroupSoFar { bytes: 1 << 32, ..group }.has_room(1, Offset(90), u64::MAX));
    }

    #[test]
    fn a_rewritten_segment_is_of_the_generation_after_all_its_sources() {
        let plain = SegmentName::plain(Offset(0));
        let once = name_of(&[plain, SegmentName::plain(Offset(5))], Offset(9)).unwrap();
        assert_eq!((once.base, once.end(), once.generation()), (Offset(0), Some(Offset(9)), 1));
        let twice = name_of(&[once, SegmentName::plain(Offset(9))], Offset(20)).unwrap();
        assert_eq!((twice.end(), twice.generation()), (Some(Offset(20)), 2));
    }
}
