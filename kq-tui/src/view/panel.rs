//! What stands below a table: a rule that tells which rows are seen, sentences about the row with the
//! cursor, and the line of kq-ctl that tells the same.

use super::canvas::Canvas;
use super::cells;
use super::grid;
use super::theme::Tint;
use crate::model::words::in_all;
use crate::model::{State, ctl};
use crate::text::grouped;

/// Where lines begin below the first.
const LEFT: u16 = 5;

/// Lines of a body that go to the panel, its rule among them.
pub(super) const fn height(body: u16) -> u16 {
    match body {
        0..8 => 0,
        8..14 => 3,
        14..22 => 6,
        22..34 => 8,
        _ => 12,
    }
}

/// The rule, with `1-12 of 412` where not all rows are seen.
pub(super) fn rule(canvas: &mut Canvas<'_>, state: &State) {
    canvas.rule(0);
    let room = usize::from(canvas.hits.room.unwrap_or(0));
    let (first, rows) = grid::seen(state, room);
    let all = state.table.rows.len();
    if rows.len() == all || rows.is_empty() {
        return;
    }
    let number = |it: usize| grouped(u64::try_from(it).unwrap_or(u64::MAX));
    let (from, until) = (number(first + 1), number(first + rows.len()));
    let more = in_all(state).map_or_else(String::new, |it| format!(" of {it}"));
    canvas.text_right(0, &format!(" {from}-{until} of {}{more} ", number(all)), Tint::Dim);
}

/// A rule, then sentences, then the line of kq-ctl at the bottom; answers from which line on and how
/// many lines are free between them.
pub(super) fn draw(
    canvas: &mut Canvas<'_>,
    state: &State,
    head: &str,
    sentences: &[String],
) -> (u16, u16) {
    rule(canvas, state);
    let last = canvas.height().saturating_sub(1);
    if last == 0 {
        return (1, 0);
    }
    let lines = last.saturating_sub(1);
    let used = words(&mut canvas.lines(1, lines), head, sentences);
    ctl_line(&mut canvas.lines(last, 1), state);
    (1 + used, lines.saturating_sub(used))
}

/// The line of kq-ctl that tells what is seen.
pub(super) fn ctl_line(canvas: &mut Canvas<'_>, state: &State) {
    let x = canvas.texts(1, 0, [("y", Tint::Key), (": ", Tint::Dim)]);
    canvas.text(x, 0, &ctl::of_view(state), Tint::Plain);
}

/// Sentences one after another, each beginning a line, behind a word in capitals; answers how many
/// lines they take.
pub(super) fn words(canvas: &mut Canvas<'_>, head: &str, sentences: &[String]) -> u16 {
    let columns = canvas.width().saturating_sub(LEFT + 1);
    let mut y = 0;
    let x = canvas.text(1, 0, head, Tint::Head) + u16::from(!head.is_empty());
    for sentence in sentences {
        let first = if y == 0 { canvas.width().saturating_sub(x + 1) } else { columns };
        for line in wrap(sentence, (first, columns), canvas.theme.ascii) {
            if y >= canvas.height() {
                return y;
            }
            let left = if y == 0 { x.max(1) } else { LEFT };
            canvas.text(left, y, line, Tint::Plain);
            y += 1;
        }
    }
    y
}

/// A text in lines of at most so many columns, cut between words where that is possible.
pub(super) fn wrap(text: &str, (first, columns): (u16, u16), ascii: bool) -> Vec<&str> {
    let mut lines = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let columns = if lines.is_empty() { first } else { columns }.max(8);
        let end = line_end(rest, columns, ascii);
        let (line, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        lines.push(line.trim_end());
        rest = after.trim_start();
    }
    lines
}

/// Where a line ends, in bytes: never 0.
fn line_end(text: &str, columns: u16, ascii: bool) -> usize {
    let mut end = 0;
    for word in text.split_inclusive(' ') {
        let next = end + word.len();
        let line = text.get(..next).unwrap_or(text).trim_end();
        if cells::width(line, ascii) > columns {
            // A word that is longer than a line stands alone, and is cut when it is drawn.
            return if end == 0 { next } else { end };
        }
        end = next;
    }
    end.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_cut_between_words() {
        assert_eq!(wrap("one two three four", (9, 9), true), ["one two", "three", "four"]);
        assert_eq!(wrap("  ", (9, 9), true), Vec::<&str>::new());
        let long = "a-word-that-is-longer-than-a-line b";
        assert_eq!(wrap(long, (9, 9), true), ["a-word-that-is-longer-than-a-line", "b"]);
    }
}
