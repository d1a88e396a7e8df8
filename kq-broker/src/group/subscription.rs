//! Reads the topics out of a consumer's subscription, and the partitions out of its assignment: what
//! the coordinator, and who looks at it, needs to understand of what members tell one another.
//!
//! The format is that of the embedded consumer protocol: a version (int16), then an array
//! (int32 count) of topic names (int16 length and UTF-8), in an assignment each followed by an array
//! of partitions (int32). What follows differs by version and is not read.

use std::collections::{BTreeMap, BTreeSet};

/// The topics that a group's members name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Subscribed<'a> {
    /// As far as can be told.
    ToAll,
    /// These, and no others.
    To(BTreeSet<&'a str>),
}

impl Subscribed<'_> {
    /// Whether a member names the topic, or may do so.
    pub(crate) fn names(&self, topic: &str) -> bool {
        match self {
            Self::ToAll => true,
            Self::To(topics) => topics.contains(topic),
        }
    }
}

/// The topics that a `consumer` member subscribes to; `None` when the bytes are not a subscription.
pub(crate) fn topics(metadata: &[u8]) -> Option<BTreeSet<&str>> {
    let (count, mut rest) = begin(metadata)?;
    let mut topics = BTreeSet::new();
    for _ in 0..count {
        let (name, tail) = name(rest)?;
        topics.insert(name);
        rest = tail;
    }
    Some(topics)
}

/// The share that a `consumer` member was given, by topic; `None` when the bytes are no assignment.
pub(crate) fn assigned(assignment: &[u8]) -> Option<BTreeMap<&str, Vec<i32>>> {
    let (count, mut rest) = begin(assignment)?;
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    for _ in 0..count {
        let (name, tail) = name(rest)?;
        let (count, mut tail) = self::count(tail)?;
        let partitions = topics.entry(name).or_default();
        for _ in 0..count {
            let (partition, left) = tail.split_first_chunk::<4>()?;
            partitions.push(i32::from_be_bytes(*partition));
            tail = left;
        }
        rest = tail;
    }
    Some(topics)
}

/// Reads the version, and how many topics follow.
fn begin(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (_version, rest) = bytes.split_first_chunk::<2>()?;
    count(rest)
}

fn count(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (count, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::try_from(i32::from_be_bytes(*count)).ok()?, rest))
}

fn name(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<2>()?;
    let len = usize::try_from(i16::from_be_bytes(*len)).ok()?;
    let (name, rest) = rest.split_at_checked(len)?;
    Some((std::str::from_utf8(name).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read_and_the_rest_is_left() {
        let bytes = b"\0\x03\0\0\0\x02\0\x01a\0\x02bc\xff\xff\xff\xff";
        assert_eq!(topics(bytes), Some(BTreeSet::from(["a", "bc"])));
    }

    #[test]
    fn a_count_beyond_the_bytes_is_no_subscription() {
        assert_eq!(topics(b"\0\x03\x7f\xff\xff\xff\0\x01a"), None);
    }

    #[test]
    fn partitions_are_read_out_of_an_assignment() {
        let bytes =
            b"\0\x01\0\0\0\x02\0\x01b\0\0\0\x02\0\0\0\0\0\0\0\x05\0\x01a\0\0\0\0\xff\xff\xff\xff";
        assert_eq!(assigned(bytes), Some(BTreeMap::from([("a", vec![]), ("b", vec![0, 5])])));
        assert_eq!(assigned(b"\0\x01\0\0\0\x01\0\x01a\x7f\xff\xff\xff\0\0"), None);
        assert_eq!(assigned(b""), None);
    }
}
