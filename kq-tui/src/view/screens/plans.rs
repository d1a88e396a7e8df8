//! Plans: how far they are, how fast they go, how long it takes yet.

use kq_proto::admin::v1::PlanStatus;

use super::table_and_panel;
use crate::model::{Column, Row, State, moment};
use crate::text::{bytes_text, plural, safe, since_text, span_text};
use crate::view::canvas::{Canvas, Side};
use crate::view::figures::{NONE, absent, bytes, plain, since, span};
use crate::view::grid::{self, Shown, Spec};
use crate::view::theme::Tint;

pub(super) const SPECS: [Spec; 11] = [
    grid::words(Column::Name, 20, 0),
    grid::words(Column::State, 10, 0),
    grid::figures(Column::Progress, 5, 0),
    grid::figures(Column::Left, 8, 1),
    grid::plain("RATE/s", 7, 3, Side::Right),
    grid::figures(Column::Eta, 7, 2),
    grid::plain("MOVES", 12, 4, Side::Right),
    grid::figures(Column::At, 6, 5),
    grid::plain("VERB", 14, 6, Side::Left),
    grid::plain("LIMIT/s", 8, 7, Side::Right),
    grid::plain("WHY", 30, 8, Side::Left),
];

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) {
    table_and_panel(canvas, state, &SPECS, |row, at| cell(state, row, at), |row| words(state, row));
}

/// The state of a plan that was taken back, or what could be of it.
const CANCELLED: &str = "cancelled";

/// Whether it is over.
pub(super) fn is_over(it: &PlanStatus) -> bool {
    matches!(it.state.as_str(), "done" | CANCELLED)
}

/// How much is done, in percent: of the bytes, or of the moves where no bytes are known. Of a plan that
/// was cancelled nothing is left to copy, whatever came of it: there moves count.
pub(super) fn percent(it: &PlanStatus) -> Option<u64> {
    if is_over(it) && it.state == "done" {
        return Some(100);
    }
    if it.bytes > 0 && it.state != CANCELLED {
        let done = it.bytes.saturating_sub(it.bytes_left?);
        return done.saturating_mul(100).checked_div(it.bytes);
    }
    let done = u64::from(it.moves_by_state.get("done").copied().unwrap_or(0));
    done.saturating_mul(100).checked_div(it.move_count.into())
}

fn plan<'a>(state: &'a State, row: &Row) -> Option<&'a PlanStatus> {
    let Row::Plan(at) = row else { return None };
    state.facts.plans.get(*at)
}

pub(super) fn cell<'a>(state: &'a State, row: &Row, at: usize) -> Shown<'a> {
    let Some(it) = plan(state, row) else { return NONE };
    let over = is_over(it);
    match at {
        0 => plain(it.id.as_str()),
        1 => (it.state.as_str().into(), tint(&it.state)),
        2 => percent(it).map_or_else(|| absent(state), |it| plain(format!("{it}%"))),
        3..=5 if over => NONE,
        3 => it.bytes_left.map_or_else(|| absent(state), |it| plain(bytes(it))),
        4 => it.rate.map_or_else(|| absent(state), |it| plain(bytes(it))),
        5 => it.eta_ms.map_or_else(|| absent(state), |it| plain(span(it))),
        6 => plain(moves(it)),
        7 => since(state, Some(it.started_at_ms)),
        8 => plain(it.verb.as_str()),
        9 => it.bytes_per_second.map_or_else(|| plain("none"), |it| plain(bytes(it))),
        _ => plain(it.reason.as_str()),
    }
}

fn tint(state: &str) -> Tint {
    match state {
        "running" => Tint::Key,
        "paused" | "cancelling" => Tint::Warn,
        "done" => Tint::Good,
        _ => Tint::Plain,
    }
}

/// `12 of 40`, with those that failed.
fn moves(it: &PlanStatus) -> String {
    let of = |state: &str| it.moves_by_state.get(state).copied().unwrap_or(0);
    let failed = of("failed");
    let sign = if failed > 0 { format!(" x{failed}") } else { String::new() };
    format!("{}/{}{sign}", of("done"), it.move_count)
}

fn words(state: &State, row: &Row) -> (&'static str, Vec<String>) {
    let Some(it) = plan(state, row) else { return ("", Vec::new()) };
    let now_ms = state.facts.moment_ms().unwrap_or(0);
    let began = moment::clock(it.started_at_ms, state.zone());
    let ago = since_text(it.started_at_ms, now_ms);
    let (id, verb) = (safe(&it.id), safe(&it.verb));
    let mut first = format!("{id}: {verb}, {}, begun {began}, {ago} ago", safe(&it.state));
    if !it.reason.is_empty() {
        first = format!("{first}: {}", safe(&it.reason));
    }
    let mut sentences = vec![format!("{first}.")];
    let each: Vec<String> = it
        .moves_by_state
        .iter()
        .filter(|(_, count)| **count > 0)
        .map(|(word, count)| format!("{count} {}", safe(word)))
        .collect();
    let count = plural(it.move_count.into(), "move");
    sentences.push(format!("{count}: {}.", each.join(", ")));
    if it.state != CANCELLED {
        sentences.push(progress(it));
    }
    let bound = match it.bytes_per_second {
        Some(rate) => format!("At most {} a second", bytes_text(rate)),
        None => "No bound on its rate".to_owned(),
    };
    sentences.push(format!("{bound}, {} moves at a time, {} a broker.", it.batch, it.concurrency));
    ("PLAN", sentences)
}

fn progress(it: &PlanStatus) -> String {
    let all = bytes_text(it.bytes);
    let Some(left) = it.bytes_left else {
        return format!("Of {all} it is not known how much is left: a broker does not answer.");
    };
    let mut text = format!("{} of {all} left", bytes_text(left));
    if let Some(rate) = it.rate {
        text = format!("{text}, {} a second", bytes_text(rate));
    }
    match it.eta_ms {
        Some(eta_ms) => format!("{text}, about {} yet.", span_text(eta_ms)),
        None => format!("{text}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_cancelled_plan_moves_count() {
        let plan = |state: &str, left: u64| PlanStatus {
            state: state.to_owned(),
            bytes: 100,
            bytes_left: Some(left),
            move_count: 6,
            moves_by_state: [("done".to_owned(), 3), ("returned".to_owned(), 3)].into(),
            ..PlanStatus::default()
        };
        assert_eq!(percent(&plan("cancelled", 0)), Some(50));
        assert_eq!(percent(&plan("running", 60)), Some(40));
        assert_eq!(percent(&plan("done", 0)), Some(100));
    }
}
