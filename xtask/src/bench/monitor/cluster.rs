//! kq-tui before a real broker with 10,000 partitions, of which a hundred change each second.

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::meter::Meter;
use super::terminal::Terminal;
use super::trickle::Trickle;
use super::{KIB, SHOWN_MAX, await_live, is_live, millis, p99, past_moment, per_second, percent};
use crate::bench::Run;
use crate::bench::load::topic;
use crate::bench::report::{Goal, Row, median};
use crate::bench::subject::Subject;
use crate::clock;

/// Partitions of a topic.
const WIDTH: i32 = 625;
/// Records in a second, each into the next partition: so many partitions change.
const CHANGES: f64 = 100.0;
/// After a change of the screen, before it is watched.
const WARM: Duration = Duration::from_secs(3);
/// Is watched, and not watched.
const SPAN: Duration = Duration::from_secs(10);
/// Between two steps through the past.
const STEPS_APART: Duration = Duration::from_millis(200);
/// The terminal, on which the screen of partitions stands.
const SIZE: (u16, u16) = (80, 24);

/// The stream, what it costs the broker, the first frame, steps through the past, and the way back.
pub(in crate::bench) fn cluster(run: &mut Run<'_>) -> Result<Vec<Row>> {
    let topics = run.amount(16);
    let names = (0..topics).map(|_| topic(&run.subject.bootstrap, WIDTH, &[]));
    let names = names.collect::<Result<Vec<_>>>()?;
    let load = Trickle::start(&run.subject.bootstrap, names, WIDTH, CHANGES)?;
    let (pairs, steps) = if run.quick { (2, 10) } else { (9, 100) };
    run.subject.rest()?;
    let meter = Meter::before(&run.subject.bootstrap)?;
    let first = median(run.rounds(|subject| first_frame(subject, &meter))?);
    let (mut alone, mut costs, mut streams) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..pairs {
        let pair = pair(run.subject, &meter, &load)?;
        alone.push(pair.alone);
        costs.push(pair.watched - pair.alone);
        streams.push(pair.stream);
    }
    let mut terminal = watching_partitions(run.subject, &meter)?;
    let scrubs = steps_through_the_past(&mut terminal, steps)?;
    let returns = ways_back(&mut terminal, steps / 5)?;
    let count = u64::try_from(WIDTH)? * topics;
    let row = |what: &str, unit, value, limit| {
        Row::new(&format!("{count} partitions, {what}"), unit, value, Goal::AtMost(limit))
    };
    Ok(vec![
        row("first frame", "ms", first, 100.0),
        row("stream", "KiB/s", median(streams), 20.0),
        row("a watcher's cost", "% of a core", median(costs), 1.0).over(median(alone)),
        row("scrub step p99", "ms", p99(scrubs), 50.0),
        row("back to live p99", "ms", p99(returns), 300.0),
    ])
}

/// What the broker uses without a watcher and with one, in percent of a core, and what it tells it, in
/// KiB a second.
struct Pair {
    alone: f64,
    watched: f64,
    stream: f64,
}

/// One right behind the other: what the load alone costs varies more than a watcher costs, so the
/// middle of many such differences counts.
fn pair(subject: &Subject, meter: &Meter, load: &Trickle) -> Result<Pair> {
    let cpu = subject.cpu()?;
    clock::pause(SPAN);
    let alone = percent(subject.cpu()?.saturating_sub(cpu), SPAN);
    let mut terminal = watching_partitions(subject, meter)?;
    let (bytes, cpu, written) = (meter.bytes(), subject.cpu()?, load.delivered());
    terminal.read_for(SPAN)?;
    let watched = percent(subject.cpu()?.saturating_sub(cpu), SPAN);
    let stream = per_second(meter.bytes() - bytes, SPAN) / KIB;
    let changes = per_second(load.delivered() - written, SPAN);
    ensure!(changes > 0.9 * CHANGES, "only {changes:.0} records a second were written");
    Ok(Pair { alone, watched, stream })
}

/// A monitor that shows the partitions.
fn watching_partitions(subject: &Subject, meter: &Meter) -> Result<Terminal> {
    let mut terminal = watcher(subject, meter)?;
    await_live(&mut terminal)?;
    terminal.type_in("4")?;
    terminal.await_line("partitions", SHOWN_MAX, |line| line.contains("> part"))?;
    terminal.read_for(WARM)?;
    Ok(terminal)
}

fn watcher(subject: &Subject, meter: &Meter) -> Result<Terminal> {
    Terminal::start(subject.tui()?, &["--brokers", &meter.address(), "--utc"], SIZE)
}

/// From the start of the program until it shows what is now, in milliseconds.
fn first_frame(subject: &Subject, meter: &Meter) -> Result<f64> {
    let began = clock::now();
    await_live(&mut watcher(subject, meter)?)?;
    Ok(millis(began.elapsed()))
}

/// Steps to and fro between two moments of the past, in milliseconds.
fn steps_through_the_past(terminal: &mut Terminal, steps: u32) -> Result<Vec<f64>> {
    terminal.type_in("t-5s\r")?;
    terminal.await_line("moment of the past", SHOWN_MAX, |it| past_moment(it).is_some())?;
    let moment = |it: &Terminal| past_moment(&it.first_line()).map(str::to_owned);
    let origin = moment(terminal).context("no moment of the past")?;
    let mut times = Vec::new();
    for nth in 0..steps {
        let before = moment(terminal);
        terminal.type_in("t")?;
        terminal.type_in(if nth % 2 == 0 { "-2s" } else { &origin })?;
        terminal.read_for(STEPS_APART)?;
        let began = clock::now();
        terminal.type_in("\r")?;
        terminal.await_line("other moment of the past", SHOWN_MAX, |line| {
            past_moment(line).is_some_and(|it| before.as_deref() != Some(it))
        })?;
        times.push(millis(began.elapsed()));
    }
    Ok(times)
}

/// Ways from a moment of the past to now, in milliseconds.
fn ways_back(terminal: &mut Terminal, ways: u32) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for _ in 0..ways {
        terminal.type_in("t-5s\r")?;
        terminal.await_line("moment of the past", SHOWN_MAX, |it| past_moment(it).is_some())?;
        terminal.read_for(STEPS_APART)?;
        let began = clock::now();
        terminal.type_in("L")?;
        terminal.await_line("way back", SHOWN_MAX, is_live)?;
        times.push(millis(began.elapsed()));
    }
    Ok(times)
}
