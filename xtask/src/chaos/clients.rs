//! Producers and consumers that go on while brokers come and go: librdkafka, as applications use
//! it. They note what they were promised and what they saw; whether it holds is judged later.

mod claims;
mod group;
mod ledger;
mod read;
mod write;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use rdkafka::config::ClientConfig;

pub(super) use group::{GROUP, Group, committed};
pub(super) use ledger::Ledger;
pub(super) use read::{ends, read_all};

use super::history::{Placed, Stamp};
use super::leaders::Leaders;
use super::windows::Calm;
use crate::clock;

/// Producers, each of which writes to every partition.
const WRITERS: u32 = 3;

/// Consumers, each of which reads every partition.
const READERS: usize = 2;

/// Members of the group, which share the partitions.
const MEMBERS: usize = 2;

/// What the clients work on.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) bootstrap: String,
    /// Each broker by its id, and where clients reach it.
    pub(super) brokers: Vec<(u32, String)>,
    pub(super) topic: &'static str,
    pub(super) partitions: i32,
}

/// What all threads share.
#[derive(Debug)]
struct Shared {
    target: Target,
    began: Instant,
    ledger: Mutex<Ledger>,
    group: Mutex<Group>,
    leaders: Mutex<Leaders>,
    /// By reader, then by partition.
    seen: Vec<Mutex<Vec<Vec<Placed>>>>,
    acked: AtomicU64,
    /// What must not happen and did.
    faults: Mutex<Vec<String>>,
    writing_ends: AtomicBool,
    reading_ends: AtomicBool,
    given_up: AtomicBool,
}

impl Shared {
    fn fault(&self, words: &str) {
        let at = self.began.elapsed().as_secs_f64();
        lock(&self.faults).push(format!("{at:.1} s: {words}"));
    }

    fn note_acked(&self, partition: i32, offset: i64, sent: (Stamp, Instant)) {
        let Ok(at) = usize::try_from(partition) else { return };
        lock(&self.ledger).note_acked(at, offset, sent);
        self.acked.fetch_add(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_set(flag: &AtomicBool) -> bool {
    flag.load(Ordering::Relaxed)
}

/// What a thread does.
type Work = Box<dyn FnOnce(&Shared) -> Result<()> + Send>;

/// The running clients.
#[derive(Debug)]
pub(super) struct Clients {
    shared: Arc<Shared>,
    writers: Vec<JoinHandle<Result<()>>>,
    readers: Vec<JoinHandle<Result<()>>>,
}

impl Clients {
    /// Starts all of them.
    pub(super) fn start(target: &Target) -> Self {
        let partitions = usize::try_from(target.partitions).unwrap_or_default();
        let shared = Arc::new(Shared {
            target: target.clone(),
            began: clock::now(),
            ledger: Mutex::new(Ledger::begin(partitions)),
            group: Mutex::new(Group::begin(partitions, MEMBERS)),
            leaders: Mutex::default(),
            seen: (0..READERS).map(|_| Mutex::new(vec![Vec::new(); partitions])).collect(),
            acked: AtomicU64::new(0),
            faults: Mutex::default(),
            writing_ends: AtomicBool::new(false),
            reading_ends: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
        });
        let spawn = |work: Work| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || work(&shared))
        };
        let writers = (1..=WRITERS)
            .map(|id| spawn(Box::new(move |shared| write::write(shared, id))))
            .collect();
        let mut readers: Vec<_> = (0..READERS)
            .map(|id| spawn(Box::new(move |shared| read::follow(shared, id))))
            .collect();
        readers.push(spawn(Box::new(read::watch_high_watermarks)));
        readers.extend(target.brokers.iter().cloned().map(|(id, address)| {
            spawn(Box::new(move |shared| claims::watch_leader(shared, id, &address)))
        }));
        readers.extend(
            (0..MEMBERS).map(|id| spawn(Box::new(move |shared| group::member(shared, id)))),
        );
        Self { shared, writers, readers }
    }

    /// Records acknowledged so far.
    pub(super) fn acked(&self) -> u64 {
        self.shared.acked.load(Ordering::Relaxed)
    }

    /// Fails as soon as one of them saw what must not be.
    pub(super) fn verify(&self) -> Result<()> {
        let faults = lock(&self.shared.faults);
        if let Some(first) = faults.first() {
            let others = faults.len() - 1;
            bail!("{first} (and {others} further faults of clients)");
        }
        drop(faults);
        if self.writers.iter().chain(&self.readers).any(JoinHandle::is_finished) {
            bail!("a client ended early");
        }
        Ok(())
    }

    /// Lets producers send what they have, and waits for every acknowledgement.
    pub(super) fn stop_writing(&mut self, limit: Duration) -> Result<()> {
        self.shared.writing_ends.store(true, Ordering::Relaxed);
        let done = clock::poll_until(limit, || {
            self.writers.iter().all(JoinHandle::is_finished).then_some(())
        });
        if done.is_none() {
            self.shared.given_up.store(true, Ordering::Relaxed);
        }
        for writer in self.writers.drain(..) {
            join(writer)?;
        }
        Ok(())
    }

    /// Waits until every consumer has read up to these ends, by partition, and the group has
    /// committed them; then ends all of them.
    pub(super) fn stop_reading(&mut self, ends: &[u64], limit: Duration) -> Result<()> {
        let behind = || {
            self.shared.seen.iter().enumerate().find_map(|(reader, seen)| {
                let seen = lock(seen);
                let at = |of: &Vec<Placed>| of.last().map_or(0, |(offset, _)| offset + 1);
                let mut pairs = seen.iter().map(at).zip(ends).enumerate();
                let (partition, (at, end)) = pairs.find(|(_, (at, end))| at < *end)?;
                Some(format!("reader {reader} is at {at} of {end} in partition {partition}"))
            })
        };
        let lacks = || lock(&self.shared.group).lacks(ends);
        let behind = || behind().or_else(lacks);
        let came = clock::poll_until(limit, || behind().is_none().then_some(()));
        self.shared.reading_ends.store(true, Ordering::Relaxed);
        for reader in self.readers.drain(..) {
            join(reader)?;
        }
        if let (None, Some(words)) = (came, behind()) {
            bail!("{words} after {} s", limit.as_secs());
        }
        Ok(())
    }

    /// What producers saw since the last call.
    pub(super) fn turn_window(&self) -> Calm {
        lock(&self.shared.ledger).turn_window()
    }

    /// What the group did so far.
    pub(super) fn group(&self) -> MutexGuard<'_, Group> {
        lock(&self.shared.group)
    }

    /// Who was seen to lead what.
    pub(super) fn leaders(&self) -> MutexGuard<'_, Leaders> {
        lock(&self.shared.leaders)
    }

    /// What producers were told; for the time after they have stopped.
    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.shared.ledger)
    }

    /// What each consumer saw, by partition.
    pub(super) fn seen(&self) -> Vec<MutexGuard<'_, Vec<Vec<Placed>>>> {
        self.shared.seen.iter().map(lock).collect()
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        for flag in [&self.shared.writing_ends, &self.shared.reading_ends, &self.shared.given_up] {
            flag.store(true, Ordering::Relaxed);
        }
        for thread in self.writers.drain(..).chain(self.readers.drain(..)) {
            // Whatever ended this run is told already.
            drop(thread.join());
        }
    }
}

fn join(thread: JoinHandle<Result<()>>) -> Result<()> {
    match thread.join() {
        Ok(ended) => ended,
        Err(_) => bail!("a client panicked"),
    }
}

/// What all clients are configured with: quick to notice, quick to come back, for ever.
fn config(target: &Target) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &target.bootstrap);
    for (key, value) in [
        ("log_level", "0"),
        ("reconnect.backoff.ms", "20"),
        ("reconnect.backoff.max.ms", "200"),
        ("retry.backoff.ms", "20"),
        ("retry.backoff.max.ms", "200"),
        ("socket.timeout.ms", "5000"),
        ("socket.connection.setup.timeout.ms", "2000"),
        ("topic.metadata.refresh.interval.ms", "2000"),
        ("topic.metadata.refresh.fast.interval.ms", "50"),
    ] {
        config.set(key, value);
    }
    config
}
