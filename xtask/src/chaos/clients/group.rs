//! Members of one consumer group, of the classic protocol, that commit what they have read.
//!
//! G1: what was committed is where the next owner goes on, never before. G2: a commit is accepted
//! of the owner only, so none is ever below an earlier one. G4: no owner goes on behind what
//! somebody has read.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{Shared, Target, config, is_set, lock};
use crate::clock;

/// The group's id.
pub(in crate::chaos) const GROUP: &str = "chaos-group";

/// How often a member commits.
const COMMIT_EVERY: Duration = Duration::from_millis(200);

/// How long the last look at committed offsets may take.
const LOOK_UP_MAX: Duration = Duration::from_secs(5);

/// One partition, as all members together know it.
#[derive(Debug, Clone, Copy, Default)]
struct Part {
    /// What the coordinator accepted.
    committed: u64,
    /// Below it, somebody has read everything.
    read: u64,
}

/// What the members did.
#[derive(Debug, Default)]
pub(in crate::chaos) struct Group {
    parts: Vec<Part>,
    /// Partitions that each member has now.
    owned: Vec<usize>,
    pub(in crate::chaos) commits: u64,
    pub(in crate::chaos) rebalances: u64,
    last_commit: Option<Instant>,
    /// The longest time in which no commit was accepted.
    pub(in crate::chaos) longest_pause: Duration,
}

impl Group {
    pub(super) fn begin(partitions: usize, members: usize) -> Self {
        let (parts, owned) = (vec![Part::default(); partitions], vec![0; members]);
        Self { parts, owned, ..Self::default() }
    }

    /// Which partition is not committed up to its end yet, or which member has none; nothing when
    /// all is well.
    pub(super) fn lacks(&self, ends: &[u64]) -> Option<String> {
        let mut parts = self.parts.iter().zip(ends).enumerate();
        if let Some((number, (part, end))) = parts.find(|(_, (part, end))| part.committed < **end) {
            let Part { committed, read } = *part;
            return Some(format!(
                "G1: the group has read {read} and committed {committed} of {end} in partition \
                 {number}"
            ));
        }
        let idle = self.owned.iter().position(|it| *it == 0)?;
        Some(format!("G3: member {idle} of the group has no partition"))
    }

    /// A member has its partitions anew and begins here.
    fn begins(&self, partition: usize, offset: u64) -> Option<String> {
        let Part { committed, read } = *self.parts.get(partition)?;
        if offset < committed {
            return Some(format!(
                "G1: partition {partition} goes on at {offset}, after {committed} was committed"
            ));
        }
        (read < offset).then(|| {
            format!("G4: partition {partition} goes on at {offset}, nobody has read {read}")
        })
    }

    fn has_read(&mut self, partition: usize, next: u64) {
        if let Some(part) = self.parts.get_mut(partition) {
            part.read = part.read.max(next);
        }
    }

    /// The coordinator accepted these.
    fn accepted(&mut self, offsets: &BTreeMap<i32, u64>) -> Option<String> {
        let now = clock::now();
        let before = self.last_commit.replace(now);
        let pause = before.map(|before| now.saturating_duration_since(before)).unwrap_or_default();
        self.longest_pause = self.longest_pause.max(pause);
        self.commits += 1;
        let mut fault = None;
        for (partition, next) in offsets {
            let part = usize::try_from(*partition).ok().and_then(|at| self.parts.get_mut(at));
            let Some(part) = part else { continue };
            if *next < part.committed {
                fault = Some(format!(
                    "G2: a commit of {next} in partition {partition} was accepted after one of {}",
                    part.committed
                ));
            }
            part.committed = part.committed.max(*next);
        }
        fault
    }
}

/// Counts how often partitions came or went.
#[derive(Debug, Default)]
struct Rebalances(AtomicU64);

impl ClientContext for Rebalances {}

impl ConsumerContext for Rebalances {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, _: &Rebalance<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What a member does with its partitions until it loses them.
#[derive(Debug, Default)]
struct Tenure {
    /// After how many rebalances it began.
    since: u64,
    /// The next offset, by partition.
    next: BTreeMap<i32, u64>,
    committed: BTreeMap<i32, u64>,
}

/// Reads and commits until told to end.
pub(super) fn member(shared: &Shared, id: usize) -> Result<()> {
    let mut config = config(&shared.target);
    for (key, value) in [
        ("group.id", GROUP),
        ("enable.auto.commit", "false"),
        ("auto.offset.reset", "earliest"),
        ("session.timeout.ms", "6000"),
        ("heartbeat.interval.ms", "500"),
        ("fetch.wait.max.ms", "100"),
    ] {
        config.set(key, value);
    }
    let consumer: BaseConsumer<Rebalances> = config.create_with_context(Rebalances::default())?;
    consumer.subscribe(&[shared.target.topic])?;
    let mut tenure = Tenure::default();
    let mut due = clock::now() + COMMIT_EVERY;
    while !is_set(&shared.reading_ends) {
        let message = consumer.poll(Duration::from_millis(100));
        let rebalances = consumer.context().0.load(Ordering::Relaxed);
        if rebalances != tenure.since {
            tenure = Tenure { since: rebalances, ..Tenure::default() };
            let owned = consumer.assignment().map_or(0, |it| it.count());
            let mut group = lock(&shared.group);
            group.rebalances += 1;
            if let Some(mine) = group.owned.get_mut(id) {
                *mine = owned;
            }
        }
        // Errors say that brokers come and go; a position that is lost shows in the next record.
        if let Some(Ok(message)) = message {
            let offset = u64::try_from(message.offset())?;
            if let Some(fault) = take(shared, &mut tenure, (message.partition(), offset)) {
                shared.fault(&format!("member {id}: {fault}"));
            }
        }
        if due <= clock::now() {
            commit(shared, &consumer, &mut tenure)?;
            due = clock::now() + COMMIT_EVERY;
        }
    }
    Ok(())
}

/// A record came; what is wrong with it.
fn take(shared: &Shared, tenure: &mut Tenure, (partition, offset): (i32, u64)) -> Option<String> {
    let at = usize::try_from(partition).ok()?;
    let due = tenure.next.insert(partition, offset + 1);
    let mut group = lock(&shared.group);
    let fault = match due {
        Some(due) if due != offset => {
            Some(format!("G4: offset {offset} of partition {partition} came where {due} was due"))
        }
        Some(_) => None,
        None => group.begins(at, offset),
    };
    group.has_read(at, offset + 1);
    fault
}

/// Commits what is new; who is refused owns it no more, or finds its coordinator again.
fn commit(shared: &Shared, consumer: &BaseConsumer<Rebalances>, tenure: &mut Tenure) -> Result<()> {
    let fresh: BTreeMap<i32, u64> = tenure
        .next
        .iter()
        .filter(|(partition, next)| tenure.committed.get(partition) != Some(next))
        .map(|(partition, next)| (*partition, *next))
        .collect();
    if fresh.is_empty() {
        return Ok(());
    }
    let mut offsets = TopicPartitionList::new();
    for (partition, next) in &fresh {
        let offset = Offset::Offset(i64::try_from(*next)?);
        offsets.add_partition_offset(shared.target.topic, *partition, offset)?;
    }
    if consumer.commit(&offsets, CommitMode::Sync).is_ok() {
        if let Some(fault) = lock(&shared.group).accepted(&fresh) {
            shared.fault(&fault);
        }
        tenure.committed.extend(fresh);
    }
    Ok(())
}

/// Where the group goes on, by partition, as its coordinator tells somebody new.
pub(in crate::chaos) fn committed(target: &Target, limit: Duration) -> Result<Vec<Option<u64>>> {
    let mut config = config(target);
    config.set("group.id", GROUP);
    let consumer: BaseConsumer = config.create()?;
    let mut asked = TopicPartitionList::new();
    for partition in 0..target.partitions {
        asked.add_partition(target.topic, partition);
    }
    let told =
        clock::poll_until(limit, || consumer.committed_offsets(asked.clone(), LOOK_UP_MAX).ok());
    let told = told.context("G1: nobody tells the committed offsets")?;
    let offset = |it: Offset| it.to_raw().and_then(|raw| u64::try_from(raw).ok());
    Ok(told.elements().iter().map(|it| offset(it.offset())).collect())
}
