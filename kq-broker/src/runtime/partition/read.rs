//! Giving records out.

use std::sync::Arc;

use kq_storage::{LogEndOffset, LogOffsets, Offset, ReadPlan};

use super::Partition;
use super::state::State;
use crate::replica::FetchVerdict;
use crate::runtime::PartitionError;
use crate::runtime::request::{Isolation, ReadFrom, ReadOutcome};
use crate::runtime::storage_failure::read_failed;

impl Partition {
    /// Plans a read: which regions of which files hold the batches. Nothing is copied.
    pub fn read(self: &Arc<Self>, from: ReadFrom) -> Result<ReadOutcome, PartitionError> {
        self.dir.verify_online()?;
        self.read_locked(&mut self.state.lock(), from)
    }

    pub(super) fn read_locked(
        self: &Arc<Self>,
        state: &mut State,
        from: ReadFrom,
    ) -> Result<ReadOutcome, PartitionError> {
        let leader = state.leader()?;
        leader.verify_epoch(from.leader_epoch)?;
        let (offsets, last_epoch) = (leader.offsets(), from.last_fetched_epoch);
        let own_end = match last_epoch {
            // Nothing is known of the log that the reader has read.
            Some(last_epoch) if leader.epoch() < last_epoch => {
                return Err(out_of_range(from.offset, &offsets));
            }
            Some(last_epoch) => state.log()?.epoch_end_offset(last_epoch),
            None => None,
        };
        match leader.judge_fetch(from.offset, last_epoch, own_end) {
            FetchVerdict::Serve => {}
            FetchVerdict::Diverging { epoch, end } => {
                let diverging = Some((epoch, LogEndOffset(end)));
                return Ok(ReadOutcome { plan: nothing(from.offset), offsets, diverging });
            }
            FetchVerdict::OutOfRange => return Err(out_of_range(from.offset, &offsets)),
        }
        let until = state.visible_until(from.isolation);
        if until <= from.offset {
            if from.isolation != Isolation::LogEnd {
                // What comes next is with the next leader, and the consumer is to look for it.
                state.verify_not_cut_off()?;
                self.sync_what_readers_wait_for(state);
            }
            return Ok(ReadOutcome { plan: nothing(from.offset), offsets, diverging: None });
        }
        let plan = state.log_mut()?.read(from.offset, until, from.bytes_max, from.at_least_one);
        let plan = plan.map_err(|err| read_failed(&err))?;
        Ok(ReadOutcome { plan, offsets, diverging: None })
    }

    /// Counts records that a reader is given; most plans of a waiting fetch never get that far.
    pub fn sent(&self, bytes: usize) {
        if bytes > 0 {
            self.meter.sent(bytes as u64);
        }
    }
}

const fn nothing(from: Offset) -> ReadPlan {
    ReadPlan { regions: Vec::new(), bytes: 0, next_offset: from }
}

fn out_of_range(offset: Offset, offsets: &LogOffsets) -> PartitionError {
    let (start, end) = (offsets.log_start(), offsets.log_end());
    PartitionError::OffsetOutOfRange { offset, start, end }
}

impl State {
    pub(super) fn visible_until(&self, isolation: Isolation) -> Offset {
        let offsets = self.offsets();
        match isolation {
            Isolation::ReadUncommitted => offsets.high_watermark().offset(),
            Isolation::ReadCommitted => offsets.last_stable().offset(),
            Isolation::LogEnd => offsets.log_end().offset(),
        }
    }
}
