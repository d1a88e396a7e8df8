//! Which rows a table has, and in which order: found anew when facts, filter or sort have changed, and
//! not for each drawing.
//!
//! A row's value in the column that is sorted by is one number, found once; rows are then sorted by
//! numbers and places, and a hundred thousand of them cost about as much as reading them.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each table answers for its own columns and fields"
)]

mod brokers;
mod configs;
mod groups;
mod others;
mod partitions;
mod records;
mod topics;

pub(super) use others::{broker_of, kind_of, topic_of};

use kq_proto::monitor::v1::EventRow;

use super::filter::{Facet, Filter};
use super::words::Verdict;
use super::{Row, RowKey, Screen, Sort, State};
use crate::facts::{Facts, Rate};
use crate::text::whole;

/// So many different values are few.
const FEW_VALUES: usize = 8;

/// Rows that are shown, in order, and how many there would be without the filter.
#[derive(Debug, Default)]
struct Found {
    rows: Vec<Row>,
    total: usize,
}

impl State {
    /// Finds verdict and rows anew. The cursor stays on what it was on; if that is not there, on its
    /// place.
    pub(super) fn settle(&mut self) {
        self.stale = false;
        self.settle_verdict();
        if let Some(opened) = &mut self.record {
            opened.fit(self.size.0);
        }
        let found = find(self);
        self.table.total = found.total;
        self.table.rows = found.rows;
        self.find_cursor();
    }

    /// Finds the verdict alone anew.
    pub(super) fn settle_verdict(&mut self) {
        self.settled_at_ms = self.uptime_ms;
        self.verdict = Verdict::of(&self.facts);
    }

    /// The cursor goes to the first row, as on a screen where no key was pressed; where history was gone
    /// to, to what was gone to.
    pub fn unselect(&mut self) {
        (self.table.selected, self.table.stand_in, self.table.at) = (None, None, None);
        self.settle();
    }

    /// The cursor stays on what it was on. While that is not there it stands on what stood in its
    /// place, and stays on that as well.
    pub(super) fn find_cursor(&mut self) {
        let room = self.room();
        let follows = self.place.screen == Screen::Tail && self.tail.follows;
        let led_to = if follows { self.table.rows.len().checked_sub(1) } else { self.led_to() };
        if follows || led_to.is_some() {
            self.table.at = led_to;
            self.table.selected = self.table.current().and_then(|row| self.key_of(row));
            self.table.stand_in = None;
            self.table.follow(room);
            return;
        }
        let there = |key: &Option<RowKey>| {
            let row = row_of(self, key.as_ref()?)?;
            self.table.rows.iter().position(|it| *it == row)
        };
        let selected = there(&self.table.selected);
        let at = selected.or_else(|| there(&self.table.stand_in));
        let last = self.table.rows.len().checked_sub(1);
        let place = last.map(|last| self.table.at.unwrap_or(0).min(last));
        if let (Some(was), Some(at), true) = (self.table.at, selected, self.is_history()) {
            // In another page it is in another place, and on the same line of the screen.
            self.table.first = self.table.first.saturating_add(at).saturating_sub(was);
        }
        self.table.at = at.or(place);
        let key = self.table.current().and_then(|row| self.key_of(row));
        if selected.is_some() {
            self.table.stand_in = None;
        } else if self.table.selected.is_none() {
            self.table.selected = key;
        } else if key.is_some() {
            self.table.stand_in = key;
        }
        self.table.follow(room);
    }
}

fn find(state: &State) -> Found {
    let (facts, filter, sort) = (&state.facts, &state.table.filter, state.table.sort);
    if state.place.screen.is_asked_for() && !state.can_look() {
        return Found::default();
    }
    match state.place.screen {
        Screen::Overview => {
            let mut found = brokers::find(facts, filter, sort);
            let alarms = (0..state.verdict.alarms.len()).map(Row::Alarm);
            found.rows.splice(0..0, alarms);
            found.total += state.verdict.alarms.len();
            found
        }
        Screen::Brokers => brokers::find(facts, filter, sort),
        Screen::Topics => topics::find(facts, filter, sort),
        Screen::Partitions => partitions::find(facts, filter, sort),
        Screen::Groups => groups::find(facts, filter, sort),
        Screen::Members => groups::members(state.open_group(), filter, sort, &state.table.folded),
        Screen::Churn | Screen::Events => others::events(facts, filter),
        Screen::Plans => others::plans(facts, filter, sort),
        Screen::Quorum => others::quorum(facts, filter, sort),
        Screen::Configs => configs::find(&state.configs, filter, sort),
        Screen::Tail => records::find(&state.tail, filter),
        Screen::Record => records::lines(state.record.as_ref(), filter),
    }
}

/// Takes what the filter accepts and sorts it; rows come in the order of their names.
fn arrange<F: Facet>(
    rows: impl Iterator<Item = (Row, F)>,
    filter: &Filter,
    value: impl Fn(&F) -> Option<u64>,
    descending: bool,
) -> Found {
    let mut found = Found::default();
    let mut order: Vec<(u64, u32)> = Vec::new();
    for (row, facet) in rows {
        found.total += 1;
        if !filter.is_empty() && !filter.accepts(&facet) {
            continue;
        }
        // What is not known comes last either way.
        let value = value(&facet).map_or(u64::MAX, |it| {
            let it = it.min(u64::MAX - 1);
            if descending { u64::MAX - 1 - it } else { it }
        });
        let place = u32::try_from(found.rows.len()).unwrap_or(u32::MAX);
        order.push((value, place));
        found.rows.push(row);
    }
    if order.is_sorted() {
        return found;
    }
    sort(&mut order);
    let row = |(_, place): &(u64, u32)| found.rows.get(usize::try_from(*place).ok()?).cloned();
    found.rows = order.iter().filter_map(row).collect();
    found
}

/// Sorts by values, and by places where those are the same; they come in the order of places. A
/// hundred thousand partitions are in few states: to go through them once for each is much less than
/// to compare them with one another.
fn sort(order: &mut Vec<(u64, u32)>) {
    let mut values = Vec::new();
    let mut last = None;
    for (value, _) in order.iter() {
        if last != Some(*value) && !values.contains(value) {
            if values.len() == FEW_VALUES {
                order.sort_unstable();
                return;
            }
            values.push(*value);
        }
        last = Some(*value);
    }
    values.sort_unstable();
    let of = |value: u64| order.iter().filter(move |it| it.0 == value).copied();
    *order = values.into_iter().flat_map(of).collect();
}

/// The same for a table that is sorted by names.
fn by_name<F: Facet>(
    rows: impl Iterator<Item = (Row, F)>,
    filter: &Filter,
    descending: bool,
) -> Found {
    let mut found = arrange(rows, filter, |_| Some(0), false);
    if descending {
        found.rows.reverse();
    }
    found
}

fn rate(facts: &Facts, rate: &Rate) -> Option<u64> {
    rate.at(facts.counted_at_ms?).map(whole)
}

/// So long it has been so, in milliseconds.
fn age_ms(facts: &Facts, since_ms: Option<i64>) -> Option<u64> {
    let age = facts.moment_ms()?.saturating_sub(since_ms?);
    Some(u64::try_from(age).unwrap_or(0))
}

/// The row that a name stands for now; none if it is not there.
pub(super) fn row_of(state: &State, key: &RowKey) -> Option<Row> {
    let facts = &state.facts;
    let group = || state.open_group();
    match key {
        RowKey::Alarm(about) => {
            let alarms = &state.verdict.alarms;
            alarms.iter().position(|it| it.about == *about).map(Row::Alarm)
        }
        RowKey::Broker(id) => Some(Row::Broker(*id)),
        RowKey::Topic(name) => Some(Row::Topic(facts.topics.named(name)?.number)),
        RowKey::Partition(name, index) => {
            facts.topics.partition_named(name, *index).map(Row::Partition)
        }
        RowKey::Event(sequence) => {
            let rows = &facts.events.as_ref()?.rows;
            let first = |it: &EventRow| it.event.as_ref().map(|it| it.sequence);
            // Alone it is its own row; else it is one of several that happened together.
            let alone = rows.iter().position(|it| first(it) == Some(*sequence));
            let is_of = |it: &EventRow| first(it).is_some_and(|it| it < *sequence);
            let together = || rows.iter().rposition(|it| is_of(it) && *sequence <= it.last);
            alone.or_else(together).map(Row::Event)
        }
        RowKey::Group(name) => Some(Row::Group(name.clone())),
        RowKey::Member(id) => {
            group()?.members.iter().position(|it| it.member == *id).map(Row::Member)
        }
        RowKey::Nobody => Some(Row::Nobody),
        RowKey::Owned(topic, partition) => {
            let mut owned = group()?.partitions.iter();
            let is_it = |it: &kq_proto::admin::v1::PartitionLag| {
                it.topic == *topic && it.partition == *partition
            };
            owned.position(is_it).map(Row::Owned)
        }
        RowKey::Plan(id) => facts.plans.iter().position(|it| it.id == *id).map(Row::Plan),
        RowKey::Voter(id) => Some(Row::Voter(*id)),
        RowKey::Config(key) => {
            state.configs.entries.iter().position(|it| it.key == *key).map(Row::Config)
        }
        RowKey::Record(sequence) => Some(Row::Record(*sequence)),
        RowKey::Line(at) => Some(Row::Line(*at)),
    }
}

/// Whether a sort or filter of partitions goes by what has to be counted for each of them.
pub(super) fn wants_all_counted(sort: Sort, filter: &Filter) -> bool {
    sort.column.is_counted() || filter.is_counted()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_few_and_of_many_values_are_sorted_alike() {
        for values in [1, 3, 8, 9, 1_000] {
            let value = |place: u32| u64::from(place.wrapping_mul(2_654_435_761) >> 8) % values;
            let mut order: Vec<(u64, u32)> = (0..5_000).map(|it| (value(it), it)).collect();
            let mut want = order.clone();
            want.sort_unstable();
            sort(&mut order);
            assert_eq!(order, want, "{values} values");
        }
    }
}
