//! What is seen: a buffer of cells made of the state, and nothing else. Places are reckoned by hand,
//! from the area; only rows that are seen are looked at.
//!
//! ```text
//!   kq prod-eu > part  412 of 6 301        LIVE 12:04:31Z  RO     where, and in whose time
//!   1 over  2 brok  3 topic  ..                                   the screens
//!   ---------------------------------------------------------
//!   body of the screen
//!   ---------------------------------------------------------     what was said last
//!   ? keys  : command  ..                                         the keys, or a line that is typed
//! ```

pub mod encode;
pub mod sheet;
pub mod theme;

mod axis;
mod canvas;
mod cells;
mod figures;
mod frame;
mod grid;
mod overlay;
mod panel;
mod screens;
mod spark;
mod task;

#[cfg(test)]
mod view_test;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::model::task::{COLUMNS_MIN, ROWS_MIN};
use crate::model::{HitMap, State};
use canvas::Canvas;
use theme::{Theme, Tint};

/// Above the body: where, the screens, a rule.
const ABOVE: u16 = 3;
/// Below it: a rule, the keys.
const BELOW: u16 = 2;

/// Draws the screen into an area; answers what lies where. What lies outside the buffer is left out.
pub fn draw(state: &State, area: Rect, buf: &mut Buffer) -> HitMap {
    let settings = &state.settings;
    let theme = Theme::named(&settings.theme, settings.no_color, settings.ascii);
    let mut hits = HitMap::default();
    let mut canvas = Canvas::new(buf, area, &theme, &mut hits);
    canvas.clear();
    let (columns, rows) = (canvas.width(), canvas.height());
    if columns < COLUMNS_MIN || rows < ROWS_MIN {
        too_small(&mut canvas);
        return hits;
    }
    frame::title(&mut canvas.lines(0, 1), state);
    frame::tabs(&mut canvas.lines(1, 1), state);
    canvas.rule(2);
    let body = rows - ABOVE - BELOW;
    screens::draw(&mut canvas.lines(ABOVE, body), state);
    overlay::draw(&mut canvas.lines(ABOVE, body), state);
    frame::said(&mut canvas.lines(rows - 2, 1), state);
    let mut last = canvas.lines(rows - 1, 1);
    if !overlay::prompt(&mut last, state) {
        frame::footer(&mut last, state);
    }
    hits
}

/// In as many lines as there are.
fn too_small(canvas: &mut Canvas<'_>) {
    let text = format!("kq wants {COLUMNS_MIN}x{ROWS_MIN} cells; q quits");
    let columns = usize::from(canvas.width());
    let mut rest = text.as_str();
    for y in 0..canvas.height() {
        let (line, after) = rest.split_at_checked(columns.min(rest.len())).unwrap_or((rest, ""));
        canvas.text(0, y, line, Tint::Plain);
        rest = after.trim_start();
    }
}
