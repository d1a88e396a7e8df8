//! What members of a classic group tell one another through the coordinator: the embedded consumer
//! protocol, of version 0.
//!
//! ```text
//! subscription  version: int16  topics: [string]                               user data: bytes?
//! assignment    version: int16  share: [topic: string, partitions: [int32]]    user data: bytes?
//! ```

use std::collections::BTreeMap;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use crate::clients::{MOVING, SAFE, SLOTS};
use crate::history::Slot;

/// A subscription to all topics.
pub(super) fn subscription() -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(0);
    out.put_i32(2);
    put_text(&mut out, SAFE);
    put_text(&mut out, MOVING);
    out.put_i32(-1);
    out.freeze()
}

/// Deals all partitions out, one after another.
pub(super) fn deal(members: &[String]) -> Vec<(String, Bytes)> {
    let mut shares: BTreeMap<&String, Vec<Slot>> =
        members.iter().map(|it| (it, Vec::new())).collect();
    for (slot, member) in SLOTS.into_iter().zip(members.iter().cycle()) {
        shares.entry(member).or_default().push(slot);
    }
    shares.into_iter().map(|(member, share)| (member.clone(), assignment(&share))).collect()
}

fn assignment(share: &[Slot]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(0);
    out.put_i32(i32::try_from(share.len()).unwrap_or(0));
    for slot in share {
        put_text(&mut out, slot.topic);
        out.put_i32(1);
        out.put_i32(slot.index);
    }
    out.put_i32(-1);
    out.freeze()
}

/// The partitions of an assignment; none when the bytes are no assignment.
pub(super) fn share(mut bytes: Bytes) -> Option<Vec<Slot>> {
    // Who has no share gets no bytes.
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let mut share = Vec::new();
    bytes.try_get_i16().ok()?;
    for _ in 0..bytes.try_get_i32().ok()? {
        let len = usize::from(bytes.try_get_u16().ok()?);
        let name = (len <= bytes.len()).then(|| bytes.split_to(len))?;
        for _ in 0..bytes.try_get_i32().ok()? {
            let index = bytes.try_get_i32().ok()?;
            let mut slots = SLOTS.into_iter();
            share.push(slots.find(|it| it.topic.as_bytes() == name && it.index == index)?);
        }
    }
    share.sort_unstable();
    Some(share)
}

fn put_text(out: &mut BytesMut, text: &str) {
    out.put_i16(i16::try_from(text.len()).unwrap_or(0));
    out.put_slice(text.as_bytes());
}
