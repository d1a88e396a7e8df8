//! Three brokers: what copies cost, and how long a broker's death is felt.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rdkafka::admin::TopicReplication;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::metadata::MetadataPartition;
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

/// The broker that dies first.
const LEADER: u32 = 2;

/// How often that is tried.
const FAILOVERS_MAX: usize = 3;

/// Everything is written again so long after a broker's death, or never.
const FAILOVER_MAX: Duration = Duration::from_mins(1);

/// Three brokers of ours; or another one's, which must be as many.
fn three_brokers(subject: &mut Subject) -> Result<()> {
    if subject.is_own() {
        return subject.renew(REPLICAS, &[]);
    }
    let count = subject.brokers();
    ensure!(count == 3, "{count} process ids are given of the other broker; this line takes three");
    Ok(())
}

/// What one load cost all brokers, in processor seconds, and how long it took.
fn measure(subject: &mut Subject, load: &Load<'_>, durability: &str) -> Result<(f64, f64)> {
    let min_isr = if subject.brokers() == 1 { "1" } else { "2" };
    let mut configs = vec![("min.insync.replicas", min_isr)];
    if subject.is_own() {
        configs.push(("log.durability", durability));
    }
    let copies = TopicReplication::Fixed(i32::try_from(subject.brokers())?);
    let name = replicated(&subject.bootstrap, load.partitions, copies, &configs)?;
    let warm = Load { records: u64::try_from(load.partitions)? * 10, ..*load };
    produce(&subject.bootstrap, &name, &warm)?;
    subject.rest()?;
    floors::warm_memory(load.records * load.record_bytes as u64 * subject.brokers() as u64)?;
    let before = subject.cpu()?;
    let start = clock::now();
    produce(&subject.bootstrap, &name, load)?;
    let took = start.elapsed();
    subject.rest()?;
    let used = subject.cpu()?.saturating_sub(before);
    delete(&subject.bootstrap, &name)?;
    Ok((used.as_secs_f64(), took.as_secs_f64()))
}

/// Records of 1 KiB with acks=all on three brokers, beside acks=1 on one, and beside another
/// cluster of three, which leaves syncs to the page cache.
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
    let (mut one_costs, mut costs, mut os, mut fsync) = (vec![], vec![], vec![], vec![]);
    // One broker and three take turns, so that a machine whose pace drifts slows both.
    let is_own = run.subject.is_own();
    let rounds = run.rounds(|subject| {
        let mut alone = None;
        if is_own {
            subject.renew(1, &[])?;
            alone = Some(measure(subject, &load(&one), "os")?);
        }
        three_brokers(subject)?;
        let unsynced = measure(subject, &load(&all), "os")?;
        let synced = is_own.then(|| measure(subject, &load(&all), "fsync")).transpose()?;
        Ok((alone, unsynced, synced))
    })?;
    for (alone, (used, took), synced) in rounds {
        one_costs.extend(alone.map(|(used, _)| used / gb));
        costs.push(used / gb);
        os.push(mb / took);
        fsync.extend(synced.map(|(_, took)| mb / took));
    }
    let (cost, os) = (median(costs), median(os));
    let mut rows = vec![
        Row::new("3 brokers, acks=all, os", "MB/s", os, Goal::None),
        Row::new("3 brokers, acks=all, os", "CPU s/GB", cost, Goal::PartOfOtherAtMost(1.0 / 6.0)),
    ];
    if is_own {
        let alone = median(one_costs);
        let line = "3 brokers, acks=all, os, floor: acks=1 on 1";
        let beside_one = Row::new(line, "CPU s/GB", cost, Goal::TimesFloorAtMost(4.0));
        let line = "3 brokers, acks=all, fsync, floor: os";
        let synced = Row::new(line, "MB/s", median(fsync), Goal::TimesFloorAtLeast(0.6));
        rows.extend([beside_one.over(alone), synced.over(os)]);
    }
    Ok(rows)
}

/// acks=all at 1,000 records a second on three brokers, each on stable storage of two of them.
pub(super) fn acks_all(run: &mut Run<'_>) -> Result<Vec<Row>> {
    three_brokers(run.subject)?;
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

/// kill -9 of the leader of many partitions: how long until each of them is led by another broker,
/// as clients are told, and until each has taken a record, beside the time that the same client takes
/// for that while all is well.
///
/// One cluster serves all rounds: who was killed comes back, and the broker that leads by then is
/// the next to die. To remove that many files takes minutes on some file systems.
pub(super) fn failover(run: &mut Run<'_>) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    run.subject.renew(REPLICAS, &[])?;
    for (leaders, goal_ms) in [(1_000, 500.0), (10_000, 1_500.0)] {
        let count = run.amount(leaders);
        let partitions = i32::try_from(count)?;
        let name = topic_led_by(run.subject, partitions)?;
        let (mut led, mut served, mut healthy) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..run.rounds.min(FAILOVERS_MAX) {
            let times = failover_once(run.subject, &name, partitions)?;
            let ms = |time: Duration| time.as_secs_f64() * 1000.0;
            led.push(ms(times.led));
            served.push(ms(times.served));
            healthy.push(ms(times.healthy));
        }
        let line = |what: &str| format!("kill -9 of the leader of {count}: {what}");
        let (led, served) = (median(led), median(served));
        rows.push(Row::new(&line("all led anew"), "ms", led, Goal::AtMost(goal_ms)));
        let row = Row::new(&line("all written again, floor: healthy"), "ms", served, Goal::None);
        rows.push(row.over(median(healthy)));
    }
    Ok(rows)
}

/// What a broker's death costs.
struct Failover {
    /// One record into each partition before it.
    healthy: Duration,
    /// Until clients are told a living leader of each partition.
    led: Duration,
    /// Until a producer that asks then has had a record acknowledged by each.
    served: Duration,
}

fn failover_once(subject: &mut Subject, name: &str, partitions: i32) -> Result<Failover> {
    // Asks as often as it likes: a producer looks for new leaders once a second.
    let asker: BaseConsumer = config(&subject.bootstrap, &[]).create()?;
    let victim = clock::poll_until(FAILOVER_MAX, || leader_of_all(&asker, name, partitions))
        .context("replicas that do not come back")?;
    let start = clock::now();
    write_to_all(&subject.bootstrap, name, partitions)?;
    let healthy = start.elapsed();
    let id = u32::try_from(victim)?;
    let death = clock::now();
    subject.own_cluster()?.0.broker(id)?.kill()?;
    let are_led = || {
        let told = asker.fetch_metadata(Some(name), FAILOVER_MAX).ok()?;
        let led = |it: &MetadataPartition| 0 <= it.leader() && it.leader() != victim;
        let topic = told.topics().first()?;
        let count = i32::try_from(topic.partitions().len()).ok()?;
        (count == partitions && topic.partitions().iter().all(led)).then_some(())
    };
    clock::poll_until(FAILOVER_MAX, are_led).context("partitions that nobody leads")?;
    let led = death.elapsed();
    write_to_all(&subject.bootstrap, name, partitions)?;
    let served = death.elapsed();
    let cluster = &mut subject.own_cluster()?.0;
    let of = cluster.name.clone();
    let broker = cluster.broker_mut(id)?;
    broker.start(&of)?;
    broker.wait_ready(FAILOVER_MAX)?;
    Ok(Failover { healthy, led, served })
}

/// The broker that leads all partitions, once every replica of them is in sync.
fn leader_of_all(asker: &BaseConsumer, name: &str, partitions: i32) -> Option<i32> {
    let told = asker.fetch_metadata(Some(name), FAILOVER_MAX).ok()?;
    let topic = told.topics().first()?;
    let leader = topic.partitions().first()?.leader();
    let is_whole = |it: &MetadataPartition| {
        it.leader() == leader && u32::try_from(it.isr().len()).is_ok_and(|it| it == REPLICAS)
    };
    let count = i32::try_from(topic.partitions().len()).ok()?;
    (0 <= leader && count == partitions && topic.partitions().iter().all(is_whole))
        .then_some(leader)
}

/// One record into each partition, acknowledged by all of them.
fn write_to_all(bootstrap: &str, name: &str, partitions: i32) -> Result<()> {
    let config = config(bootstrap, &[("acks", "all"), ("linger.ms", "0")]);
    let times = Times::new(clock::now());
    let producer: ThreadedProducer<Times> = config.create_with_context(times)?;
    for partition in 0..partitions {
        let record = BaseRecord::<[u8], [u8], _>::with_opaque_to(name, Box::new(clock::now()));
        let record = record.payload(b"again").partition(partition);
        producer.send(record).map_err(|(fault, _)| fault)?;
    }
    producer.flush(FAILOVER_MAX).context("partitions that take no records")
}

/// A topic whose partitions are all led by one broker; its name.
fn topic_led_by(subject: &Subject, partitions: i32) -> Result<String> {
    let replicas: Vec<i32> = [LEADER, LEADER % REPLICAS + 1, (LEADER + 1) % REPLICAS + 1]
        .iter()
        .map(|id| i32::try_from(*id))
        .collect::<Result<_, _>>()?;
    let assignment = vec![replicas.as_slice(); usize::try_from(partitions)?];
    let placed = TopicReplication::Variable(&assignment);
    // Of the disk's speed this is not to tell.
    let configs = [MIN_ISR, &[("log.durability", "os")]].concat();
    replicated(&subject.bootstrap, partitions, placed, &configs)
}
