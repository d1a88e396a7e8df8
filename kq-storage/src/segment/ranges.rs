//! A small set of byte ranges: which parts of a segment have been verified.

use std::ops::Range;

/// Disjoint ranges in order; neighbours are joined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Ranges(Vec<Range<u64>>);

impl Ranges {
    /// No range.
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a range.
    pub(crate) fn add(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        // Appends extend the last range: the commonest case by far.
        if let Some(last) = self.0.last_mut().filter(|last| last.end == range.start) {
            last.end = range.end;
            return;
        }
        let first = self.0.partition_point(|have| have.end < range.start);
        let after = self.0.partition_point(|have| have.start <= range.end);
        let mut joined = range;
        for have in self.0.drain(first..after.max(first)) {
            joined = joined.start.min(have.start)..joined.end.max(have.end);
        }
        self.0.insert(first, joined);
    }

    /// The ranges, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Range<u64>> {
        self.0.iter()
    }

    /// Whether all of `range` is in the set.
    pub(crate) fn contain(&self, range: &Range<u64>) -> bool {
        range.is_empty()
            || self.0.iter().any(|have| have.start <= range.start && range.end <= have.end)
    }

    /// Whether no range is in the set.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes everything from `end` on out of the set.
    pub(crate) fn cut(&mut self, end: u64) {
        self.0.retain(|have| have.start < end);
        if let Some(last) = self.0.last_mut() {
            last.end = last.end.min(end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_and_touching_ranges_become_one() {
        let mut ranges = Ranges::new();
        ranges.add(10..20);
        ranges.add(30..40);
        ranges.add(18..30);
        assert!(ranges.contain(&(10..40)) && ranges.0.len() == 1);
        ranges.add(0..5);
        assert!(ranges.contain(&(12..40)) && ranges.contain(&(1..4)));
        assert!(!ranges.contain(&(4..11)));
    }

    #[test]
    fn cutting_shortens_the_range_it_meets() {
        let mut ranges = Ranges::new();
        ranges.add(0..10);
        ranges.add(20..30);
        ranges.cut(25);
        assert_eq!(ranges, Ranges(vec![0..10, 20..25]));
        ranges.cut(15);
        assert!(ranges.contain(&(0..10)) && ranges.0.len() == 1 && !ranges.contain(&(0..11)));
    }
}
