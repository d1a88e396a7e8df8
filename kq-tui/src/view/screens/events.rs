//! The committed history, a page of it: what happened, to what, why, and who wanted it.

use std::borrow::Cow;

use kq_proto::admin::v1::{Event, EventKind};
use kq_proto::monitor::v1::EventRow;

use super::table_and_panel;
use crate::model::{Column, Row, State, moment};
use crate::text::{grouped, safe};
use crate::view::canvas::{Canvas, Side};
use crate::view::figures::{NONE, plain};
use crate::view::grid::{self, Shown, Spec};
use crate::view::theme::Tint;

/// The columns, here and around the axis.
pub(super) const SPECS: [Spec; 5] = [
    grid::words(Column::At, 12, 0),
    grid::plain("COUNT", 5, 1, Side::Right),
    grid::plain("EVENT", 20, 0, Side::Left),
    grid::plain("OF", 18, 2, Side::Left),
    grid::rest("WHAT", 18),
];

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) {
    table_and_panel(canvas, state, &SPECS, |row, at| cell(state, row, at), |row| words(state, row));
}

fn row_of<'a>(state: &'a State, row: &Row) -> Option<(&'a EventRow, &'a Event)> {
    let Row::Event(at) = row else { return None };
    let it = state.facts.events.as_ref()?.rows.get(*at)?;
    Some((it, it.event.as_ref()?))
}

/// What stands in a cell of an event's row.
pub(super) fn cell<'a>(state: &'a State, row: &Row, at: usize) -> Shown<'a> {
    let Some((row, it)) = row_of(state, row) else { return NONE };
    match at {
        0 => plain(moment::clock_ms(it.at_ms, state.zone())),
        1 if row.count > 1 => plain(grouped(row.count.into())),
        1 => plain(""),
        2 => (kind_words(it.kind()).into(), tint(it.kind())),
        3 => plain(it.subject.as_str()),
        _ => plain(told(it)),
    }
}

fn told(it: &Event) -> Cow<'_, str> {
    match (it.message.as_str(), it.reason.as_str()) {
        (message, "") => Cow::Borrowed(message),
        ("", reason) => Cow::Borrowed(reason),
        (message, reason) => Cow::Owned(format!("{message} ({reason})")),
    }
}

/// In a line: `12:02:30 broker fenced, broker 3: session of 9 s over`.
pub(super) fn sentence(state: &State, row: &EventRow) -> Option<(String, Tint)> {
    let it = row.event.as_ref()?;
    let clock = moment::clock(it.at_ms, state.zone());
    let words = kind_words(it.kind());
    let (subject, told) = (safe(&it.subject), told(it));
    let text = match row.count {
        0 | 1 => format!("{clock} {words}, {subject}: {}", safe(&told)),
        count => format!("{clock} {count} x {words}, the first {subject}: {}", safe(&told)),
    };
    Some((text, tint(it.kind())))
}

/// The same of one event, with its day.
pub(super) fn words_of(state: &State, it: &Event) -> (String, Tint) {
    let at = moment::day_clock(it.at_ms, state.zone());
    let text =
        format!("{at} {}, {}: {}", kind_words(it.kind()), safe(&it.subject), safe(&told(it)));
    (text, tint(it.kind()))
}

fn words(state: &State, row: &Row) -> (&'static str, Vec<String>) {
    let Some((row, it)) = row_of(state, row) else { return ("", Vec::new()) };
    let at = moment::day_clock(it.at_ms, state.zone());
    let words = kind_words(it.kind());
    let mut sentences =
        vec![format!("{at}: {words}, {}: {}.", safe(&it.subject), safe(&it.message))];
    if row.count > 1 {
        let (count, last) = (grouped(row.count.into()), row.last);
        sentences.push(format!(
            "{count} of this kind and reason within a second, events {} to {last}; Enter lists them.",
            it.sequence
        ));
    }
    if !it.reason.is_empty() {
        sentences.push(format!("Why: {}.", safe(&it.reason)));
    }
    if let Some(principal) = &it.principal {
        sentences.push(format!("Asked for by {}.", safe(principal)));
    }
    let figures: Vec<String> =
        it.attributes.iter().map(|(key, value)| format!("{}={}", safe(key), safe(value))).collect();
    let mut figures = figures;
    figures.sort();
    sentences.push(format!("Event {} {}", it.sequence, figures.join(" ")));
    ("EVENT", sentences)
}

/// How a kind looks.
#[expect(clippy::wildcard_enum_match_arm, reason = "most kinds are news, and no more")]
fn tint(kind: EventKind) -> Tint {
    match kind {
        EventKind::BrokerFenced
        | EventKind::LogDirFailed
        | EventKind::LeaderElectedUncleanly
        | EventKind::RecordsLost => Tint::Bad,
        EventKind::IsrShrunk | EventKind::TopicDeleted | EventKind::BrokerStopping => Tint::Warn,
        EventKind::IsrExpanded | EventKind::BrokerUnfenced | EventKind::BrokerRegistered => {
            Tint::Good
        }
        _ => Tint::Plain,
    }
}

/// A kind in words, as its name has them: `isr shrunk`.
fn kind_words(kind: EventKind) -> String {
    let name = kind.as_str_name();
    let name = name.strip_prefix("EVENT_KIND_").unwrap_or(name);
    let words = name.to_ascii_lowercase().replace('_', " ");
    words.replace("isr ", "ISR ").replace(" uncleanly", " UNCLEANLY")
}
