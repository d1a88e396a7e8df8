//! The cleaner: compacts the partitions of this broker, led and followed, one after the other.
//!
//! ```text
//!   look at all ──none due──> wait log.cleaner.backoff.ms
//!      ^  └──the dirtiest──> begin ──> step, step ..., place a group, step ... ──> finish
//!      └────────────────────────────────────────────────────────────────────────────┘
//! ```
//! A step moves a few MiB on a thread that may block; between two of them the rate is kept, and
//! the broker's end is heard. One pass at a time bounds memory and disk for the whole broker.

mod choose;
#[cfg(test)]
mod turn_test;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kq_storage::{Compaction, Stepped};
use tokio_util::sync::CancellationToken;

use self::choose::{Candidate, choose};
use super::bucket::Bucket;
use super::partition::{PassFailed, Placed};
use super::{Partition, Partitions};
use crate::env;
use crate::ids::PartitionId;

/// Bytes read and written in one step.
const STEP_BYTES: u64 = 4 << 20;

/// Logs that cannot be compacted until the broker starts again, with the reasons.
type Uncleanable = BTreeMap<PartitionId, String>;

/// What a turn on a blocking thread came to.
enum Turn {
    /// There is more to do.
    Going(Box<Compaction>),
    /// The pass is through.
    Finished(Box<Compaction>),
}

/// Compacts what is due, until the broker stops.
pub(super) async fn run(partitions: Arc<Partitions>, stopping: CancellationToken) {
    if !partitions.config.cleaner_enable {
        return;
    }
    let backoff = Duration::from_millis(partitions.config.cleaner_backoff_ms);
    let mut cleaner = Cleaner::of(partitions);
    // What is due at the start waits for the first turn: then the broker serves.
    let mut pause = backoff;
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        let Some(was_compacted) = cleaner.turn(&stopping).await else { return };
        pause = if was_compacted { Duration::ZERO } else { backoff };
    }
}

struct Cleaner {
    partitions: Arc<Partitions>,
    bucket: Option<Bucket>,
    uncleanable: Uncleanable,
}

impl Cleaner {
    fn of(partitions: Arc<Partitions>) -> Self {
        let now = partitions.clock.elapsed();
        let rate = partitions.config.cleaner_bytes_per_second;
        let bucket = rate.map(|rate| Bucket::new(rate, now));
        Self { partitions, bucket, uncleanable: Uncleanable::new() }
    }

    /// Compacts one partition; false if none is due, or it came to nothing. None ends the cleaner.
    async fn turn(&mut self, stopping: &CancellationToken) -> Option<bool> {
        let partitions = Arc::clone(&self.partitions);
        let known = self.uncleanable.clone();
        let look = env::spawn_blocking(move || look(&partitions, known)).await;
        let (chosen, uncleanable) = look.ok()?;
        self.uncleanable = uncleanable;
        let Some(partition) = chosen else { return Some(false) };
        match self.pass(&partition, stopping).await? {
            Ok(is_through) => Some(is_through),
            Err(failed) => {
                self.note(&partition, failed);
                Some(false)
            }
        }
    }

    /// One pass over a partition; whether it went through. None if the broker stops.
    async fn pass(
        &mut self,
        partition: &Arc<Partition>,
        stopping: &CancellationToken,
    ) -> Option<Result<bool, PassFailed>> {
        let map_bytes_max = self.partitions.config.cleaner_map_bytes;
        let (first, second) = uuid::Uuid::new_v4().as_u64_pair();
        let this = Arc::clone(partition);
        let begin = move || this.begin_compaction(map_bytes_max, [first, second]);
        let mut pass = match env::spawn_blocking(begin).await.ok()? {
            Ok(Some(pass)) => Box::new(pass),
            Ok(None) => return Some(Ok(false)),
            Err(failed) => return Some(Err(failed)),
        };
        loop {
            let before = pass.moved_bytes();
            let this = Arc::clone(partition);
            match env::spawn_blocking(move || step(&this, pass)).await.ok()? {
                Ok(Turn::Going(going)) => pass = going,
                Ok(Turn::Finished(pass)) => {
                    tell(partition, &pass);
                    return Some(Ok(true));
                }
                Err(failed) => return Some(Err(failed)),
            }
            let spent = pass.moved_bytes() - before;
            let now = self.partitions.clock.elapsed();
            let until = self.bucket.as_mut().and_then(|bucket| bucket.spend(spent, now));
            let rest = until.map_or(Duration::ZERO, |until| until.saturating_sub(now));
            tokio::select! {
                () = stopping.cancelled() => return None,
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    fn note(&mut self, partition: &Partition, failed: PassFailed) {
        match failed {
            PassFailed::CalledOff => {
                tracing::debug!(?partition, "compaction called off: the log has changed");
            }
            PassFailed::NoRoom(why) => {
                tracing::warn!(?partition, %why, "compaction waits for room");
            }
            PassFailed::Uncleanable(why) => {
                tracing::error!(?partition, %why, "log cannot be compacted");
                self.uncleanable.insert(partition.id(), why);
            }
            // Told where it was noticed.
            PassFailed::Offline => {}
        }
    }
}

/// The partition to compact next, if any is due; and which are out of the question.
fn look(partitions: &Partitions, known: Uncleanable) -> (Option<Arc<Partition>>, Uncleanable) {
    let all = partitions.all();
    let mut uncleanable = Uncleanable::new();
    let mut candidates = Vec::new();
    for partition in &all {
        let id = partition.id();
        if let Some(why) = known.get(&id) {
            uncleanable.insert(id, why.clone());
            continue;
        }
        match partition.dirtiness() {
            Some(Ok((dirtiness, is_due))) => candidates.push(Candidate { id, dirtiness, is_due }),
            Some(Err(err)) => {
                tracing::error!(?partition, %err, "log cannot be compacted");
                uncleanable.insert(id, err.to_string());
            }
            None => {}
        }
    }
    let chosen = choose(&candidates);
    (all.into_iter().find(|partition| Some(partition.id()) == chosen), uncleanable)
}

/// A step of a pass, and what follows from it at once.
fn step(partition: &Partition, mut pass: Box<Compaction>) -> Result<Turn, PassFailed> {
    match pass.step(STEP_BYTES) {
        Ok(Stepped::Going) => Ok(Turn::Going(pass)),
        Ok(Stepped::Group(group)) => match partition.place(*group)? {
            // Its sources' files are closed here, without a lock: that may take a while.
            Placed::Replaced(replaced) => {
                tracing::debug!(?partition, ?replaced, "segments compacted");
                Ok(Turn::Going(pass))
            }
            Placed::CalledOff => Err(PassFailed::CalledOff),
        },
        Ok(Stepped::Done) if partition.finish_compaction(&pass)? => Ok(Turn::Finished(pass)),
        Ok(Stepped::Done) => Err(PassFailed::CalledOff),
        Err(err) => Err(partition.step_failed(&pass, &err)),
    }
}

fn tell(partition: &Partition, pass: &Compaction) {
    let (until, tally) = (pass.until(), pass.tally());
    tracing::info!(
        ?partition,
        %until,
        read_bytes = pass.read_bytes(),
        written_bytes = pass.written_bytes(),
        records = tally.records_read,
        removed = tally.records_removed,
        "log compacted"
    );
}
