//! The screens: each draws its body from the state, and nothing else.

mod brokers;
mod churn;
mod configs;
mod events;
mod groups;
mod members;
mod overview;
mod partitions;
mod plans;
mod quorum;
mod record;
mod tail;
mod topics;

use super::canvas::Canvas;
use super::grid::{self, Shown, Spec};
use super::panel;
use crate::model::{Row, Screen, State};

/// Draws the body of the screen that is open.
pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) {
    match state.place.screen {
        Screen::Overview => overview::draw(canvas, state),
        Screen::Brokers => brokers::draw(canvas, state),
        Screen::Topics => topics::draw(canvas, state),
        Screen::Partitions => partitions::draw(canvas, state),
        Screen::Churn => churn::draw(canvas, state),
        Screen::Groups => groups::draw(canvas, state),
        Screen::Members => members::draw(canvas, state),
        Screen::Plans => plans::draw(canvas, state),
        Screen::Events => events::draw(canvas, state),
        Screen::Quorum => quorum::draw(canvas, state),
        Screen::Configs => configs::draw(canvas, state),
        Screen::Tail => tail::draw(canvas, state),
        Screen::Record => record::draw(canvas, state),
    }
}

/// A table, and below it what there is to say of the row with the cursor.
fn table_and_panel<'a>(
    canvas: &mut Canvas<'_>,
    state: &'a State,
    specs: &[Spec],
    shown: impl Fn(&'a Row, usize) -> Shown<'a>,
    words: impl FnOnce(&Row) -> (&'static str, Vec<String>),
) {
    let below = panel::height(canvas.height());
    let above = canvas.height() - below;
    grid::draw(&mut canvas.lines(0, above), state, specs, shown);
    if below > 0 {
        let (head, sentences) = state.table.current().map(words).unwrap_or_default();
        panel::draw(&mut canvas.lines(above, below), state, head, &sentences);
    }
}
