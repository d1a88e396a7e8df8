//! Giving records out.

use std::sync::Arc;

use kq_storage::{LogEndOffset, Offset, ReadPlan};

use super::Partition;
use super::state::State;
use crate::runtime::PartitionError;
use crate::runtime::request::{Isolation, ReadFrom, ReadOutcome};
use crate::runtime::storage_failure::read_failed;

impl Partition {
    /// Plans a read: which regions of which files hold the batches. Nothing is copied.
    pub fn read(self: &Arc<Self>, from: ReadFrom) -> Result<ReadOutcome, PartitionError> {
        self.dir.verify_online()?;
        let mut guard = self.state.lock();
        let state = &mut *guard;
        state.leader.verify_epoch(from.leader_epoch)?;
        let offsets = state.leader.offsets();
        let diverging = state.diverging(&from)?;
        if diverging.is_some() {
            return Ok(ReadOutcome { plan: nothing(from.offset), offsets, diverging });
        }
        let (start, end) = (offsets.log_start(), offsets.log_end());
        if from.offset < start.offset() || end.offset() < from.offset {
            return Err(PartitionError::OffsetOutOfRange { offset: from.offset, start, end });
        }
        let until = state.visible_until(from.isolation);
        if until <= from.offset {
            self.sync_what_readers_wait_for(state);
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

impl State {
    pub(super) fn visible_until(&self, isolation: Isolation) -> Offset {
        let offsets = self.leader.offsets();
        match isolation {
            Isolation::ReadUncommitted => offsets.high_watermark().offset(),
            Isolation::ReadCommitted => offsets.last_stable().offset(),
            Isolation::LogEnd => offsets.log_end().offset(),
        }
    }

    /// Where the reader's log parted from this one (KIP-595), if it tells its last epoch.
    fn diverging(
        &self,
        from: &ReadFrom,
    ) -> Result<Option<(kq_storage::LeaderEpoch, LogEndOffset)>, PartitionError> {
        let Some(last_epoch) = from.last_fetched_epoch else { return Ok(None) };
        if last_epoch > self.leader.epoch() {
            // Nothing is known of the log that the reader has read.
            let (start, end) = (self.leader.offsets().log_start(), self.leader.offsets().log_end());
            return Err(PartitionError::OffsetOutOfRange { offset: from.offset, start, end });
        }
        let Some((epoch, end)) = self.log()?.epoch_end_offset(last_epoch) else { return Ok(None) };
        let parted = epoch < last_epoch || end < from.offset;
        Ok(parted.then_some((epoch, LogEndOffset(end))))
    }
}
