//! What happened over time: the axis with its cursor, the events around the moment that is shown, who
//! is in most of them and why.

use kq_proto::monitor::v1::{Hole, Share};

use super::events;
use crate::model::{State, moment};
use crate::text::{grouped, safe, span_text};
use crate::view::canvas::Canvas;
use crate::view::theme::Tint;
use crate::view::{axis, cells, grid, panel};

/// Times, four lanes and the cursor.
const AXIS_LINES: u16 = 6;
/// Below the axis: how long a column is, and a rule.
const SCALE_LINES: u16 = 2;
/// Who, why, and what is not known, with a rule.
const WHO_LINES: u16 = 5;
const SHARES_MAX: usize = 6;

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) {
    let height = canvas.height();
    let room = canvas.width().saturating_sub(axis::LABEL_COLUMNS + 1);
    canvas.hits.axis_columns = Some(room);
    let has_axis = height >= AXIS_LINES + SCALE_LINES + 3;
    let top = if has_axis { AXIS_LINES + SCALE_LINES } else { 0 };
    let below = if height >= top + 4 + WHO_LINES { WHO_LINES } else { 0 };
    if has_axis {
        draw_axis(&mut canvas.lines(0, top), state, room);
    }
    let middle = height - top - below;
    let around = &mut canvas.lines(top, middle);
    grid::draw(around, state, &events::SPECS, |row, at| events::cell(state, row, at));
    if below > 0 {
        who(&mut canvas.lines(top + middle, below), state);
    }
}

fn draw_axis(canvas: &mut Canvas<'_>, state: &State, room: u16) {
    let axis = state.facts.axis.as_ref().and_then(|it| axis::Axis::new(it, room));
    canvas.rule(AXIS_LINES + SCALE_LINES - 1);
    let Some(axis) = axis else {
        canvas.text(1, 0, "nothing is told of the time axis yet", Tint::Dim);
        return;
    };
    axis::draw(canvas, state, &axis);
    let length = u64::try_from(axis.column_ms()).unwrap_or(0);
    let scale = format!("1 column = {}   {}", column_text(length), axis::LEGEND);
    canvas.text(axis::LABEL_COLUMNS, AXIS_LINES, &scale, Tint::Dim);
    let keys = "{ } minute  [ ] event  n N trouble  + -";
    if canvas.width() >= 100 {
        canvas.text_right(AXIS_LINES, keys, Tint::Dim);
    }
}

/// A length that a clock has: `5 m`.
fn column_text(ms: u64) -> String {
    match ms {
        0..60_000 => format!("{} s", ms / 1_000),
        60_000..3_600_000 => format!("{} m", ms / 60_000),
        _ => format!("{} h", ms / 3_600_000),
    }
}

fn who(canvas: &mut Canvas<'_>, state: &State) {
    panel::rule(canvas, state);
    panel::ctl_line(&mut canvas.lines(4, 1), state);
    let Some(axis) = &state.facts.axis else { return };
    let span = u64::try_from(axis.until_at_ms.saturating_sub(axis.from_at_ms)).unwrap_or(0);
    let mut x = canvas.texts(1, 1, [("WHO ", Tint::Head)]);
    x = canvas.text(x, 1, &format!("{}  ", span_text(span)), Tint::Dim);
    x = shares(canvas, (x, 1), "broker", &axis.by_broker);
    shares(canvas, (x + 3, 1), "topic", &axis.by_topic);
    let x = canvas.texts(1, 2, [("REASON  ", Tint::Head)]);
    shares(canvas, (x, 2), "", &axis.by_reason);
    match axis.holes.last() {
        Some(last) => hole(canvas, state, (axis.holes.len(), last)),
        None => {
            canvas.text(
                1,
                3,
                "No hole in the record: where nothing is drawn, nothing happened.",
                Tint::Dim,
            );
        }
    }
}

/// Who or what is in most of it; answers where that ends.
fn shares(canvas: &mut Canvas<'_>, (x, y): (u16, u16), of: &str, list: &[Share]) -> u16 {
    let mut x = canvas.text(x, y, of, Tint::Dim);
    if list.is_empty() {
        return canvas.text(x, y, " -", Tint::Dim);
    }
    for share in list.iter().take(SHARES_MAX) {
        // The number of a broker alone could be part of the count.
        let is_number = share.of.bytes().all(|it| it.is_ascii_digit());
        let sign = if of == "broker" && is_number { "b" } else { "" };
        let (text, count) = (format!(" {sign}{} ", safe(&share.of)), grouped(share.count.into()));
        // One that is cut would be another one.
        let ascii = canvas.theme.ascii;
        let columns = cells::width(&text, ascii).saturating_add(cells::width(&count, ascii));
        if x.saturating_add(columns) > canvas.width() {
            break;
        }
        x = canvas.texts(x, y, [(text.as_str(), Tint::Plain), (count.as_str(), Tint::Head)]);
        x = canvas.text(x, y, " ", Tint::Plain);
    }
    x
}

fn hole(canvas: &mut Canvas<'_>, state: &State, (count, it): (usize, &Hole)) {
    let clock = |at_ms: i64| moment::minute(at_ms, state.zone());
    let (from, until) = (clock(it.from_at_ms), clock(it.until_at_ms));
    let more = if count > 1 { format!(" and {} more", count - 1) } else { String::new() };
    let text = format!(" {from}-{until}{more}: {}", safe(&it.why));
    canvas.texts(1, 3, [("??", Tint::Unknown), (text.as_str(), Tint::Plain)]);
}
