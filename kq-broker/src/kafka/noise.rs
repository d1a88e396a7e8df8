//! Log lines that strangers can cause: so many a second, then only how many there were.

use std::sync::atomic::{AtomicU32, Ordering};

/// Lines of one second.
const LINES_PER_S_MAX: u32 = 10;

/// Counts lines within a second.
#[derive(Debug, Default)]
pub struct Noise {
    lines: AtomicU32,
}

impl Noise {
    /// Whether one more line may be written.
    pub fn may_speak(&self) -> bool {
        self.lines.fetch_add(1, Ordering::Relaxed) < LINES_PER_S_MAX
    }

    /// Begins a new second; tells how many lines were held back in the last.
    pub fn next_second(&self) -> u32 {
        self.lines.swap(0, Ordering::Relaxed).saturating_sub(LINES_PER_S_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_not_written() {
        let noise = Noise::default();
        let written = (0..25).filter(|_| noise.may_speak()).count();
        assert_eq!((written, noise.next_second()), (10, 15));
        assert!(noise.may_speak());
        assert_eq!(noise.next_second(), 0);
    }
}
