//! Reads the topics out of a consumer's subscription, the one thing in a member's metadata that
//! the coordinator needs to understand.
//!
//! The format is that of the embedded consumer protocol: a version (int16), then an array
//! (int32 count) of topic names (int16 length and UTF-8). What follows differs by version and is
//! not read.

use std::collections::BTreeSet;

/// The topics that a `consumer` member subscribes to; `None` when the bytes are not a subscription.
pub(crate) fn topics(metadata: &[u8]) -> Option<BTreeSet<&str>> {
    let (_version, rest) = metadata.split_first_chunk::<2>()?;
    let (count, mut rest) = rest.split_first_chunk::<4>()?;
    let count = u32::try_from(i32::from_be_bytes(*count)).ok()?;
    let mut topics = BTreeSet::new();
    for _ in 0..count {
        let (len, tail) = rest.split_first_chunk::<2>()?;
        let len = usize::try_from(i16::from_be_bytes(*len)).ok()?;
        let (name, tail) = tail.split_at_checked(len)?;
        topics.insert(std::str::from_utf8(name).ok()?);
        rest = tail;
    }
    Some(topics)
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
}
