//! What lies above a screen: the list of keys, the list of commands, and lines that are typed.

use super::canvas::{Canvas, Side};
use super::task;
use super::theme::Tint;
use crate::model::line::Line;
use crate::model::{Choice, List, Overlay, Prompt, State};
use crate::text::grouped;

/// A list is no wider.
const COLUMNS_MAX: u16 = 100;
/// Keys and names stand in so many columns.
const NAME_COLUMNS: u16 = 24;

/// Draws what lies above the body of the screen; lines that are typed are the last line's.
pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) {
    match &state.overlay {
        Some(Overlay::Help(list)) => draw_list(canvas, list, "KEYS"),
        Some(Overlay::Palette(list)) => draw_list(canvas, list, ":"),
        Some(Overlay::Task(it)) => task::draw(canvas, it),
        Some(Overlay::Line(_)) | None => {}
    }
}

/// The line that is typed, in the place of the keys. False if none is.
pub(super) fn prompt(canvas: &mut Canvas<'_>, state: &State) -> bool {
    let (label, line, error) = match &state.overlay {
        Some(Overlay::Line(Prompt { purpose, line, error, .. })) => {
            (purpose.label().to_owned(), line, error)
        }
        Some(Overlay::Task(task)) => {
            let Some(label) = task.label() else { return false };
            // What is wrong stands above it, whole.
            (label, &task.line, &None)
        }
        Some(Overlay::Help(_) | Overlay::Palette(_)) | None => return false,
    };
    let x = canvas.texts(1, 0, [(label.as_str(), Tint::Key), (": ", Tint::Key)]);
    let x = typed(canvas, (x, 0), line);
    if let Some(error) = error {
        canvas.texts(x + 2, 0, [("x ", Tint::Bad), (error.as_str(), Tint::Bad)]);
    }
    true
}

/// The text with its cursor; answers where it ends. Of a long one the end is seen.
fn typed(canvas: &mut Canvas<'_>, (x, y): (u16, u16), line: &Line) -> u16 {
    let (before, after) = line.parts();
    let room = usize::from(canvas.width().saturating_sub(x).saturating_sub(2));
    let skip = before.chars().count().saturating_sub(room);
    let from = before.char_indices().nth(skip).map_or(before.len(), |(at, _)| at);
    let x = canvas.text(x, y, before.get(from..).unwrap_or_default(), Tint::Plain);
    let mut after = after.chars();
    let at: String = after.next().unwrap_or(' ').into();
    let x = canvas.text(x, y, &at, Tint::Past);
    canvas.text(x, y, after.as_str(), Tint::Plain)
}

fn draw_list(canvas: &mut Canvas<'_>, list: &List, head: &str) {
    let size = (canvas.width().min(COLUMNS_MAX), canvas.height());
    let left = (canvas.width() - size.0) / 2;
    let mut area = canvas.part(left, 0, size);
    area.clear();
    let count = u64::try_from(list.choices.len()).unwrap_or(u64::MAX);
    area.text_right(0, &grouped(count), Tint::Dim);
    let x = area.texts(1, 0, [(head, Tint::Head), (" ", Tint::Plain)]);
    typed(&mut area, (x, 0), &list.line);
    area.rule(1);
    let height = area.height();
    choices(&mut area.lines(2, height.saturating_sub(3)), list);
    area.rule(height.saturating_sub(1));
}

fn choices(canvas: &mut Canvas<'_>, list: &List) {
    let room = usize::from(canvas.height());
    let first = (list.at + 1).saturating_sub(room);
    if list.choices.is_empty() {
        canvas.text(2, 0, "nothing fits", Tint::Dim);
    }
    for ((y, at), choice) in (0..).zip(first..).zip(list.choices.iter().skip(first).take(room)) {
        entry(canvas, y, choice);
        if at == list.at {
            canvas.sign(0, y, ">", Tint::Head);
            canvas.reverse(y);
        }
    }
}

fn entry(canvas: &mut Canvas<'_>, y: u16, choice: &Choice) {
    canvas.boxed((2, y), NAME_COLUMNS, Side::Left, (&choice.name, Tint::Key));
    let x = 3 + NAME_COLUMNS;
    match &choice.off {
        None => canvas.text(x, y, &choice.help, Tint::Plain),
        Some(why) => {
            let x = canvas.text(x, y, &choice.help, Tint::Dim);
            canvas.texts(x, y, [(" - ", Tint::Dim), (why.as_str(), Tint::Dim)])
        }
    };
}
