//! How the cluster is, in words: the verdict, what is wrong and the way there, the brokers, and below
//! them what happens over time.

use kq_proto::admin::v1::LagClass;

use super::{brokers, events, groups, plans};
use crate::model::words::{Alarm, Sign, records_known};
use crate::model::{Mode, Row, State, moment};
use crate::text::{bytes_text, count_text, grouped, safe, span_text, whole};
use crate::view::canvas::Canvas;
use crate::view::theme::Tint;
use crate::view::{axis, figures, grid, panel, spark};

/// Around the rows: the verdict, a rule, the header of brokers.
const AROUND_LINES: u16 = 3;
/// What a curve's name takes.
const CURVE_LEFT: u16 = 12;
const CURVE_COLUMNS: u16 = 30;
const AXIS_LEFT: u16 = 7;

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) {
    let height = canvas.height();
    let below: u16 = match height {
        0..10 => 0,
        10..14 => 3,
        14..18 => 5,
        18..30 => 8,
        _ => 16,
    };
    verdict(canvas, state);
    let room = height.saturating_sub(AROUND_LINES + below);
    rows(&mut canvas.lines(1, room + AROUND_LINES - 1), state, room);
    let mut rest = canvas.lines(height - below, below);
    history(&mut rest, state);
}

/// The word and the sentence.
fn verdict(canvas: &mut Canvas<'_>, state: &State) {
    let it = &state.verdict;
    let tint = match it.word {
        "HEALTHY" => Tint::Good,
        "DEGRADED" => Tint::Warn,
        "" => Tint::Dim,
        _ => Tint::Bad,
    };
    let x = canvas.text(1, 0, it.word, tint);
    let x = if x > 1 { x + 2 } else { x };
    let is_old = matches!(state.mode(), Mode::Lost { .. }) && !it.word.is_empty();
    let x = if is_old { canvas.text(x, 0, "last heard: ", Tint::Bad) } else { x };
    canvas.text(x, 0, &it.sentence, Tint::Plain);
}

/// Alarms, a rule and a header, brokers; rows that do not fit are scrolled to.
fn rows(canvas: &mut Canvas<'_>, state: &State, room: u16) {
    canvas.hits.room = Some(room);
    let (first, seen) = grid::seen(state, usize::from(room));
    let slots = grid::fit(&brokers::SPECS, canvas.width());
    let alarms = seen.iter().take_while(|it| matches!(it, Row::Alarm(_))).count();
    let (above, below) = seen.split_at_checked(alarms).unwrap_or((seen, &[]));
    for ((y, at), row) in (0..).zip(first..).zip(above) {
        let Row::Alarm(place) = row else { continue };
        if let Some(it) = state.verdict.alarms.get(*place) {
            alarm(canvas, y, it);
        }
        grid::edge(canvas, state, (y, at), row);
    }
    let y = u16::try_from(alarms).unwrap_or(room);
    canvas.rule(y);
    let width = canvas.width();
    grid::header(&mut canvas.part(0, y + 1, (width, 1)), state, &brokers::SPECS, &slots);
    for ((y, at), row) in (y + 2..).zip(first + alarms..).zip(below) {
        for slot in &slots {
            let Some(spec) = brokers::SPECS.get(slot.index) else { continue };
            let (text, tint) = brokers::cell(state, row, slot.index);
            canvas.boxed((slot.x, y), slot.width, spec.side, (&text, tint));
        }
        grid::edge(canvas, state, (y, at), row);
    }
}

fn alarm(canvas: &mut Canvas<'_>, y: u16, it: &Alarm) {
    let tint = match it.sign {
        Sign::Stopped => Tint::Bad,
        Sign::Risk | Sign::Behind => Tint::Warn,
    };
    let way = it.way();
    let right = canvas.width().saturating_sub(1);
    let width = canvas.part(0, 0, (right, u16::MAX)).text_right(y, &way, Tint::Key);
    let mut sign = [0; 4];
    canvas.text(1, y, it.sign.char().encode_utf8(&mut sign), tint);
    canvas.part(3, 0, (width.saturating_sub(4), u16::MAX)).text(0, y, &it.text, Tint::Plain);
}

/// Churn, bytes, lag, the plan that runs, and the newest events, as far as there is room.
fn history(canvas: &mut Canvas<'_>, state: &State) {
    panel::rule(canvas, state);
    churn(canvas, state);
    if canvas.height() >= 5 {
        curves(&mut canvas.lines(3, 2), state);
    }
    let height = canvas.height();
    if height >= 8 {
        canvas.rule(5);
        let mut last = canvas.lines(6, height - 6);
        newest(&mut last, state);
    }
}

fn churn(canvas: &mut Canvas<'_>, state: &State) {
    let room = canvas.width().saturating_sub(2 * AXIS_LEFT);
    canvas.hits.axis_columns = Some(room);
    let told = state.facts.axis.as_ref();
    let Some((told, axis)) = told.and_then(|it| Some((it, axis::Axis::new(it, room)?))) else {
        canvas.texts(1, 1, [("CHURN", Tint::Head), ("  nothing is told of it yet", Tint::Dim)]);
        return;
    };
    let sum = |counts: &[u32]| grouped(counts.iter().map(|it| u64::from(*it)).sum());
    let span = u64::try_from(told.until_at_ms.saturating_sub(told.from_at_ms)).unwrap_or(0);
    let mut text = format!(
        " {}   shrink {}   expand {}   leader {}",
        span_text(span),
        sum(&told.shrinks),
        sum(&told.expands),
        sum(&told.leaders)
    );
    if let Some(worst) = told.worst {
        let at_ms = told.from_at_ms + axis.column_ms().saturating_mul(i64::from(worst));
        let at = moment::minute(at_ms, state.zone());
        text = format!("{text}   worst {at}, {} (5, n)", grouped(told.worst_count.into()));
    }
    canvas.texts(1, 1, [("CHURN", Tint::Head), (text.as_str(), Tint::Plain)]);
    let time = |at_ms: i64| moment::minute(at_ms, state.zone()).trim_end_matches('Z').to_owned();
    canvas.text(1, 2, &time(told.from_at_ms), Tint::Dim);
    spark::draw(canvas, (AXIS_LEFT, 2), &axis.sums(), Tint::Warn);
    canvas.text(AXIS_LEFT + axis.columns() + 1, 2, &time(told.until_at_ms), Tint::Dim);
}

fn curves(canvas: &mut Canvas<'_>, state: &State) {
    let facts = &state.facts;
    let last = groups::last_minute(state).unwrap_or(0);
    let told = facts.curves.as_ref();
    let first = told.and_then(|it| it.minutes.first()).copied().unwrap_or(last);
    let minutes = last.saturating_sub(first).saturating_add(1).clamp(10, 60);
    let more = canvas.width().saturating_sub(80).min(60);
    let size = (CURVE_COLUMNS + more, minutes);
    let lines = [("IN", in_words(state)), ("LAG", lag_words(state))];
    for (y, (name, words)) in (0..).zip(lines) {
        canvas.text(1, y, name, Tint::Head);
        canvas.text(6, y, &format!("{minutes} m"), Tint::Dim);
        let values = match told {
            Some(it) if name == "IN" => spark::columns(&it.minutes, &it.bytes_in, last, size),
            Some(it) => spark::columns(&it.minutes, &it.lag, last, size),
            None => Vec::new(),
        };
        spark::draw(canvas, (CURVE_LEFT, y), &values, Tint::Plain);
        let x = canvas.text(CURVE_LEFT + size.0 + 2, y, &words, Tint::Plain);
        if let Some(lack) = told.and_then(groups::lacking).filter(|_| y == 0) {
            canvas.text(x, y, &format!("; {lack}"), Tint::Unknown);
        }
    }
}

/// What comes in now, of the brokers that tell.
fn in_words(state: &State) -> String {
    let facts = &state.facts;
    let live = facts.brokers.values().filter(|it| it.is_live());
    let (mut sum, mut unknown, mut known) = (0.0, 0_u64, false);
    for it in live {
        let rate = it.counters.as_ref().zip(facts.counted_at_ms);
        match rate.and_then(|(it, at_ms)| it.bytes_in.at(at_ms)) {
            Some(rate) => (sum, known) = (sum + rate, true),
            None => unknown += 1,
        }
    }
    if !known {
        return figures::absent(state).0.into_owned();
    }
    let more = if unknown > 0 { " + ?" } else { "" };
    format!("{}/s{more}", bytes_text(whole(sum)))
}

/// What all groups have to read.
fn lag_words(state: &State) -> String {
    let groups = &state.facts.groups;
    if groups.is_empty() && state.facts.told.groups {
        return "no groups".to_owned();
    }
    if groups.is_empty() {
        return figures::absent(state).0.into_owned();
    }
    let (mut sum, mut unknown, mut ill) = (0_u64, false, 0_u64);
    for it in groups.values() {
        match &it.lag {
            Some(lag) => {
                sum = sum.saturating_add(lag.lag);
                unknown |= records_known(lag).1.is_none();
                ill += u64::from(lag.class() != LagClass::Ok);
            }
            None => unknown = true,
        }
    }
    let more = if unknown { " + ?" } else { "" };
    let all = u64::try_from(groups.len()).unwrap_or(u64::MAX);
    format!("{}{more}; {ill} of {} groups not OK", count_text(sum), grouped(all))
}

/// The plan that runs, then the newest events.
fn newest(canvas: &mut Canvas<'_>, state: &State) {
    let mut y = 0;
    if let Some(it) = state.facts.plans.iter().find(|it| !plans::is_over(it)) {
        let percent = plans::percent(it).map_or_else(|| "?".to_owned(), |it| it.to_string());
        let mut text = format!(" {}  {}  {percent} %", safe(&it.id), safe(&it.state));
        if let Some(left) = it.bytes_left {
            text = format!("{text}  {} left", bytes_text(left));
        }
        if let Some(eta_ms) = it.eta_ms {
            text = format!("{text}  ETA {}", span_text(eta_ms));
        }
        canvas.texts(1, 0, [("PLAN", Tint::Head), (text.as_str(), Tint::Plain)]);
        let right = canvas.width().saturating_sub(1);
        canvas.part(0, 0, (right, 1)).text_right(0, "7", Tint::Key);
        y = 1;
    }
    let rows = state.facts.events.as_ref().map(|it| it.rows.as_slice()).unwrap_or_default();
    if rows.is_empty() && y == 0 {
        let is_told = state.facts.events.is_some();
        let words = if is_told { "no events" } else { "no events are told yet" };
        canvas.text(1, 0, words, Tint::Dim);
    }
    for (y, row) in (y..canvas.height()).zip(rows.iter().rev()) {
        if let Some((text, tint)) = events::sentence(state, row) {
            canvas.text(1, y, &text, tint);
        }
    }
}
