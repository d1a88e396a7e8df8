//! Bringing appended records to stable storage: by the directory's sync threads, or by the one
//! producer that waits, on its own thread.
//!
//! ```text
//!   append ──> queued ──sync thread──┐
//!      └─ one producer waits, and ───┴──> running ──> done, or queued again
//!         little has gathered: here
//! ```
//! To hand a sync to another thread and its outcome back costs two wake-ups, which take as long as
//! a fast disk does. So a lone producer with a small batch syncs where it stands; as soon as there
//! is more to do at one time, the threads do it side by side.

use std::sync::Arc;
use std::time::Duration;

use kq_storage::SyncWork;
use tokio::runtime::{Handle, RuntimeFlavor};

use super::Partition;
use super::state::State;
use crate::replica::{Acks, Durability};
use crate::runtime::sync_queue::Urgency;

/// Unsynced bytes above which nobody syncs on his own thread: the sync would take long.
const HERE_BYTES_MAX: u64 = 64 << 10;

/// How long the end of a sync waits for its note, and others with it: the note is a write that
/// nobody should wait for, neither this producer nor the next append.
const NOTE_DELAY: Duration = Duration::from_millis(100);

/// A sync that is begun.
pub(in crate::runtime) struct Begun {
    work: SyncWork,
    bytes: u64,
    records: u64,
}

impl Partition {
    /// One turn of a sync thread: what is to be synced now, if anything.
    pub(in crate::runtime) fn begin_sync(&self, taken: Urgency) -> Option<Begun> {
        let mut state = self.state.lock();
        if state.sync.queued != Some(taken) {
            // Another entry of the queue has overtaken this one.
            return None;
        }
        state.sync.queued = None;
        if state.sync.running {
            state.sync.asked = state.sync.asked.max(Some(taken));
            return None;
        }
        begin(&mut state)
    }

    /// A producer is about to wait for `until`: syncs on this thread if that is the shorter way.
    ///
    /// The thread may wait for the disk; where it is one of the runtime's, its other tasks move on.
    pub(in crate::runtime) fn sync_here(self: &Arc<Self>, until: kq_storage::Offset) {
        let may_block =
            Handle::try_current().is_ok_and(|it| it.runtime_flavor() == RuntimeFlavor::MultiThread);
        if !may_block {
            return;
        }
        let Some(_turn) = self.dir.turn_here() else { return };
        let begun = {
            let mut state = self.state.lock();
            let waits = state.leader().is_ok() && state.synced_end().offset() < until;
            if !(waits && may_sync_here(&state)) {
                return;
            }
            begin(&mut state)
        };
        if let Some(begun) = begun {
            tokio::task::block_in_place(|| self.finish_sync(begun));
        }
    }

    /// Syncs without the lock and tells the core under it.
    pub(in crate::runtime) fn finish_sync(self: &Arc<Self>, begun: Begun) {
        let Begun { work, bytes, records } = begun;
        let started = self.clock.instant();
        let outcome = work.run();
        let took = self.clock.instant().saturating_duration_since(started);
        self.dir.meter().synced(took, outcome.is_ok());
        if outcome.is_ok() && self.dir.offline().is_some() {
            // Another sync has failed meanwhile: this one is not believed either, for a journal
            // that was aborted may report what it never wrote. Whoever waits is told so.
            return;
        }
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let Ok(log) = state.log_mut() else { return };
        match log.finish_sync(outcome) {
            Ok(synced_end) => {
                state.unsynced_bytes = state.unsynced_bytes.saturating_sub(bytes);
                state.unsynced_records = state.unsynced_records.saturating_sub(records);
                let woken = state.on_synced(synced_end);
                self.queue_again(state);
                let is_noting = std::mem::replace(&mut state.sync.noting, true);
                drop(guard);
                woken.into_iter().for_each(std::task::Waker::wake);
                if !is_noting {
                    let due = self.clock.instant() + NOTE_DELAY;
                    self.dir.queue().push_note(Arc::clone(self), due);
                }
            }
            Err(offline) => {
                drop(guard);
                self.dir.take_offline(&offline);
            }
        }
    }

    /// Notes on disk how far the log is synced, for the start after a kill.
    pub(in crate::runtime) fn note_synced(&self) {
        let mut state = self.state.lock();
        state.sync.noting = false;
        if let Ok(log) = state.log_mut() {
            log.note_synced();
        }
    }

    fn queue_again(self: &Arc<Self>, state: &mut State) {
        state.sync.running = false;
        let asked = state.sync.asked.take();
        let more = state.synced_end() < state.offsets().log_end();
        if more {
            let someone_waits = state.someone_waits().then_some(Urgency::Now);
            let urgency = someone_waits.or(asked).unwrap_or_else(|| self.in_a_while(state));
            self.request_sync(state, urgency);
        }
    }

    /// After an append: at once if someone waits for it or much has gathered, else in a while.
    ///
    /// The wait of a lone producer begins right after this and starts the sync itself.
    pub(super) fn sync_after_append(self: &Arc<Self>, state: &mut State, acks: Acks) {
        let awaited = match state.durability() {
            Durability::Fsync if acks == Acks::All => !may_sync_here(state),
            Durability::Fsync => state.someone_waits(),
            Durability::Os => false,
        };
        let urgency =
            if awaited || has_much(state) { Urgency::Now } else { self.in_a_while(state) };
        self.request_sync(state, urgency);
    }

    /// A reader found less than there is because the rest is not synced.
    pub(super) fn sync_what_readers_wait_for(self: &Arc<Self>, state: &mut State) {
        let offsets = state.offsets();
        let unseen = offsets.high_watermark().offset() < offsets.log_end().offset();
        if unseen && state.durability() == Durability::Fsync {
            self.request_sync(state, Urgency::Now);
        }
    }

    /// A producer has begun to wait: where the page cache counts as safe, not for a sync.
    pub(super) fn sync_for_waiting(self: &Arc<Self>, state: &mut State) {
        let lacks_sync = state.synced_end() < state.offsets().log_end();
        if lacks_sync && state.durability() == Durability::Fsync {
            self.request_sync(state, Urgency::Now);
        }
    }

    /// Nobody waits for it.
    pub(super) fn sync_in_a_while(self: &Arc<Self>, state: &mut State) {
        let urgency = if has_much(state) { Urgency::Now } else { self.in_a_while(state) };
        self.request_sync(state, urgency);
    }

    fn in_a_while(&self, state: &State) -> Urgency {
        Urgency::Later(self.clock.instant() + state.sync_rules.delay)
    }

    pub(super) fn request_sync(self: &Arc<Self>, state: &mut State, urgency: Urgency) {
        if state.sync.running {
            state.sync.asked = state.sync.asked.max(Some(urgency));
            return;
        }
        if state.sync.queued.is_some_and(|it| it == Urgency::Now || urgency != Urgency::Now) {
            return;
        }
        state.sync.queued = Some(urgency);
        self.dir.queue().push(Arc::clone(self), urgency);
    }
}

fn has_much(state: &State) -> bool {
    state.sync_rules.bytes_max <= state.unsynced_bytes
        || state.sync_rules.records_max <= state.unsynced_records
}

pub(super) fn begin(state: &mut State) -> Option<Begun> {
    let (bytes, records) = (state.unsynced_bytes, state.unsynced_records);
    let work = state.log_mut().ok()?.begin_sync()?;
    state.sync.running = true;
    Some(Begun { work, bytes, records })
}

/// Whether a producer that waits may do the sync itself: nobody else does, and it will be short.
fn may_sync_here(state: &State) -> bool {
    !state.sync.running
        && state.sync.queued != Some(Urgency::Now)
        && state.waiting.is_empty()
        && state.unsynced_bytes <= HERE_BYTES_MAX
        && state.durability() == Durability::Fsync
}
