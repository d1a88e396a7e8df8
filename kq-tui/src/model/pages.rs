//! Pages of history: a part of it is told at a time, and another part when the cursor comes near the
//! end of it. Until somebody moves it, the cursor goes with what is newest.

use kq_proto::monitor::v1::{EventPage, EventRow, EventTotal};

use super::rows::row_of;
use super::{Row, RowKey, Screen, State};

/// Rows on either side of a moment, at most: what a broker tells.
const SIDE_ROWS_MAX: u32 = 1_000;
const SIDE_ROWS_MIN: u32 = 40;
/// So many screens on either side, so that scrolling seldom asks.
const SIDE_SCREENS: u32 = 4;
/// After now, so that what happens meanwhile is in it.
const AHEAD_MS: i64 = 60_000;

/// An end of history that the cursor is on its way to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edge {
    Oldest,
    Newest,
}

/// Which page is asked for, and where in it the cursor stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Paging {
    /// Around this moment, in milliseconds since 1970; none = around the one that is shown.
    around_ms: Option<i64>,
    /// The cursor was moved, and stays on its row.
    pub(super) is_held: bool,
    edge: Option<Edge>,
}

impl State {
    /// Whether the rows are events, told by pages.
    pub(super) fn is_history(&self) -> bool {
        matches!(self.place.screen, Screen::Churn | Screen::Events)
    }

    /// Whether there are more rows than are told.
    pub fn has_more(&self) -> bool {
        let page = self.facts.events.as_ref().filter(|_| self.is_history());
        page.is_some_and(|it| it.more_before || it.more_after)
    }

    /// How many rows of history there are where the page is of it, if that was counted: never fewer than
    /// are told. Of what was recorded alone it says nothing.
    pub fn history_total(&self) -> Option<EventTotal> {
        let page = self.facts.events.as_ref().filter(|_| self.is_history())?;
        let told = u64::try_from(page.rows.len()).unwrap_or(u64::MAX);
        if !self.has_more() {
            return Some(EventTotal { rows: told, is_more: false });
        }
        let it = self.facts.event_total?;
        Some(EventTotal { rows: it.rows.max(told), ..it })
    }

    /// The moment around which events are asked for, and rows on either side of it.
    pub(super) fn page_asked(&self) -> (Option<i64>, u32) {
        let around_ms = self.table.paging.around_ms.or(self.moment_asked()).or(self.held_from_ms());
        // Rows that the screen leaves out, and one by one those of a run, need all that there can be.
        if !self.table.filter.is_empty() || self.place.run.is_some() {
            return (around_ms, SIDE_ROWS_MAX);
        }
        let room = u32::try_from(self.room()).unwrap_or(u32::MAX);
        let side = room.saturating_mul(SIDE_SCREENS).clamp(SIDE_ROWS_MIN, SIDE_ROWS_MAX);
        (around_ms, side)
    }

    /// Where the cursor stands unless somebody moved it: on the newest event, in the past on the one that
    /// was gone to or else on the last before the moment, on its way to an end there. None = on its row.
    pub(super) fn led_to(&mut self) -> Option<usize> {
        let gone_to = self.event_gone_to();
        let last = self.table.rows.len().checked_sub(1).filter(|_| self.is_history())?;
        let is_now = self.moment_asked().is_none();
        let page = self.facts.events.as_ref()?;
        let paging = &mut self.table.paging;
        let (edge, is_there) = match paging.edge {
            Some(Edge::Oldest) => (0, !page.more_before),
            Some(Edge::Newest) => (last, !page.more_after),
            None if paging.is_held || self.place.run.is_some() => return None,
            None if is_now => return Some(last),
            None if gone_to.is_some() => return gone_to,
            None => {
                let before = usize::try_from(page.before).unwrap_or(usize::MAX);
                let is_before = |it: &Row| matches!(it, Row::Event(at) if *at < before);
                return Some(self.table.rows.partition_point(is_before).saturating_sub(1));
            }
        };
        if is_there {
            paging.edge = None;
        }
        Some(edge)
    }

    /// The row of the event that was gone to, if it is among the rows.
    fn event_gone_to(&self) -> Option<usize> {
        let row = row_of(self, &RowKey::Event(self.past.event?))?;
        self.table.rows.iter().position(|it| *it == row)
    }

    /// To the first or the last row, of history to its beginning or its end.
    pub(super) fn move_to_edge(&mut self, edge: Edge) {
        self.move_to(if edge == Edge::Oldest { 0 } else { usize::MAX });
        let told = self.facts.events.as_ref();
        let is_more = told.is_some_and(|it| match edge {
            Edge::Oldest => it.more_before,
            Edge::Newest => it.more_after,
        });
        if !is_more || !self.can_turn() {
            return;
        }
        let end_ms = self.now_ms().saturating_add(AHEAD_MS);
        self.table.paging = match edge {
            // With the newest of what is now the cursor goes by itself.
            Edge::Newest if self.moment_asked().is_none() => Paging::default(),
            Edge::Newest => Paging { around_ms: Some(end_ms), is_held: true, edge: Some(edge) },
            Edge::Oldest => Paging { around_ms: Some(0), is_held: true, edge: Some(edge) },
        };
    }

    /// The cursor was moved: near the end of what is told, the page around it is asked for.
    pub(super) fn turn_page(&mut self) {
        if !self.is_history() {
            return;
        }
        (self.table.paging.is_held, self.table.paging.edge) = (true, None);
        let (Some(at), Some(page)) = (self.table.at, &self.facts.events) else { return };
        let room = self.room();
        let rows = self.table.rows.len();
        let is_last = at.saturating_add(1) == rows;
        if is_last && !page.more_after && self.moment_asked().is_none() {
            self.table.paging = Paging::default();
            return;
        }
        let goes_back = at < room && page.more_before;
        let goes_on = at.saturating_add(room) >= rows && page.more_after;
        if !(goes_back || goes_on) || !self.can_turn() {
            return;
        }
        // Of few rows that the filter leaves, the page goes on from its end, else from the cursor.
        let row = match self.table.rows.get(at) {
            Some(Row::Event(place)) if self.table.filter.is_empty() => page.rows.get(*place),
            _ if goes_back => page.rows.first(),
            _ => page.rows.last(),
        };
        let at_ms = row.and_then(|it| it.event.as_ref()).map(|it| it.at_ms);
        self.table.paging.around_ms = at_ms.or(self.table.paging.around_ms);
    }

    /// The screen is at another moment: the cursor goes there.
    pub(super) fn turn_to_moment(&mut self) {
        self.table.paging = Paging::default();
        for table in self.tables.values_mut() {
            table.paging = Paging::default();
        }
    }

    /// While what is now is held: history is asked for around the moment after that, as far as it is known.
    fn held_from_ms(&self) -> Option<i64> {
        self.held.as_ref().and(self.facts.now_ms).map(|at| at.saturating_add(1))
    }

    /// While what is now is held, other pages of history may be looked at all the same, up to what had
    /// happened by then.
    pub(super) fn take_held_page(&mut self, mut page: EventPage) {
        let Some(held) = self.held.as_ref() else { return };
        if !self.is_history() || self.answered_events != self.window.events {
            return;
        }
        self.facts.event_total = held.event_total;
        let by_ms = self.facts.now_ms.unwrap_or(i64::MAX);
        let newest = self.facts.cluster.event;
        let is_later = |row: &EventRow| {
            let event = row.event.as_ref();
            event.is_none_or(|it| if newest > 0 { it.sequence > newest } else { it.at_ms > by_ms })
        };
        if let Some(first) = page.rows.iter().position(is_later) {
            page.rows.truncate(first);
            page.before = page.before.min(u32::try_from(first).unwrap_or(u32::MAX));
            page.more_after = false;
        }
        self.facts.events = Some(page);
        self.settle();
    }

    /// What there is to say at the first or the last row.
    pub(super) fn end_words(&self, at: usize) -> &'static str {
        let page = self.facts.events.as_ref().filter(|_| self.is_history());
        let is_more = page.is_some_and(|it| if at == 0 { it.more_before } else { it.more_after });
        match (at, is_more, self.can_turn()) {
            (0, false, _) => "this is the first row",
            (0, true, true) => "older ones are on their way",
            (_, false, _) => "this is the last row",
            (_, true, true) => "newer ones are on their way",
            (_, true, false) if self.is_recording() => {
                "there were more, but only these were recorded"
            }
            (_, true, false) => "there are more, but they are not told here",
        }
    }

    /// Whether another page would be told.
    fn can_turn(&self) -> bool {
        self.is_history() && !self.is_recording() && self.place.run.is_none()
    }
}
