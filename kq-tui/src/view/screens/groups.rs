//! Consumer groups: their class, how much they have to read, how old that is, when they are through.

use std::borrow::Cow;

use kq_proto::admin::v1::catch_up::When;
use kq_proto::admin::v1::{CatchUp, GroupState, GroupSummary, LagClass, LagSummary};
use kq_proto::monitor::v1;

use crate::model::words::{brokers, class_word, evidence, records_known, records_text};
use crate::model::{Column, Row, State};
use crate::text::{count_text, safe, span_text};
use crate::view::canvas::{Canvas, Side};
use crate::view::figures::{NONE, absent, per_second, plain, since, span};
use crate::view::grid::{self, Shown, Spec};
use crate::view::theme::Tint;
use crate::view::{panel, spark};

/// The place of the curve among the columns.
const CURVE: usize = 7;
const CURVE_COLUMNS: u16 = 10;
const CURVE_MINUTES: u32 = 10;
/// The curve of the last hour below the table: minutes, what stands before it, and the lines it takes
/// at least, with one above it.
const HOUR_COLUMNS: u16 = 60;
const HOUR_LEFT: u16 = 10;
const HOUR_LINES_MIN: u16 = 5;

pub(super) const SPECS: [Spec; 14] = [
    grid::names(13),
    grid::words(Column::Class, 10, 0),
    grid::figures(Column::Records, 8, 0),
    grid::figures(Column::Behind, 7, 1),
    grid::figures(Column::In, 5, 3),
    grid::figures(Column::Consumed, 5, 3),
    grid::figures(Column::CatchUp, 9, 2),
    grid::plain("10 m", CURVE_COLUMNS, 5, Side::Left),
    grid::figures(Column::Members, 3, 4),
    grid::plain("STATE", 12, 6, Side::Left),
    grid::plain("COMMITTED", 9, 7, Side::Right),
    Spec { is_name: true, ..grid::plain("SLOWEST", 24, 8, Side::Left) },
    grid::plain("BY", 4, 9, Side::Left),
    grid::plain("PROTOCOL", 18, 10, Side::Left),
];

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) {
    let below = panel::height(canvas.height());
    let above = canvas.height() - below;
    let top = missing(canvas, state).min(above);
    let mut table = canvas.lines(top, above - top);
    grid::draw(&mut table, state, &SPECS, |row, at| cell(state, row, at));
    curves(&mut table, state);
    if below > 0 {
        let sentences = match state.table.current() {
            Some(Row::Group(name)) => evidence(&state.facts, name, state.zone()),
            _ => Vec::new(),
        };
        let (free, lines) = panel::draw(&mut canvas.lines(above, below), state, "", &sentences);
        if let Some(Row::Group(name)) = state.table.current()
            && lines >= HOUR_LINES_MIN
        {
            hour(&mut canvas.lines(above + free + 1, lines - 1), state, name);
        }
    }
}

/// The last hour of the group with the cursor.
fn hour(canvas: &mut Canvas<'_>, state: &State, group: &str) {
    let told = state.facts.curves.as_ref();
    let it = told.and_then(|it| it.groups.iter().find(|it| it.group == group));
    let (Some(it), Some(last)) = (it, last_minute(state)) else { return };
    let columns = canvas.width().saturating_sub(HOUR_LEFT + 1).min(2 * HOUR_COLUMNS);
    let values = spark::columns(&it.minutes, &it.lag, last, (columns, u32::from(HOUR_COLUMNS)));
    canvas.text(1, 0, "LAG", Tint::Head);
    canvas.text(1, 1, "60 m", Tint::Dim);
    if let Some(highest) = values.iter().flatten().max() {
        canvas.text(1, 2, &count_text(*highest), Tint::Dim);
    }
    spark::draw(canvas, HOUR_LEFT, &values, Tint::Plain);
}

/// Whose groups are not known, and why; answers how many lines that took.
pub(super) fn missing(canvas: &mut Canvas<'_>, state: &State) -> u16 {
    let Some(first) = state.facts.groups_missing.first() else { return 0 };
    let more = match state.facts.groups_missing.len() {
        1 => String::new(),
        count => format!("; and {} more", count - 1),
    };
    let text = format!("groups that are not known, or old: {}{more}", safe(first));
    canvas.texts(0, 0, [("? ", Tint::Unknown), (text.as_str(), Tint::Unknown)]);
    1
}

pub(super) fn cell<'a>(state: &'a State, row: &'a Row, at: usize) -> Shown<'a> {
    let Row::Group(name) = row else { return NONE };
    if at == 0 {
        return plain(&**name);
    }
    let Some(it) = state.facts.groups.get(&**name) else { return NONE };
    let lag = it.lag.as_ref();
    let of = |text: fn(&LagSummary) -> Option<String>| {
        lag.and_then(text).map_or_else(|| absent(state), plain)
    };
    match at {
        1 => class(lag.map_or(LagClass::Unknown, LagSummary::class)),
        2 => records(state, lag),
        3 => of(|it| it.time_lag_ms.map(span)),
        4 => of(|it| it.produced_per_second.map(per_second)),
        5 => of(|it| it.consumed_per_second.map(per_second)),
        6 => catch_up(state, it),
        CURVE => plain(""),
        8 => plain(it.member_count.to_string()),
        9 => plain(state_word(it.state())),
        10 => since(state, it.last_commit_at_ms),
        11 => match lag.and_then(|it| it.slowest.as_ref()) {
            Some(of) => plain(format!("{}-{}", of.topic, of.partition)),
            None => NONE,
        },
        12 => plain(crate::model::words::broker(it.coordinator)),
        _ => plain(it.protocol.as_str()),
    }
}

/// The word of a class, here and of partitions.
pub(super) fn class(class: LagClass) -> Shown<'static> {
    let tint = match class {
        LagClass::Ok => Tint::Good,
        LagClass::Draining | LagClass::New => Tint::Plain,
        LagClass::Stalled | LagClass::Stopped | LagClass::Leaderless => Tint::Bad,
        LagClass::Lagging | LagClass::Rewound | LagClass::NoCommits => Tint::Warn,
        LagClass::Partial | LagClass::Unknown | LagClass::Unspecified => Tint::Unknown,
    };
    (class_word(class).into(), tint)
}

/// `3 + ?` where not all of it is known, `<=` where it may be less.
fn records(state: &State, lag: Option<&LagSummary>) -> Shown<'static> {
    let Some(lag) = lag else { return absent(state) };
    match records_known(lag) {
        (_, Some(_)) => plain(records_text(lag)),
        (_, None) => (records_text(lag).into(), Tint::Unknown),
    }
}

fn catch_up(state: &State, it: &GroupSummary) -> Shown<'static> {
    let Some(lag) = &it.lag else { return absent(state) };
    if lag.lag == 0 && lag.partial_count == 0 {
        return NONE;
    }
    if it.member_count == 0 {
        return ("no member".into(), Tint::Warn);
    }
    when(state, lag.catch_up.as_ref())
}

/// When it is through: `4m10s`, `never`, `?`.
pub(super) fn when(state: &State, it: Option<&CatchUp>) -> Shown<'static> {
    match it.and_then(|it| it.when.as_ref()) {
        Some(When::InMs(0)) => NONE,
        Some(When::InMs(ms)) => plain(span(*ms)),
        Some(When::Never(true)) => (Cow::Borrowed("never"), Tint::Warn),
        Some(When::Never(false)) | None => absent(state),
    }
}

/// The word of a group's state.
pub(super) const fn state_word(state: GroupState) -> &'static str {
    match state {
        GroupState::Empty => "empty",
        GroupState::PreparingRebalance => "joining",
        GroupState::CompletingRebalance => "syncing",
        GroupState::Stable => "stable",
        GroupState::Assigning => "assigning",
        GroupState::Reconciling => "reconciling",
        GroupState::Dead => "dead",
        GroupState::Unspecified => "?",
    }
}

/// The curves of the rows that are seen.
fn curves(canvas: &mut Canvas<'_>, state: &State) {
    let slots = grid::fit(&SPECS, canvas.width());
    let Some(slot) = slots.iter().find(|it| it.index == CURVE) else { return };
    let Some(told) = &state.facts.curves else { return };
    let room = usize::from(canvas.height().saturating_sub(1));
    let (_, rows) = grid::seen(state, room);
    let Some(last) = last_minute(state) else { return };
    for (y, row) in (1..).zip(rows) {
        let Row::Group(name) = row else { continue };
        let Some(it) = told.groups.iter().find(|it| it.group == **name) else { continue };
        let size = (CURVE_COLUMNS, CURVE_MINUTES);
        let values = spark::columns(&it.minutes, &it.lag, last, size);
        spark::draw(&mut canvas.lines(y, 1), slot.x, &values, Tint::Plain);
        if state.table.current() == Some(row) {
            canvas.reverse(y);
        }
    }
}

/// Whose share is in none of the curves: `curves lack b3`.
pub(super) fn lacking(it: &v1::Curves) -> Option<String> {
    let ids = brokers(it.without_brokers.iter().copied());
    (!ids.is_empty()).then(|| format!("curves lack {ids}"))
}

/// The last minute that is over.
pub(super) fn last_minute(state: &State) -> Option<u32> {
    u32::try_from(state.facts.moment_ms()?.div_euclid(60_000).checked_sub(1)?).ok()
}

/// `FALLING 16m02s`, for the head of the screen of one group.
pub(super) fn head(it: &GroupSummary) -> Shown<'static> {
    let Some(lag) = &it.lag else { return ("?".into(), Tint::Unknown) };
    let (word, tint) = class(lag.class());
    match lag.time_lag_ms {
        Some(ms) => (format!("{word} {}", span_text(ms)).into(), tint),
        None => (word, tint),
    }
}
