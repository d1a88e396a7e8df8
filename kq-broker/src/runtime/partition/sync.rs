//! Bringing appended records to stable storage, together with the directory's sync threads.
//!
//! ```text
//!   Idle --append--> Queued --thread--> Running --done--> Idle, or Queued again
//! ```

use std::sync::Arc;

use super::Partition;
use super::state::{State, SyncState};
use crate::replica::{Acks, Durability, Input};
use crate::runtime::sync_queue::Urgency;

impl Partition {
    /// One turn of a sync thread: begins under the lock, syncs without it, tells the core under it.
    pub(in crate::runtime) fn sync(self: &Arc<Self>, taken: Urgency) {
        let Some((work, bytes, records)) = self.begin_sync(taken) else { return };
        let started = self.clock.instant();
        let outcome = work.run();
        self.dir.meter().synced(started.elapsed(), outcome.is_ok());
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let Ok(log) = state.log_mut() else { return };
        match log.finish_sync(outcome) {
            Ok(synced_end) => {
                state.unsynced_bytes = state.unsynced_bytes.saturating_sub(bytes);
                state.unsynced_records = state.unsynced_records.saturating_sub(records);
                state.step(Input::Synced { synced_end });
                self.queue_again(state);
            }
            Err(offline) => {
                drop(guard);
                self.dir.take_offline(&offline);
            }
        }
    }

    fn begin_sync(self: &Arc<Self>, taken: Urgency) -> Option<(kq_storage::SyncWork, u64, u64)> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if state.sync != SyncState::Queued(taken) {
            // Another entry of the queue has overtaken this one.
            return None;
        }
        state.sync = SyncState::Idle;
        let (bytes, records) = (state.unsynced_bytes, state.unsynced_records);
        let work = state.log_mut().ok()?.begin_sync()?;
        state.sync = SyncState::Running(None);
        Some((work, bytes, records))
    }

    fn queue_again(self: &Arc<Self>, state: &mut State) {
        let asked = match state.sync {
            SyncState::Running(asked) => asked,
            SyncState::Idle | SyncState::Queued(_) => return,
        };
        state.sync = SyncState::Idle;
        let more = state.leader.synced_end() < state.leader.offsets().log_end();
        if more {
            let someone_waits = state.someone_waits().then_some(Urgency::Now);
            let urgency = someone_waits.or(asked).unwrap_or_else(|| self.in_a_while(state));
            self.request_sync(state, urgency);
        }
    }

    /// After an append: at once if someone waits for it or much has gathered, else in a while.
    pub(super) fn sync_after_append(self: &Arc<Self>, state: &mut State, acks: Acks) {
        let much = state.sync_rules.bytes_max <= state.unsynced_bytes
            || state.sync_rules.records_max <= state.unsynced_records;
        let awaited = match state.durability() {
            Durability::Fsync => acks == Acks::All || state.someone_waits(),
            Durability::Os => false,
        };
        let urgency = if much || awaited { Urgency::Now } else { self.in_a_while(state) };
        self.request_sync(state, urgency);
    }

    /// A reader found less than there is because the rest is not synced.
    pub(super) fn sync_what_readers_wait_for(self: &Arc<Self>, state: &mut State) {
        let offsets = state.leader.offsets();
        let unseen = offsets.high_watermark().offset() < offsets.log_end().offset();
        if unseen && state.durability() == Durability::Fsync {
            self.request_sync(state, Urgency::Now);
        }
    }

    /// A producer has begun to wait.
    pub(super) fn sync_for_waiting(self: &Arc<Self>, state: &mut State) {
        if state.leader.synced_end() < state.leader.offsets().log_end() {
            self.request_sync(state, Urgency::Now);
        }
    }

    fn in_a_while(&self, state: &State) -> Urgency {
        Urgency::Later(self.clock.instant() + state.sync_rules.delay)
    }

    fn request_sync(self: &Arc<Self>, state: &mut State, urgency: Urgency) {
        match state.sync {
            SyncState::Idle => {}
            SyncState::Queued(earlier) => {
                if earlier == Urgency::Now || urgency != Urgency::Now {
                    return;
                }
            }
            SyncState::Running(asked) => {
                state.sync = SyncState::Running(asked.max(Some(urgency)));
                return;
            }
        }
        state.sync = SyncState::Queued(urgency);
        self.dir.queue().push(Arc::clone(self), urgency);
    }
}
