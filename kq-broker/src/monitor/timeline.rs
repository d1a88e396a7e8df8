//! The history by time: where a moment lies in it, which events happened together, and what was
//! trouble.
//!
//! Made once from an image, and carried on with each newer one by what is new in that. A run is all
//! events of one kind and reason within a second of the first: the shrinks of one fencing, though
//! they alternate with its leader changes, are one row for who looks at them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::trouble::{Trouble, Troubles};
use crate::metadata::{EVENTS_MAX, Event, EventKind, MetadataImage, Unled};

/// How long after its first event another one belongs to a run.
pub(super) const RUN_MS: i64 = 1_000;

/// The kept events, by time.
#[derive(Debug, Default)]
pub struct Timeline {
    /// The number of the oldest row.
    first: u64,
    rows: VecDeque<Row>,
    /// The newest run of each kind and reason: its number and when it began.
    open: BTreeMap<(EventKind, u32), (u64, i64)>,
    pub(super) topics: Names,
    pub(super) reasons: Names,
    troubles: Troubles,
    unled: VecDeque<Unled>,
    forgotten: usize,
    /// Runs whose first event is kept.
    runs: u64,
}

/// What is looked at of an event over and over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    /// When.
    pub(super) at_ms: i64,
    /// The number of the event that its run began with.
    pub(super) run: u64,
    /// The number of its topic, if it is about one.
    pub(super) topic: Option<u32>,
    /// The number of its reason.
    pub(super) reason: u32,
}

/// Names by the number that each got when it was first met.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: BTreeMap<Arc<str>, u32>,
    in_order: Vec<Arc<str>>,
    last: Option<(Arc<str>, u32)>,
}

impl Names {
    fn number(&mut self, name: &Arc<str>) -> u32 {
        // Events of one change share one reason, and often one topic: no look-up for those.
        if let Some((last, number)) = &self.last
            && Arc::ptr_eq(last, name)
        {
            return *number;
        }
        let next = u32::try_from(self.in_order.len()).unwrap_or(u32::MAX);
        let number = *self.numbers.entry(name.clone()).or_insert(next);
        if number == next {
            self.in_order.push(name.clone());
        }
        self.last = Some((name.clone(), number));
        number
    }

    /// The name that has a number.
    pub(super) fn name(&self, number: usize) -> &str {
        self.in_order.get(number).map_or("", |it| it)
    }

    pub(super) fn len(&self) -> usize {
        self.in_order.len()
    }
}

impl Timeline {
    /// The history of an image.
    pub fn of(image: &MetadataImage) -> Self {
        let mut timeline = Self::default();
        timeline.follow(image);
        timeline
    }

    /// Carries on with what is new in an image.
    pub fn follow(&mut self, image: &MetadataImage) {
        let oldest = image.events().next().map_or(image.events_total() + 1, |it| it.number);
        // Numbers of names are never given back, and an image may be of another history.
        if self.forgotten > EVENTS_MAX || image.events_total() < self.newest() {
            *self = Self::default();
        }
        if self.rows.is_empty() || self.newest() + 1 < oldest {
            *self = Self { first: oldest, ..Self::default() };
        }
        let newest = self.newest();
        let unled: Vec<Unled> = image.unled_after(newest).collect();
        for event in image.events_after(newest) {
            let without = unled.iter().find(|it| it.event == event.number);
            self.push(event, without);
        }
        self.unled.extend(unled);
        while self.first < oldest
            && let Some(row) = self.rows.pop_front()
        {
            self.runs -= u64::from(row.run == self.first);
            self.first += 1;
            self.forgotten += 1;
        }
        self.troubles.forget_before(self.first);
        while self.unled.front().is_some_and(|it| it.event < self.first) {
            self.unled.pop_front();
        }
    }

    fn push(&mut self, event: &Event, unled: Option<&Unled>) {
        let at_ms = event.time.0;
        let reason = self.reasons.number(&event.reason);
        let topic = event.subject.topic_name().map(|it| self.topics.number(it));
        let open = self.open.entry((event.kind, reason)).or_insert((event.number, at_ms));
        if at_ms - open.1 > RUN_MS {
            *open = (event.number, at_ms);
        }
        self.runs += u64::from(open.0 == event.number);
        self.rows.push_back(Row { at_ms, run: open.0, topic, reason });
        self.troubles.take(event, unled);
        // Runs that are over need not be found again.
        if self.open.len() > 1_024 {
            self.open.retain(|_, (_, began)| at_ms - *began <= RUN_MS);
        }
    }

    /// The number of the newest event in it.
    pub fn newest(&self) -> u64 {
        (self.first + self.rows.len() as u64).saturating_sub(1)
    }

    /// The number of the oldest.
    pub fn oldest(&self) -> u64 {
        self.first
    }

    /// How many runs there are, those whose first events are kept no longer among them.
    pub(super) fn runs(&self) -> u64 {
        let begun_ms = self.rows.front().map_or(0, |it| it.at_ms);
        let early = self.rows.iter().take_while(|it| it.at_ms - begun_ms <= RUN_MS);
        let cut: BTreeSet<u64> = early.map(|it| it.run).filter(|it| *it < self.first).collect();
        self.runs + cut.len() as u64
    }

    /// The number of the first event that happened at this moment or later; one more than the newest
    /// if there is none.
    pub fn first_from(&self, at_ms: i64) -> u64 {
        self.first + self.rows.partition_point(|it| it.at_ms < at_ms) as u64
    }

    /// The row of an event.
    pub(super) fn row(&self, number: u64) -> Option<&Row> {
        self.rows.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// Events with their rows, from a number on.
    pub(super) fn from<'a>(
        &'a self,
        image: &'a MetadataImage,
        number: u64,
    ) -> impl Iterator<Item = (&'a Row, &'a Event)> {
        // The image may be a newer one, which has forgotten more.
        let oldest = image.events().next().map_or(u64::MAX, |it| it.number);
        let number = number.max(self.first).max(oldest);
        let skip = usize::try_from(number - self.first).unwrap_or(usize::MAX);
        let rows = self.rows.range(skip.min(self.rows.len())..);
        rows.zip(image.events_after(number.saturating_sub(1)))
    }

    /// Troubles, the oldest first.
    pub fn troubles(&self) -> &VecDeque<Trouble> {
        self.troubles.all()
    }

    /// Spans in which nobody was known to lead the metadata quorum, the oldest first.
    pub fn unled(&self) -> impl Iterator<Item = &Unled> {
        self.unled.iter()
    }
}
