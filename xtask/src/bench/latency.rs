//! How long a record takes: to its acknowledgement, and to its consumer.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::load::{config, delete, topic};
use super::report::{Goal, Row, median, quantile};
use super::{Run, floors};
use crate::clock;

const RECORD_BYTES: usize = 1024;

/// Records a second of the line that waits for the disk.
const ACKS_RATE: u64 = 1_000;

/// Records a second of the steady line.
const STEADY_RATE: u64 = 30_000;

/// A pacing producer sleeps so long between looks at the clock.
const PACE: Duration = Duration::from_micros(200);

/// Remembers how long each delivery took.
#[derive(Debug, Clone, Default)]
struct Times(Arc<Mutex<Vec<u32>>>);

impl Times {
    fn take_sorted(&self) -> Vec<u32> {
        let mut times = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        times.sort_unstable();
        times
    }

    fn add(&self, time: Duration) {
        let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(micros);
    }
}

impl ClientContext for Times {}

impl ProducerContext for Times {
    type DeliveryOpaque = Box<Instant>;

    fn delivery(&self, result: &DeliveryResult<'_>, sent: Box<Instant>) {
        // A record that was refused took for ever.
        self.add(if result.is_ok() { sent.elapsed() } else { Duration::MAX });
    }
}

/// Writes at a steady pace to partition 0 and returns the sorted times to the acknowledgements.
fn paced(
    bootstrap: &str,
    topic: &str,
    settings: &[(&str, &str)],
    rate: u64,
    length: Duration,
) -> Result<Vec<u32>> {
    let times = Times::default();
    let producer: ThreadedProducer<Times> =
        config(bootstrap, settings).create_with_context(times.clone())?;
    let mut payload = vec![7_u8; RECORD_BYTES];
    let start = clock::now();
    let mut sent = 0_u64;
    while start.elapsed() < length {
        let due = u64::try_from(start.elapsed().as_micros())? * rate / 1_000_000;
        while sent < due {
            let now = clock::now();
            let stamp = u64::try_from(now.duration_since(*epoch()).as_nanos())?;
            payload.splice(..8, stamp.to_be_bytes());
            let record = BaseRecord::<[u8], [u8], _>::with_opaque_to(topic, Box::new(now));
            let record = record.payload(&payload).partition(0);
            producer.send(record).map_err(|(fault, _)| fault)?;
            sent += 1;
        }
        clock::pause(PACE);
    }
    producer.flush(Duration::from_mins(1))?;
    let times = times.take_sorted();
    ensure!(times.len() as u64 == sent, "{} of {sent} records were answered", times.len());
    Ok(times)
}

/// The instant that stamps in records count from.
fn epoch() -> &'static Instant {
    static EPOCH: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    EPOCH.get_or_init(clock::now)
}

/// acks=all at 1,000 records a second, each on stable storage before its acknowledgement.
pub(super) fn acks_all(run: &mut Run<'_>) -> Result<Vec<Row>> {
    let length = Duration::from_secs(if run.quick { 2 } else { 10 });
    let (mut floors, mut p50, mut p99) = (Vec::new(), Vec::new(), Vec::new());
    for (floor, times) in run.rounds(|subject| {
        let floor = floors::sync_micros(RECORD_BYTES)? + floors::round_trip_micros(RECORD_BYTES)?;
        let name = topic(&subject.bootstrap, 1, &[])?;
        let settings = [("acks", "all"), ("linger.ms", "0")];
        paced(&subject.bootstrap, &name, &settings, ACKS_RATE, Duration::from_millis(500))?;
        let times = paced(&subject.bootstrap, &name, &settings, ACKS_RATE, length)?;
        delete(&subject.bootstrap, &name)?;
        Ok((floor, times))
    })? {
        floors.push(floor);
        p50.push(quantile(&times, 500));
        p99.push(quantile(&times, 990));
    }
    let floor = median(floors);
    let row =
        |line, value, times| Row::new(line, "us", value, Goal::TimesFloorAtMost(times)).over(floor);
    Ok(vec![
        row("acks=all, 1,000/s, p50", median(p50), 1.5),
        row("acks=all, 1,000/s, p99", median(p99), 3.0),
    ])
}

/// 30,000 records of 1 KiB a second from producer to consumer, with both durabilities.
pub(super) fn steady(run: &mut Run<'_>) -> Result<Vec<Row>> {
    let length = Duration::from_secs(if run.quick { 8 } else { 60 });
    let mut rows = Vec::new();
    let bootstrap = run.subject.bootstrap.clone();
    for durability in ["fsync", "os"] {
        let own = [("log.durability", durability)];
        let configs: &[(&str, &str)] = if run.subject.is_own() { &own } else { &[] };
        let name = topic(&bootstrap, 1, configs)?;
        let times = end_to_end(&bootstrap, &name, length)?;
        delete(&bootstrap, &name)?;
        let row = |what: &str, value, goal| {
            Row::new(&format!("steady 30,000/s, {durability}, {what}"), "ms", value / 1000.0, goal)
        };
        rows.push(row("p50", quantile(&times, 500), Goal::None));
        rows.push(row("p99", quantile(&times, 990), Goal::PartOfOtherAtMost(0.2)));
        rows.push(row("p99.9", quantile(&times, 999), Goal::None));
    }
    Ok(rows)
}

/// Sorted times from send to receipt, in microseconds.
fn end_to_end(bootstrap: &str, topic: &str, length: Duration) -> Result<Vec<u32>> {
    epoch();
    let settings =
        [("group.id", "bench"), ("enable.auto.commit", "false"), ("fetch.wait.max.ms", "100")];
    let consumer: BaseConsumer = config(bootstrap, &settings).create()?;
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, 0, Offset::Beginning)?;
    consumer.assign(&assignment)?;
    let wanted = Arc::new(Mutex::new(None::<usize>));
    let goal = Arc::clone(&wanted);
    let reader = thread::spawn(move || receive(&consumer, &goal));
    let produced =
        paced(bootstrap, topic, &[("acks", "all"), ("linger.ms", "1")], STEADY_RATE, length);
    let count = produced.as_ref().map(Vec::len).unwrap_or_default();
    *wanted.lock().unwrap_or_else(PoisonError::into_inner) = Some(count);
    let received = reader.join().map_err(|_| anyhow!("the reader ended badly"))??;
    produced?;
    Ok(received)
}

fn receive(consumer: &BaseConsumer, wanted: &Mutex<Option<usize>>) -> Result<Vec<u32>> {
    let mut times = Vec::new();
    let mut silent_since = clock::now();
    loop {
        let goal = *wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if goal.is_some_and(|goal| goal <= times.len()) {
            times.sort_unstable();
            return Ok(times);
        }
        let Some(message) = consumer.poll(Duration::from_millis(100)) else {
            let silence = silent_since.elapsed();
            ensure!(silence < Duration::from_secs(20), "nothing came for {silence:?}");
            continue;
        };
        silent_since = clock::now();
        let message = message?;
        let stamp = message.payload().and_then(|it| it.first_chunk::<8>());
        let stamp = Duration::from_nanos(u64::from_be_bytes(*stamp.context("a foreign record")?));
        let took = epoch().elapsed().saturating_sub(stamp);
        times.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }
}
