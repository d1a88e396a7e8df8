//! What happens to a partition between its first and its last day: new configuration, old records
//! dropped, its log closed.

use std::sync::Arc;
use std::time::Duration;

use kq_storage::{Log, LogConfig, LogStartOffset, Offset, ProducerId, ReadError, StorageError};

use kq_storage::producers::Producer;

use super::Partition;
use super::state::{Slot, SyncRules};
use crate::env;
use crate::replica::{Input, Rules};
use crate::runtime::PartitionError;
use crate::runtime::storage_failure::read_failed;

impl Partition {
    /// Drops all records below `before`, or all committed ones, and tells the new log start offset
    /// once every in-sync replica has dropped them (KIP-107), within `wait_max`.
    pub async fn delete_records(
        self: &Arc<Self>,
        before: Option<Offset>,
        wait_max: Duration,
    ) -> Result<LogStartOffset, PartitionError> {
        let this = Arc::clone(self);
        let work = move || this.delete_records_now(before);
        let deleted = env::spawn_blocking(work).await;
        let log_start = deleted.unwrap_or(Err(PartitionError::Stopping))?;
        let dropped = tokio::time::timeout(wait_max, self.dropped_by_all(log_start));
        let late = "not all in-sync replicas have dropped the records yet";
        dropped.await.unwrap_or(Err(PartitionError::TimedOut(late)))
    }

    async fn dropped_by_all(
        &self,
        log_start: LogStartOffset,
    ) -> Result<LogStartOffset, PartitionError> {
        loop {
            let moved = {
                let mut state = self.state.lock();
                state.log()?;
                let low_watermark = state.leader()?.low_watermark();
                if log_start <= low_watermark {
                    return Ok(low_watermark);
                }
                // Made under the lock, so that it is told of all that comes after.
                Arc::clone(state.start_moved.get_or_insert_default()).notified_owned()
            };
            moved.await;
        }
    }

    fn delete_records_now(&self, before: Option<Offset>) -> Result<LogStartOffset, PartitionError> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let offsets = state.leader()?.offsets();
        let committed = offsets.high_watermark().offset();
        let before = before.unwrap_or(committed);
        if committed < before {
            let (start, end) = (offsets.log_start(), offsets.log_end());
            return Err(PartitionError::OffsetOutOfRange { offset: before, start, end });
        }
        if before <= offsets.log_start().offset() {
            return Ok(offsets.log_start());
        }
        let log_start = match state.log_mut()?.delete_records_before(before) {
            Ok(log_start) => log_start,
            Err(ReadError::Storage(err)) => {
                drop(guard);
                return Err(self.dir.write_failed(&err));
            }
            Err(out_of_range @ ReadError::OutOfRange { .. }) => {
                return Err(read_failed(&out_of_range));
            }
        };
        state.step(Input::LogStartMoved { log_start });
        state.watchers.log_start_moved();
        Ok(log_start)
    }

    /// Deletes segments that are too old or too many; tells how many went.
    pub(in crate::runtime) fn apply_retention(&self) -> Result<usize, PartitionError> {
        let now = self.clock.now();
        let mut guard = self.state.lock();
        let state = &mut *guard;
        // A follower keeps what its leader keeps.
        let keep_from = state.leader().ok().map(|it| it.high_watermark().offset());
        let log = state.log_mut()?;
        let deleted = keep_from.map(|keep_from| log.apply_retention(now, keep_from));
        let deleted = match deleted.unwrap_or(Ok(Vec::new())) {
            Ok(deleted) => deleted,
            Err(err) => {
                drop(guard);
                return Err(self.dir.write_failed(&err));
            }
        };
        log.expire_producers(now);
        if deleted.is_empty() && !log.needs_sync() {
            // With a checkpoint at its end an idle log opens at once, also after a kill.
            if log.needs_checkpoint()
                && let Err(err) = log.checkpoint()
            {
                drop(guard);
                return Err(self.dir.write_failed(&err));
            }
            log.release();
        }
        let log_start = log.log_start();
        if log_start != state.offsets().log_start() {
            state.step(Input::LogStartMoved { log_start });
            state.watchers.log_start_moved();
        }
        Ok(deleted.len())
    }

    /// Producers that the log remembers.
    pub fn active_producers(&self) -> Result<Vec<(ProducerId, Producer)>, PartitionError> {
        let state = self.state.lock();
        let producers = state.log()?.active_producers();
        Ok(producers.iter().map(|(id, producer)| (id, producer.clone())).collect())
    }

    pub(in crate::runtime) fn reconfigure(&self, log: LogConfig, rules: Rules, sync: SyncRules) {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if let Slot::Open(open) = &mut state.slot {
            open.reconfigure(log);
        }
        state.sync_rules = sync;
        state.rules = rules;
        state.reconfigure(rules);
    }

    /// Ends service for this reason; whoever waits is told so. Answers the log that was open.
    pub(in crate::runtime) fn stop(&self, why: PartitionError) -> Option<Log> {
        match self.state.lock().close(why) {
            Slot::Open(log) => Some(*log),
            Slot::Closed(_) => None,
        }
    }

    /// Syncs the log and leaves it as a clean stop does.
    pub(in crate::runtime) fn close(&self) -> Result<(), StorageError> {
        self.stop(PartitionError::Stopping).map_or(Ok(()), Log::close)
    }
}
