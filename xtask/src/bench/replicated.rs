//! Three brokers: what copies cost, and how long a broker's death is felt.

use std::time::Duration;

use anyhow::{Context as _, Result};
use rdkafka::admin::TopicReplication;
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};

use super::latency::{Times, paced_acks, round_trip_micros};
use super::load::{Load, config, delete, produce, replicated};
use super::report::{Goal, Row, figure, median, quantile};
use super::subject::Subject;
use super::{Run, floors};
use crate::clock;

/// Copies of each partition.
const REPLICAS: u32 = 3;

/// What a commit needs: two copies.
const MIN_ISR: &[(&str, &str)] = &[("min.insync.replicas", "2")];

/// Partitions of a load: each broker leads some.
const PARTITIONS: i32 = 6;

/// The broker that dies.
const LEADER: u32 = 2;

/// Everything is written again so long after a broker's death, or never.
const FAILOVER_MAX: Duration = Duration::from_mins(1);

/// What one load cost all brokers, in processor seconds, and how long it took.
fn measure(subject: &mut Subject, load: &Load<'_>, durability: &str) -> Result<(f64, f64)> {
    let min_isr = if subject.brokers() == 1 { "1" } else { "2" };
    let configs = [("log.durability", durability), ("min.insync.replicas", min_isr)];
    let copies = TopicReplication::Fixed(i32::try_from(subject.brokers())?);
    let name = replicated(&subject.bootstrap, load.partitions, copies, &configs)?;
    let warm = Load { records: u64::try_from(load.partitions)? * 10, ..*load };
    produce(&subject.bootstrap, &name, &warm)?;
    subject.rest()?;
    let before = subject.cpu()?;
    let start = clock::now();
    produce(&subject.bootstrap, &name, load)?;
    let took = start.elapsed();
    subject.rest()?;
    let used = subject.cpu()?.saturating_sub(before);
    delete(&subject.bootstrap, &name)?;
    Ok((used.as_secs_f64(), took.as_secs_f64()))
}

/// Records of 1 KiB with acks=all on three brokers, beside acks=1 on one.
pub(super) fn kibibyte_records(run: &mut Run<'_>) -> Result<Vec<Row>> {
    let records = run.amount(1 << 19);
    let settings = |acks| [("acks", acks), ("linger.ms", "5")];
    let (one, all) = (settings("1"), settings("all"));
    let load = |settings| Load {
        records,
        record_bytes: 1024,
        partitions: PARTITIONS,
        settings,
        compressible: false,
    };
    let (gb, mb) = (figure(records * 1024) / 1e9, figure(records * 1024) / 1e6);
    let alone = run.rounds(|subject| Ok(measure(subject, &load(&one), "os")?.0 / gb))?;
    run.subject.renew(REPLICAS, &[])?;
    let (mut costs, mut os, mut fsync) = (Vec::new(), Vec::new(), Vec::new());
    for ((used, took), (_, synced)) in run.rounds(|subject| {
        Ok((measure(subject, &load(&all), "os")?, measure(subject, &load(&all), "fsync")?))
    })? {
        costs.push(used / gb);
        os.push(mb / took);
        fsync.push(mb / synced);
    }
    let (alone, os) = (median(alone), median(os));
    let cost = Row::new(
        "3 brokers, acks=all, os, floor: acks=1 on 1",
        "CPU s/GB",
        median(costs),
        Goal::TimesFloorAtMost(4.0),
    );
    let synced = Row::new(
        "3 brokers, acks=all, fsync, floor: os",
        "MB/s",
        median(fsync),
        Goal::TimesFloorAtLeast(0.6),
    );
    Ok(vec![
        cost.over(alone),
        Row::new("3 brokers, acks=all, os", "MB/s", os, Goal::None),
        synced.over(os),
    ])
}

/// acks=all at 1,000 records a second on three brokers, each on stable storage of two of them.
pub(super) fn acks_all(run: &mut Run<'_>) -> Result<Vec<Row>> {
    run.subject.renew(REPLICAS, &[])?;
    let length = Duration::from_secs(if run.quick { 2 } else { 10 });
    let (mut floors, mut p50, mut p99) = (Vec::new(), Vec::new(), Vec::new());
    for (floor, times) in run.rounds(|subject| {
        // The leader's sync and a follower's go side by side; their fetch is the second trip.
        let floor =
            floors::sync_micros(1024, Duration::from_millis(1))? + 2.0 * round_trip_micros()?;
        let copies = TopicReplication::Fixed(i32::try_from(REPLICAS)?);
        let name = replicated(&subject.bootstrap, 1, copies, MIN_ISR)?;
        let times = paced_acks(&subject.bootstrap, &name, length)?;
        delete(&subject.bootstrap, &name)?;
        Ok((floor, times))
    })? {
        floors.push(floor);
        p50.push(quantile(&times, 500));
        p99.push(quantile(&times, 990));
    }
    let (floor, p50) = (median(floors), median(p50));
    let row = |line, value, goal| Row::new(line, "us", value, goal);
    Ok(vec![
        row("3 brokers, acks=all, 1,000/s, p50", p50, Goal::TimesFloorAtMost(3.0)).over(floor),
        row(
            "3 brokers, acks=all, 1,000/s, p99, floor: p50",
            median(p99),
            Goal::TimesFloorAtMost(4.0),
        )
        .over(p50),
    ])
}

/// kill -9 of the leader of 1,000 partitions: how long until each of them is written again.
pub(super) fn failover(run: &mut Run<'_>) -> Result<Vec<Row>> {
    let count = run.amount(1_000);
    let (mut middle, mut all) = (Vec::new(), Vec::new());
    for times in run.rounds(|subject| {
        subject.renew(REPLICAS, &[])?;
        failover_once(subject, i32::try_from(count)?)
    })? {
        middle.push(quantile(&times, 500) / 1000.0);
        all.push(quantile(&times, 1000) / 1000.0);
    }
    let line = |what: &str| format!("kill -9 of the leader of {count}: {what}");
    Ok(vec![
        Row::new(&line("half written again"), "ms", median(middle), Goal::None),
        Row::new(&line("all written again"), "ms", median(all), Goal::AtMost(500.0)),
    ])
}

/// Sorted times from the death to each partition's next acknowledgement, in microseconds.
fn failover_once(subject: &mut Subject, partitions: i32) -> Result<Vec<u32>> {
    let name = topic_led_by(subject, partitions)?;
    let settings = [
        ("acks", "all"),
        ("linger.ms", "0"),
        ("retry.backoff.ms", "10"),
        ("retry.backoff.max.ms", "50"),
        ("topic.metadata.refresh.fast.interval.ms", "20"),
    ];
    let config = config(&subject.bootstrap, &settings);
    let begin = clock::now();
    let times = Times::new(begin);
    let producer: ThreadedProducer<Times> = config.create_with_context(times.clone())?;
    let send_all = |sent| -> Result<()> {
        for partition in 0..partitions {
            let record = BaseRecord::<[u8], [u8], _>::with_opaque_to(&name, Box::new(sent));
            let record = record.payload(b"again").partition(partition);
            producer.send(record).map_err(|(fault, _)| fault)?;
        }
        Ok(())
    };
    send_all(begin)?;
    producer.flush(FAILOVER_MAX)?;
    times.take_sorted();
    let death = clock::now();
    subject.own_cluster()?.0.broker(LEADER)?.kill()?;
    send_all(death)?;
    producer.flush(FAILOVER_MAX).context("partitions that nobody leads")?;
    Ok(times.take_sorted())
}

/// A topic whose partitions are all led by one broker; its name.
fn topic_led_by(subject: &Subject, partitions: i32) -> Result<String> {
    let replicas: Vec<i32> = [LEADER, LEADER % REPLICAS + 1, (LEADER + 1) % REPLICAS + 1]
        .iter()
        .map(|id| i32::try_from(*id))
        .collect::<Result<_, _>>()?;
    let assignment = vec![replicas.as_slice(); usize::try_from(partitions)?];
    let placed = TopicReplication::Variable(&assignment);
    replicated(&subject.bootstrap, partitions, placed, MIN_ISR)
}
