//! The embedded consumer protocol, as members write it for one another.

use std::collections::{BTreeMap, BTreeSet};

use bytes::{BufMut as _, Bytes, BytesMut};
use kq_broker::group::{JoinedMember, MemberId};

/// The topic that members share, and its partitions.
pub(crate) const TOPIC: &str = "t";
pub(crate) const PARTITIONS: i32 = 6;

/// A topic that comes and goes.
pub(crate) const FLEETING: &str = "u";

/// A subscription to it.
pub(crate) fn subscription() -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(0);
    out.put_i32(1);
    put_topic(&mut out);
    out.put_i32(-1);
    out.freeze()
}

/// Deals the partitions out, one after another.
pub(crate) fn assign(members: &[JoinedMember]) -> Vec<(MemberId, Bytes)> {
    let mut shares: BTreeMap<MemberId, Vec<i32>> =
        members.iter().map(|it| (it.member.clone(), Vec::new())).collect();
    let names: Vec<_> = shares.keys().cloned().collect();
    for (partition, member) in (0..PARTITIONS).zip(names.iter().cycle()) {
        shares.entry(member.clone()).or_default().push(partition);
    }
    shares.into_iter().map(|(member, share)| (member, assignment(&share))).collect()
}

fn assignment(partitions: &[i32]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(0);
    out.put_i32(1);
    put_topic(&mut out);
    out.put_i32(i32::try_from(partitions.len()).unwrap());
    for partition in partitions {
        out.put_i32(*partition);
    }
    out.put_i32(-1);
    out.freeze()
}

/// The partitions of an assignment; nothing of an empty one, which a member without share gets.
pub(crate) fn assigned(bytes: &[u8]) -> BTreeSet<i32> {
    let head = 2 + 4 + 2 + TOPIC.len() + 4;
    let numbers = bytes.get(head..bytes.len().saturating_sub(4)).unwrap_or_default();
    numbers.chunks_exact(4).map(|it| i32::from_be_bytes(it.try_into().unwrap())).collect()
}

fn put_topic(out: &mut BytesMut) {
    out.put_i16(i16::try_from(TOPIC.len()).unwrap());
    out.put_slice(TOPIC.as_bytes());
}
