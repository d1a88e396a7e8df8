//! The death of a coordinator of many groups: until another broker answers for all of them.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use kq_proto::kafka::messages::metadata::{MetadataRequest, MetadataRequestTopic};
use kq_proto::kafka::{ErrorCode, Str};

use super::super::Run;
use super::super::load::replicated;
use super::super::report::{Goal, Row, median};
use super::super::subject::Subject;
use super::commits::{commit, send, take_committed};
use super::ready::{AT_A_TIME, FETCH, FIND, await_served, fetch_all, find};
use super::wire::Connection;
use crate::clock;

/// The version of `Metadata` that is spoken.
const METADATA: i16 = 9;

/// Partitions whose offsets each group has committed.
const PARTITIONS: i32 = 10;

/// The broker that dies: not the one that made the cluster and leads its quorum.
const VICTIM: u32 = 2;

/// Until the dead broker's groups are answered for.
const SERVED_MAX: Duration = Duration::from_mins(1);

/// Where groups live.
const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// kill -9 of the coordinator of 10,000 groups.
pub(in crate::bench) fn failover(run: &mut Run<'_>) -> Result<Vec<Row>> {
    let count = usize::try_from(run.amount(10_000))?;
    let (mut elected, mut served) = (Vec::new(), Vec::new());
    for times in run.rounds(|subject| failover_once(subject, count))? {
        elected.push(times.elected.as_secs_f64() * 1000.0);
        served.push(times.served.saturating_sub(times.elected).as_secs_f64() * 1000.0);
    }
    let line = |what: &str| format!("kill -9 of the coordinator of {count}: {what}");
    Ok(vec![
        Row::new(&line("all led anew"), "ms", median(elected), Goal::None),
        Row::new(&line("served, after that"), "ms", median(served), Goal::AtMost(1000.0)),
    ])
}

struct Times {
    /// From the death until clients are told other leaders of all partitions of groups.
    elected: Duration,
    /// From the death until every group's offsets were told.
    served: Duration,
}

fn failover_once(subject: &mut Subject, count: usize) -> Result<Times> {
    subject.renew(3, &[])?;
    let victim = i32::try_from(VICTIM)?;
    let addresses: Vec<String> = subject.bootstrap.split(',').map(str::to_owned).collect();
    let mut connections =
        addresses.iter().map(|it| Connection::open(it)).collect::<Result<Vec<_>>>()?;
    let copies = rdkafka::admin::TopicReplication::Fixed(3);
    let topic = Str::from(replicated(&subject.bootstrap, PARTITIONS, copies, &[])?);
    let groups = groups_of(connections.first_mut().context("three brokers")?, victim, count)?;
    let at = usize::try_from(VICTIM)? - 1;
    let coordinator = connections.get_mut(at).context("three brokers")?;
    await_served(coordinator, &groups)?;
    for some in groups.chunks(AT_A_TIME / 2) {
        for group in some {
            send(coordinator, &commit(group, &topic, PARTITIONS, 7))?;
        }
        some.iter().try_for_each(|_| take_committed(coordinator))?;
    }
    subject.rest()?;
    let death = clock::now();
    subject.own_cluster()?.0.broker(VICTIM)?.kill()?;
    connections.remove(at);
    let survivor = connections.first_mut().context("two brokers")?;
    let led = clock::poll_until(SERVED_MAX, || is_led_anew(survivor, victim).ok()?.then_some(()));
    led.context("partitions of groups that nobody leads")?;
    let elected = death.elapsed();
    let mut left: Vec<Str> = groups;
    clock::poll_until(SERVED_MAX, || {
        for connection in &mut connections {
            drop(take_served(connection, &mut left));
        }
        left.is_empty().then_some(())
    })
    .with_context(|| format!("{} groups that nobody answers for", left.len()))?;
    Ok(Times { elected, served: death.elapsed() })
}

/// So many groups that this broker coordinates.
fn groups_of(connection: &mut Connection, broker: i32, count: usize) -> Result<Vec<Str>> {
    let mut groups = Vec::new();
    let mut number = 0_usize;
    while groups.len() < count {
        let keys = (number..number + AT_A_TIME).map(|it| Str::from(format!("group-{it}")));
        let answer = connection.ask(FIND, &find(keys.collect()))?;
        // The first one makes the topic, and its partitions have no leader at once.
        if answer.coordinators.iter().any(|it| it.error_code != ErrorCode::None) {
            continue;
        }
        number += AT_A_TIME;
        let its = answer.coordinators.iter().filter(|it| it.node_id == broker);
        groups.extend(its.map(|it| it.key.detached()));
    }
    groups.truncate(count);
    Ok(groups)
}

fn is_led_anew(connection: &mut Connection, dead: i32) -> Result<bool> {
    let topic = MetadataRequestTopic {
        name: Some(Str::from_static(OFFSETS_TOPIC)),
        ..MetadataRequestTopic::default()
    };
    let request = MetadataRequest {
        topics: Some(vec![topic]),
        allow_auto_topic_creation: false,
        ..MetadataRequest::default()
    };
    let answer = connection.ask(METADATA, &request)?;
    let mut partitions = answer.topics.iter().flat_map(|it| &it.partitions).peekable();
    ensure!(partitions.peek().is_some(), "no partitions of groups");
    Ok(partitions.all(|it| 0 <= it.leader_id && it.leader_id != dead))
}

/// Asks for the offsets of all of `left`, and takes out of it those that were told.
fn take_served(connection: &mut Connection, left: &mut Vec<Str>) -> Result<()> {
    let mut still = Vec::new();
    for some in left.chunks(AT_A_TIME) {
        for told in connection.ask(FETCH, &fetch_all(some))?.groups {
            if told.error_code == ErrorCode::None {
                let offsets = told.topics.iter().map(|topic| topic.partitions.len()).sum::<usize>();
                let expected = usize::try_from(PARTITIONS)?;
                ensure!(offsets == expected, "{offsets} offsets where {expected} were committed");
            } else {
                still.push(told.group_id.detached());
            }
        }
    }
    *left = still;
    Ok(())
}
