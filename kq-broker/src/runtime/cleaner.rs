//! The cleaner: compacts the partitions of this broker, led and followed, one after the other.
//!
//! ```text
//!   look at all ──none due──> wait log.cleaner.backoff.ms
//!      ^  └──the dirtiest──> begin ──> step, step ..., place a group, step ... ──> finish
//!      └────────────────────────────────────────────────────────────────────────────┘
//! ```
//! What somebody asks for is compacted first, however little of it is dirty.
//! A step moves a few MiB on a thread that may block; between two of them the rate is kept, and
//! the broker's end is heard. One pass at a time bounds memory and disk for the whole broker.

mod board;
mod choose;
#[cfg(test)]
mod turn_test;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kq_storage::{Compaction, Dirtiness, Stepped};
use tokio_util::sync::CancellationToken;

pub use self::board::{CleanerBoard, CleanerCounts, CleanerLook, Demand, Stall, Stalled};
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
    let backoff = Duration::from_millis(partitions.config.cleaner_backoff_ms);
    let board = Arc::clone(&partitions.cleaner);
    let mut cleaner = Cleaner::of(partitions);
    // What is due at the start waits for the first turn: then the broker serves.
    let mut pause = backoff;
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = board.asked() => {}
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

    /// Compacts one partition; false if the next turn may wait: none is due, or what was came to
    /// nothing. None ends the cleaner.
    async fn turn(&mut self, stopping: &CancellationToken) -> Option<bool> {
        let partitions = Arc::clone(&self.partitions);
        let known = self.uncleanable.clone();
        let look = env::spawn_blocking(move || look(&partitions, known)).await;
        let (chosen, uncleanable) = look.ok()?;
        self.uncleanable = uncleanable;
        let Some((partition, is_demanded)) = chosen else { return Some(false) };
        let board = Arc::clone(&self.partitions.cleaner);
        board.began(partition.id());
        match self.pass(&partition, is_demanded, stopping).await? {
            Ok(Some(is_partial)) => {
                let now = self.partitions.clock.now();
                board.ended(partition.id(), Some(now), is_partial);
                Some(true)
            }
            Ok(None) => {
                board.ended(partition.id(), None, false);
                // Another one may be asked for.
                Some(is_demanded)
            }
            Err(failed) => {
                self.note(&partition, failed);
                Some(is_demanded)
            }
        }
    }

    /// One pass over a partition; whether it left some for the next one, or none if there was nothing
    /// to do. None if the broker stops.
    async fn pass(
        &mut self,
        partition: &Arc<Partition>,
        is_demanded: bool,
        stopping: &CancellationToken,
    ) -> Option<Result<Option<bool>, PassFailed>> {
        let map_bytes_max = self.partitions.config.cleaner_map_bytes;
        let (first, second) = uuid::Uuid::new_v4().as_u64_pair();
        let this = Arc::clone(partition);
        let begin = move || this.begin_compaction(map_bytes_max, [first, second], is_demanded);
        let mut pass = match env::spawn_blocking(begin).await.ok()? {
            Ok(Some(pass)) => Box::new(pass),
            Ok(None) => return Some(Ok(None)),
            Err(failed) => return Some(Err(failed)),
        };
        loop {
            let before = Moved::of(&pass);
            let this = Arc::clone(partition);
            match env::spawn_blocking(move || step(&this, pass)).await.ok()? {
                Ok(Turn::Going(going)) => pass = going,
                Ok(Turn::Finished(pass)) => {
                    self.count(&before, &pass);
                    tell(partition, &pass);
                    return Some(Ok(Some(pass.is_partial())));
                }
                Err(failed) => return Some(Err(failed)),
            }
            let spent = self.count(&before, &pass);
            let now = self.partitions.clock.elapsed();
            let until = self.bucket.as_mut().and_then(|bucket| bucket.spend(spent, now));
            let rest = until.map_or(Duration::ZERO, |until| until.saturating_sub(now));
            tokio::select! {
                () = stopping.cancelled() => return None,
                () = tokio::time::sleep(rest) => {}
            }
        }
    }

    /// Counts what a step did; how many bytes it moved.
    fn count(&self, before: &Moved, pass: &Compaction) -> u64 {
        let now = Moved::of(pass);
        let (read, written) = (now.read - before.read, now.written - before.written);
        let removed = now.removed.saturating_sub(before.removed);
        self.partitions.cleaner.moved(read, written, removed);
        read + written
    }

    fn note(&mut self, partition: &Partition, failed: PassFailed) {
        let id = partition.id();
        let board = &self.partitions.cleaner;
        match failed {
            PassFailed::CalledOff => {
                tracing::debug!(?partition, "compaction called off: the log has changed");
                board.failed(id, None, "the log has changed meanwhile: ask again");
            }
            PassFailed::NoRoom(why) => {
                tracing::warn!(?partition, %why, "compaction waits for room");
                board.failed(id, Some(Stall::NoRoom(why.clone())), &why);
            }
            PassFailed::Uncleanable(why) => {
                tracing::error!(?partition, %why, "log cannot be compacted");
                board.failed(id, Some(Stall::Uncleanable(why.clone())), &why);
                self.uncleanable.insert(id, why);
            }
            // Told where it was noticed.
            PassFailed::Offline => board.failed(id, None, "its log directory is offline"),
        }
    }
}

/// How far a pass has come.
struct Moved {
    read: u64,
    written: u64,
    removed: u64,
}

impl Moved {
    fn of(pass: &Compaction) -> Self {
        let (read, written) = (pass.read_bytes(), pass.written_bytes());
        Self { read, written, removed: pass.tally().records_removed }
    }
}

/// The partition to compact next and whether somebody asked for it, if any is due; and which are out
/// of the question.
fn look(
    partitions: &Partitions,
    known: Uncleanable,
) -> (Option<(Arc<Partition>, bool)>, Uncleanable) {
    let board = &partitions.cleaner;
    let demanded = board.demanded();
    let all = partitions.all();
    let mut uncleanable = Uncleanable::new();
    let mut found = Vec::new();
    for partition in &all {
        let id = partition.id();
        // Who asks wants to know whether it still cannot be.
        if let Some(why) = known.get(&id).filter(|_| !demanded.contains(&id)) {
            uncleanable.insert(id, why.clone());
            continue;
        }
        match partition.dirtiness() {
            Some(Ok((dirtiness, is_due))) => found.push((id, dirtiness, is_due)),
            Some(Err(err)) => {
                tracing::error!(?partition, %err, "log cannot be compacted");
                uncleanable.insert(id, err.to_string());
            }
            None => {}
        }
    }
    board.looked(partitions.clock.now(), &found, &uncleanable);
    let candidate = |it: &(PartitionId, Dirtiness, bool)| Candidate {
        id: it.0,
        dirtiness: it.1,
        is_due: it.2 && partitions.config.cleaner_enable,
        is_demanded: demanded.contains(&it.0),
    };
    let candidates: Vec<Candidate> = found.iter().map(candidate).collect();
    let chosen = choose(&candidates).and_then(|id| {
        let partition = all.into_iter().find(|partition| partition.id() == id)?;
        Some((partition, demanded.contains(&id)))
    });
    (chosen, uncleanable)
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
