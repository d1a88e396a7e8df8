//! The history of the cluster: what changed, when, why, at which raft index.
//!
//! Events are made while records are applied, so every broker holds the same history, exact to the
//! last ISR change, and a restart brings it back. The newest stay, as many as fit: a failover of ten
//! thousand partitions makes some thirty thousand, and must not push the week before it out.

use imbl::Vector;

use super::event::Event;

/// How many events are kept at most; the oldest make room.
pub const EVENTS_MAX: usize = 200_000;
/// How many bytes they may take.
pub const EVENTS_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The newest events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct History {
    events: Vector<Event>,
    bytes: u64,
    total: u64,
}

impl History {
    /// An empty history in which so many events have been before.
    pub(super) fn after(total: u64) -> Self {
        Self { total, ..Self::default() }
    }

    /// Takes an event in and gives it its number.
    pub(super) fn push(&mut self, mut event: Event) {
        self.total += 1;
        event.number = self.total;
        self.bytes += event.bytes();
        self.events.push_back(event);
        while self.events.len() > EVENTS_MAX || self.bytes > EVENTS_BYTES_MAX {
            let Some(oldest) = self.events.pop_front() else { break };
            self.bytes -= oldest.bytes();
        }
    }

    /// Changes the newest event in place.
    pub(super) fn amend(&mut self, change: impl FnOnce(&mut Event)) {
        if let Some(last) = self.events.back_mut() {
            self.bytes -= last.bytes();
            change(last);
            self.bytes += last.bytes();
        }
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
}
