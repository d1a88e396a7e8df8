//! Pages of history: what happened around a moment, and what a run is made of.

use std::collections::{BTreeMap, BTreeSet};

use kq_proto::admin::v1::EventFilter;
use kq_proto::monitor::v1::{EventPage, EventRow, EventScope, EventTotal};

use super::event_words::event_of;
use super::timeline::{RUN_MS, Timeline};
use super::wanted::Wanted;
use crate::metadata::{Event, MetadataImage};

/// Rows on either side of a moment, at most.
pub const SIDE_ROWS_MAX: u32 = 1_000;
/// Rows that are counted under a filter, at most.
const TOTAL_ROWS_MAX: usize = 10_000;

/// One row in the making: a run, so far as it is wanted.
#[derive(Debug, Clone, Copy)]
struct Run {
    first: u64,
    first_ms: i64,
    last: u64,
    count: u32,
}

impl Run {
    fn of(event: &Event) -> Self {
        Self { first: event.number, first_ms: event.time.0, last: event.number, count: 1 }
    }

    fn take(&mut self, event: &Event) {
        if event.number < self.first {
            (self.first, self.first_ms) = (event.number, event.time.0);
        }
        self.last = self.last.max(event.number);
        self.count = self.count.saturating_add(1);
    }
}

/// The page that a scope asks for. A row stands where its first event does; the row at the moment
/// itself is the first after it.
pub fn page(timeline: &Timeline, image: &MetadataImage, scope: &EventScope) -> EventPage {
    let wanted = Wanted::new(scope.filter.as_ref());
    if let Some(number) = scope.run_of {
        return run(timeline, image, (scope, &wanted), number);
    }
    let middle = scope.around_at_ms.map_or(timeline.newest() + 1, |at| timeline.first_from(at));
    let (before_max, after_max) =
        (scope.before.min(SIDE_ROWS_MAX) as usize, scope.after.min(SIDE_ROWS_MAX) as usize);
    let walk = Walk { timeline, image, wanted: &wanted };
    let (earlier, reached_back) = walk.back(middle, before_max);
    let (later, reached_on) = walk.on(middle, after_max, &earlier);
    let mut before: Vec<Run> = earlier.into_values().collect();
    before.sort_unstable_by_key(|it| it.first);
    let more_before = before.len() > before_max || !reached_back;
    before.drain(..before.len().saturating_sub(before_max));
    let mut after: Vec<Run> = later.into_values().collect();
    after.sort_unstable_by_key(|it| it.first);
    let more_after = after.len() > after_max || !reached_on;
    after.truncate(after_max);
    let row = |it: &Run| {
        let event = image.event(it.first).map(event_of);
        EventRow { event, count: it.count, last: it.last }
    };
    EventPage {
        rows: before.iter().chain(&after).map(row).collect(),
        before: u32::try_from(before.len()).unwrap_or(u32::MAX),
        more_before,
        more_after,
    }
}

/// How many rows there are in all where the page of a scope is. Without a filter that is known; with one
/// it is counted, up to a bound.
pub fn total(timeline: &Timeline, image: &MetadataImage, scope: &EventScope) -> EventTotal {
    let filter = scope.filter.as_ref().filter(|it| **it != EventFilter::default());
    if filter.is_none() && scope.run_of.is_none() {
        return EventTotal { rows: timeline.runs(), is_more: false };
    }
    let wanted = Wanted::new(filter);
    let rows = if let Some(number) = scope.run_of {
        events_of_run(timeline, image, &wanted, number)
    } else {
        let mut runs = BTreeSet::new();
        let accepted = timeline.from(image, 0).filter(|(_, event)| wanted.accepts(event));
        accepted.filter(|(row, _)| runs.insert(row.run)).take(TOTAL_ROWS_MAX + 1).count()
    };
    EventTotal { rows: rows.min(TOTAL_ROWS_MAX) as u64, is_more: rows > TOTAL_ROWS_MAX }
}

fn events_of_run(
    timeline: &Timeline,
    image: &MetadataImage,
    wanted: &Wanted,
    number: u64,
) -> usize {
    let Some(of) = timeline.row(number).copied() else { return 0 };
    let began_ms = timeline.row(of.run).map_or(of.at_ms, |it| it.at_ms);
    let near = timeline.from(image, of.run).take_while(|(it, _)| it.at_ms - began_ms <= RUN_MS);
    let its = near.filter(|(it, event)| it.run == of.run && wanted.accepts(event));
    its.take(TOTAL_ROWS_MAX + 1).count()
}

/// Walks away from a moment until there are enough rows, and all events of each have been met.
struct Walk<'a> {
    timeline: &'a Timeline,
    image: &'a MetadataImage,
    wanted: &'a Wanted,
}

impl Walk<'_> {
    /// Runs that began before a number, with all of their events. Tells whether the walk came to the
    /// beginning.
    fn back(&self, middle: u64, rows_max: usize) -> (BTreeMap<u64, Run>, bool) {
        let mut runs: BTreeMap<u64, Run> = BTreeMap::new();
        let mut enough_at: Option<i64> = None;
        for event in self.image.events_before(middle) {
            if enough_at.is_some_and(|at| event.time.0 < at - RUN_MS) {
                return (self.completed(runs, middle), false);
            }
            if !self.wanted.accepts(event) {
                continue;
            }
            let Some(row) = self.timeline.row(event.number) else { break };
            runs.entry(row.run).and_modify(|it| it.take(event)).or_insert_with(|| Run::of(event));
            if enough_at.is_none() && runs.len() > rows_max {
                enough_at = Some(event.time.0);
            }
        }
        (self.completed(runs, middle), true)
    }

    /// With what of them lies behind the moment.
    fn completed(&self, mut runs: BTreeMap<u64, Run>, middle: u64) -> BTreeMap<u64, Run> {
        let from_ms = self.timeline.row(middle).map_or(i64::MAX, |it| it.at_ms);
        for (row, event) in self.timeline.from(self.image, middle) {
            if row.at_ms - from_ms > RUN_MS {
                break;
            }
            if let Some(run) = runs.get_mut(&row.run).filter(|_| self.wanted.accepts(event)) {
                run.take(event);
            }
        }
        runs
    }

    /// Runs that begin at a number or later. Tells whether the walk came to the end.
    fn on(
        &self,
        middle: u64,
        rows_max: usize,
        earlier: &BTreeMap<u64, Run>,
    ) -> (BTreeMap<u64, Run>, bool) {
        let mut runs: BTreeMap<u64, Run> = BTreeMap::new();
        let mut enough_at: Option<i64> = None;
        for (row, event) in self.timeline.from(self.image, middle) {
            if enough_at.is_some_and(|at| row.at_ms > at + RUN_MS) {
                return (runs, false);
            }
            if earlier.contains_key(&row.run) || !self.wanted.accepts(event) {
                continue;
            }
            runs.entry(row.run).and_modify(|it| it.take(event)).or_insert_with(|| Run::of(event));
            if enough_at.is_none() && runs.len() > rows_max {
                enough_at = Some(row.at_ms);
            }
        }
        (runs, true)
    }
}

/// The events of one run, one by one, from its beginning; behind a moment if one is named.
fn run(
    timeline: &Timeline,
    image: &MetadataImage,
    (scope, wanted): (&EventScope, &Wanted),
    number: u64,
) -> EventPage {
    let Some(of) = timeline.row(number).copied() else { return EventPage::default() };
    let began_ms = timeline.row(of.run).map_or(of.at_ms, |it| it.at_ms);
    let rows_max = scope.before.saturating_add(scope.after).clamp(1, 2 * SIDE_ROWS_MAX) as usize;
    let mut rows = Vec::new();
    let mut more_after = false;
    for (row, event) in timeline.from(image, of.run) {
        if row.at_ms - began_ms > RUN_MS {
            break;
        }
        if row.run != of.run || !wanted.accepts(event) {
            continue;
        }
        if rows.len() == rows_max {
            more_after = true;
            break;
        }
        rows.push(EventRow { event: Some(event_of(event)), count: 1, last: event.number });
    }
    EventPage { rows, before: 0, more_before: false, more_after }
}
