//! How the cluster is, in words: the verdict, what is wrong and the way there, the brokers, and below
//! them what happens over time.

mod history;

use super::brokers;
use crate::model::words::{Alarm, Sign};
use crate::model::{Mode, Row, State};
use crate::text::span_text;
use crate::view::canvas::Canvas;
use crate::view::grid;
use crate::view::theme::Tint;

/// Around the rows: the verdict, a rule, the header of brokers.
const AROUND_LINES: u16 = 3;
/// Rows get room by so many, so that what lies below seldom moves when one comes or goes.
const ROWS_STEP: u16 = 4;
const ROWS_MIN: u16 = 8;

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) {
    let height = canvas.height();
    let below = below(height, state.table.rows.len());
    verdict(canvas, state);
    let room = height.saturating_sub(AROUND_LINES + below);
    rows(&mut canvas.lines(1, room + AROUND_LINES - 1), state, room);
    let mut rest = canvas.lines(height - below, below);
    history::draw(&mut rest, state);
}

/// Lines below the rows: all that so many rows do not need.
fn below(height: u16, rows: usize) -> u16 {
    let least: u16 = match height {
        0..10 => 0,
        10..14 => 3,
        14..18 => 5,
        18..30 => 8,
        _ => 16,
    };
    let room = height.saturating_sub(AROUND_LINES + least);
    let rows = u16::try_from(rows).unwrap_or(u16::MAX).max(ROWS_MIN);
    let wanted = rows.checked_next_multiple_of(ROWS_STEP).unwrap_or(u16::MAX);
    least + room.saturating_sub(wanted)
}

/// The word and the sentence.
fn verdict(canvas: &mut Canvas<'_>, state: &State) {
    let it = &state.verdict;
    if let (Mode::Lost { for_ms, .. }, false) = (state.mode(), it.word.is_empty()) {
        // Nobody knows how it is.
        let x = canvas.text(1, 0, "UNKNOWN", Tint::Bad) + 2;
        let for_text = span_text(for_ms);
        let text = format!("nothing heard for {for_text}; last heard {}: {}", it.word, it.sentence);
        canvas.text(x, 0, &text, Tint::Plain);
        return;
    }
    let tint = match it.word {
        "HEALTHY" => Tint::Good,
        "DEGRADED" => Tint::Warn,
        "" | "WAITING" => Tint::Dim,
        _ => Tint::Bad,
    };
    let x = canvas.text(1, 0, it.word, tint);
    let x = if x > 1 { x + 2 } else { x };
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
    let below_count = state.table.rows.len().saturating_sub(first + seen.len());
    let left = hidden(canvas, y, (first, below_count));
    if let (1.., Some(worst)) = (first, state.verdict.alarms.first()) {
        pinned(&mut canvas.part(0, y, (left, 1)), worst);
    }
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

/// The worst alarm that was scrolled away stays in sight, on the rule.
fn pinned(canvas: &mut Canvas<'_>, it: &Alarm) {
    let mut sign = [0; 4];
    canvas.text(1, 0, it.sign.char().encode_utf8(&mut sign), sign_tint(it.sign));
    let x = canvas.text(2, 0, " ", Tint::Plain);
    let x = canvas.text(x, 0, &it.text, Tint::Plain);
    canvas.text(x, 0, " ", Tint::Plain);
}

const fn sign_tint(sign: Sign) -> Tint {
    match sign {
        Sign::Stopped => Tint::Bad,
        Sign::Risk | Sign::Behind => Tint::Warn,
    }
}

/// How many rows are scrolled away, so that nobody takes those that are seen for all; answers how
/// many columns are left of that.
fn hidden(canvas: &mut Canvas<'_>, y: u16, (above, below): (usize, usize)) -> u16 {
    let words = match (above, below) {
        (0, 0) => return canvas.width(),
        (above, 0) => format!(" ^ {above} more above "),
        (0, below) => format!(" v {below} more below "),
        (above, below) => format!(" ^ {above} more above, v {below} below "),
    };
    canvas.text_right(y, &words, Tint::Head)
}

fn alarm(canvas: &mut Canvas<'_>, y: u16, it: &Alarm) {
    let tint = sign_tint(it.sign);
    let way = it.way();
    let right = canvas.width().saturating_sub(1);
    let width = canvas.part(0, 0, (right, u16::MAX)).text_right(y, &way, Tint::Key);
    let mut sign = [0; 4];
    canvas.text(1, y, it.sign.char().encode_utf8(&mut sign), tint);
    canvas.part(3, 0, (width.saturating_sub(4), u16::MAX)).text(0, y, &it.text, Tint::Plain);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_first_and_what_they_do_not_need_is_used() {
        // At 80x24 rows and what lies below share as they always do.
        assert_eq!([0, 8, 50].map(|rows| below(19, rows)), [8, 8, 8]);
        assert_eq!([4, 9, 12, 13, 500].map(|rows| below(45, rows)), [34, 30, 30, 26, 16]);
        assert_eq!([5, 12, 16].map(|height| below(height, 4)), [0, 3, 5]);
    }
}
