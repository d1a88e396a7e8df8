//! Chance: whatever asks the system for random bytes in this process gets them from the seed.
//!
//! Ids, the keys of hash tables, election timeouts and the order in which `select!` looks all come
//! from libc's `getrandom`. This binary has one of its own, which the linker prefers.

use std::sync::atomic::{AtomicU64, Ordering};

const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

static STATE: AtomicU64 = AtomicU64::new(0);

/// From here on everything follows from the seed.
pub(crate) fn begin(seed: u64) {
    STATE.store(seed.wrapping_mul(GAMMA), Ordering::Relaxed);
}

/// The next step of splitmix64.
fn next() -> u64 {
    let mut mixed = STATE.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// In the place of libc's function of this name.
///
/// # Safety
/// `into` has room for `len` bytes, as libc's own asks for.
#[expect(unsafe_code, reason = "libc's function is replaced, nothing less is asked by everybody")]
#[unsafe(no_mangle)]
unsafe extern "C" fn getrandom(into: *mut u8, len: usize, _flags: u32) -> isize {
    for at in 0..len {
        let [byte, ..] = next().to_le_bytes();
        // SAFETY: the caller has room for `len` bytes, and `at` is below that.
        let place = unsafe { into.add(at) };
        // SAFETY: as above.
        unsafe { place.write(byte) };
    }
    isize::try_from(len).unwrap_or(isize::MAX)
}
