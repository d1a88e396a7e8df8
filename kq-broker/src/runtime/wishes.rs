//! What leading replicas want of the controller and of the clock, until somebody sees to it.
//!
//! A replica steps under its lock and must not wait there, nor has it a task of its own. So it leaves
//! here what it wants: one task sends it to the controller, one timer ticks those that watch the
//! time. Both cost what is wanted, however many partitions there are.

use std::collections::{BTreeMap, BTreeSet};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::controller::{AlterPartition, Handover, LedPartition};
use crate::ids::PartitionId;
use crate::metadata::Loss;

/// The wishes of all partitions; of each kind the last one of a partition counts.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    queue: Mutex<Queue>,
    arrived: Notify,
    watching: Mutex<BTreeSet<PartitionId>>,
    watched: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    isr: BTreeMap<PartitionId, AlterPartition>,
    complete: BTreeMap<PartitionId, Handover>,
    cancel: BTreeMap<PartitionId, Handover>,
    failed: BTreeSet<PartitionId>,
    full: BTreeMap<PartitionId, LedPartition>,
    losses: BTreeSet<Loss>,
}

/// Wishes that go to the controller in one command.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Batch {
    /// Other in-sync sets.
    Isr(Vec<AlterPartition>),
    /// Moves whose next leader is ready.
    Complete(Vec<Handover>),
    /// Moves that took too long.
    Cancel(Vec<Handover>),
    /// Replicas that cannot be served here.
    Failed(Vec<PartitionId>),
    /// Led here, where the disk is full.
    Full(Vec<LedPartition>),
    /// What replicas here have to cut off.
    Lost(Vec<Loss>),
}

impl Wishes {
    pub(super) fn alter(&self, it: AlterPartition) {
        self.queue.lock().isr.insert(it.partition, it);
        self.arrived.notify_one();
    }

    pub(super) fn complete(&self, it: Handover) {
        self.queue.lock().complete.insert(it.partition, it);
        self.arrived.notify_one();
    }

    pub(super) fn cancel(&self, it: Handover) {
        self.queue.lock().cancel.insert(it.partition, it);
        self.arrived.notify_one();
    }

    /// This broker cannot serve its replicas of these.
    pub(super) fn fail(&self, ids: impl IntoIterator<Item = PartitionId>) {
        self.queue.lock().failed.extend(ids);
        self.arrived.notify_one();
    }

    /// The disk is full: somebody else is to lead.
    pub(super) fn give_up(&self, it: LedPartition) {
        self.queue.lock().full.insert(it.partition, it);
        self.arrived.notify_one();
    }

    /// Replicas here have to cut off what a leader that was elected uncleanly does not have.
    pub(super) fn lose(&self, losses: impl IntoIterator<Item = Loss>) {
        self.queue.lock().losses.extend(losses);
        self.arrived.notify_one();
    }

    /// Waits until there is something to take; may come back without.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// The next command's worth, of at most `max` partitions. First what cannot be
    /// served or written, then moves: their producers wait. Last what is only told.
    pub(super) fn take(&self, max: usize) -> Option<Batch> {
        let mut queue = self.queue.lock();
        if !queue.failed.is_empty() {
            return Some(Batch::Failed(first_of(&mut queue.failed, max)));
        }
        if !queue.full.is_empty() {
            return Some(Batch::Full(take_some(&mut queue.full, max)));
        }
        if !queue.complete.is_empty() {
            return Some(Batch::Complete(take_some(&mut queue.complete, max)));
        }
        if !queue.cancel.is_empty() {
            return Some(Batch::Cancel(take_some(&mut queue.cancel, max)));
        }
        if !queue.isr.is_empty() {
            return Some(Batch::Isr(take_some(&mut queue.isr, max)));
        }
        let losses = first_of(&mut queue.losses, max);
        (!losses.is_empty()).then_some(Batch::Lost(losses))
    }

    /// The partition is to be ticked from now on.
    pub(super) fn watch(&self, id: PartitionId) {
        self.watching.lock().insert(id);
        self.watched.notify_one();
    }

    /// Waits until some partition is to be ticked; may come back without.
    pub(super) async fn watched(&self) {
        self.watched.notified().await;
    }

    /// The partitions to be ticked; who goes on watching says so again.
    pub(super) fn take_watching(&self) -> BTreeSet<PartitionId> {
        std::mem::take(&mut *self.watching.lock())
    }
}

/// Takes the first few out of a set.
fn first_of<T: Copy + Ord>(set: &mut BTreeSet<T>, max: usize) -> Vec<T> {
    let rest = set.iter().nth(max).copied();
    let rest = rest.map_or_else(BTreeSet::new, |rest| set.split_off(&rest));
    std::mem::replace(set, rest).into_iter().collect()
}

fn take_some<T>(from: &mut BTreeMap<PartitionId, T>, max: usize) -> Vec<T> {
    let mut taken = Vec::with_capacity(from.len().min(max));
    while taken.len() < max
        && let Some((_, it)) = from.pop_first()
    {
        taken.push(it);
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::super::test_world::partition_id;
    use super::*;
    use crate::ids::{LeaderEpoch, PartitionEpoch};

    fn proposal(index: u32, epoch: u32) -> AlterPartition {
        AlterPartition {
            partition: partition_id(1, index),
            leader_epoch: LeaderEpoch(0),
            partition_epoch: PartitionEpoch(epoch),
            isr: Vec::new(),
        }
    }

    #[test]
    fn the_last_proposal_of_a_partition_counts() {
        let wishes = Wishes::default();
        wishes.alter(proposal(1, 1));
        wishes.alter(proposal(2, 1));
        wishes.alter(proposal(1, 2));
        assert_eq!(wishes.take(1), Some(Batch::Isr(vec![proposal(1, 2)])));
        assert_eq!(wishes.take(9), Some(Batch::Isr(vec![proposal(2, 1)])));
        assert_eq!(wishes.take(9), None);
    }
}
