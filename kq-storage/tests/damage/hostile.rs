//! Bytes that nobody wrote: noise, and valid files with noise in them.

use kq_storage::sim::Prng;

/// How many variants of a file are tried; ten times as many with `KQ_NIGHTLY=1`.
const VARIANTS: u64 = 1_000;

/// Calls `act` with many mutations of `valid`, and with plain noise.
pub(crate) fn for_each_variant(valid: &[u8], mut act: impl FnMut(u64, &[u8])) {
    let is_nightly = std::env::var("KQ_NIGHTLY").is_ok_and(|value| value == "1");
    for seed in 0..VARIANTS * if is_nightly { 10 } else { 1 } {
        let mut rng = Prng::new(seed);
        let bytes = if rng.chance(1) { noise(&mut rng) } else { mutated(valid, &mut rng) };
        act(seed, &bytes);
    }
}

fn noise(rng: &mut Prng) -> Vec<u8> {
    let mut bytes = vec![0; below(rng, 400)];
    rng.fill(&mut bytes);
    bytes
}

fn mutated(valid: &[u8], rng: &mut Prng) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    for _ in 0..=rng.below(4) {
        if bytes.is_empty() {
            break;
        }
        let at = below(rng, bytes.len());
        match rng.below(7) {
            0 => bytes[at] ^= 1 << rng.below(8),
            1 => bytes.truncate(at),
            // Lengths and counts that claim the most there is.
            2 => bytes.iter_mut().skip(at).take(4).for_each(|byte| *byte = 0xFF),
            3 => bytes.iter_mut().skip(at).take(8).for_each(|byte| *byte = 0),
            4 => bytes.iter_mut().skip(at).take(4).for_each(|byte| *byte = 0x7F),
            5 => drop(bytes.drain(at..(at + 1 + below(rng, 16)).min(bytes.len()))),
            _ => {
                let tail = bytes.split_off(at);
                bytes.extend(noise(rng));
                bytes.extend(tail);
            }
        }
    }
    bytes
}

fn below(rng: &mut Prng, bound: usize) -> usize {
    usize::try_from(rng.below(bound as u64)).unwrap()
}
