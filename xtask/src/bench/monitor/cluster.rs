//! kq-tui before a real broker with 10,000 partitions, of which a hundred change each second.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};

use super::meter::Meter;
use super::terminal::Terminal;
use super::{KIB, SHOWN_MAX, await_live, is_live, millis, p99, past_moment, per_second, percent};
use crate::bench::Run;
use crate::bench::load::{config, topic};
use crate::bench::report::{Goal, Row, median};
use crate::bench::subject::Subject;
use crate::clock;

/// Partitions of a topic.
const WIDTH: i32 = 625;
/// Between two records, each into the next partition: a hundred change in a second.
const EACH: Duration = Duration::from_millis(10);
/// After a change of the screen, before it is watched.
const WARM: Duration = Duration::from_secs(3);
/// Between two steps through the past.
const STEPS_APART: Duration = Duration::from_millis(200);
/// The terminal, on which the screen of partitions stands.
const SIZE: (u16, u16) = (80, 24);

/// The stream, what it costs the broker, the first frame, steps through the past, and the way back.
pub(in crate::bench) fn cluster(run: &mut Run<'_>) -> Result<Vec<Row>> {
    let topics = run.amount(16);
    let names = (0..topics).map(|_| topic(&run.subject.bootstrap, WIDTH, &[]));
    let names = names.collect::<Result<Vec<_>>>()?;
    let load = Trickle::start(&run.subject.bootstrap, names)?;
    let span = Duration::from_secs(if run.quick { 10 } else { 30 });
    let steps = if run.quick { 10 } else { 100 };
    run.subject.rest()?;
    let before = cost_alone(run.subject, span)?;
    let meter = Meter::before(&run.subject.bootstrap)?;
    let first = median(run.rounds(|subject| first_frame(subject, &meter))?);
    let mut terminal = watcher(run.subject, &meter)?;
    await_live(&mut terminal)?;
    terminal.type_in("4")?;
    terminal.read_for(WARM)?;
    let (bytes, cpu) = (meter.bytes(), run.subject.cpu()?);
    terminal.read_for(span)?;
    let watched = percent(run.subject.cpu()?.saturating_sub(cpu), span);
    let stream = per_second(meter.bytes() - bytes, span) / KIB;
    let (scrubs, returns) = travel(&mut terminal, steps)?;
    drop(terminal);
    let after = cost_alone(run.subject, span)?;
    drop(load);
    let alone = f64::midpoint(before, after);
    let count = u64::try_from(WIDTH)? * topics;
    let row = |what: &str, unit, value, limit| {
        Row::new(&format!("{count} partitions, {what}"), unit, value, Goal::AtMost(limit))
    };
    Ok(vec![
        row("first frame", "ms", first, 100.0),
        row("stream", "KiB/s", stream, 20.0),
        row("a watcher's cost", "% of a core", watched - alone, 1.0).over(alone),
        row("scrub step p99", "ms", p99(scrubs), 50.0),
        row("back to live p99", "ms", p99(returns), 300.0),
    ])
}

/// What the broker uses while nobody watches, in percent of a core.
fn cost_alone(subject: &Subject, span: Duration) -> Result<f64> {
    let cpu = subject.cpu()?;
    clock::pause(span);
    Ok(percent(subject.cpu()?.saturating_sub(cpu), span))
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

/// Steps between two moments of the past, and ways back to now, in milliseconds.
fn travel(terminal: &mut Terminal, steps: u32) -> Result<(Vec<f64>, Vec<f64>)> {
    let (mut scrubs, mut returns) = (Vec::new(), Vec::new());
    for nth in 0..steps {
        terminal.type_in(if nth % 2 == 0 { "t-5s" } else { "t-10s" })?;
        terminal.read_for(STEPS_APART)?;
        let shown = terminal.first_line();
        let is_there = |line: &str| {
            let moment = past_moment(line);
            moment.is_some() && moment != past_moment(&shown)
        };
        let began = clock::now();
        terminal.type_in("\r")?;
        terminal.await_line("moment of the past", SHOWN_MAX, is_there)?;
        scrubs.push(millis(began.elapsed()));
        if nth % 5 == 4 {
            terminal.read_for(STEPS_APART)?;
            let began = clock::now();
            terminal.type_in("L")?;
            terminal.await_line("way back", SHOWN_MAX, is_live)?;
            returns.push(millis(began.elapsed()));
        }
    }
    Ok((scrubs, returns))
}

/// Records that trickle in, until it is stopped.
struct Trickle {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Trickle {
    fn start(bootstrap: &str, topics: Vec<String>) -> Result<Self> {
        type Producer = ThreadedProducer<DefaultProducerContext>;
        let producer: Producer =
            config(bootstrap, &[("linger.ms", "0"), ("log_level", "0")]).create()?;
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let run = move || {
            let places =
                (0..WIDTH).flat_map(|partition| topics.iter().map(move |it| (it, partition)));
            for (topic, partition) in places.cycle() {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let record = BaseRecord::<[u8], [u8]>::to(topic).payload(&[7; 100]);
                // A record that has no room is one fewer of a hundred in a second.
                drop(producer.send(record.partition(partition)));
                clock::pause(EACH);
            }
            drop(producer.flush(SHOWN_MAX));
        };
        let thread = std::thread::Builder::new().spawn(run).context("cannot start a thread")?;
        Ok(Self { is_over, thread: Some(thread) })
    }
}

impl Drop for Trickle {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}
