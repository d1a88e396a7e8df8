//! For each key the offset of its latest record, in bounded memory.
//!
//! Keys are hashed to 128 bits with a secret of the pass: nobody can choose a key that takes
//! another's place. A slot is 24 bytes: two words of hash, and the offset plus one (zero is free).

use siphasher::sip128::SipHasher13;

use crate::{Offset, canary};

/// A hash in two words, and the offset plus one.
type Slot = [u64; 3];

const SLOT_BYTES: u64 = 24;
/// Of a hundred slots so many are used at most: beyond that look-ups grow long.
const LOAD_MAX: u64 = 90;

/// The latest offsets of keys below [`KeyMap::until`].
#[derive(Debug)]
pub(crate) struct KeyMap {
    slots: Vec<Slot>,
    used: u64,
    hasher: SipHasher13,
    until: Offset,
}

impl KeyMap {
    /// Room for `keys_max` keys, but no more than `bytes_max` hold; for one key at least.
    pub(crate) fn new(bytes_max: u64, keys_max: u64, seed: [u64; 2]) -> Self {
        let wanted = keys_max.saturating_mul(100).div_ceil(LOAD_MAX).saturating_add(1);
        let count = wanted.min(bytes_max / SLOT_BYTES).max(2);
        let slots = vec![[0; 3]; usize::try_from(count).unwrap_or(usize::MAX / 32)];
        let hasher = SipHasher13::new_with_keys(seed[0], seed[1]);
        Self { slots, used: 0, hasher, until: Offset(0) }
    }

    /// Notes that `key` was written at `offset`, which is above all noted before. False, and nothing
    /// is noted, where the key is new and there is no room.
    pub(crate) fn put(&mut self, key: &[u8], offset: Offset) -> bool {
        let hash = self.hash(key);
        let Some((at, found)) = self.find(hash) else { return false };
        if found.is_none() && self.used > 0 && (self.used + 1) * 100 > self.len() * LOAD_MAX {
            return false;
        }
        assert!(found.is_none_or(|found| found < offset), "offsets of a key do not grow");
        self.used += u64::from(found.is_none());
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = [hash[0], hash[1], offset.0 + 1];
        }
        true
    }

    /// Where the latest record of `key` is, of those that were noted.
    pub(crate) fn latest(&self, key: &[u8]) -> Option<Offset> {
        self.find(self.hash(key))?.1
    }

    /// Notes that every record with a key below `next` that must be in the map is.
    pub(crate) fn reached(&mut self, next: Offset) {
        self.until = self.until.max(next);
    }

    /// What is at or above is not known to the map, and stays as it is.
    pub(crate) fn until(&self) -> Offset {
        if canary::is("map_end_overstated") {
            return Offset(self.until.0 + 2);
        }
        self.until
    }

    const fn len(&self) -> u64 {
        self.slots.len() as u64
    }

    fn hash(&self, key: &[u8]) -> [u64; 2] {
        let (first, second) = self.hasher.hash(key).as_u64();
        if canary::is("key_hash_short") { [first & 0xf, 0] } else { [first, second] }
    }

    /// The slot of a hash and the offset in it, or the free slot where it would go.
    fn find(&self, hash: [u64; 2]) -> Option<(usize, Option<Offset>)> {
        let begin = (u128::from(hash[0]) * u128::from(self.len())) >> 64;
        let begin = usize::try_from(begin).ok()?;
        for at in (begin..self.slots.len()).chain(0..begin) {
            let [first, second, offset] = *self.slots.get(at)?;
            match offset.checked_sub(1) {
                None => return Some((at, None)),
                Some(offset) if [first, second] == hash => return Some((at, Some(Offset(offset)))),
                Some(_) => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(nth: u64) -> [u8; 8] {
        nth.to_be_bytes()
    }

    #[test]
    fn the_latest_offset_of_each_key_is_found() {
        let mut map = KeyMap::new(1 << 20, 100, [3, 5]);
        for offset in 0..300 {
            assert!(map.put(&key(offset % 100), Offset(offset)));
        }
        for nth in 0..100 {
            assert_eq!(map.latest(&key(nth)), Some(Offset(200 + nth)));
        }
        assert_eq!((map.latest(&key(100)), map.used), (None, 100));
    }

    #[test]
    fn a_full_map_takes_known_keys_only() {
        let mut map = KeyMap::new(24 * 10, u64::MAX, [0, 0]);
        let taken = (0..20).filter(|nth| map.put(&key(*nth), Offset(*nth))).count();
        assert_eq!(taken, 9);
        assert!(map.put(&key(4), Offset(40)) && !map.put(&key(12), Offset(41)));
        assert_eq!(map.latest(&key(4)), Some(Offset(40)));
    }

    #[test]
    fn the_smallest_map_holds_one_key() {
        let mut map = KeyMap::new(0, 0, [0, 0]);
        assert!(map.put(b"a", Offset(7)) && !map.put(b"b", Offset(8)));
        assert_eq!((map.latest(b"a"), map.latest(b"b")), (Some(Offset(7)), None));
    }
}
