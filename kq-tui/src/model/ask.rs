//! What the feed is asked to tell: what is on the screen, and no more.

#![expect(clippy::wildcard_enum_match_arm, reason = "most screens want nothing of most things")]
use kq_proto::admin::v1::{EventFilter, EventKind};
use kq_proto::monitor::v1;

use super::filter::Field;
use super::rows::wants_all_counted;
use super::{Effect, FeedAsk, Row, RowKey, Screen, State};

/// Minutes of the curves on the overview and beside groups, where there is little room.
const CURVE_MINUTES: u32 = 10;
/// Minutes of the curves where there is much.
const LONG_CURVE_MINUTES: u32 = 60;
/// Groups whose curves are asked for at once.
const CURVE_GROUPS_MAX: usize = 64;
/// Events on the overview: so many times as many as make up for the room that there is.
const OVERVIEW_EVENTS: u32 = 4;
const OVERVIEW_EVENTS_MAX: u32 = 100;
/// Where so many columns and lines are seen the curves of an hour are.
const WIDE: (u16, u16) = (120, 40);

impl State {
    /// A frame takes this window into account, and with it all before.
    pub(super) fn answered(&mut self, number: u64) {
        let newest = self.unanswered.answered(number);
        if let Some(window) = &newest {
            let axis = window.axis.as_ref();
            self.troubles.is_filtered = axis.is_some_and(|it| it.filter.is_some());
            self.answered_events.clone_from(&window.events);
        }
        // A recording tells what was in sight of whoever recorded it, whatever is in sight now.
        let Some(window) = newest.filter(|_| !self.is_recording()) else { return };
        self.look_through(&window);
    }

    /// From now on only this is told.
    pub(super) fn look_through(&mut self, window: &v1::Window) {
        self.held.as_deref_mut().unwrap_or(&mut self.facts).look_through(window);
    }

    /// The window, if it differs from the one that was asked for.
    pub(super) fn ask(&mut self) -> Option<Effect> {
        let number = self.window.number;
        let wanted = v1::Window { number, ..wanted(self) };
        if wanted == self.window {
            return None;
        }
        self.window = v1::Window { number: number.saturating_add(1), ..wanted };
        self.unanswered.push(self.window.clone());
        Some(Effect::Ask(FeedAsk::Window(Box::new(self.window.clone()))))
    }
}

fn wanted(state: &State) -> v1::Window {
    let screen = state.place.screen;
    let shows_axis = matches!(screen, Screen::Overview | Screen::Churn);
    // In the past the axis goes on being told, for what goes wrong meanwhile.
    let axis = shows_axis || state.moment_asked().is_some();
    let at_ms = state.moment_asked();
    // What is not kept of the past is not asked for there. Back in what is now it is asked for anew,
    // and so told anew: of the time between nothing was told.
    let is_now = at_ms.is_none();
    let is_open = screen == Screen::Members;
    v1::Window {
        number: 0,
        // On every screen: who counts brokers tells something each second, so that silence is a loss.
        brokers: true,
        topics: screen == Screen::Topics,
        partitions: (screen == Screen::Partitions).then(|| partitions(state)),
        groups: is_now && matches!(screen, Screen::Overview | Screen::Groups | Screen::Members),
        group: state.place.group.clone().filter(|_| is_open && is_now).unwrap_or_default(),
        events: events(state),
        axis: (axis && state.heard.is_some()).then(|| {
            let mut scope = state.zoom.scope(state.axis_columns(), state.now_ms(), at_ms);
            scope.filter = Some(event_filter(state)).filter(|it| *it != EventFilter::default());
            scope
        }),
        focus: focus(state),
        plans: is_now && matches!(screen, Screen::Overview | Screen::Plans),
        quorum: is_now && screen == Screen::Quorum,
        curve_minutes: match screen {
            Screen::Overview if state.size.0 >= WIDE.0 => LONG_CURVE_MINUTES,
            Screen::Groups if state.size.1 >= WIDE.1 => LONG_CURVE_MINUTES,
            Screen::Overview | Screen::Groups => CURVE_MINUTES,
            Screen::Members => LONG_CURVE_MINUTES,
            _ => 0,
        },
        curve_groups: curve_groups(state),
    }
}

/// The rows on the screen and a page on either side; all of them if the order goes by counters.
fn partitions(state: &State) -> v1::PartitionScope {
    let table = &state.table;
    if wants_all_counted(table.sort, &table.filter) {
        return v1::PartitionScope { all: true, keys: Vec::new() };
    }
    let key = |row: &Row| match state.key_of(row)? {
        RowKey::Partition(topic, partition) => {
            Some(v1::PartitionKey { topic: topic.to_string(), partition })
        }
        _ => None,
    };
    v1::PartitionScope { all: false, keys: pages(state).iter().filter_map(key).collect() }
}

/// The page that is seen, one before and one after it. They move by whole pages, so that scrolling
/// by rows seldom asks.
fn pages(state: &State) -> &[Row] {
    let room = state.room();
    let page = state.table.first / room;
    let first = page.saturating_sub(1).saturating_mul(room);
    let until = page.saturating_add(3).saturating_mul(room).min(state.table.rows.len());
    state.table.rows.get(first..until).unwrap_or_default()
}

fn events(state: &State) -> Option<v1::EventScope> {
    let screen = state.place.screen;
    if screen == Screen::Overview {
        // By steps, so that a row more or less asks nothing new.
        let room = u32::from(state.hits.events.unwrap_or(0)).next_multiple_of(OVERVIEW_EVENTS);
        let before = room.clamp(OVERVIEW_EVENTS, OVERVIEW_EVENTS_MAX);
        return Some(v1::EventScope { before, ..v1::EventScope::default() });
    }
    if !matches!(screen, Screen::Churn | Screen::Events) {
        return None;
    }
    let (around_at_ms, side) = state.page_asked();
    let filter = Some(event_filter(state)).filter(|it| *it != EventFilter::default());
    Some(v1::EventScope {
        around_at_ms,
        before: side,
        after: if around_at_ms.is_some() { side } else { 0 },
        filter,
        run_of: state.place.run,
    })
}

/// What of the filter the cluster can choose by.
fn event_filter(state: &State) -> EventFilter {
    if !matches!(state.place.screen, Screen::Churn | Screen::Events) {
        return EventFilter::default();
    }
    let filter = &state.table.filter;
    let (topics, brokers) = (filter.exact(Field::Topic), filter.brokers(Field::Broker));
    // The cluster takes either, the filter wants both: then only the screen can choose.
    let (topics, brokers) =
        if topics.len() + brokers.len() > 1 { (Vec::new(), Vec::new()) } else { (topics, brokers) };
    let kind =
        |word: &&str| EventKind::from_str_name(&format!("EVENT_KIND_{}", word.to_uppercase()));
    let kinds = filter.exact(Field::Kind);
    EventFilter {
        kinds: kinds.iter().filter_map(kind).map(i32::from).collect(),
        topics: topics.into_iter().map(str::to_owned).collect(),
        brokers,
        ..EventFilter::default()
    }
}

/// The partition whose history is told: the one with the cursor.
fn focus(state: &State) -> Option<v1::PartitionKey> {
    if state.place.screen != Screen::Partitions {
        return None;
    }
    match state.key_of(state.table.current()?)? {
        RowKey::Partition(topic, partition) => {
            Some(v1::PartitionKey { topic: topic.to_string(), partition })
        }
        _ => None,
    }
}

fn curve_groups(state: &State) -> Vec<String> {
    match state.place.screen {
        Screen::Members => state.place.group.iter().cloned().collect(),
        Screen::Groups => {
            let name = |row: &Row| match row {
                Row::Group(name) => Some(name.to_string()),
                _ => None,
            };
            let mut names: Vec<String> = pages(state).iter().filter_map(name).collect();
            names.truncate(CURVE_GROUPS_MAX);
            // In the order of names: another order of rows asks nothing new.
            names.sort();
            names
        }
        _ => Vec::new(),
    }
}
