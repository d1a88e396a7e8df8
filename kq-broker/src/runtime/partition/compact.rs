//! What compaction does to a partition under its lock; all that takes long is done without it.

use kq_storage::{
    CompactedGroup, Compaction, CompactionError, CompactionRequest, Dirtiness, Replaced,
    StorageError,
};

use super::Partition;
use super::state::State;
use crate::metadata::TimestampMs;

/// Bytes that must stay free on a volume beside what a pass writes.
const SPARE_BYTES: u64 = 64 << 20;

/// What became of a group that was written.
#[derive(Debug)]
pub(in crate::runtime) enum Placed {
    /// It stands in the place of its sources.
    Replaced(Box<Replaced>),
    /// The log has changed meanwhile, or some replica needs the tombstones: the pass is over.
    CalledOff,
}

/// How much of a log could be compacted now, and when it was last.
#[derive(Debug, Clone, Copy)]
pub struct CompactionStanding {
    /// What is dirty.
    pub dirtiness: Dirtiness,
    /// When the last pass ended.
    pub last_pass: Option<TimestampMs>,
}

/// Why a pass does not go on.
#[derive(Debug)]
pub(in crate::runtime) enum PassFailed {
    /// The log was cut, trimmed, closed or is compacted no more: nothing is wrong.
    CalledOff,
    /// There is too little room, in words.
    NoRoom(String),
    /// The log holds something else than was written, or cannot be read.
    Uncleanable(String),
    /// The log directory is out of service.
    Offline,
}

impl Partition {
    /// How dirty the log is and whether it is time for a pass; none where it is not compacted.
    pub(in crate::runtime) fn dirtiness(&self) -> Option<Result<(Dirtiness, bool), StorageError>> {
        if self.dir.offline().is_some() {
            return None;
        }
        let now = self.clock.now();
        let mut guard = self.state.lock();
        let bound = compaction_bound(&guard);
        let log = guard.log_mut().ok().filter(|log| log.config().compact)?;
        let rules = log.config().compaction;
        let found = log.dirtiness(bound, now);
        Some(found.map(|dirtiness| (dirtiness, dirtiness.is_due(&rules))))
    }

    /// How compaction of the log stands; none where it is not compacted, or cannot be looked at. Call
    /// it on a thread that may block.
    pub fn compaction(&self) -> Option<CompactionStanding> {
        let (dirtiness, _) = self.dirtiness()?.ok()?;
        let last_pass = self.state.lock().log().ok()?.last_compacted();
        Some(CompactionStanding { dirtiness, last_pass })
    }

    /// Begins a pass if one is due, or asked for and anything is dirty, with a map of at most so many bytes.
    pub(in crate::runtime) fn begin_compaction(
        &self,
        map_bytes_max: u64,
        seed: [u64; 2],
        is_demanded: bool,
    ) -> Result<Option<Compaction>, PassFailed> {
        let now = self.clock.now();
        let mut guard = self.state.lock();
        let request = CompactionRequest {
            bound: compaction_bound(&guard),
            now,
            map_bytes_max,
            seed,
            keeps_tombstones: self.keeps_tombstones(),
            is_demanded,
            spare_bytes: SPARE_BYTES,
        };
        let Ok(log) = guard.log_mut() else { return Ok(None) };
        let begun = log.begin_compaction(request);
        drop(guard);
        begun.map_err(|err| self.pass_failed(&err))
    }

    /// Puts a group that is written in the place of its sources. Call it on a thread that may block.
    pub(in crate::runtime) fn place(&self, group: CompactedGroup) -> Result<Placed, PassFailed> {
        let published = {
            let mut guard = self.state.lock();
            let Ok(log) = guard.log_mut() else { return Ok(Placed::CalledOff) };
            log.publish(group, self.keeps_tombstones())
        };
        let Some(published) = published.map_err(|err| self.pass_failed(&err))? else {
            return Ok(Placed::CalledOff);
        };
        let outcome = published.sync();
        let mut guard = self.state.lock();
        let Ok(log) = guard.log_mut() else { return Ok(Placed::CalledOff) };
        let switched = log.switch(outcome);
        drop(guard);
        match switched {
            Ok(Some(replaced)) => Ok(Placed::Replaced(Box::new(replaced))),
            Ok(None) => Ok(Placed::CalledOff),
            Err(offline) => {
                self.dir.take_offline(&offline);
                Err(PassFailed::Offline)
            }
        }
    }

    /// Notes that a pass is through. False if it counts no longer.
    pub(in crate::runtime) fn finish_compaction(
        &self,
        pass: &Compaction,
    ) -> Result<bool, PassFailed> {
        let now = self.clock.now();
        let mut guard = self.state.lock();
        let Ok(log) = guard.log_mut() else { return Ok(false) };
        let finished = log.finish_compaction(pass, now);
        drop(guard);
        finished.map_err(|err| self.pass_failed(&err))
    }

    /// What the failure of a step means.
    pub(in crate::runtime) fn step_failed(
        &self,
        pass: &Compaction,
        err: &CompactionError,
    ) -> PassFailed {
        match err {
            CompactionError::NoRoom { .. } => PassFailed::NoRoom(err.to_string()),
            CompactionError::Output(err) => self.pass_failed(err),
            CompactionError::Source(err) => {
                // What was cut or trimmed under its eyes says nothing about the log.
                let is_current = self.state.lock().log().is_ok_and(|log| log.is_current(pass));
                if is_current {
                    PassFailed::Uncleanable(err.to_string())
                } else {
                    PassFailed::CalledOff
                }
            }
        }
    }

    /// Some replica may have a value and not its tombstone yet.
    fn keeps_tombstones(&self) -> bool {
        self.awaits_replicas()
    }

    fn pass_failed(&self, err: &StorageError) -> PassFailed {
        if err.is_no_space() {
            return PassFailed::NoRoom(err.to_string());
        }
        // Where that is what it means, the directory's service ends.
        let _ = self.dir.write_failed(err);
        if self.dir.offline().is_some() {
            return PassFailed::Offline;
        }
        PassFailed::Uncleanable(err.to_string())
    }
}

/// Above it a record may yet be cut off: it must not be the reason to drop another.
fn compaction_bound(state: &State) -> kq_storage::Offset {
    state.offsets().last_stable().offset()
}
