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

/// At the pace before anything is counted: connections, metadata and caches are cold at first, and
/// a backlog of that moment would be all that the tail shows.
const WARM_UP: Duration = Duration::from_secs(1);

/// A pacing producer sleeps so long between looks at the clock.
const PACE: Duration = Duration::from_micros(200);

/// Remembers how long each delivery took, in microseconds, of those sent from a moment on.
#[derive(Debug, Clone)]
pub(super) struct Times {
    from: Instant,
    micros: Arc<Mutex<Vec<u32>>>,
}

/// What a paced run sent.
#[derive(Debug)]
struct Paced {
    /// Sorted times to the acknowledgements, in microseconds, without the warm-up's.
    times: Vec<u32>,
    /// All records, the warm-up's too.
    sent: usize,
}

impl Times {
    /// Counts what is sent from that moment on.
    pub(super) fn new(from: Instant) -> Self {
        Self { from, micros: Arc::default() }
    }

    pub(super) fn take_sorted(&self) -> Vec<u32> {
        let mut micros = self.micros.lock().unwrap_or_else(PoisonError::into_inner);
        let mut times = std::mem::take(&mut *micros);
        times.sort_unstable();
        times
    }

    fn add(&self, sent: Instant, time: Duration) {
        if sent < self.from {
            return;
        }
        let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        self.micros.lock().unwrap_or_else(PoisonError::into_inner).push(micros);
    }
}

impl ClientContext for Times {}

impl ProducerContext for Times {
    type DeliveryOpaque = Box<Instant>;

    fn delivery(&self, result: &DeliveryResult<'_>, sent: Box<Instant>) {
        // A record that was refused took for ever.
        self.add(*sent, if result.is_ok() { sent.elapsed() } else { Duration::MAX });
    }
}

/// Writes at a steady pace to partition 0, first for the warm-up and then for `length`; `from` is
/// the moment between them.
fn paced(
    bootstrap: &str,
    topic: &str,
    settings: &[(&str, &str)],
    rate: u64,
    (from, length): (Instant, Duration),
) -> Result<Paced> {
    let times = Times::new(from);
    let producer: ThreadedProducer<Times> =
        config(bootstrap, settings).create_with_context(times.clone())?;
    let mut payload = vec![7_u8; RECORD_BYTES];
    let start = clock::now();
    let (mut sent, mut counted) = (0_u64, 0_usize);
    while from.elapsed() < length {
        let due = u64::try_from(start.elapsed().as_micros())? * rate / 1_000_000;
        while sent < due {
            let now = clock::now();
            let stamp = u64::try_from(now.duration_since(*epoch()).as_nanos())?;
            payload.splice(..8, stamp.to_be_bytes());
            let record = BaseRecord::<[u8], [u8], _>::with_opaque_to(topic, Box::new(now));
            let record = record.payload(&payload).partition(0);
            producer.send(record).map_err(|(fault, _)| fault)?;
            sent += 1;
            counted += usize::from(from <= now);
        }
        clock::pause(PACE);
    }
    producer.flush(Duration::from_mins(1))?;
    let times = times.take_sorted();
    ensure!(times.len() == counted, "{} of {counted} records were answered", times.len());
    Ok(Paced { times, sent: usize::try_from(sent)? })
}

/// The instant that stamps in records count from.
fn epoch() -> &'static Instant {
    static EPOCH: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    EPOCH.get_or_init(clock::now)
}

/// Microseconds of a loopback round trip of this client at the same pace, to the cluster that
/// librdkafka mocks in its own process: what is left when the broker does nothing.
pub(super) fn round_trip_micros() -> Result<f64> {
    let settings = [("test.mock.num.brokers", "1"), ("acks", "all"), ("linger.ms", "0")];
    let span = (clock::now() + WARM_UP, Duration::from_secs(1));
    let paced = paced("127.0.0.1:1", "floor", &settings, ACKS_RATE, span)?;
    Ok(quantile(&paced.times, 500))
}

/// Sorted times to the acknowledgements of 1,000 records a second, in microseconds.
pub(super) fn paced_acks(bootstrap: &str, topic: &str, length: Duration) -> Result<Vec<u32>> {
    let settings = [("acks", "all"), ("linger.ms", "0")];
    let span = (clock::now() + WARM_UP, length);
    Ok(paced(bootstrap, topic, &settings, ACKS_RATE, span)?.times)
}

/// acks=all at 1,000 records a second, each on stable storage before its acknowledgement.
pub(super) fn acks_all(run: &mut Run<'_>) -> Result<Vec<Row>> {
    let length = Duration::from_secs(if run.quick { 2 } else { 10 });
    let (mut floors, mut p50, mut p99) = (Vec::new(), Vec::new(), Vec::new());
    for (floor, times) in run.rounds(|subject| {
        let pace = Duration::from_micros(1_000_000 / ACKS_RATE);
        let floor = floors::sync_micros(RECORD_BYTES, pace)? + round_trip_micros()?;
        let name = topic(&subject.bootstrap, 1, &[])?;
        let times = paced_acks(&subject.bootstrap, &name, length)?;
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
    let from = clock::now() + WARM_UP;
    let settings =
        [("group.id", "bench"), ("enable.auto.commit", "false"), ("fetch.wait.max.ms", "100")];
    let consumer: BaseConsumer = config(bootstrap, &settings).create()?;
    let mut assignment = TopicPartitionList::new();
    assignment.add_partition_offset(topic, 0, Offset::Beginning)?;
    consumer.assign(&assignment)?;
    let wanted = Arc::new(Mutex::new(None::<usize>));
    let goal = Arc::clone(&wanted);
    let reader = thread::spawn(move || receive(&consumer, &goal, from));
    let settings = [("acks", "all"), ("linger.ms", "1")];
    let produced = paced(bootstrap, topic, &settings, STEADY_RATE, (from, length));
    let count = produced.as_ref().map(|it| it.sent).unwrap_or_default();
    *wanted.lock().unwrap_or_else(PoisonError::into_inner) = Some(count);
    let received = reader.join().map_err(|_| anyhow!("the reader ended badly"))??;
    produced?;
    Ok(received)
}

/// The sorted times of the records that were sent `from` a moment on, once `wanted` have come.
fn receive(
    consumer: &BaseConsumer,
    wanted: &Mutex<Option<usize>>,
    from: Instant,
) -> Result<Vec<u32>> {
    let from = from.duration_since(*epoch());
    let mut received = 0;
    let mut times = Vec::new();
    let mut silent_since = clock::now();
    loop {
        let goal = *wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if goal.is_some_and(|goal| goal <= received) {
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
        received += 1;
        if from <= stamp {
            let took = epoch().elapsed().saturating_sub(stamp);
            times.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        }
    }
}
