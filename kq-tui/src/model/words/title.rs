//! The first line: where the screen is, and of how much it shows how many.

use crate::model::tail::Phase;
use crate::model::{Screen, Sort, State};
use crate::text::{grouped, safe, since_text};

/// Where, as in `kq prod-eu > part   412 of 6 301  why=b3  sort STATE`, by parts: the path, then
/// what may be left out where there is no room, the last first.
pub fn title(state: &State) -> Vec<String> {
    let context = safe(&state.settings.context);
    let screen = state.place.screen;
    if screen == Screen::Overview {
        return overview(state, &context);
    }
    let path = match (&state.place.group, &state.place.subject) {
        (Some(group), _) => format!("kq {context} > group > {}", safe(group)),
        (None, Some(subject)) => {
            format!("kq {context} > {} > {}", safe(&subject.words()), screen.word())
        }
        (None, None) => format!("kq {context} > {}", screen.word()),
    };
    let count = |it: usize| grouped(u64::try_from(it).unwrap_or(u64::MAX));
    let (shown, all) = (state.table.rows.len(), state.table.total);
    let rows = match (is_told(state), state.facts.as_of_ms) {
        (false, Some(_)) => "-".to_owned(),
        (false, None) => "?".to_owned(),
        (true, _) => {
            let told = if shown == all { None } else { Some(count(all)) };
            let parts = [Some(count(shown)), told, in_all(state)];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" of ")
        }
    };
    let mut parts = vec![path, rows];
    if !state.table.filter.is_empty() {
        parts.push(safe(state.table.filter.text()).into_owned());
    }
    parts.extend(of_the_past(state));
    parts.extend(state.choice().words());
    if matches!(screen, Screen::Tail | Screen::Record) {
        return parts;
    }
    let sort = state.table.sort;
    let is_usual = sort.descending == sort.column.is_large_first() || sort == Sort::first(screen);
    let turned = if is_usual { "" } else { " reversed" };
    parts.push(format!("sort {}{turned}", sort.column.header(screen)));
    parts
}

/// Where more rows of history are kept than are told: how many, as far as that is known.
pub fn in_all(state: &State) -> Option<String> {
    let told = state.history_total();
    state.has_more().then(|| match told {
        Some(it) if it.is_more => format!("more than {}", grouped(it.rows)),
        Some(it) => grouped(it.rows),
        None => "more".to_owned(),
    })
}

/// That whoever recorded this looked at the past then.
fn of_the_past(state: &State) -> Option<String> {
    let is_past = state.is_recording() && state.facts.as_of_ms.is_some();
    is_past.then(|| "a past that was looked at".to_owned())
}

fn overview(state: &State, context: &str) -> Vec<String> {
    let facts = &state.facts;
    if facts.now_ms.is_none() {
        return vec![format!("kq {context}"), "? brokers".to_owned()];
    }
    let live = facts.brokers.values().filter(|it| it.is_live()).count();
    let controller = match facts.cluster.controller {
        Some(id) => format!("controller b{id}"),
        None => "no controller".to_owned(),
    };
    let mut parts = vec![
        format!("kq {context}"),
        format!("{live} of {} brokers", facts.brokers.len()),
        controller,
    ];
    parts.extend(of_the_past(state));
    // How old what is now is; a moment of the past says itself how long ago it was.
    if let Some(age_ms) = state.age_ms().filter(|_| facts.as_of_ms.is_none()) {
        let age = since_text(0, i64::try_from(age_ms).unwrap_or(i64::MAX));
        parts.push(format!("told {age} ago"));
    }
    parts
}

/// Why a table has no row: there are none, or nobody told whether there are.
pub fn nothing(state: &State) -> &'static str {
    if state.facts.now_ms.is_none() {
        return "nothing is known yet";
    }
    if !state.table.filter.is_empty() && state.table.total > 0 {
        return "no row fits the filter; \\ shows all again";
    }
    match (is_told(state), state.facts.as_of_ms.is_some()) {
        (true, _) => "there are none",
        (false, true) => "not kept of the past; L goes back to what is now",
        (false, false) => "none is told so far",
    }
}

/// Whether it is known which rows the screen has, be it none.
fn is_told(state: &State) -> bool {
    let facts = &state.facts;
    match state.place.screen {
        Screen::Overview | Screen::Brokers | Screen::Topics | Screen::Partitions => {
            facts.now_ms.is_some()
        }
        Screen::Churn | Screen::Events => facts.events.is_some(),
        Screen::Groups => facts.told.groups,
        Screen::Members => state.open_group().is_some(),
        Screen::Plans => facts.told.plans,
        Screen::Quorum => facts.quorum.is_some(),
        Screen::Configs => state.can_look() && state.configs.is_told,
        Screen::Tail => state.can_look() && state.tail.phase != Phase::Idle,
        Screen::Record => state.can_look() && state.record.is_some(),
    }
}
