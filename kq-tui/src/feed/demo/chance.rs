//! Chance that is the same each time: numbers that follow from a seed and from what they are for.

/// A number for these, evenly spread over 64 bits (the finalizer of splitmix64 over each word).
pub(super) fn chance(seed: u64, of: &[u64]) -> u64 {
    of.iter().fold(mix(seed), |sum, it| mix(sum ^ mix(*it)))
}

/// The same, below a bound; 0 if that is 0.
pub(super) fn below(bound: u64, seed: u64, of: &[u64]) -> u64 {
    chance(seed, of).checked_rem(bound).unwrap_or(0)
}

fn mix(it: u64) -> u64 {
    let it = it.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    it ^ (it >> 31)
}
