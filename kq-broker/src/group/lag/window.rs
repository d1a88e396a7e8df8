//! The last commits of a group to one partition, packed: a ring of at most ten samples.
//!
//! A commit replaces the newest sample unless that one stands a round or more after the one before.
//! So the ring of a fast committer spans nine rounds, and that of a slow one its last ten commits.

use std::time::Duration;

use super::{Course, float};

/// Samples of one ring.
pub(super) const SAMPLES_MAX: usize = 10;
/// Stands for a lag that is not known yet.
const UNKNOWN: u32 = u32::MAX;

/// One commit: when, which offset, and how far that was behind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sample {
    pub(super) at: Duration,
    pub(super) offset: u64,
    pub(super) lag: u64,
    /// The longest time between two commits since the sample before, as far as there was work.
    pub(super) pause: Duration,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Packed {
    /// Milliseconds after the base.
    at: u32,
    /// Records after the base.
    offset: u32,
    /// Saturates one below `UNKNOWN`.
    lag: u32,
    /// Milliseconds.
    pause: u32,
}

/// The samples, oldest first, counted from the earliest time and the least offset among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ring {
    base_at_ms: u64,
    base_offset: u64,
    samples: [Packed; SAMPLES_MAX],
    count: u8,
    /// Commits taken in; no more are counted than fit.
    commits: u8,
}

/// The samples whose lag is known, unpacked.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Samples {
    samples: [Sample; SAMPLES_MAX],
    count: usize,
}

impl Ring {
    pub(super) fn new() -> Self {
        Self { base_at_ms: 0, base_offset: 0, samples: Default::default(), count: 0, commits: 0 }
    }

    /// Takes a commit in.
    pub(super) fn push(&mut self, at: Duration, offset: u64, pause: Duration, spacing: Duration) {
        self.commits = self.commits.saturating_add(1);
        let mut all: Vec<Unpacked> = self.unpacked().collect();
        let mut pause = saturated(millis(pause));
        if let [.., before, last] = all[..]
            && u128::from(last.at_ms.saturating_sub(before.at_ms)) < spacing.as_millis()
        {
            pause = pause.max(last.pause);
            all.pop();
        }
        if all.len() == SAMPLES_MAX {
            all.remove(0);
        }
        all.push(Unpacked { at_ms: millis(at), offset, lag: UNKNOWN, pause });
        self.base_at_ms = all.iter().map(|it| it.at_ms).min().unwrap_or(0);
        self.base_offset = all.iter().map(|it| it.offset).min().unwrap_or(0);
        self.count = 0;
        for (slot, it) in self.samples.iter_mut().zip(all) {
            *slot = Packed {
                at: saturated(it.at_ms - self.base_at_ms),
                offset: saturated(it.offset - self.base_offset),
                lag: it.lag,
                pause: it.pause,
            };
            self.count += 1;
        }
    }

    /// How many commits it has taken in, 255 at most.
    pub(super) fn commits(&self) -> u8 {
        self.commits
    }

    /// Works the lag of samples out for which that is not done, from the heads around them.
    pub(super) fn fill(&mut self, course: &Course) {
        let (base_at_ms, base_offset) = (self.base_at_ms, self.base_offset);
        let unknown = self.samples.iter_mut().take(usize::from(self.count));
        for sample in unknown.filter(|it| it.lag == UNKNOWN) {
            let at = Duration::from_millis(base_at_ms + u64::from(sample.at));
            if let Some(end) = course.end_at(at) {
                let lag = end.saturating_sub(base_offset + u64::from(sample.offset));
                sample.lag = saturated(lag).min(UNKNOWN - 1);
            }
        }
    }

    /// What is known of them, oldest first.
    pub(super) fn known(&self) -> Samples {
        let mut known = Samples::default();
        for it in self.unpacked().filter(|it| it.lag != UNKNOWN) {
            let Some(slot) = known.samples.get_mut(known.count) else { break };
            *slot = Sample {
                at: Duration::from_millis(it.at_ms),
                offset: it.offset,
                lag: u64::from(it.lag),
                pause: Duration::from_millis(u64::from(it.pause)),
            };
            known.count += 1;
        }
        known
    }

    fn unpacked(&self) -> impl Iterator<Item = Unpacked> {
        self.samples.iter().take(usize::from(self.count)).map(|it| Unpacked {
            at_ms: self.base_at_ms + u64::from(it.at),
            offset: self.base_offset + u64::from(it.offset),
            lag: it.lag,
            pause: it.pause,
        })
    }
}

/// A sample off its base.
#[derive(Debug, Clone, Copy)]
struct Unpacked {
    at_ms: u64,
    offset: u64,
    lag: u32,
    pause: u32,
}

impl Samples {
    pub(super) fn as_slice(&self) -> &[Sample] {
        self.samples.get(..self.count).unwrap_or_default()
    }

    /// Those after the last step back.
    pub(super) fn forward(&self) -> &[Sample] {
        let all = self.as_slice();
        let stepped = all.windows(2).rposition(|it| matches!(it, [a, b] if b.offset < a.offset));
        all.get(stepped.map_or(0, |at| at + 1)..).unwrap_or_default()
    }
}

/// From the first to the last.
pub(super) fn span(samples: &[Sample]) -> Duration {
    match samples {
        [first, .., last] => last.at.saturating_sub(first.at),
        _ => Duration::ZERO,
    }
}

/// The moves of the offset.
pub(super) fn moves(samples: &[Sample]) -> usize {
    samples.windows(2).filter(|it| matches!(it, [a, b] if a.offset != b.offset)).count()
}

/// A line through one figure of the samples, per second.
pub(super) fn trend(samples: &[Sample], figure: impl Fn(&Sample) -> u64 + Copy) -> Option<f64> {
    let first = samples.first()?;
    // Counted from the first one: what is left is small, and exact.
    let base = figure(first);
    let point = |it: &Sample| {
        let x = it.at.saturating_sub(first.at).as_secs_f64();
        let y = figure(it);
        let y = if y >= base { float(y - base) } else { -float(base - y) };
        (x, y)
    };
    super::slope(samples.iter().map(point))
}

fn millis(at: Duration) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(u64::MAX)
}

fn saturated(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::group::lag::Head;

    const ROUND: Duration = Duration::from_secs(5);

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    fn ring(commits: impl IntoIterator<Item = (u64, u64)>) -> Ring {
        let mut ring = Ring::new();
        for (at, offset) in commits {
            ring.push(seconds(at), offset, Duration::ZERO, ROUND);
        }
        ring
    }

    /// A partition that has always ended there.
    fn level(end: u64) -> Course {
        let head = |at| Head { at: seconds(at), start: 0, last_stable: end, end, epoch: 1 };
        let mut course = Course::of(head(0));
        course.hear(head(1_000_000));
        course
    }

    fn filled(mut ring: Ring, end: u64) -> Vec<(u64, u64, u64)> {
        ring.fill(&level(end));
        let known = ring.known();
        known.as_slice().iter().map(|it| (it.at.as_secs(), it.offset, it.lag)).collect()
    }

    #[test]
    fn a_fast_committer_keeps_one_sample_a_round() {
        let all = filled(ring((0..100).map(|at| (at, at * 10))), 1_000);
        let times: Vec<u64> = all.iter().map(|it| it.0).collect();
        assert_eq!(times, [55, 60, 65, 70, 75, 80, 85, 90, 95, 99]);
    }

    #[test]
    fn a_slow_committer_keeps_its_last_ten() {
        let all = filled(ring((0..12).map(|nth| (nth * 300, nth))), 20);
        assert_eq!(all.first(), Some(&(600, 2, 18)));
        assert_eq!(all.len(), 10);
    }

    #[test]
    fn samples_survive_packing_whatever_their_size() {
        let far = 1 << 60;
        let all = filled(ring([(1, far), (100_000, far + 7), (200_000, far - 9)]), far + 10);
        assert_eq!(all, [(1, far, 10), (100_000, far + 7, 3), (200_000, far - 9, 19)]);
        // Beyond four thousand million records figures saturate; they never wrap.
        let all = filled(ring([(1, 0), (100, 1 << 40)]), 1 << 41);
        assert_eq!(all[1].2, u64::from(u32::MAX - 1));
        assert_eq!(all[1].1, u64::from(u32::MAX));
    }

    #[test]
    fn a_lag_stays_as_it_was_at_its_commit() {
        let mut ring = ring([(6, 0), (10, 100)]);
        let head = |at, end| Head { at: seconds(at), start: 0, last_stable: end, end, epoch: 1 };
        let mut course = Course::of(head(5, 50));
        course.hear(head(8, 80));
        ring.fill(&course);
        assert_eq!(ring.known().as_slice().len(), 1, "the second came after the round");
        course.hear(head(15, 150));
        ring.fill(&course);
        course.hear(head(20, 9_000));
        ring.fill(&course);
        let lags: Vec<u64> = ring.known().as_slice().iter().map(|it| it.lag).collect();
        assert_eq!(lags, [60, 0]);
    }

    #[test]
    fn what_came_before_a_step_back_is_left_out() {
        let mut ring = ring([(0, 50), (10, 60), (20, 10), (30, 20)]);
        ring.fill(&level(90));
        let known = ring.known();
        let after: Vec<u64> = known.forward().iter().map(|it| it.offset).collect();
        assert_eq!(after, [10, 20]);
        assert_eq!((moves(known.as_slice()), span(known.as_slice())), (3, seconds(30)));
        assert_eq!(trend(known.forward(), |it| it.lag), Some(-1.0));
    }
}
