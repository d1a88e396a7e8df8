//! Load through librdkafka: topics, a producer that drives as fast as it may, its deliveries.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::executor::block_on;
use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer};

use crate::clock;

/// How long a load may take before it is given up.
const LOAD_MAX: Duration = Duration::from_mins(5);

/// Numbers topics, so that no two of a process have the same name.
static TOPICS: AtomicU64 = AtomicU64::new(0);

pub(super) fn config(bootstrap: &str, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config
}

fn admin(bootstrap: &str) -> Result<AdminClient<DefaultClientContext>> {
    config(bootstrap, &[]).create().context("cannot make an admin client")
}

/// Creates a topic of a fresh name with one copy of each partition; its name.
pub(super) fn topic(bootstrap: &str, partitions: i32, configs: &[(&str, &str)]) -> Result<String> {
    replicated(bootstrap, partitions, TopicReplication::Fixed(1), configs)
}

/// The same with more copies.
pub(super) fn replicated(
    bootstrap: &str,
    partitions: i32,
    replicas: TopicReplication<'_>,
    configs: &[(&str, &str)],
) -> Result<String> {
    let number = TOPICS.fetch_add(1, Ordering::Relaxed);
    let name = format!("bench-{}-{number}", std::process::id());
    let mut topic = NewTopic::new(&name, partitions, replicas);
    for (key, value) in configs {
        topic = topic.set(key, value);
    }
    let options = AdminOptions::new().request_timeout(Some(Duration::from_mins(1)));
    let results = block_on(admin(bootstrap)?.create_topics([&topic], &options))?;
    for result in results {
        if let Err((name, code)) = result {
            bail!("cannot create {name}: {code}");
        }
    }
    Ok(name)
}

pub(super) fn delete(bootstrap: &str, topic: &str) -> Result<()> {
    let results = block_on(admin(bootstrap)?.delete_topics(&[topic], &AdminOptions::new()))?;
    for result in results {
        if let Err((name, code)) = result {
            bail!("cannot delete {name}: {code}");
        }
    }
    Ok(())
}

/// Counts deliveries.
#[derive(Debug, Clone, Default)]
pub(super) struct Deliveries {
    pub(super) done: Arc<AtomicU64>,
    pub(super) failed: Arc<AtomicU64>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let counter = if result.is_ok() { &self.done } else { &self.failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// A load of equal records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load<'a> {
    pub(super) records: u64,
    pub(super) record_bytes: usize,
    pub(super) partitions: i32,
    pub(super) settings: &'a [(&'a str, &'a str)],
    /// Text that compresses as logs do, in place of what does not.
    pub(super) compressible: bool,
}

/// Writes it as fast as the broker takes it; returns when all is acknowledged.
pub(super) fn produce(bootstrap: &str, topic: &str, load: &Load<'_>) -> Result<()> {
    let deliveries = Deliveries::default();
    let mut config = config(bootstrap, &[("linger.ms", "10"), ("log_level", "0")]);
    config.set("queue.buffering.max.messages", "1000000");
    config.set("queue.buffering.max.kbytes", "262144");
    for (key, value) in load.settings {
        config.set(*key, *value);
    }
    let producer: ThreadedProducer<Deliveries> = config.create_with_context(deliveries.clone())?;
    let payload = payload(load.record_bytes, load.compressible);
    let deadline = clock::now() + LOAD_MAX;
    for number in 0..load.records {
        let partition = i32::try_from(number % u64::try_from(load.partitions)?)?;
        loop {
            let record = BaseRecord::<[u8], [u8]>::to(topic).payload(&payload).partition(partition);
            match producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), _)) => {
                    ensure!(clock::now() < deadline, "the load took more than {LOAD_MAX:?}");
                    clock::pause(Duration::from_millis(1));
                }
                Err((fault, _)) => return Err(fault.into()),
            }
        }
    }
    producer.flush(LOAD_MAX)?;
    let failed = deliveries.failed.load(Ordering::Relaxed);
    ensure!(failed == 0, "{failed} of {} records were not delivered", load.records);
    let done = deliveries.done.load(Ordering::Relaxed);
    ensure!(done == load.records, "{done} of {} records were delivered", load.records);
    Ok(())
}

/// Bytes of a record: noise of a fixed seed, or words.
fn payload(bytes: usize, compressible: bool) -> Vec<u8> {
    if compressible {
        let words = br#"{"level":"info","service":"checkout","message":"order accepted"} "#;
        return words.iter().copied().cycle().take(bytes).collect();
    }
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .flatten()
    .take(bytes)
    .collect()
}
