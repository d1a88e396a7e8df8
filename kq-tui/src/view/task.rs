//! Something that is done to the cluster: what it would do, line by line, above the screen. The word is
//! typed in the last line.

use super::canvas::Canvas;
use super::panel::wrap;
use super::theme::Tint;
use crate::model::task::{Stage, Task, Weight};
use crate::text::grouped;

/// What goes on in a second line stands so far to the right.
const INDENT: u16 = 4;

/// Draws all of it over the body of the screen.
pub(super) fn draw(canvas: &mut Canvas<'_>, task: &Task) {
    canvas.clear();
    let (word, tint) = match task.stage {
        Stage::How => ("HOW", Tint::Head),
        Stage::Asked(_) => ("ASKED", Tint::Dim),
        Stage::Shown(_) => ("PLAN, nothing is done yet", Tint::Warn),
        Stage::Acting(_) => ("BEING DONE ..", Tint::Past),
        Stage::Ended => ("Esc goes back", Tint::Dim),
    };
    let right = canvas.text_right(0, word, tint).saturating_sub(2);
    canvas.part(0, 0, (right, 1)).text(1, 0, &task.title(), Tint::Head);
    canvas.rule(1);
    let height = canvas.height().saturating_sub(3);
    let height = height.saturating_sub(error(&mut canvas.lines(2, height), task));
    let seen = lines(&mut canvas.lines(2, height), task);
    let last = canvas.height().saturating_sub(1);
    canvas.rule(last);
    let all = task.sheet.lines.len();
    if seen < all {
        let number = |it: usize| grouped(u64::try_from(it).unwrap_or(u64::MAX));
        let from = number(task.first.saturating_add(1));
        let until = number(task.first.saturating_add(seen));
        let words = format!(" {from}-{until} of {}, up and down ", number(all));
        canvas.text_right(last, &words, Tint::Key);
    }
}

/// What is wrong with what was typed, above the line where it is typed; answers how many lines it takes.
fn error(canvas: &mut Canvas<'_>, task: &Task) -> u16 {
    let Some(error) = &task.error else { return 0 };
    let columns = canvas.width().saturating_sub(3);
    let parts = wrap(error, (columns, columns), canvas.theme.ascii);
    let height = u16::try_from(parts.len()).unwrap_or(u16::MAX).min(canvas.height() / 2);
    let from = canvas.height().saturating_sub(height);
    for (y, (nth, part)) in (from..canvas.height()).zip(parts.iter().enumerate()) {
        if nth == 0 {
            canvas.sign(0, y, "x", Tint::Bad);
        }
        canvas.text(2, y, part, Tint::Bad);
    }
    height
}

/// Lines from the first that is seen on; answers how many have room.
fn lines(canvas: &mut Canvas<'_>, task: &Task) -> usize {
    let columns = canvas.width().saturating_sub(2);
    let mut y = 0;
    let mut seen = 0;
    for line in task.sheet.lines.iter().skip(task.first) {
        let (sign, tint) = match line.weight {
            Weight::Row => (" ", Tint::Plain),
            Weight::Head => (" ", Tint::Head),
            Weight::Good => (" ", Tint::Good),
            Weight::Warn => ("!", Tint::Warn),
            Weight::Bad => ("x", Tint::Bad),
            Weight::Dim => (" ", Tint::Dim),
        };
        let first = columns.saturating_sub(1);
        let parts = wrap(&line.text, (first, first.saturating_sub(INDENT)), canvas.theme.ascii);
        for (nth, part) in parts.iter().enumerate() {
            if y >= canvas.height() {
                return seen;
            }
            if nth == 0 {
                canvas.sign(0, y, sign, tint);
            }
            canvas.text(if nth == 0 { 2 } else { 2 + INDENT }, y, part, tint);
            y += 1;
        }
        seen += 1;
    }
    seen
}
