//! What runs came to, in figures: a rule that nothing ever tried is no rule that was kept.

/// One figure.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Count {
    Acked,
    Committed,
    Elections,
    Events,
    /// Reassignments that began.
    MovesBegun,
    /// That reached their target.
    MovesDone,
    /// That went back: cancelled, or given another target.
    MovesUndone,
    /// Whose topic went away.
    MovesFailed,
    /// That ended, in either way, after something had gone wrong on their way.
    MovesStruck,
    /// That ended when no more went wrong.
    MovesLate,
    MinIsrRaised,
    MinIsrLowered,
    /// Records of idempotent producers, committed.
    Numbered,
    /// That were sent again and recognised.
    Repeated,
    /// That were refused, since one before them was missing or they came far too late.
    OutOfOrder,
}

const COUNTS: usize = Count::OutOfOrder as usize + 1;

/// All figures of a run, or of many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally([u64; COUNTS]);

impl Tally {
    pub(crate) fn one(&mut self, what: Count) {
        self.0[what as usize] += 1;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, it)| *sum += it);
    }

    fn of(&self, what: Count) -> u64 {
        self.0[what as usize]
    }

    /// A line for each thing that was tried.
    pub(crate) fn lines(&self) -> Vec<String> {
        let of = |it| self.of(it);
        vec![
            format!(
                "{} acknowledged, {} committed, {} terms of office, {} events, every promise kept",
                of(Count::Acked),
                of(Count::Committed),
                of(Count::Elections),
                of(Count::Events)
            ),
            format!(
                "{} reassignments begun: {} done, {} taken back, {} with their topic deleted; {} met \
                 other faults on their way, {} ended after the last fault",
                of(Count::MovesBegun),
                of(Count::MovesDone),
                of(Count::MovesUndone),
                of(Count::MovesFailed),
                of(Count::MovesStruck),
                of(Count::MovesLate)
            ),
            format!(
                "min.insync.replicas raised {} times and lowered {} times",
                of(Count::MinIsrRaised),
                of(Count::MinIsrLowered)
            ),
            format!(
                "{} records of idempotent producers; {} came again and were recognised, {} came out of \
                 order and were refused",
                of(Count::Numbered),
                of(Count::Repeated),
                of(Count::OutOfOrder)
            ),
        ]
    }
}
