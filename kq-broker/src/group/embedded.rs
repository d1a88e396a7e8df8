//! The embedded consumer protocol: what members of classic groups tell one another through the
//! coordinator. Where such a member is in a consumer group (KIP-848), the coordinator reads its
//! subscription and writes its share.
//!
//! ```text
//! subscription  version: int16  topics: [string]  user data: bytes?
//!               from 1: owned: [topic: string, partitions: [int32]]   from 2: generation: int32
//!               from 3: rack: string?
//! assignment    version: int16  share: [topic: string, partitions: [int32]]  user data: bytes?
//! ```
//! Strings have an int16 length; counts and the length of bytes are int32, -1 for null. A later version
//! begins as the last one that is known here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

/// Partitions by the names of their topics.
pub(crate) type NamedPartitions = BTreeMap<Arc<str>, Vec<i32>>;

const VERSION_MAX: i16 = 3;

/// What a member wants, and what it has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Subscription {
    pub(crate) version: i16,
    pub(crate) topics: BTreeSet<Arc<str>>,
    /// What it still owns. An eager member, which gives everything back before it joins, tells nothing.
    pub(crate) owned: NamedPartitions,
    pub(crate) rack: Option<Arc<str>>,
}

impl Subscription {
    /// None when the bytes are no subscription.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut input = Input(bytes);
        let version = input.i16().filter(|it| *it >= 0)?;
        let mut it = Self { version, ..Self::default() };
        for _ in 0..input.count()? {
            it.topics.insert(input.string()?);
        }
        input.nullable_bytes()?;
        if 1 <= version {
            it.owned = input.partitions()?;
        }
        if 2 <= version {
            input.i32()?;
        }
        if 3 <= version {
            it.rack = Some(input.nullable_string()?).filter(|it| !it.is_empty());
        }
        Some(it)
    }
}

/// A member's share, in the version of its subscription.
pub(crate) fn write_assignment(version: i16, share: &NamedPartitions) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(version.clamp(0, VERSION_MAX));
    put_count(&mut out, share.len());
    for (topic, partitions) in share {
        out.put_i16(i16::try_from(topic.len()).unwrap_or(i16::MAX));
        out.put_slice(topic.as_bytes());
        put_count(&mut out, partitions.len());
        for partition in partitions {
            out.put_i32(*partition);
        }
    }
    out.put_i32(-1);
    out.freeze()
}

/// What a member was given; none when the bytes are no assignment. Empty bytes are an empty share.
pub(crate) fn read_assignment(bytes: &[u8]) -> Option<NamedPartitions> {
    if bytes.is_empty() {
        return Some(NamedPartitions::new());
    }
    let mut input = Input(bytes);
    input.i16().filter(|it| *it >= 0)?;
    input.partitions()
}

fn put_count(out: &mut BytesMut, count: usize) {
    out.put_i32(i32::try_from(count).unwrap_or(i32::MAX));
}

/// Takes primitives off; never past the end, never allocating by a claimed length.
struct Input<'a>(&'a [u8]);

impl Input<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn i16(&mut self) -> Option<i16> {
        self.array().map(i16::from_be_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_be_bytes)
    }

    fn count(&mut self) -> Option<u32> {
        u32::try_from(self.i32()?).ok()
    }

    fn text(&mut self, len: i16) -> Option<Arc<str>> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        std::str::from_utf8(taken).ok().map(Arc::from)
    }

    fn string(&mut self) -> Option<Arc<str>> {
        let len = self.i16()?;
        self.text(len)
    }

    /// Null is an empty text.
    fn nullable_string(&mut self) -> Option<Arc<str>> {
        let len = self.i16()?;
        self.text(if len == -1 { 0 } else { len })
    }

    fn nullable_bytes(&mut self) -> Option<()> {
        let len = self.i32()?;
        if len == -1 {
            return Some(());
        }
        let (_, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(())
    }

    fn partitions(&mut self) -> Option<NamedPartitions> {
        let mut all = NamedPartitions::new();
        for _ in 0..self.count()? {
            let partitions = all.entry(self.string()?).or_default();
            for _ in 0..self.count()? {
                partitions.push(self.i32()?);
            }
        }
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by Kafka 4.1's `ConsumerProtocol`: topics a and bc, owned a-0 and a-5, generation 7,
    /// rack r.
    const SUBSCRIPTIONS: [&[u8]; 4] = [
        b"\0\0\0\0\0\x02\0\x01a\0\x02bc\xff\xff\xff\xff",
        b"\0\x01\0\0\0\x02\0\x01a\0\x02bc\xff\xff\xff\xff\0\0\0\x01\0\x01a\0\0\0\x02\0\0\0\0\0\0\0\x05",
        b"\0\x02\0\0\0\x02\0\x01a\0\x02bc\xff\xff\xff\xff\0\0\0\x01\0\x01a\0\0\0\x02\0\0\0\0\0\0\0\x05\0\0\0\x07",
        b"\0\x03\0\0\0\x02\0\x01a\0\x02bc\xff\xff\xff\xff\0\0\0\x01\0\x01a\0\0\0\x02\0\0\0\0\0\0\0\x05\0\0\0\x07\0\x01r",
    ];

    #[test]
    fn subscriptions_of_every_version_are_read() {
        for (version, bytes) in (0..).zip(SUBSCRIPTIONS) {
            let it = Subscription::read(bytes).unwrap();
            assert_eq!(it.version, version);
            assert_eq!(it.topics, BTreeSet::from(["a".into(), "bc".into()]));
            let owned = NamedPartitions::from([("a".into(), vec![0, 5])]);
            assert_eq!(it.owned, if version == 0 { NamedPartitions::new() } else { owned });
            assert_eq!(it.rack.as_deref(), (version == 3).then_some("r"));
        }
    }

    #[test]
    fn every_cut_of_a_subscription_is_none() {
        for bytes in SUBSCRIPTIONS {
            for len in 0..bytes.len() {
                assert_eq!(Subscription::read(&bytes[..len]), None, "cut at {len}");
            }
        }
        assert_eq!(Subscription::read(b"\0\x03\x7f\xff\xff\xff\0\x01a"), None);
    }

    #[test]
    fn an_assignment_comes_back() {
        let share = NamedPartitions::from([("a".into(), vec![0, 5]), ("bc".into(), vec![])]);
        let bytes = write_assignment(9, &share);
        assert_eq!(
            &bytes[..],
            b"\0\x03\0\0\0\x02\0\x01a\0\0\0\x02\0\0\0\0\0\0\0\x05\0\x02bc\0\0\0\0\xff\xff\xff\xff"
        );
        assert_eq!(read_assignment(&bytes), Some(share));
        assert_eq!(read_assignment(b""), Some(NamedPartitions::new()));
        assert_eq!(read_assignment(&bytes[..9]), None);
    }
}
