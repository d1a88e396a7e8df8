//! One bit per offset: set where a record has to be looked at, clear where it surely stays.

use std::ops::Range;

use crate::Offset;

/// Bits for the offsets from `from` on.
#[derive(Debug)]
pub(crate) struct Marks {
    from: Offset,
    words: Vec<u64>,
}

impl Marks {
    /// None is set; there are `offsets` of them.
    pub(crate) fn new(from: Offset, offsets: u64) -> Self {
        let count = usize::try_from(offsets.div_ceil(64)).unwrap_or(usize::MAX / 64);
        // Comes zeroed from the system: what is never set takes no memory.
        Self { from, words: vec![0; count] }
    }

    /// Whether there is a bit for an offset.
    pub(crate) fn reach(&self, offset: Offset) -> bool {
        self.place(offset).is_some_and(|(at, _)| at < self.words.len())
    }

    /// Sets the bit of an offset, for which there must be one.
    pub(crate) fn set(&mut self, offset: Offset) {
        let place = self.place(offset);
        let word = place.and_then(|(at, bit)| Some((self.words.get_mut(at)?, bit)));
        let Some((word, bit)) = word else { unreachable!("no mark for offset {offset}") };
        *word |= 1 << bit;
    }

    /// Whether the bit of an offset is set.
    pub(crate) fn is_set(&self, offset: Offset) -> bool {
        let place = self.place(offset);
        place.is_some_and(|(at, bit)| self.words.get(at).is_some_and(|word| word >> bit & 1 == 1))
    }

    /// Whether there is a bit for each of these offsets, and none is set.
    pub(crate) fn are_clear(&self, offsets: Range<Offset>) -> bool {
        let last = offsets.end.0.checked_sub(1).filter(|last| *last >= offsets.start.0);
        let ends = self.place(offsets.start).zip(last.and_then(|last| self.place(Offset(last))));
        let Some(((first, from), (last, upto))) = ends else { return false };
        let Some(words) = self.words.get(first..=last) else { return false };
        let masked = |(at, word): (usize, &u64)| {
            let head = if at == 0 { u64::MAX << from } else { u64::MAX };
            let tail = if at == last - first { u64::MAX >> (63 - upto) } else { u64::MAX };
            word & head & tail
        };
        words.iter().enumerate().all(|word| masked(word) == 0)
    }

    fn place(&self, offset: Offset) -> Option<(usize, u32)> {
        let since = offset.0.checked_sub(self.from.0)?;
        Some((usize::try_from(since / 64).ok()?, u32::try_from(since % 64).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_clear_until_one_of_its_offsets_is_set() {
        for set in [100, 101, 163, 164, 170, 227, 299] {
            let mut marks = Marks::new(Offset(100), 200);
            marks.set(Offset(set));
            assert!(marks.is_set(Offset(set)));
            for start in 100..300 {
                for end in start + 1..=300 {
                    let want = !(start..end).contains(&set);
                    assert_eq!(marks.are_clear(Offset(start)..Offset(end)), want, "{start} {end}");
                }
            }
        }
    }

    #[test]
    fn what_is_beside_the_bits_is_neither_set_nor_clear() {
        let marks = Marks::new(Offset(100), 64);
        assert!(marks.reach(Offset(100)) && marks.reach(Offset(163)));
        for beside in [99, 164] {
            assert!(!marks.reach(Offset(beside)) && !marks.is_set(Offset(beside)));
        }
        assert!(!marks.are_clear(Offset(99)..Offset(101)));
        assert!(!marks.are_clear(Offset(163)..Offset(165)));
        assert!(!marks.are_clear(Offset(120)..Offset(120)), "no offset at all");
    }
}
