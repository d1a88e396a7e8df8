//! Consumer groups: what their members cost at rest, how fast offsets are committed, how long a
//! rebalance takes, and how long a coordinator's death is felt.

mod commits;
mod failover;
mod member;
mod ready;
mod wire;

use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Resource, getrlimit, setrlimit};

pub(super) use commits::commits;
pub(super) use failover::failover;

use self::member::Group;
use super::Run;
use super::floors::answer_micros;
use super::report::{Goal, Row, figure, median, quantile};
use super::subject::Subject;
use crate::clock;

/// Members of each group at rest.
const MEMBERS: usize = 10;

/// Of a core that 1,000 such groups may cost.
const PERCENT: f64 = 5.0;

/// How often each of them says that it lives, as clients do unless told.
const HEARTBEAT_EVERY: Duration = Duration::from_secs(3);

/// How many rounds of heartbeats are measured.
const BEATS: u32 = 4;

/// Members of the group that rebalances, and partitions that it shares.
const CROWD: usize = 500;
const SHARED: i32 = 1_000;

/// Members have a connection each.
const MANY_CONNECTIONS: &[(&str, &str)] =
    &[("max.connections", "20000"), ("max.connections.per.ip", "20000")];

/// A broker that takes the connections of a crowd; how many files may be open, which bounds them.
fn ready_for_many(subject: &mut Subject) -> Result<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).context("cannot raise the limit of open files")?;
    if subject.is_own() {
        subject.renew(1, MANY_CONNECTIONS)?;
    }
    Ok(limit.current.unwrap_or(u64::MAX))
}

/// 1,000 groups of 10 members that do nothing but live, or as many as there may be connections: the
/// broker takes half of its files for them.
pub(super) fn heartbeats(run: &mut Run<'_>) -> Result<Vec<Row>> {
    let files = ready_for_many(run.subject)?;
    let count = usize::try_from(run.amount(1_000).min(files / 2 / (MEMBERS as u64 + 1)))?;
    let name = |number: usize| format!("idle-{number}");
    let mut groups = (0..count)
        .map(|number| Group::connect(&run.subject.bootstrap, &name(number), MEMBERS))
        .collect::<Result<Vec<_>>>()?;
    member::gather(&mut groups, 12)?;
    run.subject.rest()?;
    let mut members: Vec<_> = groups.iter_mut().flat_map(Group::members).collect();
    let gap = HEARTBEAT_EVERY / u32::try_from(members.len())?;
    let before = run.subject.cpu()?;
    let start = clock::now();
    let mut due = start;
    for _ in 0..BEATS {
        for member in &mut members {
            // A timer is far coarser than the gap; those that are due go together.
            due += gap;
            let early = due.saturating_duration_since(clock::now());
            if Duration::from_millis(1) <= early {
                clock::pause(early);
            }
            member.beat()?;
        }
    }
    let used = run.subject.cpu()?.saturating_sub(before);
    let percent = used.as_secs_f64() / start.elapsed().as_secs_f64() * 100.0;
    let each = used.as_secs_f64() * 1e6 / (f64::from(BEATS) * figure(members.len() as u64));
    let line = format!("{count} groups of {MEMBERS}, heartbeats");
    Ok(vec![
        Row::new(
            &line,
            "% of a core",
            percent,
            Goal::AtMost(PERCENT * figure(count as u64) / 1000.0),
        ),
        Row::new(&line, "us CPU each", each, Goal::None).over(answer_micros(gap)?),
    ])
}

/// A crowd in one group: one of them leaves, all others join again and are given their shares.
pub(super) fn rebalance(run: &mut Run<'_>) -> Result<Vec<Row>> {
    ready_for_many(run.subject)?;
    let crowd = usize::try_from(run.amount(u64::try_from(CROWD)?))?;
    let (mut walls, mut costs) = (Vec::new(), Vec::new());
    let mut groups = vec![Group::connect(&run.subject.bootstrap, "crowd", crowd + run.rounds)?];
    member::gather(&mut groups, SHARED)?;
    let group = groups.first_mut().context("one group")?;
    for _ in 0..run.rounds {
        run.subject.rest()?;
        let before = run.subject.cpu()?;
        walls.push(group.lose_one(SHARED)?.as_secs_f64() * 1000.0);
        costs.push(run.subject.cpu()?.saturating_sub(before).as_secs_f64() * 1000.0);
    }
    let line = format!("one leaves {crowd} on {SHARED} partitions");
    Ok(vec![
        Row::new(&format!("{line}: all have their share"), "ms", median(walls), Goal::None),
        Row::new(&line, "ms CPU", median(costs), Goal::None),
    ])
}

/// Sorted microseconds as rows.
fn percentiles(line: &str, mut micros: Vec<u32>) -> [Row; 2] {
    micros.sort_unstable();
    [(500, "p50"), (990, "p99")].map(|(part, word)| {
        Row::new(&format!("{line}, {word}"), "us", quantile(&micros, part), Goal::None)
    })
}
