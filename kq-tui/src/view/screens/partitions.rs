//! Partitions: who leads, who is in sync, who is out and how far behind, and why.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::events::words_of as event_words;
use super::table_and_panel;
use crate::facts::{Counters, Health, Partition};
use crate::model::words::{broker, brokers, events_of, why};
use crate::model::{Column, Row, State};
use crate::text::{count_text, safe};
use crate::view::canvas::{Canvas, Side};
use crate::view::figures::{NONE, absent, bytes, close, per_second, plain, since};
use crate::view::grid::{self, Shown, Spec};
use crate::view::theme::Tint;

pub(super) const SPECS: [Spec; 15] = [
    grid::names(18),
    grid::words(Column::Leader, 3, 1),
    grid::words(Column::Preferred, 4, 4),
    grid::figures(Column::Epoch, 5, 5),
    Spec { head: "ISR (OUT)", ..grid::words(Column::Isr, 11, 0) },
    grid::figures(Column::Behind, 9, 3),
    grid::figures(Column::Size, 6, 6),
    grid::figures(Column::In, 5, 2),
    grid::words(Column::State, 8, 0),
    grid::figures(Column::Since, 6, 1),
    grid::plain("START", 12, 7, Side::Right),
    grid::plain("HIGH WATERMARK", 14, 8, Side::Right),
    grid::plain("END", 14, 9, Side::Right),
    grid::plain("MOVE", 16, 10, Side::Left),
    grid::plain("REPLICAS", 14, 11, Side::Left),
];

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) {
    let words = |row: &Row| {
        let Row::Partition(id) = row else { return ("", Vec::new()) };
        let mut sentences = why(&state.facts, *id, state.zone());
        let name = state.facts.topics.partition(*id).map(|(topic, _)| safe(&topic.name));
        if let (Some(name), Some(first)) = (name, sentences.first_mut()) {
            *first = format!("{name}-{}: {first}", id.index);
        }
        ("WHY", sentences)
    };
    let (free, lines) =
        table_and_panel(canvas, state, &SPECS, |row, at| cell(state, row, at), words);
    if lines > 2 {
        history(&mut canvas.lines(free + 1, lines - 2), state);
    }
}

/// What happened to the partition with the cursor, the newest first, as far as there is room.
fn history(canvas: &mut Canvas<'_>, state: &State) {
    let Some(Row::Partition(id)) = state.table.current() else { return };
    let Some(events) = events_of(&state.facts, *id) else { return };
    let head = match events.len() {
        0 => "HISTORY nothing that is kept",
        _ => "HISTORY",
    };
    let left = canvas.text(1, 0, head, Tint::Head) + 1;
    for (y, it) in (0..canvas.height()).zip(events) {
        let (text, tint) = event_words(state, it);
        canvas.text(left, y, &text, tint);
    }
}

/// How a state looks.
pub(super) const fn health_tint(health: Health) -> Tint {
    match health {
        Health::Offline | Health::UnderMin => Tint::Bad,
        Health::AtMin | Health::UnderReplicated => Tint::Warn,
        Health::Moving | Health::NotPreferred => Tint::Plain,
        Health::Ok => Tint::Good,
    }
}

pub(super) fn cell<'a>(state: &'a State, row: &Row, at: usize) -> Shown<'a> {
    let Row::Partition(id) = row else { return NONE };
    let Some((topic, it)) = state.facts.topics.partition(*id) else { return NONE };
    let counted = |text: fn(&Counters) -> Option<String>| {
        it.counters.as_ref().and_then(text).map_or_else(|| absent(state), plain)
    };
    match at {
        0 => plain(format!("{}-{}", topic.name, id.index)),
        1 => it.leader.map_or((Cow::Borrowed("none"), Tint::Bad), |id| plain(broker(id))),
        2 => preferred(it),
        3 => plain(it.leader_epoch.to_string()),
        4 => in_sync(it),
        5 => behind(state, it),
        6 => counted(|it| Some(bytes(it.size_bytes))),
        7 => state.facts.records_in(it).map_or_else(|| absent(state), |it| plain(per_second(it))),
        8 => {
            let health = it.health(topic.min_insync_replicas);
            (health.word().into(), health_tint(health))
        }
        9 => since(state, it.ill_since_ms(topic.min_insync_replicas)),
        10 => counted(|it| Some(it.start_offset.to_string())),
        11 => counted(|it| Some(it.high_watermark.to_string())),
        12 => counted(|it| Some(it.end_offset.value()?.to_string())),
        13 => moving(it),
        _ => plain(brokers(it.replicas.iter().copied())),
    }
}

/// With `!` where another one leads.
fn preferred(it: &Partition) -> Shown<'static> {
    let Some(preferred) = it.preferred() else { return NONE };
    if it.leader == Some(preferred) {
        return plain(broker(preferred));
    }
    (format!("{}!", broker(preferred)).into(), Tint::Warn)
}

/// Those in sync, and in brackets those that are out.
fn in_sync(it: &Partition) -> Shown<'static> {
    let mut text = brokers(it.isr());
    let out = brokers(it.out());
    if out.is_empty() {
        return plain(text);
    }
    if !text.is_empty() {
        text.push(' ');
    }
    let _ = write!(text, "({out})");
    (text.into(), Tint::Warn)
}

/// The follower that lacks most, and how many records: what is sorted and filtered by. Of one that a
/// new leader has not heard of that is not known.
fn behind(state: &State, it: &Partition) -> Shown<'static> {
    if it.counters.is_none() {
        return absent(state);
    }
    if let Some(unheard) = it.unheard() {
        return plain(format!("{} ?", broker(unheard)));
    }
    let Some(worst) = it.behind.iter().max_by_key(|it| it.records) else { return plain("0") };
    plain(format!("{} {}", broker(worst.broker), close(&count_text(worst.records))))
}

fn moving(it: &Partition) -> Shown<'static> {
    let Some(moving) = &it.moving else { return plain("") };
    let sign = |sign: char, ids: &[u32]| {
        ids.iter().fold(String::new(), |text, id| format!("{text}{sign}{} ", broker(*id)))
    };
    let text = sign('+', &moving.adding) + &sign('-', &moving.removing);
    (text.trim_end().to_owned().into(), Tint::Key)
}
