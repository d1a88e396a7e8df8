//! How long requests took in the last seconds, from counters that only go up.

use std::collections::VecDeque;
use std::time::Duration;

/// Buckets of one doubling: what is told is at most a quarter too much.
const STEPS: usize = 4;
/// Doublings from a microsecond on: up to more than a minute.
const DOUBLINGS: usize = 27;
/// Looks that are kept: one more than the seconds that are looked back.
const LOOKS_MAX: usize = 11;

/// How many requests there were of each length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Buckets(Vec<u32>);

/// The bucket of a request that took so long.
pub fn bucket_of(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).clamp(1, 1 << 40);
    let doubling = usize::try_from(micros.ilog2()).unwrap_or(0);
    // The two bits below the highest one.
    let step = usize::try_from((micros << 2 >> doubling) & 3).unwrap_or(0);
    (doubling * STEPS + step).min(Buckets::COUNT - 1)
}

/// Where a bucket ends, in microseconds.
fn end_us(bucket: usize) -> u64 {
    let (doubling, step) = (bucket / STEPS, bucket % STEPS);
    let steps = u64::try_from(STEPS + step + 1).unwrap_or(u64::MAX);
    (steps << doubling) / u64::try_from(STEPS).unwrap_or(u64::MAX)
}

impl Buckets {
    /// How many there are.
    pub const COUNT: usize = STEPS * DOUBLINGS;
}

impl FromIterator<u32> for Buckets {
    fn from_iter<I: IntoIterator<Item = u32>>(counts: I) -> Self {
        Self(counts.into_iter().collect())
    }
}

/// The counters of the last seconds.
#[derive(Debug, Default)]
pub struct Recent {
    looks: VecDeque<Buckets>,
}

impl Recent {
    /// Takes in the counters of this second, and tells how long 99 in 100 requests of the last ten
    /// took at most, in microseconds; none if there were none.
    pub fn p99_us(&mut self, now: Buckets) -> Option<u64> {
        self.looks.push_back(now);
        if self.looks.len() > LOOKS_MAX {
            self.looks.pop_front();
        }
        let (first, last) = (self.looks.front()?, self.looks.back()?);
        let counts: Vec<u64> =
            last.0.iter().zip(&first.0).map(|(now, was)| now.wrapping_sub(*was).into()).collect();
        let all: u64 = counts.iter().sum();
        let wanted = all - all / 100;
        let mut seen = 0;
        let bucket = counts.iter().position(|count| {
            seen += count;
            all > 0 && seen >= wanted
        });
        bucket.map(end_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_it_says() {
        for micros in (1..5_000).chain([70_000_000, u64::MAX / 1_000]) {
            let bucket = bucket_of(Duration::from_micros(micros));
            if bucket + 1 < Buckets::COUNT {
                let end = end_us(bucket);
                assert!(micros <= end.max(1) && end <= micros * 5 / 4 + 1, "{micros}: {end}");
            }
        }
    }

    #[test]
    fn only_the_last_ten_seconds_count() {
        let mut counts = vec![0; Buckets::COUNT];
        let mut recent = Recent::default();
        let look =
            |recent: &mut Recent, counts: &[u32]| recent.p99_us(counts.iter().copied().collect());
        assert_eq!(look(&mut recent, &counts), None);
        counts[bucket_of(Duration::from_millis(100))] += 10;
        let slow = look(&mut recent, &counts).unwrap();
        assert!((100_000..=125_000).contains(&slow), "{slow}");
        for _ in 0..10 {
            counts[bucket_of(Duration::from_millis(1))] += 100;
            look(&mut recent, &counts);
        }
        let fast = look(&mut recent, &counts).unwrap();
        assert!((1_000..=1_250).contains(&fast), "{fast}");
    }
}
