//! Those who wait: producers for their acks, fetches for something to read.

use std::sync::Arc;
use std::task::Waker;

use kq_storage::{LeaderEpoch, Offset};

use super::Partition;
use super::state::{Slot, State, Waiting};
use crate::runtime::{FetchWaiter, PartitionError, Watch};

impl Partition {
    /// Registers a reader, to be told when there is more to read here or something changed. It knows
    /// the partition by this number.
    pub fn watch(self: &Arc<Self>, waiter: &Arc<FetchWaiter>, number: u32) -> Watch {
        let mut state = self.state.lock();
        state.watchers.add(waiter, number);
        if let Slot::Closed(_) = &state.slot {
            waiter.interrupt();
        }
        Watch::new(Arc::clone(self), Arc::clone(waiter), number)
    }

    pub(in crate::runtime) fn unwatch(&self, waiter: &Arc<FetchWaiter>, number: u32) {
        self.state.lock().watchers.remove(waiter, number);
    }

    /// A consumer is about to wait for more than it can see: what only lacks its sync is synced.
    pub fn sync_for_readers(self: &Arc<Self>) {
        self.sync_what_readers_wait_for(&mut self.state.lock());
    }

    /// The outcome of a wait for `until`; `None` leaves `waker` in the queue under `ticket`.
    pub(in crate::runtime) fn poll_committed(
        self: &Arc<Self>,
        (until, epoch): (Offset, LeaderEpoch),
        ticket: &mut Option<u64>,
        waker: &Waker,
    ) -> Option<Result<(), PartitionError>> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if let Slot::Closed(why) = &state.slot {
            return Some(Err(why.clone()));
        }
        let leader = match state.leader() {
            // What was appended before another broker led in between may have been cut off.
            Ok(leader) if state.led_since <= epoch => leader,
            Ok(_) | Err(_) => return Some(Err(PartitionError::NotLeader)),
        };
        if until <= leader.high_watermark().offset() {
            // The committed high watermark is not enough when the ISR has shrunk below its minimum.
            let enough = leader.verify_isr();
            return Some(enough.map_err(PartitionError::NotEnoughReplicasAfterAppend));
        }
        if let Err(cut_off) = state.verify_not_cut_off() {
            return Some(Err(cut_off));
        }
        state.keep_waiting(until, ticket, waker);
        self.sync_for_waiting(state);
        None
    }

    /// Whether this broker may speak for the partition.
    pub(in crate::runtime) fn verify_not_cut_off(&self) -> Result<(), PartitionError> {
        self.state.lock().verify_not_cut_off()
    }

    /// Where somebody else may lead now, nobody waits here any longer.
    pub(in crate::runtime) fn leave_if_cut_off(&self) {
        let mut state = self.state.lock();
        if matches!(state.verify_not_cut_off(), Err(PartitionError::CutOff)) {
            state.interrupt_all();
        }
    }

    pub(in crate::runtime) fn forget_waiter(&self, ticket: u64) {
        let mut state = self.state.lock();
        if let Some(at) = state.waiting.iter().position(|it| it.ticket == ticket) {
            state.waiting.remove(at);
        }
    }
}

impl State {
    fn keep_waiting(&mut self, until: Offset, ticket: &mut Option<u64>, waker: &Waker) {
        let first = self.waiting.partition_point(|it| it.until < until);
        let same = self.waiting.range_mut(first..).take_while(|it| it.until == until);
        if let Some(known) = same.into_iter().find(|it| Some(it.ticket) == *ticket) {
            known.waker.clone_from(waker);
            return;
        }
        let number = self.next_ticket;
        self.next_ticket += 1;
        *ticket = Some(number);
        // Almost always the last place: offsets are given out in this order.
        let at = self.waiting.partition_point(|it| it.until <= until);
        self.waiting.insert(at, Waiting { until, ticket: number, waker: waker.clone() });
    }
}
