//! What surrounds every screen: where, in whose time, which screens there are, what was said, and
//! which keys are of use now.

use super::canvas::Canvas;
use super::cells;
use super::theme::Tint;
use crate::model::{Hit, Mode, Screen, State, Subject, keys};

/// Between two things in a line.
const GAP: u16 = 2;

/// The first line: the path at the left, the mode and RO at the right. What has no room goes, but
/// never the mode.
pub(super) fn title(canvas: &mut Canvas<'_>, state: &State) {
    let mode = state.mode();
    let tint = match mode {
        Mode::Live { .. } => Tint::Good,
        Mode::Paused { .. } | Mode::Seeking { .. } | Mode::Past { .. } | Mode::Replay { .. } => {
            Tint::Past
        }
        Mode::Lost { .. } => Tint::Bad,
    };
    let mut right = canvas.width();
    if state.settings.read_only {
        right = canvas.text_right(0, "RO", Tint::Head).saturating_sub(GAP);
    }
    let mut words = mode.words(state.zone());
    if state.past.is_seeking() && !matches!(mode, Mode::Seeking { .. }) {
        words.push_str(" ..");
    }
    let x = before(canvas, right, &words, tint);
    right = x.saturating_sub(GAP);
    if let Some(fresh) = state.new_troubles() {
        right = before(canvas, right, &format!("! {fresh}"), Tint::Warn).saturating_sub(GAP);
    }
    let mut left = canvas.part(0, 0, (right, 1));
    path(&mut left, state);
}

/// A text that ends before a column; answers where it begins.
fn before(canvas: &mut Canvas<'_>, right: u16, text: &str, tint: Tint) -> u16 {
    canvas.part(0, 0, (right, 1)).text_right(0, text, tint)
}

fn path(canvas: &mut Canvas<'_>, state: &State) {
    let parts = crate::model::words::title(state);
    let ascii = canvas.theme.ascii;
    let mut parts = parts.iter();
    let Some(place) = parts.next() else { return };
    let width = canvas.width();
    // Rows that a filter hides are easily taken for none: it stays, cut if it must be.
    let filter = crate::text::safe(state.table.filter.text());
    let of_filter = cells::width(&filter, ascii).saturating_add(GAP + 1).min(width / 2);
    let has_filter = !filter.is_empty() && parts.clone().any(|it| *it == filter);
    let mut kept = if has_filter { of_filter } else { 0 };
    let mark = canvas.theme.cut();
    let place = cells::cut(place, width.saturating_sub(kept), ascii, mark);
    let mut x = canvas.text(0, 0, &place, Tint::Head);
    for part in parts {
        let from = x.saturating_add(GAP + 1);
        let is_filter = kept > 0 && *part == filter;
        if is_filter {
            kept = 0;
            let part = cells::cut(part, width.saturating_sub(from), ascii, mark);
            x = canvas.text(from, 0, &part, Tint::Plain);
            continue;
        }
        if from.saturating_add(cells::width(part, ascii)).saturating_add(kept) <= width {
            x = canvas.text(from, 0, part, Tint::Plain);
        } else if kept == 0 {
            return;
        }
    }
}

/// The second line: the screens and their digits.
pub(super) fn tabs(canvas: &mut Canvas<'_>, state: &State) {
    let screen = state.place.screen;
    let here = match (screen, &state.place.subject) {
        (Screen::Members, _) => Screen::Groups,
        (_, Some(Subject::Cluster)) => Screen::Overview,
        (_, Some(Subject::Broker(_))) => Screen::Brokers,
        (_, Some(Subject::Topic(_))) => Screen::Topics,
        (_, Some(Subject::Partition(..) | Subject::Record(..))) => Screen::Partitions,
        (_, None) => screen,
    };
    let mut x = 0;
    for (digit, screen) in ('1'..='9').zip(Screen::TABS) {
        let from = x;
        let mut sign = [0; 4];
        x = canvas.text(x, 0, digit.encode_utf8(&mut sign), Tint::Key);
        let tint = if screen == here { Tint::Past } else { Tint::Plain };
        x = canvas.text(x + 1, 0, screen.word(), tint);
        canvas.hit((from, 0), x.saturating_sub(from), Hit::Screen(screen));
        x = x.saturating_add(GAP);
    }
}

/// The line above the keys, and in it what was said last.
pub(super) fn said(canvas: &mut Canvas<'_>, state: &State) {
    canvas.rule(0);
    let Some(said) = &state.said else { return };
    let (sign, tint) = if said.is_failure { ("x ", Tint::Bad) } else { ("", Tint::Head) };
    let x = canvas.texts(0, 0, [(" ", Tint::Plain), (sign, tint), (said.text.as_str(), tint)]);
    canvas.text(x, 0, " ", Tint::Plain);
}

/// The last line: the keys that do something now, the most useful first, as many as there is room
/// for.
pub(super) fn footer(canvas: &mut Canvas<'_>, state: &State) {
    let mut x = 1_u16;
    for binding in keys::footer(state.context()) {
        if binding.off.why(state).is_some() {
            continue;
        }
        let Some(key) = binding.keys.first() else { continue };
        let (name, label) = (key.to_string(), binding.label);
        let columns = cells::width(&name, true) + 1 + cells::width(label, true);
        if x.saturating_add(columns) > canvas.width() {
            continue;
        }
        canvas.hit((x, 0), columns, Hit::Key(*key));
        x = canvas.texts(
            x,
            0,
            [(name.as_str(), Tint::Key), (" ", Tint::Plain), (label, Tint::Plain)],
        );
        x = x.saturating_add(GAP);
    }
}
