//! Commits of offsets, each acknowledged when it is on stable storage.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kq_proto::kafka::messages::offset_commit::{
    OffsetCommitRequest, OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kq_proto::kafka::{ErrorCode, Str};

use super::super::Run;
use super::super::load::topic;
use super::super::report::{Goal, Row, figure, median};
use super::super::subject::Subject;
use super::ready::await_served;
use super::wire::Connection;
use super::{percentiles, ready_for_many};
use crate::clock;

/// The version that is spoken.
const VERSION: i16 = 8;

/// How long each crowd commits in a round.
const LENGTH: Duration = Duration::from_secs(3);

/// How many commits a second one broker must take.
const PER_SECOND: f64 = 20_000.0;

/// What commits partition 0 of `topic` at this offset, for a group without members.
pub(super) fn commit(
    group: &Str,
    topic: &Str,
    partitions: i32,
    offset: i64,
) -> OffsetCommitRequest {
    let of = |partition_index| OffsetCommitRequestPartition {
        partition_index,
        committed_offset: offset,
        ..OffsetCommitRequestPartition::default()
    };
    let partitions = (0..partitions).map(of).collect();
    OffsetCommitRequest {
        group_id: group.clone(),
        topics: vec![OffsetCommitRequestTopic { name: topic.clone(), partitions }],
        ..OffsetCommitRequest::default()
    }
}

/// Waits for the answer to a commit; every partition must be told as committed.
pub(super) fn take_committed(connection: &mut Connection) -> Result<()> {
    let answer = connection.receive::<OffsetCommitRequest>(VERSION)?;
    let mut told = answer.topics.iter().flat_map(|topic| &topic.partitions);
    let refused = told.find(|it| it.error_code != ErrorCode::None);
    ensure!(refused.is_none(), "a commit was refused: {refused:?}");
    Ok(())
}

/// Sends a commit.
pub(super) fn send(connection: &mut Connection, request: &OffsetCommitRequest) -> Result<()> {
    connection.send(VERSION, request)
}

/// Commits by 1, 50 and 1,000 groups, each of which waits for its answer before it commits again.
pub(in crate::bench) fn commits(run: &mut Run<'_>) -> Result<Vec<Row>> {
    ready_for_many(run.subject)?;
    let name = Str::from(topic(&run.subject.bootstrap, 1, &[])?);
    let mut rows = Vec::new();
    for committers in [1_usize, 50, 1_000] {
        let (mut rates, mut costs, mut times) = (Vec::new(), Vec::new(), Vec::new());
        for measured in run.rounds(|subject| crowd(subject, &name, committers))? {
            rates.push(measured.per_second);
            costs.push(measured.cpu_micros);
            times.extend(measured.micros);
        }
        let line = format!("commits, {committers} at a time");
        let goal = if committers < 1_000 { Goal::None } else { Goal::AtLeast(PER_SECOND) };
        rows.push(Row::new(&line, "per second", median(rates), goal));
        rows.push(Row::new(&line, "us CPU each", median(costs), Goal::None));
        if committers < 1_000 {
            // Of a thousand, this loop would measure itself.
            rows.extend(percentiles(&line, times));
        }
    }
    Ok(rows)
}

struct Measured {
    per_second: f64,
    cpu_micros: f64,
    /// From each commit's sending to its answer.
    micros: Vec<u32>,
}

fn crowd(subject: &mut Subject, topic: &Str, committers: usize) -> Result<Measured> {
    let connect = |number: usize| {
        let group = Str::from(format!("committer-{number}"));
        Ok((Connection::open(&subject.bootstrap)?, group, clock::now()))
    };
    let mut crowd = (0..committers).map(connect).collect::<Result<Vec<_>>>()?;
    let groups: Vec<Str> = crowd.iter().map(|(_, group, _)| group.clone()).collect();
    let (first, ..) = crowd.first_mut().context("nobody commits")?;
    await_served(first, &groups)?;
    subject.rest()?;
    let before = subject.cpu()?;
    let start = clock::now();
    let (mut offset, mut done, mut micros) = (0, 0_u64, Vec::new());
    for (connection, group, sent) in &mut crowd {
        *sent = clock::now();
        send(connection, &commit(group, topic, 1, offset))?;
    }
    while start.elapsed() < LENGTH {
        offset += 1;
        for (connection, group, sent) in &mut crowd {
            take_committed(connection)?;
            micros.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
            done += 1;
            *sent = clock::now();
            send(connection, &commit(group, topic, 1, offset))?;
        }
    }
    let took = start.elapsed();
    for (connection, ..) in &mut crowd {
        take_committed(connection)?;
    }
    let used = subject.cpu()?.saturating_sub(before);
    Ok(Measured {
        per_second: figure(done) / took.as_secs_f64(),
        cpu_micros: used.as_secs_f64() * 1e6 / figure(done),
        micros,
    })
}
