//! Brokers: their state, what they lead and hold, what goes through them, how full they are.

use std::borrow::Cow;

use kq_proto::admin::v1::BrokerState;

use super::table_and_panel;
use crate::facts::{Broker, BrokerCounters, Rate};
use crate::model::words::broker;
use crate::model::{Column, Row, State, moment};
use crate::text::{bytes_text, grouped, plural, safe, since_text};
use crate::view::canvas::{Canvas, Side};
use crate::view::figures::{NONE, absent, megabytes, plain, rate, since};
use crate::view::grid::{self, Shown, Spec};
use crate::view::theme::Tint;

/// The columns, here and on the overview.
pub(super) const SPECS: [Spec; 15] = [
    grid::words(Column::Name, 6, 0),
    grid::words(Column::State, 14, 0),
    grid::figures(Column::Leaders, 5, 3),
    grid::figures(Column::Replicas, 5, 4),
    grid::figures(Column::In, 7, 1),
    grid::figures(Column::Out, 8, 2),
    grid::figures(Column::Urp, 4, 0),
    grid::figures(Column::Disk, 4, 1),
    grid::figures(Column::P99, 6, 5),
    grid::figures(Column::Since, 6, 2),
    grid::plain("FETCH P99", 9, 6, Side::Right),
    grid::plain("REPL MB/s", 9, 7, Side::Right),
    grid::plain("CONN", 5, 8, Side::Right),
    grid::plain("RACK", 10, 9, Side::Left),
    grid::plain("HOST", 24, 10, Side::Left),
];

pub(super) fn draw(canvas: &mut Canvas<'_>, state: &State) {
    table_and_panel(canvas, state, &SPECS, |row, at| cell(state, row, at), |row| words(state, row));
}

/// What stands in a cell of a broker's row.
pub(super) fn cell<'a>(state: &'a State, row: &Row, at: usize) -> Shown<'a> {
    let Row::Broker(id) = row else { return NONE };
    let Some(it) = state.facts.brokers.get(id) else { return NONE };
    let tally = state.facts.topics.tally.broker(*id);
    let count = |it: u32| plain(it.to_string());
    let counters = it.counters.as_ref();
    // What has no life has no rates either.
    let of = |pick: fn(&BrokerCounters) -> Rate| match counters {
        _ if !it.is_live() => NONE,
        counters => rate(state, counters.map(pick), megabytes),
    };
    match at {
        0 => name(state, *id),
        1 => standing(state, *id, it),
        2 => count(tally.leads),
        3 => count(tally.replicas),
        4 => of(|it| it.bytes_in),
        5 => of(|it| it.bytes_out),
        6 if tally.out > 0 => (tally.out.to_string().into(), Tint::Warn),
        6 => count(0),
        7 => disk(state, counters),
        8 => latency(state, it, |it| it.produce_p99_us),
        9 => since(state, it.told.since_at_ms),
        10 => latency(state, it, |it| it.fetch_p99_us),
        11 => of(|it| it.replicated_bytes_in),
        12 => counters.map_or_else(|| absent(state), |it| count(it.connections)),
        13 => it.told.rack.as_deref().map_or(NONE, plain),
        _ => plain(format!("{}:{}", it.told.host, it.told.port)),
    }
}

fn name(state: &State, id: u32) -> Shown<'static> {
    let is_controller = state.facts.cluster.controller == Some(id);
    let sign = if is_controller { " *" } else { "" };
    plain(format!("{}{sign}", broker(id)))
}

/// The word of a state.
pub(super) const fn state_word(state: BrokerState) -> (&'static str, Tint) {
    match state {
        BrokerState::Running => ("up", Tint::Good),
        BrokerState::Fenced => ("FENCED", Tint::Bad),
        BrokerState::ShuttingDown => ("stopping", Tint::Warn),
        BrokerState::Draining => ("draining", Tint::Warn),
        BrokerState::Starting => ("starting", Tint::Warn),
        BrokerState::Unspecified => ("?", Tint::Unknown),
    }
}

fn standing(state: &State, id: u32, it: &Broker) -> Shown<'static> {
    let (word, tint) = state_word(it.state());
    let more = if it.is_live() && it.silent_since_ms.is_some() {
        ", silent"
    } else if it.told.cordon.is_some() {
        ", cordoned"
    } else if state.facts.cluster.controller == Some(id) {
        ", controller"
    } else {
        return (word.into(), tint);
    };
    (format!("{word}{more}").into(), if more == ", silent" { Tint::Warn } else { tint })
}

fn disk(state: &State, counters: Option<&BrokerCounters>) -> Shown<'static> {
    let Some(it) = counters else { return absent(state) };
    let Some(percent) = it.disk_percent() else { return absent(state) };
    let tint = match percent {
        _ if it.dirs_offline > 0 => Tint::Bad,
        90.. => Tint::Warn,
        _ => Tint::Plain,
    };
    let sign = if it.dirs_offline > 0 { "!" } else { "%" };
    (Cow::Owned(format!("{percent}{sign}")), tint)
}

/// In milliseconds; none where there were no requests.
fn latency(state: &State, it: &Broker, pick: fn(&BrokerCounters) -> Option<u64>) -> Shown<'static> {
    if !it.is_live() {
        return NONE;
    }
    let Some(counters) = &it.counters else { return absent(state) };
    match pick(counters) {
        None => NONE,
        Some(us) if us < 100_000 => plain(format!("{}.{}", us / 1_000, us % 1_000 / 100)),
        Some(us) => plain(grouped(us / 1_000)),
    }
}

fn words(state: &State, row: &Row) -> (&'static str, Vec<String>) {
    let Row::Broker(id) = row else { return ("", Vec::new()) };
    let Some(it) = state.facts.brokers.get(id) else { return ("", Vec::new()) };
    let now_ms = state.facts.moment_ms().unwrap_or(0);
    let at = |at_ms: i64| {
        let is_old = now_ms.saturating_sub(at_ms) >= 86_400_000;
        let clock = if is_old { moment::day_clock } else { moment::clock };
        format!("{}, {} ago", clock(at_ms, state.zone()), since_text(at_ms, now_ms))
    };
    let (word, _) = state_word(it.state());
    let mut first = format!("{} is {word}", broker(*id));
    if let Some(at_ms) = it.told.since_at_ms {
        first = format!("{first} since {}", at(at_ms));
    }
    if !it.told.reason.is_empty() {
        first = format!("{first}: {}", safe(&it.told.reason));
    }
    let mut sentences = vec![format!("{first}.")];
    if let Some(since_ms) = it.silent_since_ms {
        let why = match it.silent_why.as_str() {
            "" => String::new(),
            why => format!(": {}", safe(why)),
        };
        sentences.push(format!("It has told no counters since {}{why}.", at(since_ms)));
    }
    let tally = state.facts.topics.tally.broker(*id);
    if tally.out > 0 {
        let count = plural(tally.out.into(), "replica");
        sentences.push(format!("{count} on it out of sync; Enter lists them."));
    }
    if tally.preferred != tally.leads {
        let preferred = plural(tally.preferred.into(), "partition");
        sentences.push(format!("It leads {}; {preferred} prefer it.", grouped(tally.leads.into())));
    }
    if let Some(cordon) = &it.told.cordon {
        let why = safe(&cordon.reason);
        sentences
            .push(format!("It is given no new replicas since {} ({why}).", at(cordon.since_at_ms)));
    }
    sentences.extend(machine(it));
    ("WHY", sentences)
}

fn machine(it: &Broker) -> Option<String> {
    let counters = it.counters?;
    let (free, total) = counters.disk_free_bytes.zip(counters.disk_total_bytes)?;
    let mut text = format!("{} of {} free", bytes_text(free), bytes_text(total));
    if counters.dirs_offline > 0 {
        text = format!("{text}; log directories offline: {}", counters.dirs_offline);
    }
    Some(format!("{text}; {}.", plural(counters.connections.into(), "connection")))
}
