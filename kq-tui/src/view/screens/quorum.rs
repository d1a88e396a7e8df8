//! The metadata quorum: who leads, who votes, who lags.

use kq_proto::admin::v1::{QuorumMember, QuorumRole, QuorumStatusResponse};

use super::table_and_panel;
use crate::model::words::broker;
use crate::model::{Column, Row, State};
use crate::text::{grouped, plural, span_text};
use crate::view::canvas::{Canvas, Side};
use crate::view::figures::{NONE, absent, plain, since};
use crate::view::grid::{self, Shown, Spec};
use crate::view::theme::Tint;

pub(super) const SPECS: [Spec; 7] = [
    grid::words(Column::Name, 8, 0),
    grid::words(Column::Role, 8, 0),
    grid::plain("BROKER IS", 14, 1, Side::Left),
    grid::figures(Column::End, 14, 2),
    grid::figures(Column::Lag, 10, 0),
    grid::plain("HEARD", 8, 1, Side::Right),
    grid::plain("DIRECTORY", 36, 3, Side::Left),
];

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) {
    let words = |_: &Row| {
        let told = state.facts.quorum.as_ref();
        told.map(|it| sentences(it, state.facts.cluster.stale_ms)).unwrap_or_default()
    };
    table_and_panel(canvas, state, &SPECS, |row, at| cell(state, row, at), words);
}

fn member<'a>(state: &'a State, row: &Row) -> Option<&'a QuorumMember> {
    let Row::Voter(id) = row else { return None };
    state.facts.quorum.as_ref()?.members.iter().find(|it| it.broker == *id)
}

pub(super) fn cell<'a>(state: &'a State, row: &Row, at: usize) -> Shown<'a> {
    let Some(it) = member(state, row) else { return NONE };
    let number = |it: Option<u64>| it.map_or_else(|| absent(state), |it| plain(grouped(it)));
    match at {
        0 => plain(broker(it.broker)),
        1 => match it.role() {
            QuorumRole::Leader => ("LEADER".into(), Tint::Key),
            QuorumRole::Voter => plain("voter"),
            QuorumRole::Learner => plain("learner"),
            QuorumRole::Unspecified => ("?".into(), Tint::Unknown),
        },
        2 if is_untold(state, it) => ("?".into(), Tint::Unknown),
        2 if it.live => ("up".into(), Tint::Good),
        2 => standing(state, it.broker),
        3 => number(it.end_index),
        4 => match it.lag {
            Some(lag) if lag > 0 => (grouped(lag).into(), Tint::Warn),
            lag => number(lag),
        },
        5 => since(state, it.last_contact_at_ms),
        _ => it.directory.as_deref().map_or(NONE, plain),
    }
}

/// Whether nobody can tell if it lives: without a controller no broker is fenced, and one that is gone
/// stands there as if it were live.
fn is_untold(state: &State, it: &QuorumMember) -> bool {
    let cluster = &state.facts.cluster;
    it.live
        && it.broker != cluster.answered_by
        && (cluster.stale_ms.is_some() || cluster.controller.is_none())
}

/// Of a member that is not live, what is known of it as a broker.
fn standing(state: &State, id: u32) -> Shown<'static> {
    use kq_proto::admin::v1::BrokerState;
    match state.facts.brokers.get(&id).map(crate::facts::Broker::state) {
        None => ("not registered".into(), Tint::Bad),
        Some(BrokerState::Fenced) => ("FENCED".into(), Tint::Bad),
        Some(_) => ("not live".into(), Tint::Bad),
    }
}

fn sentences(it: &QuorumStatusResponse, stale_ms: Option<u64>) -> (&'static str, Vec<String>) {
    let voters = it.members.iter();
    let voters = voters.filter(|it| matches!(it.role(), QuorumRole::Leader | QuorumRole::Voter));
    let voters: Vec<&QuorumMember> = voters.collect();
    let needed = voters.len() / 2 + 1;
    let all = plural(u64::try_from(voters.len()).unwrap_or(u64::MAX), "voter");
    let (leader, live) = match (it.leader, stale_ms) {
        (Some(id), None) => {
            let live = voters.iter().filter(|it| it.live).count();
            let spare = spare(live, needed);
            (
                format!("{} leads in term {}", broker(id), it.term),
                format!("{live} of {all} live, {needed} decide: {spare}."),
            )
        }
        (leader, stale_ms) => {
            let span = stale_ms.map(|it| format!(" for {}", span_text(it))).unwrap_or_default();
            let who = broker(it.answered_by);
            let words = if leader == Some(it.answered_by) {
                format!("{who} leads in term {}, and no majority has answered it{span}", it.term)
            } else {
                format!("{who} has heard nobody lead{span}; the last term is {}", it.term)
            };
            let live = format!("{needed} of {all} decide; which of them live nobody can tell now.");
            (words, live)
        }
    };
    let index = |it: Option<u64>| it.map_or_else(|| "?".to_owned(), grouped);
    let entries = format!(
        "{}, which tells this, has entries up to {}, applied {}, snapshot at {}.",
        broker(it.answered_by),
        index(it.last_index),
        index(it.applied_index),
        index(it.snapshot_index)
    );
    ("QUORUM", vec![format!("{leader}."), live, entries])
}

fn spare(live: usize, needed: usize) -> String {
    match live.checked_sub(needed) {
        None => "too few are live: nothing can be decided".to_owned(),
        Some(0) => "one loss more, and nothing can be decided".to_owned(),
        Some(spare) => {
            format!("{} may be lost", plural(u64::try_from(spare).unwrap_or(u64::MAX), "voter"))
        }
    }
}
