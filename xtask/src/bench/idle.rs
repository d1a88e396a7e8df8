//! What a broker costs that has nothing to do: at start, with many partitions, with many clients.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, getrlimit, setrlimit};

use super::Run;
use super::load::{Load, produce, topic};
use super::report::{Goal, Row, figure, median};
use super::subject::Subject;
use crate::clock;
use crate::cluster::Standing;

/// How long a broker is watched doing nothing.
const REST: Duration = Duration::from_secs(10);

/// How long it may take to become ready here.
const START_MAX: Duration = Duration::from_mins(1);

const MIB: f64 = 1024.0 * 1024.0;

/// Starts our broker, stopped before, and takes the time until it is ready.
fn start(subject: &mut Subject) -> Result<Duration> {
    let guard = subject.own_cluster()?;
    let name = guard.0.name.clone();
    let broker = guard.broker()?;
    let start = clock::now();
    broker.start(&name)?;
    while broker.standing() != Standing::Ready {
        ensure!(start.elapsed() < START_MAX, "not ready after {START_MAX:?}");
        ensure!(broker.process().is_some(), "{}", broker.last_words());
        clock::pause(Duration::from_millis(1));
    }
    let took = start.elapsed();
    guard.0.save()?;
    subject.find_pids()?;
    Ok(took)
}

/// Percent of one core used while nothing happens.
fn idle_percent(subject: &Subject) -> Result<f64> {
    let before = subject.cpu()?;
    clock::pause(REST);
    let used = subject.cpu()?.saturating_sub(before);
    Ok(used.as_secs_f64() / REST.as_secs_f64() * 100.0)
}

/// Start on an empty directory, memory and processor at rest.
pub(super) fn start_and_rest(run: &mut Run<'_>) -> Result<Vec<Row>> {
    if !run.subject.is_own() {
        let percent = idle_percent(run.subject)?;
        let rss = figure(run.subject.rss_bytes()?) / MIB;
        return Ok(vec![
            Row::new("RSS idle", "MiB", rss, Goal::None),
            Row::new("CPU idle", "% of a core", percent, Goal::None),
        ]);
    }
    let (mut starts, mut sizes) = (Vec::new(), Vec::new());
    for (took, rss) in run.rounds(|subject| {
        let broker = subject.own_cluster()?.broker()?;
        broker.stop(START_MAX)?;
        std::fs::remove_dir_all(&broker.data_dir)?;
        let took = start(subject)?;
        clock::pause(Duration::from_secs(1));
        Ok((took.as_secs_f64() * 1000.0, figure(subject.rss_bytes()?) / MIB))
    })? {
        starts.push(took);
        sizes.push(rss);
    }
    let percent = idle_percent(run.subject)?;
    Ok(vec![
        Row::new("start to ready, empty directory", "ms", median(starts), Goal::AtMost(100.0)),
        Row::new("RSS idle", "MiB", median(sizes), Goal::AtMost(20.0)),
        Row::new("CPU idle", "% of a core", percent, Goal::AtMost(0.1)),
    ])
}

/// Records in each partition that a start meets.
const RECORDS_EACH: u64 = 5;

/// Writes into every partition, as an idempotent producer does: a start has its state to find, too.
fn fill(subject: &Subject, topics: &[String]) -> Result<()> {
    let load = Load {
        records: RECORDS_EACH * 625,
        record_bytes: 200,
        partitions: 625,
        settings: &[("acks", "all"), ("enable.idempotence", "true")],
        compressible: false,
    };
    topics.iter().try_for_each(|topic| produce(&subject.bootstrap, topic, &load))
}

/// 10,000 partitions: what they cost without records, and starts when each of them has some.
pub(super) fn partitions(run: &mut Run<'_>) -> Result<Vec<Row>> {
    let before = run.subject.rss_bytes()?;
    let topics = run.amount(16);
    let names = (0..topics).map(|_| topic(&run.subject.bootstrap, 625, &[]));
    let names = names.collect::<Result<Vec<_>>>()?;
    clock::pause(Duration::from_secs(2));
    let grown = figure(run.subject.rss_bytes()?.saturating_sub(before)) / MIB;
    let percent = idle_percent(run.subject)?;
    let count = topics * 625;
    let row = |what: &str, unit, value, goal| {
        Row::new(&format!("{count} partitions: {what}"), unit, value, goal)
    };
    let mut rows = vec![
        row("memory", "MiB more", grown, Goal::AtMost(40.0)),
        row("CPU idle", "% of a core", percent, Goal::AtMost(0.1)),
    ];
    if run.subject.is_own() {
        fill(run.subject, &names)?;
        run.subject.own_cluster()?.broker()?.kill()?;
        let killed = start(run.subject)?.as_secs_f64();
        run.subject.own_cluster()?.broker()?.stop(START_MAX)?;
        let clean = start(run.subject)?.as_secs_f64();
        rows.push(row("start after a clean stop", "s", clean, Goal::AtMost(3.0)));
        rows.push(row("start after kill -9", "s", killed, Goal::AtMost(6.0)));
    }
    Ok(rows)
}

/// 5,000 connections that have said hello and then nothing.
pub(super) fn connections(run: &mut Run<'_>) -> Result<Vec<Row>> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).context("cannot raise the limit of open files")?;
    let subject = &mut *run.subject;
    if subject.is_own() {
        subject.renew(1, &[("max.connections.per.ip", "20000")])?;
    }
    let before = subject.rss_bytes()?;
    let count = if run.quick { 625 } else { 5_000 };
    let mut open = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(&subject.bootstrap)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        // ApiVersions, version 0: key, version, correlation id, no client id.
        stream.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff])?;
        let mut length = [0_u8; 4];
        stream.read_exact(&mut length)?;
        let mut answer = vec![0_u8; usize::try_from(u32::from_be_bytes(length))?];
        stream.read_exact(&mut answer)?;
        open.push(stream);
    }
    clock::pause(Duration::from_secs(1));
    let grown = figure(subject.rss_bytes()?.saturating_sub(before)) / 1024.0;
    let each = grown / figure(open.len() as u64);
    let line = format!("{count} idle connections");
    Ok(vec![Row::new(&line, "KiB each", each, Goal::AtMost(20.0))])
}
