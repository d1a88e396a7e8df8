//! A place in a recording, and the way to one.

use std::collections::VecDeque;

use kq_proto::monitor::v1;

use crate::facts::Facts;
use crate::feed::record::{Moment, Recording, Told};

/// So much before a moment is told as it was, for its rates: they are smoothed over less.
const RATES_MS: i64 = 10_000;

/// What comes next in a recording.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// The block behind those that were read.
    block: usize,
    moments: VecDeque<Moment>,
}

impl Place {
    /// Before a block.
    pub(super) fn before(block: usize) -> Self {
        Self { block, moments: VecDeque::new() }
    }

    /// What comes next; none at the end.
    pub(super) fn peek(&mut self, recording: &Recording) -> Option<&Moment> {
        while self.moments.is_empty() {
            self.moments = recording.moments(self.block)?.into();
            self.block += 1;
        }
        self.moments.front()
    }

    /// Goes on by one.
    pub(super) fn next(&mut self, recording: &Recording) -> Option<Moment> {
        self.peek(recording)?;
        self.moments.pop_front()
    }
}

/// A moment that was gone to.
#[derive(Debug)]
pub(super) struct Reached {
    /// What an empty store has to be told, the first of them whole.
    pub(super) frames: Vec<v1::WatchResponse>,
    /// Behind it.
    pub(super) place: Place,
    /// When the last of the frames was received, by the clock of whoever recorded.
    pub(super) at_ms: i64,
}

/// Goes to a moment of the cluster's clock: behind the last frame of it, or to the first frame.
pub(super) fn reach(recording: &Recording, clock_ms: i64) -> Reached {
    let is_later = |it: &Moment| it.clock_ms().is_some_and(|it| it > clock_ms);
    gather(recording, recording.key_before(clock_ms), is_later)
}

/// Goes behind the last frame, whatever the cluster's clock said there: it may have been set back.
pub(super) fn reach_end(recording: &Recording) -> Reached {
    let last = recording.len().saturating_sub(1);
    gather(recording, recording.key_at_or_before(last), |_| false)
}

/// From the beginning of a block up to what is later; one frame at least.
fn gather(recording: &Recording, block: usize, is_later: impl Fn(&Moment) -> bool) -> Reached {
    let mut place = Place::before(block);
    let mut facts = Facts::default();
    let mut frames: VecDeque<(i64, v1::WatchResponse)> = VecDeque::new();
    let mut at_ms = recording.begin_ms().unwrap_or(0);
    while let Some(next) = place.peek(recording) {
        if is_later(next) && !frames.is_empty() {
            break;
        }
        let Some(next) = place.next(recording) else { break };
        at_ms = next.at_ms;
        let is_known = facts.now_ms.is_some() || !frames.is_empty();
        let Some(Told::Frame(frame)) = next.news(is_known) else { continue };
        frames.push_back((at_ms, *frame));
        while frames.front().is_some_and(|(old_ms, _)| at_ms.saturating_sub(*old_ms) > RATES_MS) {
            facts.apply(frames.pop_front().map(|(_, it)| it).unwrap_or_default());
        }
    }
    let known = facts.now_ms.is_some().then(|| facts.whole_frame());
    Reached {
        frames: known.into_iter().chain(frames.into_iter().map(|it| it.1)).collect(),
        place,
        at_ms,
    }
}
