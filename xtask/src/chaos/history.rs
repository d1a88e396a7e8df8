//! What was written, promised, read and found, and whether all of it agrees. Pure.
//!
//! D1: an acknowledged record is there, where it was acknowledged. T1: each record is there once,
//! in the order in which its producer sent it, without a gap. D3: what a consumer has read stays.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Faults of one partition that are told one by one.
const TOLD_MAX: usize = 10;

/// Which record: the producer, and its number among those that it sent to the partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    pub(super) producer: u32,
    pub(super) number: u64,
}

/// A record at its offset.
pub(super) type Placed = (u64, Stamp);

impl Stamp {
    /// The record's bytes; a changed one has no stamp.
    pub(super) fn payload(self, partition: i32) -> Vec<u8> {
        let mut text = format!("{}:{partition}:{}:", self.producer, self.number);
        let filler = usize::try_from(self.number.wrapping_mul(7_919) % 500).unwrap_or_default();
        let letter = char::from(b'a' + u8::try_from(self.number % 26).unwrap_or_default());
        text.extend(std::iter::repeat_n(letter, filler));
        text.into_bytes()
    }

    /// Of which record these bytes are, if they are whole and in the right partition.
    pub(super) fn of(payload: &[u8], partition: i32) -> Option<Self> {
        let mut parts = payload.splitn(4, |byte| *byte == b':');
        let mut number = || std::str::from_utf8(parts.next()?).ok()?.parse::<u64>().ok();
        let (producer, of, number) = (number()?, number()?, number()?);
        let stamp = Self { producer: u32::try_from(producer).ok()?, number };
        let ours = i32::try_from(of).ok()? == partition;
        (ours && stamp.payload(partition) == payload).then_some(stamp)
    }
}

/// All that is known of one partition.
#[derive(Debug, Default)]
pub(super) struct Partition<'a> {
    pub(super) number: i32,
    /// What a last reader found, in the order of offsets.
    pub(super) found: &'a [Placed],
    /// What producers were promised.
    pub(super) acked: &'a [Placed],
    /// How many records each producer has sent; all of them were acknowledged.
    pub(super) sent: BTreeMap<u32, u64>,
    /// What each consumer read while things went wrong.
    pub(super) seen: Vec<&'a [Placed]>,
}

/// Faults as they are found; the first ones in words.
#[derive(Debug, Default)]
struct Faults {
    count: usize,
    told: Vec<String>,
}

impl Faults {
    fn add(&mut self, words: impl FnOnce() -> String) {
        self.count += 1;
        if self.told.len() < TOLD_MAX {
            self.told.push(words());
        }
    }
}

impl Partition<'_> {
    /// Every disagreement, in words; empty when all is well.
    pub(super) fn check(&self) -> String {
        let mut faults = Faults::default();
        self.check_offsets(&mut faults);
        self.check_promises(&mut faults);
        self.check_order(&mut faults);
        self.check_seen(&mut faults);
        let mut text = String::new();
        if 0 < faults.count {
            let (partition, count) = (self.number, faults.count);
            let _ = writeln!(text, "partition {partition}: {count} faults, the first of them:");
            for line in &faults.told {
                let _ = writeln!(text, "  {line}");
            }
        }
        text
    }

    fn at(&self, offset: u64) -> Option<Stamp> {
        let at = self.found.binary_search_by_key(&offset, |(at, _)| *at).ok()?;
        self.found.get(at).map(|(_, stamp)| *stamp)
    }

    fn check_offsets(&self, faults: &mut Faults) {
        for (want, (offset, _)) in (0..).zip(self.found) {
            if *offset != want {
                faults.add(|| format!("offset {want} is missing, {offset} comes in its place"));
                return;
            }
        }
    }

    fn check_promises(&self, faults: &mut Faults) {
        for (offset, stamp) in self.acked {
            match self.at(*offset) {
                Some(there) if there == *stamp => {}
                there => faults.add(|| {
                    format!("D1: {stamp:?} was acknowledged at {offset}, where {there:?} is")
                }),
            }
        }
    }

    fn check_order(&self, faults: &mut Faults) {
        let mut next: BTreeMap<u32, u64> = BTreeMap::new();
        for (offset, stamp) in self.found {
            let want = next.entry(stamp.producer).or_default();
            if *want != stamp.number {
                faults.add(|| format!("T1: {stamp:?} at {offset}, where number {want} was due"));
            }
            *want = stamp.number + 1;
        }
        for (producer, sent) in &self.sent {
            let there = next.get(producer).copied().unwrap_or_default();
            if there != *sent {
                faults.add(|| format!("T1: {there} of producer {producer}'s {sent} records"));
            }
        }
    }

    fn check_seen(&self, faults: &mut Faults) {
        for (reader, seen) in self.seen.iter().enumerate() {
            for (offset, stamp) in *seen {
                match self.at(*offset) {
                    Some(there) if there == *stamp => {}
                    there => faults.add(|| {
                        format!("D3: reader {reader} saw {stamp:?} at {offset}: now {there:?}")
                    }),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn stamp(producer: u32, number: u64) -> Stamp {
        Stamp { producer, number }
    }

    fn faults(found: &[Placed], acked: &[Placed], seen: &[Placed]) -> String {
        let sent = [(1, 2), (2, 1)].into();
        Partition { number: 0, found, acked, sent, seen: vec![seen] }.check()
    }

    const SOUND: &[Placed] = &[(0, stamp(1, 0)), (1, stamp(2, 0)), (2, stamp(1, 1))];

    #[test]
    fn what_agrees_has_no_faults() {
        assert_eq!(faults(SOUND, SOUND, SOUND), "");
    }

    #[test]
    fn a_lost_acknowledged_record_is_found() {
        let found = faults(&SOUND[..2], SOUND, &[]);
        assert!(found.contains("D1: ") && found.contains("T1: 1 of producer 1's 2"), "{found}");
    }

    #[test]
    fn duplicates_and_swapped_records_are_found() {
        let double = [(0, stamp(1, 0)), (1, stamp(1, 0)), (2, stamp(2, 0)), (3, stamp(1, 1))];
        assert!(faults(&double, &[], &[]).contains("where number 1 was due"));
        let swapped = [(0, stamp(1, 1)), (1, stamp(2, 0)), (2, stamp(1, 0))];
        assert!(faults(&swapped, &[], &[]).contains("where number 0 was due"));
    }

    #[test]
    fn a_hole_in_the_offsets_is_found() {
        let holed = [(0, stamp(1, 0)), (2, stamp(2, 0)), (3, stamp(1, 1))];
        assert!(faults(&holed, &[], &[]).contains("offset 1 is missing"));
    }

    #[test]
    fn what_a_reader_saw_and_is_gone_is_found() {
        let seen = [(1, stamp(2, 0)), (2, stamp(9, 9))];
        assert!(faults(SOUND, &[], &seen).contains("D3: reader 0 saw"));
    }

    #[test]
    fn a_changed_byte_has_no_stamp() {
        let mut payload = stamp(3, 77).payload(5);
        assert_eq!(Stamp::of(&payload, 5), Some(stamp(3, 77)));
        assert_eq!(Stamp::of(&payload, 4), None);
        *payload.last_mut().unwrap() ^= 1;
        assert_eq!(Stamp::of(&payload, 5), None);
    }
}
