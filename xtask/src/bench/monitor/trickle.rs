//! Records that trickle into many partitions, so many in a second, and are counted when a broker has them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use rdkafka::ClientContext;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ThreadedProducer;
use rdkafka::producer::{BaseRecord, NoCustomPartitioner, Producer as _, ProducerContext};

use crate::bench::load::config;
use crate::clock;

/// What was not written by then is not waited for.
const FLUSH_MAX: Duration = Duration::from_secs(10);

/// Counts what was written.
#[derive(Debug, Clone, Default)]
struct Delivered(Arc<AtomicU64>);

impl ClientContext for Delivered {}

impl ProducerContext<NoCustomPartitioner> for Delivered {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if result.is_ok() {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A load that goes on until it is dropped.
#[derive(Debug)]
pub(super) struct Trickle {
    is_over: Arc<AtomicBool>,
    delivered: Delivered,
    thread: Option<JoinHandle<()>>,
}

impl Trickle {
    /// So many records in a second, each into the next of the partitions, `width` of each topic.
    pub(super) fn start(
        bootstrap: &str,
        topics: Vec<String>,
        width: i32,
        rate: f64,
    ) -> Result<Self> {
        let delivered = Delivered::default();
        let producer: ThreadedProducer<Delivered> =
            config(bootstrap, &[("linger.ms", "0"), ("log_level", "0")])
                .create_with_context(delivered.clone())?;
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let run = move || {
            let places =
                (0..width).flat_map(|partition| topics.iter().map(move |it| (it, partition)));
            let mut due = clock::now();
            for (topic, partition) in places.cycle() {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let record = BaseRecord::<[u8], [u8]>::to(topic).payload(&[7; 100]);
                // A record that has no room is not delivered, and so is missed by who counts.
                drop(producer.send(record.partition(partition)));
                due += Duration::from_secs_f64(1.0 / rate);
                clock::pause(due.saturating_duration_since(clock::now()));
            }
            drop(producer.flush(FLUSH_MAX));
        };
        let thread = std::thread::Builder::new().spawn(run).context("cannot start a thread")?;
        Ok(Self { is_over, delivered, thread: Some(thread) })
    }

    /// Records that were written so far.
    pub(super) fn delivered(&self) -> u64 {
        self.delivered.0.load(Ordering::Relaxed)
    }
}

impl Drop for Trickle {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        drop(self.thread.take().map(JoinHandle::join));
    }
}
