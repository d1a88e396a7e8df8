//! The metadata quorum: who leads, who votes, who lags.

use kq_proto::admin::v1::{QuorumMember, QuorumRole, QuorumStatusResponse};

use super::table_and_panel;
use crate::model::words::broker;
use crate::model::{Column, Row, State};
use crate::text::{grouped, plural};
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
    let words = |_: &Row| state.facts.quorum.as_ref().map(sentences).unwrap_or_default();
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

/// Of a member that is not live, what is known of it as a broker.
fn standing(state: &State, id: u32) -> Shown<'static> {
    use kq_proto::admin::v1::BrokerState;
    match state.facts.brokers.get(&id).map(crate::facts::Broker::state) {
        None => ("not registered".into(), Tint::Bad),
        Some(BrokerState::Fenced) => ("FENCED".into(), Tint::Bad),
        Some(_) => ("not live".into(), Tint::Bad),
    }
}

fn sentences(it: &QuorumStatusResponse) -> (&'static str, Vec<String>) {
    let voters: Vec<&QuorumMember> = it
        .members
        .iter()
        .filter(|it| matches!(it.role(), QuorumRole::Leader | QuorumRole::Voter))
        .collect();
    let live = voters.iter().filter(|it| it.live).count();
    let needed = voters.len() / 2 + 1;
    let count = |it: usize| u64::try_from(it).unwrap_or(u64::MAX);
    let leader = match it.leader {
        Some(id) => format!("{} leads in term {}", broker(id), it.term),
        None => format!("Nobody leads; the last term is {}", it.term),
    };
    let spare = match live.checked_sub(needed) {
        None => "too few are live: nothing can be decided".to_owned(),
        Some(0) => "one loss more, and nothing can be decided".to_owned(),
        Some(spare) => format!("{} may be lost", plural(count(spare), "voter")),
    };
    let mut sentences = vec![
        format!("{leader}."),
        format!(
            "{live} of {} live, {needed} decide: {spare}.",
            plural(count(voters.len()), "voter")
        ),
    ];
    let index = |it: Option<u64>| it.map_or_else(|| "?".to_owned(), grouped);
    sentences.push(format!(
        "{}, which tells this, has entries up to {}, applied {}, snapshot at {}.",
        broker(it.answered_by),
        index(it.last_index),
        index(it.applied_index),
        index(it.snapshot_index)
    ));
    ("QUORUM", sentences)
}
