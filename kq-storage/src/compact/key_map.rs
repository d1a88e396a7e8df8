//! For each key the offset of its latest record, in bounded memory.
//!
//! Keys are hashed to 128 bits with a secret of the pass: nobody can choose a key that takes
//! another's place. A slot is two words, so that none lies on two cache lines:
//!
//! ```text
//!   second word of the hash | low half of the first | offset since the first one, plus one (u32)
//! ```
//! The high half of the first word says where a key's slots begin: no bit of the hash goes unused.

use siphasher::sip128::SipHasher13;

use crate::{Offset, canary};

type Slot = [u64; 2];

const SLOT_BYTES: u64 = 16;
/// Of a hundred slots so many are used at most: beyond that look-ups grow long.
const LOAD_MAX: u64 = 90;
/// So many are used where memory is no matter.
const LOAD_WANTED: u64 = 75;

/// The latest offsets of keys.
#[derive(Debug)]
pub(crate) struct KeyMap {
    slots: Vec<Slot>,
    used: u64,
    hasher: SipHasher13,
    from: Offset,
}

/// What stands for a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyHash([u64; 2]);

/// What became of a key that was to be noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Noted {
    /// It was not there before.
    First,
    /// It takes the place of its record at that offset.
    Instead(Offset),
    /// There is no room; nothing has changed.
    NoRoom,
}

impl KeyMap {
    /// Room for `keys_max` keys of records from `from` on, but no more than `bytes_max` hold; for one
    /// key at least.
    pub(crate) fn new(bytes_max: u64, keys_max: u64, from: Offset, seed: [u64; 2]) -> Self {
        let wanted = keys_max.saturating_mul(100).div_ceil(LOAD_WANTED).saturating_add(1);
        let count = wanted.min(bytes_max / SLOT_BYTES).max(2);
        let slots = vec![[0; 2]; usize::try_from(count).unwrap_or(usize::MAX / 32)];
        let hasher = SipHasher13::new_with_keys(seed[0], seed[1]);
        Self { slots, used: 0, hasher, from }
    }

    /// What stands for `key` here.
    pub(crate) fn hash(&self, key: &[u8]) -> KeyHash {
        let (first, second) = self.hasher.hash(key).as_u64();
        KeyHash(if canary::is("key_hash_short") { [first & 0xf, 0] } else { [first, second] })
    }

    /// Brings the places of keys that are looked up next near, all at the same time: one by one each
    /// would wait for memory.
    pub(crate) fn approach(&self, hashes: impl Iterator<Item = KeyHash>) {
        let places = hashes.filter_map(|hash| self.slots.get(self.begin(hash)));
        std::hint::black_box(places.fold(0, |all, slot| all ^ slot[1]));
    }

    /// Notes that a key was written at `offset`, which is above all noted before.
    pub(crate) fn put(&mut self, hash: KeyHash, offset: Offset) -> Noted {
        let since = offset.0.checked_sub(self.from.0).and_then(|since| since.checked_add(1));
        let since = since.and_then(|since| u32::try_from(since).ok());
        let Some((since, (at, found))) = since.zip(self.find(hash)) else { return Noted::NoRoom };
        let is_full = (self.used + 1) * 100 > self.len() * LOAD_MAX;
        if found.is_none() && self.used > 0 && is_full {
            return Noted::NoRoom;
        }
        assert!(found.is_none_or(|found| found < offset), "offsets of a key do not grow");
        self.used += u64::from(found.is_none());
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = [hash.0[1], hash.0[0] << 32 | u64::from(since)];
        }
        found.map_or(Noted::First, Noted::Instead)
    }

    /// Where the latest record of a key is, of those that were noted.
    pub(crate) fn latest(&self, hash: KeyHash) -> Option<Offset> {
        self.find(hash)?.1
    }

    const fn len(&self) -> u64 {
        self.slots.len() as u64
    }

    /// The first place that a key may have.
    fn begin(&self, hash: KeyHash) -> usize {
        let begin = (u128::from(hash.0[0]) * u128::from(self.len())) >> 64;
        usize::try_from(begin).unwrap_or(0)
    }

    /// The slot of a hash and the offset in it, or the free slot where it would go.
    fn find(&self, hash: KeyHash) -> Option<(usize, Option<Offset>)> {
        let wanted = hash.0[0] << 32;
        let begin = self.begin(hash);
        let mut at = begin;
        loop {
            let [second, rest] = *self.slots.get(at)?;
            let since = rest & u64::from(u32::MAX);
            if since == 0 {
                return Some((at, None));
            }
            if second == hash.0[1] && rest - since == wanted {
                return Some((at, Some(self.from.plus(since - 1))));
            }
            at += 1;
            if at == self.slots.len() {
                at = 0;
            }
            if at == begin {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(map: &mut KeyMap, nth: u64, offset: u64) -> Noted {
        map.put(map.hash(&nth.to_be_bytes()), Offset(offset))
    }

    fn latest(map: &KeyMap, nth: u64) -> Option<Offset> {
        map.latest(map.hash(&nth.to_be_bytes()))
    }

    #[test]
    fn the_latest_offset_of_each_key_is_found() {
        let mut map = KeyMap::new(1 << 20, 100, Offset(0), [3, 5]);
        for offset in 0..300_u64 {
            let before = offset.checked_sub(100).map(Offset);
            let want = before.map_or(Noted::First, Noted::Instead);
            assert_eq!(put(&mut map, offset % 100, offset), want);
        }
        for nth in 0..100 {
            assert_eq!(latest(&map, nth), Some(Offset(200 + nth)));
        }
        assert_eq!((latest(&map, 100), map.used), (None, 100));
    }

    #[test]
    fn a_full_map_takes_known_keys_only() {
        let mut map = KeyMap::new(16 * 10, u64::MAX, Offset(0), [0, 0]);
        let taken = (0..20).filter(|nth| put(&mut map, *nth, *nth) == Noted::First).count();
        assert_eq!(taken, 9);
        assert_eq!(put(&mut map, 4, 40), Noted::Instead(Offset(4)));
        assert_eq!(put(&mut map, 12, 41), Noted::NoRoom);
        assert_eq!(latest(&map, 4), Some(Offset(40)));
    }

    #[test]
    fn the_smallest_map_holds_one_key() {
        let mut map = KeyMap::new(0, 0, Offset(0), [0, 0]);
        assert_eq!([put(&mut map, 1, 7), put(&mut map, 2, 8)], [Noted::First, Noted::NoRoom]);
        assert_eq!((latest(&map, 1), latest(&map, 2)), (Some(Offset(7)), None));
    }

    #[test]
    fn offsets_are_held_as_far_as_four_bytes_count() {
        let from = 1 << 40;
        let mut map = KeyMap::new(1 << 10, 9, Offset(from), [0, 0]);
        let last = from + u64::from(u32::MAX) - 1;
        assert_eq!(put(&mut map, 1, from), Noted::First);
        assert_eq!(put(&mut map, 1, last), Noted::Instead(Offset(from)));
        assert_eq!(put(&mut map, 1, last + 1), Noted::NoRoom);
        assert_eq!(latest(&map, 1), Some(Offset(last)));
    }
}
