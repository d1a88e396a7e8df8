//! One record: all of it, as lines.

use crate::model::{Row, State};
use crate::view::canvas::{Canvas, Side};
use crate::view::figures::NONE;
use crate::view::grid::{self, Shown, Spec};
use crate::view::panel;
use crate::view::theme::Tint;

pub(super) const SPECS: [Spec; 2] = [grid::plain("", 11, 0, Side::Left), grid::rest("RECORD", 20)];
/// A rule, and the line of kq-ctl.
const BELOW: u16 = 2;

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) {
    let above = canvas.height().saturating_sub(BELOW);
    grid::draw(&mut canvas.lines(0, above), state, &SPECS, |row, at| cell(state, row, at));
    let below = &mut canvas.lines(above, BELOW);
    panel::draw(below, state, "", &[]);
}

pub(super) fn cell<'a>(state: &'a State, row: &Row, at: usize) -> Shown<'a> {
    let Row::Line(place) = row else { return NONE };
    let Some(it) = state.record.as_ref().and_then(|it| it.lines.get(*place)) else { return NONE };
    if at == 0 { (it.name.into(), Tint::Head) } else { (it.text.as_str().into(), Tint::Plain) }
}
