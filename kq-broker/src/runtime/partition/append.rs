//! Taking a batch in.

use std::sync::Arc;

use bytes::BytesMut;
use kq_storage::batch::{BatchHeader, ProducerMark};
use kq_storage::{AppendError, LeaderEpoch, LogEndOffset, ProducerId};

use super::Partition;
use crate::replica::{Acks, Input};
use crate::runtime::request::Appended;
use crate::runtime::{Committed, PartitionError};

/// Who sent a batch and at which of its sequence numbers, as far as the bytes can be read; none for
/// one without an idempotent producer.
pub fn producer_of(records: &[u8]) -> Option<ProducerMark> {
    BatchHeader::parse(records).ok()?.producer
}

impl Partition {
    /// Appends one batch to the log; it is in the page cache on return.
    ///
    /// Short enough for a connection's own task: a check, a `write(2)` and a step of the core.
    pub fn append(
        self: &Arc<Self>,
        records: BytesMut,
        acks: Acks,
    ) -> Result<Appended, PartitionError> {
        self.append_in(None, records, acks)
    }

    /// As `append`, but refuses what was made up in another term than this broker leads in.
    pub(in crate::runtime) fn append_in(
        self: &Arc<Self>,
        term: Option<LeaderEpoch>,
        records: BytesMut,
        acks: Acks,
    ) -> Result<Appended, PartitionError> {
        self.dir.verify_online()?;
        let now = self.clock.now();
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let leader = state.leader()?;
        if term.is_some_and(|term| term != state.led_since) {
            return Err(PartitionError::NotLeader);
        }
        state.verify_not_cut_off()?;
        leader.verify_append(acks)?;
        let leader_epoch = leader.epoch();
        if !state.ticking && state.leader()?.has_followers() {
            // All of an idle log is held by whoever is caught up, as of this moment.
            state.step(Input::Ticked { now: self.clock.elapsed() });
        }
        let log = state.log_mut()?;
        let written = match log.append(records, leader_epoch, now) {
            Ok(written) => written,
            Err(err) => {
                if matches!(&err, AppendError::Storage(err) if err.is_no_space()) {
                    state.give_up_lead(self.clock.elapsed());
                }
                drop(guard);
                return Err(self.dir.append_failed(&err));
            }
        };
        state.no_room_since = None;
        let appended = Appended {
            base_offset: written.base_offset,
            end: written.last_offset.plus(1),
            log_append_time: written.log_append_time,
            log_start: written.log_start,
            duplicate: written.duplicate,
            leader_epoch,
        };
        if written.duplicate {
            // Where the first attempt is not synced yet, this one waits for the same sync.
            self.sync_for_waiting(state);
        } else {
            let log_end = LogEndOffset(appended.end);
            let bytes = written.bytes as u64;
            state.intake.add(bytes, now);
            state.on_appended(bytes, written.records, Input::Appended { log_end });
            self.meter.appended(bytes, written.records);
            self.sync_after_append(state, acks);
        }
        Ok(appended)
    }

    /// Whether the log knows this producer; one that it does not know may begin anywhere.
    pub fn knows_producer(&self, id: ProducerId) -> bool {
        self.state.lock().log().is_ok_and(|log| log.active_producers().knows(id))
    }

    /// Waits until a batch is committed: on stable storage of every in-sync replica, or in their page
    /// caches where the topic says so. Fails when this broker stops to lead before that.
    pub fn acknowledged(self: &Arc<Self>, appended: &Appended) -> Committed {
        Committed::new(Arc::clone(self), appended.end, appended.leader_epoch)
    }

    /// Waits in the same way for everything below `until`, which is in the log now.
    pub fn committed(self: &Arc<Self>, until: kq_storage::Offset) -> Committed {
        let epoch = self.state.lock().leader_epoch();
        Committed::new(Arc::clone(self), until, epoch)
    }
}
