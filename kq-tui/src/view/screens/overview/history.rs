//! What happens over time, below the rows of the overview: churn, curves, the plan that runs, the
//! newest events. Each takes more lines where there are more.

use kq_proto::admin::v1::LagClass;
use kq_proto::monitor::v1;

use super::super::{events, groups, plans};
use crate::facts::{BrokerCounters, Rate};
use crate::model::words::records_known;
use crate::model::{State, moment};
use crate::text::{bytes_text, count_text, grouped, safe, span_text, whole};
use crate::view::canvas::Canvas;
use crate::view::theme::Tint;
use crate::view::{axis, figures, panel, spark};

/// What a curve's name takes.
const CURVE_LEFT: u16 = 12;
/// What stands behind a curve.
const CURVE_RIGHT: u16 = 38;
/// A curve of fewer columns tells nothing.
const CURVE_COLUMNS_MIN: u16 = 8;
const AXIS_LEFT: u16 = 7;
/// From so many lines on the churn has a lane for each kind.
const LANES_FROM: u16 = 24;
/// One of so many lines that are left over makes the curves higher.
const CURVE_SHARE: u16 = 8;
const CURVE_LINES_MAX: u16 = 6;
/// Minutes of the curves at least and at most.
const MINUTES: (u32, u32) = (10, 60);

/// How the lines are shared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shares {
    has_lanes: bool,
    /// Lines of one curve.
    curve: u16,
    /// Curves.
    curves: u16,
    /// The plan and events, without the rule above.
    newest: u16,
}

impl Shares {
    const fn of(height: u16) -> Self {
        let has_lanes = height >= LANES_FROM;
        let (churn, curves) = if has_lanes { (2 + axis::LANES, 3) } else { (2, 2) };
        let mut curve = 1;
        if height < 5 {
            return Self { has_lanes, curve, curves: 0, newest: 0 };
        }
        let spare = height.saturating_sub(8);
        if spare / CURVE_SHARE > 0 {
            curve += spare / CURVE_SHARE;
        }
        if curve > CURVE_LINES_MAX {
            curve = CURVE_LINES_MAX;
        }
        // A rule above all of it, and one above what is newest.
        let newest = height.saturating_sub(1 + churn + curve * curves).saturating_sub(1);
        Self { has_lanes, curve, curves, newest }
    }
}

/// Churn, bytes, lag, the plan that runs, and the newest events, as far as there is room.
pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) {
    let height = canvas.height();
    let shares = Shares::of(height);
    panel::rule(canvas, state);
    let churn_lines = if shares.has_lanes { 2 + axis::LANES } else { 2 };
    churn(&mut canvas.lines(1, churn_lines), state, shares.has_lanes);
    let mut y = 1 + churn_lines;
    let curves = [Curve::In, Curve::Lag, Curve::Out];
    for curve in curves.into_iter().take(usize::from(shares.curves)) {
        curve.draw(&mut canvas.lines(y, shares.curve), state);
        y += shares.curve;
    }
    canvas.hits.events = Some(shares.newest);
    if shares.newest > 0 {
        canvas.rule(y);
        newest(&mut canvas.lines(y + 1, shares.newest), state);
    }
}

fn churn(canvas: &mut Canvas<'_>, state: &State, has_lanes: bool) {
    let around = if has_lanes { axis::LABEL_COLUMNS + 1 } else { 2 * AXIS_LEFT };
    let room = canvas.width().saturating_sub(around);
    canvas.hits.axis_columns = Some(room);
    let told = state.facts.axis.as_ref();
    let Some((told, axis)) = told.and_then(|it| Some((it, axis::Axis::new(it, room)?))) else {
        canvas.texts(1, 0, [("CHURN", Tint::Head), ("  nothing is told of it yet", Tint::Dim)]);
        return;
    };
    canvas.texts(1, 0, [("CHURN", Tint::Head), (&*churn_words(told, state), Tint::Plain)]);
    if has_lanes {
        axis::times(&mut canvas.lines(1, 1), state, &axis);
        axis::lanes(&mut canvas.lines(2, axis::LANES), &axis);
        return;
    }
    let time = |at_ms: i64| moment::minute(at_ms, state.zone()).trim_end_matches('Z').to_owned();
    canvas.text(1, 1, &time(axis.begins_ms(0)), Tint::Dim);
    spark::draw(&mut canvas.lines(1, 1), AXIS_LEFT, &axis.sums(), Tint::Warn);
    canvas.text(AXIS_LEFT + axis.columns() + 1, 1, &time(told.until_at_ms), Tint::Dim);
}

/// All of it in figures, and when most happened, with the key that goes there.
fn churn_words(told: &v1::Axis, state: &State) -> String {
    let sum = |counts: &[u32]| grouped(counts.iter().map(|it| u64::from(*it)).sum());
    let span_ms = told.until_at_ms.saturating_sub(told.from_at_ms);
    let text = format!(
        " {}   shrink {}   expand {}   leader {}",
        span_text(u64::try_from(span_ms).unwrap_or(0)),
        sum(&told.shrinks),
        sum(&told.expands),
        sum(&told.leaders)
    );
    let column_ms = span_ms.checked_div(i64::from(told.columns)).unwrap_or(0);
    let Some(worst) = told.worst else { return text };
    let at_ms = told.from_at_ms.saturating_add(column_ms.saturating_mul(i64::from(worst)));
    let at = moment::minute(at_ms, state.zone());
    format!("{text}   most {} at {at} (key t)", grouped(told.worst_count.into()))
}

/// A curve of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Curve {
    In,
    Lag,
    Out,
}

impl Curve {
    const fn name(self) -> &'static str {
        match self {
            Self::In => "IN",
            Self::Lag => "LAG",
            Self::Out => "OUT",
        }
    }

    fn values(self, told: &v1::Curves) -> &[u64] {
        match self {
            Self::In => &told.bytes_in,
            Self::Lag => &told.lag,
            Self::Out => &told.bytes_out,
        }
    }

    /// A height in words.
    fn words(self, value: u64) -> String {
        match self {
            Self::In | Self::Out => format!("{}/s", bytes_text(value / 60)),
            Self::Lag => count_text(value),
        }
    }

    /// What it is now.
    fn now(self, state: &State) -> String {
        match self {
            Self::In => rate_words(state, |it| it.bytes_in),
            Self::Lag => lag_words(state),
            Self::Out => rate_words(state, |it| it.bytes_out),
        }
    }

    fn draw(self, canvas: &mut Canvas<'_>, state: &State) {
        let last = groups::last_minute(state).unwrap_or(0);
        let told = state.facts.curves.as_ref();
        let first = told.and_then(|it| it.minutes.first()).copied().unwrap_or(last);
        let minutes = last.saturating_sub(first).saturating_add(1).clamp(MINUTES.0, MINUTES.1);
        let columns = canvas.width().saturating_sub(CURVE_LEFT + CURVE_RIGHT);
        let columns = if columns < CURVE_COLUMNS_MIN { 0 } else { columns };
        canvas.text(1, 0, self.name(), Tint::Head);
        canvas.text(6, 0, &format!("{minutes} m"), Tint::Dim);
        let values =
            told.map(|it| spark::columns(&it.minutes, self.values(it), last, (columns, minutes)));
        let values = values.unwrap_or_default();
        spark::draw(canvas, CURVE_LEFT, &values, Tint::Plain);
        let right = CURVE_LEFT + if columns == 0 { 0 } else { columns + 2 };
        let x = canvas.text(right, 0, &self.now(state), Tint::Plain);
        let highest = values.iter().flatten().max();
        if let Some(highest) = highest.filter(|_| canvas.height() > 1) {
            let words = format!("highest {}", self.words(*highest));
            canvas.text(right, 1, &words, Tint::Dim);
        }
        if let Some(lack) = told.and_then(groups::lacking).filter(|_| self == Self::In) {
            canvas.text(x, 0, &format!("; {lack}"), Tint::Unknown);
        }
    }
}

/// What goes through now, of the brokers that tell.
fn rate_words(state: &State, pick: fn(&BrokerCounters) -> Rate) -> String {
    let facts = &state.facts;
    let live = facts.brokers.values().filter(|it| it.is_live());
    let (mut sum, mut unknown, mut known) = (0.0, 0_u64, false);
    for it in live {
        let rate = it.counters.as_ref().zip(facts.counted_at_ms);
        match rate.and_then(|(it, at_ms)| pick(it).at(at_ms)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_higher_where_there_is_room_and_events_take_the_rest() {
        let of = |height| {
            let it = Shares::of(height);
            (it.has_lanes, it.curves, it.curve, it.newest)
        };
        assert_eq!([3, 5, 8].map(of), [(false, 0, 1, 0), (false, 2, 1, 0), (false, 2, 1, 2)]);
        assert_eq!([16, 34].map(of), [(false, 2, 2, 8), (true, 3, 4, 14)]);
        assert_eq!(of(84), (true, 3, 6, 58));
    }
}
