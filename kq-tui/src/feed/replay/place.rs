//! A place in a recording, and the way to one.

use std::collections::VecDeque;

use kq_proto::monitor::v1;

use crate::facts::Facts;
use crate::feed::record::{Moment, Recording};
use crate::model::FeedEvent;

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

    /// Whether what was seen last stands in this block or behind it.
    fn has_reached(&self, block: usize) -> bool {
        self.block > block
    }
}

/// A moment that was gone to.
#[derive(Debug)]
pub(super) struct Reached {
    /// What an empty store has to be told: frames, the first of them whole, and windows.
    pub(super) told: Vec<FeedEvent>,
    /// Behind it.
    pub(super) place: Place,
    /// When the last of it was received, by the clock of whoever recorded.
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

/// From the beginning of a block up to what is later; one frame at least. Right behind it, what came
/// before the block is told too.
fn gather(recording: &Recording, block: usize, is_later: impl Fn(&Moment) -> bool) -> Reached {
    let key_ms = Place::before(block).peek(recording).map(|it| it.at_ms);
    let reached = gather_from(recording, block, block, &is_later);
    let is_near = key_ms.is_some_and(|it| reached.at_ms.saturating_sub(it) < RATES_MS);
    let Some(before) = block.checked_sub(1).filter(|_| is_near) else { return reached };
    gather_from(recording, recording.key_at_or_before(before), block, &is_later)
}

/// The same from an earlier block, whose moments are not later whatever the clock said in them.
fn gather_from(
    recording: &Recording,
    from: usize,
    block: usize,
    is_later: &impl Fn(&Moment) -> bool,
) -> Reached {
    let mut place = Place::before(from);
    let mut known = Known::default();
    let mut at_ms = recording.begin_ms().unwrap_or(0);
    while let Some(is_later) = place.peek(recording).map(is_later) {
        if is_later && place.has_reached(block) && known.is_any() {
            break;
        }
        let Some(next) = place.next(recording) else { break };
        at_ms = next.at_ms;
        for it in next.news(known.is_any()) {
            known.take(at_ms, it);
        }
    }
    Reached { told: known.into_told(), place, at_ms }
}

/// What is known on the way: whole up to a while ago, and what came since.
#[derive(Debug, Default)]
struct Known {
    facts: Facts,
    window: Option<Box<v1::Window>>,
    since: VecDeque<(i64, FeedEvent)>,
}

impl Known {
    fn is_any(&self) -> bool {
        let is_frame = |it: &(i64, FeedEvent)| matches!(it.1, FeedEvent::Frame(_));
        self.facts.now_ms.is_some() || self.since.iter().any(is_frame)
    }

    fn take(&mut self, at_ms: i64, told: FeedEvent) {
        if !matches!(told, FeedEvent::Frame(_) | FeedEvent::Looked(_)) {
            // Who was looked for and lost on the way is told by nobody any more.
            return;
        }
        self.since.push_back((at_ms, told));
        while self.since.front().is_some_and(|(old, _)| at_ms.saturating_sub(*old) > RATES_MS) {
            match self.since.pop_front() {
                Some((_, FeedEvent::Frame(frame))) => drop(self.facts.apply(*frame)),
                Some((_, FeedEvent::Looked(window))) => self.window = Some(window),
                Some(_) | None => {}
            }
        }
    }

    fn into_told(self) -> Vec<FeedEvent> {
        let is_known = self.facts.now_ms.is_some();
        let whole = is_known.then(|| FeedEvent::Frame(Box::new(self.facts.whole_frame())));
        let looked = self.window.map(FeedEvent::Looked);
        whole.into_iter().chain(looked).chain(self.since.into_iter().map(|it| it.1)).collect()
    }
}
