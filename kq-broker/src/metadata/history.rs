//! The history of the cluster: what changed, when, why, at which raft index.
//!
//! Events are made while records are applied, so every broker holds the same history, exact to the
//! last ISR change, and a restart brings it back. The newest stay, as many as fit: a failover of ten
//! thousand partitions makes some thirty thousand, and must not push the week before it out.
//!
//! What was before a change and is in no event stands beside them ([`Before`]), within bounds of its
//! own: it never pushes an event out. Where either of them had to go, the past can be told no more.

use std::cmp::Ordering;

use imbl::Vector;

use super::before::Before;
use super::event::Event;
use super::record::TimestampMs;

/// How many events are kept at most; the oldest make room.
pub const EVENTS_MAX: usize = 200_000;
/// How many bytes they may take.
pub const EVENTS_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// How much may be kept of what was before, beside the events, and the bytes that it may take.
pub(super) const BEFORES_MAX: usize = 200_000;
pub(super) const BEFORES_BYTES_MAX: u64 = 32 * 1024 * 1024;

/// The newest events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct History {
    events: Vector<Event>,
    bytes: u64,
    total: u64,
    befores: Vector<Before>,
    befores_bytes: u64,
    told_from: ToldFrom,
}

/// The oldest image that can be told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct ToldFrom {
    /// The raft index that it is of.
    pub(super) index: u64,
    /// When that was applied.
    pub(super) time: TimestampMs,
}

/// The newest thing of a history.
#[derive(Debug)]
pub(super) enum Newest {
    /// Something happened.
    Event(Event),
    /// And before it this was so.
    Before(Before),
}

impl History {
    /// An empty history in which so many events have been before.
    pub(super) fn after(total: u64, told_from: ToldFrom) -> Self {
        Self { total, told_from, ..Self::default() }
    }

    /// Takes an event in and gives it its number.
    pub(super) fn push(&mut self, mut event: Event) {
        self.total += 1;
        event.number = self.total;
        self.bytes += event.bytes();
        self.events.push_back(event);
        self.make_room();
    }

    fn make_room(&mut self) {
        while self.events.len() > EVENTS_MAX || self.bytes > EVENTS_BYTES_MAX {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= oldest.bytes();
            self.forget_until(oldest.index, oldest.time);
        }
    }

    /// Takes in what was before the change that is being applied. Belongs before its events.
    pub(super) fn push_before(&mut self, mut before: Before) {
        before.events = self.total;
        self.keep_before(before);
    }

    /// Takes it in as it was kept, the oldest first.
    pub(super) fn keep_before(&mut self, before: Before) {
        self.befores_bytes += before.bytes();
        self.befores.push_back(before);
        while self.befores.len() > BEFORES_MAX || self.befores_bytes > BEFORES_BYTES_MAX {
            let Some(oldest) = self.befores.front() else { break };
            let (index, time) = (oldest.index, oldest.time);
            self.forget_until(index, time);
        }
    }

    /// What was before these changes cannot be told any more.
    fn forget_until(&mut self, index: u64, time: TimestampMs) {
        if self.told_from.index < index {
            self.told_from = ToldFrom { index, time };
        }
        while self.befores.front().is_some_and(|it| it.index <= index) {
            let Some(oldest) = self.befores.pop_front() else { break };
            self.befores_bytes -= oldest.bytes();
        }
    }

    /// Takes the newest thing out, if it came after this raft index.
    pub(super) fn pop_after(&mut self, index: u64) -> Option<Newest> {
        if self.befores.back().is_some_and(|it| it.events >= self.total) {
            let before = self.befores.back().filter(|it| it.index > index)?.clone();
            self.befores.pop_back();
            self.befores_bytes -= before.bytes();
            return Some(Newest::Before(before));
        }
        let event = self.events.back().filter(|it| it.index > index)?.clone();
        self.events.pop_back();
        self.bytes -= event.bytes();
        self.total -= 1;
        Some(Newest::Event(event))
    }

    /// The raft index and the time of the newest thing in it.
    pub(super) fn newest_change(&self) -> (u64, TimestampMs) {
        let event = self.events.back().map(|it| (it.index, it.time));
        let before = self.befores.back().map(|it| (it.index, it.time));
        let told_from = (self.told_from.index, self.told_from.time);
        event.max(before).unwrap_or(told_from)
    }

    /// The raft index of the newest change that was made by then.
    pub(super) fn index_at(&self, time: TimestampMs) -> Option<u64> {
        self.change_by(time).map(|(index, _)| index)
    }

    /// When the newest change was made that was made by then.
    pub(super) fn last_by(&self, time: TimestampMs) -> Option<TimestampMs> {
        self.change_by(time).map(|(_, time)| time)
    }

    fn change_by(&self, time: TimestampMs) -> Option<(u64, TimestampMs)> {
        let events = first_where(&self.events, |it| it.time > time);
        let befores = first_where(&self.befores, |it| it.time > time);
        let at = |position: usize| position.checked_sub(1);
        let event = at(events).and_then(|at| self.events.get(at)).map(|it| (it.index, it.time));
        let before = at(befores).and_then(|at| self.befores.get(at)).map(|it| (it.index, it.time));
        event.max(before)
    }

    /// What was before, the oldest first; from this place on.
    pub(super) fn befores_after(&self, events: u64) -> impl Iterator<Item = &Before> {
        let skip = first_where(&self.befores, |it| it.events >= events);
        self.befores.focus().narrow(skip..).into_iter()
    }

    /// The oldest image that can be told.
    pub(super) fn told_from(&self) -> ToldFrom {
        self.told_from
    }

    /// Changes the newest event in place.
    pub(super) fn amend(&mut self, change: impl FnOnce(&mut Event)) {
        if let Some(last) = self.events.back_mut() {
            self.bytes -= last.bytes();
            change(last);
            self.bytes += last.bytes();
        }
        // It may have become longer.
        self.make_room();
    }

    pub(super) fn newest(&self) -> Option<&Event> {
        self.events.back()
    }

    /// Oldest first.
    pub(super) fn iter(&self) -> imbl::vector::Iter<'_, Event, imbl::shared_ptr::DefaultSharedPtr> {
        self.events.iter()
    }

    /// The kept events whose number is above `number`, oldest first.
    pub(super) fn iter_after(&self, number: u64) -> impl Iterator<Item = &Event> {
        let first = self.events.front().map_or(1, |it| it.number);
        let skip = number.saturating_add(1).saturating_sub(first);
        let skip = usize::try_from(skip).unwrap_or(usize::MAX).min(self.events.len());
        self.events.focus().narrow(skip..).into_iter()
    }

    /// The kept events whose number is below `number`, the newest first.
    pub(super) fn iter_before(&self, number: u64) -> impl Iterator<Item = &Event> {
        let first = self.events.front().map_or(1, |it| it.number);
        let count = usize::try_from(number.saturating_sub(first)).unwrap_or(usize::MAX);
        self.events.focus().narrow(..count.min(self.events.len())).into_iter().rev()
    }

    /// One event by its number.
    pub(super) fn get(&self, number: u64) -> Option<&Event> {
        let first = self.events.front()?.number;
        self.events.get(usize::try_from(number.checked_sub(first)?).ok()?)
    }

    /// What was before, the oldest first.
    pub(super) fn befores(&self) -> impl Iterator<Item = &Before> {
        self.befores.iter()
    }

    /// How many events there have ever been.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Bytes that the kept events take.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether what is kept beside the events stays within its bounds.
    pub(super) fn befores_are_bounded(&self) -> bool {
        self.befores.len() <= BEFORES_MAX && self.befores_bytes <= BEFORES_BYTES_MAX
    }
}

/// The first place from which on something holds, which once true stays true.
fn first_where<T: Clone>(all: &Vector<T>, holds: impl Fn(&T) -> bool) -> usize {
    let side = |it: &T| if holds(it) { Ordering::Greater } else { Ordering::Less };
    all.binary_search_by(side).unwrap_or_else(|place| place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::event::{Detail, EventKind, Subject};

    fn event(reason: usize) -> Event {
        Event {
            number: 0,
            index: 1,
            time: TimestampMs(1),
            kind: EventKind::PartitionsAdded,
            subject: Subject::AllTopics,
            detail: Detail::text("now 9 partitions"),
            reason: "x".repeat(reason).into(),
        }
    }

    #[test]
    fn an_event_that_grows_makes_room_for_itself() {
        let mut history = History::default();
        while history.bytes() + event(1 << 20).bytes() <= EVENTS_BYTES_MAX {
            history.push(event(1 << 20));
        }
        let left = EVENTS_BYTES_MAX - history.bytes() - event(0).bytes();
        history.push(event(usize::try_from(left).unwrap()));
        let (count, total) = (history.len(), history.total());
        assert_eq!(history.bytes(), EVENTS_BYTES_MAX, "full to the byte");
        history.amend(|it| it.detail = Detail::text("now 10 partitions"));
        assert!(history.bytes() <= EVENTS_BYTES_MAX, "{} bytes", history.bytes());
        assert_eq!((history.len(), history.total()), (count - 1, total));
    }
}
