//! One group: its members, the partitions of each, and which of them hold the group back.

use std::fmt::Write as _;

use kq_proto::admin::v1::{GroupMember, LagClass, PartitionLag};
use kq_proto::monitor::v1;

use super::groups::{self, when};
use crate::model::words::evidence;
use crate::model::{Column, Row, RowKey, State};
use crate::text::{count_text, grouped, plural, safe, since_text};
use crate::view::canvas::{Canvas, Side};
use crate::view::figures::{NONE, absent, per_second, plain, span};
use crate::view::grid::{self, Shown, Spec};
use crate::view::theme::Tint;
use crate::view::{panel, spark};

pub(super) const SPECS: [Spec; 11] = [
    Spec { head: "MEMBER / PARTITION", ..grid::names(26) },
    grid::plain("OFFSET", 11, 3, Side::Right),
    grid::plain("END", 11, 4, Side::Right),
    grid::figures(Column::Lag, 9, 0),
    grid::figures(Column::Behind, 6, 1),
    grid::figures(Column::Consumed, 6, 5),
    grid::figures(Column::CatchUp, 8, 2),
    grid::plain("CLASS", 10, 6, Side::Left),
    grid::plain("IN/s", 6, 7, Side::Right),
    grid::plain("COMMITTED", 9, 8, Side::Right),
    grid::plain("EXPIRED", 8, 9, Side::Right),
];
/// Lines of the group's last hour, with their rule.
const HISTORY_LINES: u16 = 4;
/// The lag is so many lines higher where there is room.
const LAG_MORE_LINES: u16 = 4;
const HISTORY_LEFT: u16 = 9;
const HISTORY_MINUTES: u32 = 60;

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) {
    let open = state.open_group();
    let mut top = 0;
    if let Some(it) = open {
        top = head(canvas, state, it);
    } else if state.facts.as_of_ms.is_none() {
        // Whoever answers for the group may be one of those that do not.
        top = groups::missing(canvas, state);
    }
    let height = canvas.height();
    let below = panel::height(height);
    let history = match height {
        0..22 => 0,
        22..34 => HISTORY_LINES,
        _ => HISTORY_LINES + LAG_MORE_LINES,
    };
    let above = height.saturating_sub(below + history + top);
    let table = &mut canvas.lines(top, above);
    grid::draw(table, state, &SPECS, |row, at| cell(state, row, at));
    if let Some(it) = open.filter(|_| history > 0) {
        curves(&mut canvas.lines(top + above, history), state, &it.group);
    }
    if below > 0 {
        let name = state.place.group.as_deref().unwrap_or_default();
        let sentences = evidence(&state.facts, name, state.zone());
        panel::draw(&mut canvas.lines(top + above + history, below), state, "", &sentences);
    }
}

/// What the group is; answers how many lines that took.
fn head(canvas: &mut Canvas<'_>, state: &State, it: &v1::GroupState) -> u16 {
    if !it.error.is_empty() {
        canvas.texts(1, 0, [("x ", Tint::Bad), (it.error.as_str(), Tint::Bad)]);
        return 1;
    }
    let Some(summary) = it.summary.as_ref() else { return 0 };
    let (class, tint) = groups::head(summary);
    let mut rest = format!(
        "  {}, {}",
        groups::state_word(summary.state()),
        plural(summary.member_count.into(), "member")
    );
    if let Some(generation) = summary.generation {
        let _ = write!(rest, ", gen {generation}");
    }
    if !summary.protocol.is_empty() {
        let _ = write!(rest, ", {}", safe(&summary.protocol));
    }
    let _ = write!(rest, ", by b{}", summary.coordinator);
    if let Some(now_ms) = state.facts.moment_ms() {
        let since = since_text(summary.state_since_at_ms, now_ms);
        let _ = write!(rest, ", so for {since}");
    }
    if it.omitted_count > 0 {
        let count = grouped(it.omitted_count.into());
        let _ = write!(rest, "; {count} partitions with less lag not shown");
    }
    canvas.texts(1, 0, [(&*class, tint), (rest.as_str(), Tint::Plain)]);
    1
}

#[expect(clippy::wildcard_enum_match_arm, reason = "other rows are of other screens")]
pub(super) fn cell<'a>(state: &'a State, row: &'a Row, at: usize) -> Shown<'a> {
    let Some(open) = state.open_group() else { return NONE };
    match row {
        Row::Member(place) => match open.members.get(*place) {
            Some(it) => member(state, open, it, at),
            None => NONE,
        },
        Row::Nobody if at == 0 => {
            let sign = fold_sign(state, &RowKey::Nobody);
            (format!("{sign} owned by nobody").into(), Tint::Warn)
        }
        Row::Nobody if at == 3 => plain(sum(open, None)),
        Row::Owned(place) => match open.partitions.get(*place) {
            Some(it) => owned(state, open, it, at),
            None => NONE,
        },
        _ => plain(""),
    }
}

fn fold_sign(state: &State, key: &RowKey) -> char {
    if state.table.folded.contains(key) { '+' } else { '-' }
}

fn member<'a>(state: &'a State, open: &v1::GroupState, it: &GroupMember, at: usize) -> Shown<'a> {
    let own = || open.partitions.iter().filter(|of| of.member.as_deref() == Some(&*it.member));
    match at {
        0 => {
            let sign = fold_sign(state, &RowKey::Member(it.member.clone()));
            let name = it.instance.as_deref().unwrap_or(&it.client_id);
            let host = it.host.trim_start_matches('/');
            let joining = if it.joining { ", joining" } else { "" };
            plain(format!("{sign} {name} {host}{joining}"))
        }
        1 => plain(plural(u64::try_from(own().count()).unwrap_or(0), "part")),
        3 => plain(sum(open, Some(&it.member))),
        4 => match own().filter_map(|it| it.time_lag_ms).max() {
            Some(ms) => plain(span(ms)),
            None => NONE,
        },
        5 => {
            let rates: Vec<f64> = own().filter_map(|it| it.consumed_per_second).collect();
            if rates.is_empty() { NONE } else { plain(per_second(rates.iter().sum())) }
        }
        _ => plain(""),
    }
}

/// The lag of a member's partitions, with `+ ?` where some of it is not known.
fn sum(open: &v1::GroupState, member: Option<&str>) -> String {
    let own = open.partitions.iter().filter(|it| it.member.as_deref() == member);
    let (mut lag, mut unknown) = (0_u64, false);
    for it in own {
        match it.lag {
            Some(own) => lag = lag.saturating_add(own),
            None => unknown = true,
        }
    }
    let more = if unknown { " + ?" } else { "" };
    format!("{}{more}", count_text(lag))
}

fn owned<'a>(
    state: &'a State,
    open: &'a v1::GroupState,
    it: &'a PartitionLag,
    at: usize,
) -> Shown<'a> {
    let number = |it: Option<u64>| it.map_or_else(|| absent(state), |it| plain(grouped(it)));
    let per = |it: Option<f64>| it.map_or_else(|| absent(state), |it| plain(per_second(it)));
    match at {
        0 => name(open, it),
        1 => it.committed.map_or(NONE, |it| plain(grouped(it))),
        2 => number(it.end),
        3 => match it.lag {
            Some(lag) => {
                let bound = if it.lag_is_bound { "<=" } else { "" };
                plain(format!("{bound}{}", count_text(lag)))
            }
            None => absent(state),
        },
        4 => it.time_lag_ms.map_or_else(|| absent(state), |it| plain(span(it))),
        5 => per(it.consumed_per_second),
        6 if it.lag == Some(0) => NONE,
        6 => when(state, it.catch_up.as_ref()),
        7 => groups::class(it.class()),
        8 => per(it.produced_per_second),
        9 => crate::view::figures::since(state, it.committed_at_ms),
        _ if it.expired > 0 => (count_text(it.expired).into(), Tint::Warn),
        _ => plain("0"),
    }
}

/// With `<-` if it holds the group back.
fn name(open: &v1::GroupState, it: &PartitionLag) -> Shown<'static> {
    let slowest = open.summary.as_ref().and_then(|it| it.lag.as_ref()?.slowest.as_ref());
    let holds = slowest.is_some_and(|of| of.topic == it.topic && of.partition == it.partition)
        && it.lag != Some(0);
    let gone = if it.topic_deleted { ", deleted" } else { "" };
    let text = format!("{} {}-{}{gone}", if holds { "<-" } else { "  " }, it.topic, it.partition);
    let tint = if holds {
        Tint::Warn
    } else if it.class() == LagClass::Ok {
        Tint::Plain
    } else {
        groups::class(it.class()).1
    };
    (text.into(), tint)
}

/// The last hour of the group.
fn curves(canvas: &mut Canvas<'_>, state: &State, group: &str) {
    canvas.rule(0);
    let told = state.facts.curves.as_ref();
    let it = told.and_then(|it| it.groups.iter().find(|it| it.group == group));
    let (Some(it), Some(last)) = (it, groups::last_minute(state)) else {
        canvas.text(1, 1, "of its last hour nothing is told yet", Tint::Dim);
        return;
    };
    let columns = canvas.width().saturating_sub(HISTORY_LEFT + 12);
    let size = (columns, HISTORY_MINUTES);
    canvas.text(1, 0, " LAST HOUR ", Tint::Head);
    let lag = spark::columns(&it.minutes, &it.lag, last, size);
    let members: Vec<u64> = it.members.iter().map(|it| u64::from(*it)).collect();
    let members = spark::columns(&it.minutes, &members, last, size);
    let lag_lines = canvas.height().saturating_sub(HISTORY_LINES) + 1;
    let curves = [("lag", &lag, 1, lag_lines), ("members", &members, 1 + lag_lines, 1)];
    for (name, values, y, lines) in curves {
        let mut curve = canvas.lines(y, lines);
        curve.text(1, lines.saturating_sub(1), name, Tint::Head);
        spark::draw(&mut curve, HISTORY_LEFT, values, Tint::Plain);
        if let Some(Some(newest)) = values.last() {
            let x = HISTORY_LEFT + columns + 1;
            curve.text(x, lines.saturating_sub(1), &count_text(*newest), Tint::Plain);
        }
    }
    let holes = lag.iter().filter(|it| it.is_none()).count();
    let mut notes = Vec::new();
    if holes > 0 {
        notes.push("? = minutes in which nobody counted".to_owned());
    }
    notes.extend(told.and_then(groups::lacking));
    let y = canvas.height().saturating_sub(1);
    canvas.text(1, y, &notes.join("; "), Tint::Dim);
}
