//! How long writes stood still and how late they were answered, in a span of time. Pure.

use std::time::{Duration, Instant};

/// A span of time that goes on.
#[derive(Debug)]
pub(super) struct Window {
    began: Instant,
    /// By partition: the last acknowledgement, or the begin.
    last: Vec<Instant>,
    longest: Vec<Duration>,
    latencies: Vec<Duration>,
}

/// What a span of time was like for producers.
#[derive(Debug, Default)]
pub(super) struct Calm {
    /// How long it was.
    pub(super) length: Duration,
    /// By partition: the longest time without an acknowledgement.
    pub(super) stalls: Vec<Duration>,
    /// From sending a record to its acknowledgement, the shortest first.
    pub(super) latencies: Vec<Duration>,
}

impl Window {
    /// A span that begins now.
    pub(super) fn open(partitions: usize, now: Instant) -> Self {
        let (last, longest) = (vec![now; partitions], vec![Duration::ZERO; partitions]);
        Self { began: now, last, longest, latencies: Vec::new() }
    }

    /// A record of a partition was acknowledged, so long after it was sent.
    pub(super) fn acked(&mut self, partition: usize, latency: Duration, now: Instant) {
        self.end_gap(partition, now);
        self.latencies.push(latency);
    }

    /// The longest stall so far, of any partition.
    pub(super) fn longest(&self) -> Duration {
        self.longest.iter().copied().max().unwrap_or_default()
    }

    /// Ends it; a partition that is silent since its last acknowledgement stalls until now.
    pub(super) fn close(mut self, now: Instant) -> Calm {
        for partition in 0..self.last.len() {
            self.end_gap(partition, now);
        }
        self.latencies.sort_unstable();
        let length = now.saturating_duration_since(self.began);
        Calm { length, stalls: self.longest, latencies: self.latencies }
    }

    fn end_gap(&mut self, partition: usize, now: Instant) {
        if let (Some(last), Some(longest)) =
            (self.last.get_mut(partition), self.longest.get_mut(partition))
        {
            *longest = (*longest).max(now.saturating_duration_since(*last));
            *last = now;
        }
    }
}

impl Calm {
    /// The longest stall of any partition.
    pub(super) fn longest(&self) -> Duration {
        self.stalls.iter().copied().max().unwrap_or_default()
    }

    /// Acknowledgements per second.
    pub(super) fn rate(&self) -> f64 {
        let acked = u32::try_from(self.latencies.len()).unwrap_or(u32::MAX);
        f64::from(acked) / self.length.as_secs_f64().max(f64::EPSILON)
    }

    /// The stall of one partition.
    pub(super) fn stall(&self, partition: usize) -> Duration {
        self.stalls.get(partition).copied().unwrap_or_default()
    }
}

/// The value that so many percent do not exceed, of sorted ones; zero of none.
pub(super) fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(rank).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_stall_is_the_longest_gap_of_its_partition() {
        let start = clock::now();
        let mut window = Window::open(2, start);
        window.acked(0, ms(3), start + ms(10));
        window.acked(0, ms(1), start + ms(40));
        window.acked(1, ms(2), start + ms(45));
        assert_eq!(window.longest(), ms(45));
        let calm = window.close(start + ms(50));
        assert_eq!(calm.stalls, [ms(30), ms(45)]);
        assert_eq!(calm.latencies, [ms(1), ms(2), ms(3)]);
        assert_eq!(format!("{:.1}", calm.rate()), "60.0");
    }

    #[test]
    fn a_partition_that_stays_silent_stalls_to_the_end() {
        let start = clock::now();
        let mut window = Window::open(2, start);
        window.acked(0, ms(1), start + ms(95));
        let calm = window.close(start + ms(100));
        assert_eq!((calm.stall(0), calm.stall(1), calm.longest()), (ms(95), ms(100), ms(100)));
    }

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let all: Vec<Duration> = (1..=200).map(ms).collect();
        assert_eq!([50, 99, 100].map(|it| percentile(&all, it)), [ms(100), ms(198), ms(200)]);
        assert_eq!(percentile(&all[..1], 99), ms(1));
        assert_eq!(percentile(&[], 99), Duration::ZERO);
    }
}
