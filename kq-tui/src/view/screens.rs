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

/// What stands in a cell of a row, by the place of its column.
pub(super) type CellOf = for<'a> fn(&'a State, &'a Row, usize) -> Shown<'a>;

/// The columns of the table of a screen, and what stands in them.
pub(super) fn table(screen: Screen) -> (&'static [Spec], CellOf) {
    match screen {
        Screen::Overview | Screen::Brokers => (&brokers::SPECS, brokers::cell),
        Screen::Topics => (&topics::SPECS, topics::cell),
        Screen::Partitions => (&partitions::SPECS, partitions::cell),
        Screen::Churn | Screen::Events => (&events::SPECS, events::cell),
        Screen::Groups => (&groups::SPECS, groups::cell),
        Screen::Members => (&members::SPECS, members::cell),
        Screen::Plans => (&plans::SPECS, plans::cell),
        Screen::Quorum => (&quorum::SPECS, quorum::cell),
        Screen::Configs => (&configs::SPECS, configs::cell),
        Screen::Tail => (&tail::SPECS, tail::cell),
        Screen::Record => (&record::SPECS, record::cell),
    }
}

/// A table, and below it what there is to say of the row with the cursor; answers the lines below
/// that are free: from which on, and how many.
fn table_and_panel<'a>(
    canvas: &mut Canvas<'_>,
    state: &'a State,
    specs: &[Spec],
    shown: impl Fn(&'a Row, usize) -> Shown<'a>,
    words: impl FnOnce(&Row) -> (&'static str, Vec<String>),
) -> (u16, u16) {
    let below = panel::height(canvas.height());
    let above = canvas.height() - below;
    grid::draw(&mut canvas.lines(0, above), state, specs, shown);
    if below == 0 {
        return (above, 0);
    }
    let (head, sentences) = state.table.current().map(words).unwrap_or_default();
    let (free, lines) = panel::draw(&mut canvas.lines(above, below), state, head, &sentences);
    (above + free, lines)
}
