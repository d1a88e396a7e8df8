//! Topics: how many partitions, how they are, what goes through them.

use super::table_and_panel;
use crate::facts::{Health, Rate, Topic, TopicCounters};
use crate::model::{Column, Row, State, moment};
use crate::text::{grouped, plural, safe};
use crate::view::canvas::{Canvas, Side};
use crate::view::figures::{NONE, absent, bytes, megabytes, per_second, plain, since};
use crate::view::grid::{self, Shown, Spec};
use crate::view::theme::Tint;

use super::partitions::health_tint;

pub(super) const SPECS: [Spec; 13] = [
    grid::names(26),
    grid::figures(Column::Partitions, 5, 2),
    grid::words(Column::State, 13, 0),
    grid::figures(Column::Urp, 4, 3),
    grid::figures(Column::Offline, 4, 4),
    grid::figures(Column::In, 7, 1),
    grid::figures(Column::Out, 8, 2),
    grid::figures(Column::Size, 8, 1),
    grid::plain("RECORDS/s", 9, 5, Side::Right),
    grid::plain("MIN ISR", 7, 6, Side::Right),
    grid::plain("NOT PREF", 8, 7, Side::Right),
    grid::plain("KEPT", 10, 8, Side::Left),
    grid::plain("AGE", 6, 9, Side::Right),
];

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) {
    table_and_panel(canvas, state, &SPECS, |row, at| cell(state, row, at), |row| words(state, row));
}

/// The worst of its partitions, and how many are so.
fn worst(topic: &Topic) -> (Health, u32) {
    let of = |health: &Health| (*health, topic.tally.of(*health));
    let worst = Health::ALL.iter().map(of).find(|(_, count)| *count > 0);
    worst.unwrap_or((Health::Ok, 0))
}

pub(super) fn cell<'a>(state: &'a State, row: &Row, at: usize) -> Shown<'a> {
    let Row::Topic(number) = row else { return NONE };
    let Some(it) = state.facts.topics.get(*number) else { return NONE };
    let count = |it: u32| plain(it.to_string());
    let of = |pick: fn(&TopicCounters) -> Rate, text: fn(f64) -> String| {
        rate(state, it.counters.map(|it| (pick(&it), it.unknown_count)), text)
    };
    let ill = |it: u32, tint| (it.to_string().into(), if it > 0 { tint } else { Tint::Plain });
    match at {
        0 => plain(&*it.name),
        1 => count(it.tally.partitions),
        2 => standing(it),
        3 => ill(it.tally.ill(), Tint::Warn),
        4 => ill(it.tally.of(Health::Offline), Tint::Bad),
        5 => of(|it| it.bytes_in, megabytes),
        6 => of(|it| it.bytes_out, megabytes),
        7 => it.counters.map_or_else(|| absent(state), size),
        8 => of(|it| it.records_in, per_second),
        9 => count(it.min_insync_replicas),
        10 => count(it.tally.not_preferred),
        11 => plain(kept(it)),
        _ => since(state, Some(it.created_at_ms)),
    }
}

fn standing(it: &Topic) -> Shown<'static> {
    let (health, count) = worst(it);
    let text =
        if health == Health::Ok { "ok".to_owned() } else { format!("{} {count}", health.word()) };
    (text.into(), health_tint(health))
}

/// With `+?` where not all of it is known.
fn rate(state: &State, told: Option<(Rate, u32)>, text: fn(f64) -> String) -> Shown<'static> {
    let known = told.and_then(|(rate, unknown)| Some((state.facts.seldom_told(&rate)?, unknown)));
    match known {
        None => absent(state),
        Some((rate, 0)) => plain(text(rate)),
        Some((rate, _)) => (format!("{}+?", text(rate)).into(), Tint::Unknown),
    }
}

/// With `+?` where not all of it is known.
fn size(it: TopicCounters) -> Shown<'static> {
    let more = if it.unknown_count > 0 { "+?" } else { "" };
    let tint = if it.unknown_count > 0 { Tint::Unknown } else { Tint::Plain };
    (format!("{}{more}", bytes(it.size_bytes)).into(), tint)
}

fn kept(it: &Topic) -> &'static str {
    match (it.is_internal, it.is_protected) {
        (true, _) => "internal",
        (false, true) => "protected",
        (false, false) => "",
    }
}

fn words(state: &State, row: &Row) -> (&'static str, Vec<String>) {
    let Row::Topic(number) = row else { return ("", Vec::new()) };
    let Some(it) = state.facts.topics.get(*number) else { return ("", Vec::new()) };
    let tally = &it.tally;
    let parts: Vec<String> = Health::ALL
        .iter()
        .filter(|health| tally.of(**health) > 0)
        .map(|health| format!("{} {}", grouped(tally.of(*health).into()), health.word()))
        .collect();
    let count = plural(tally.partitions.into(), "partition");
    let mut sentences = vec![format!("{}: {count}: {}.", safe(&it.name), parts.join(", "))];
    if tally.not_preferred > 0 {
        let count = plural(tally.not_preferred.into(), "partition");
        sentences.push(format!("{count} led by another broker than the preferred one."));
    }
    if let Some(counters) = it.counters.filter(|it| it.unknown_count > 0) {
        let count = plural(counters.unknown_count.into(), "partition");
        sentences.push(format!("Of {count} the leader did not tell: figures lack them."));
    }
    let created = moment::day_clock(it.created_at_ms, state.zone());
    sentences.push(format!("min.insync.replicas {}, created {created}.", it.min_insync_replicas));
    if it.is_protected {
        sentences.push("It is protected from being deleted.".to_owned());
    }
    ("TOPIC", sentences)
}
