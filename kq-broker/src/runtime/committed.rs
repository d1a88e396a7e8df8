//! The wait of acks=all: until the high watermark has passed a batch.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use kq_storage::{LeaderEpoch, Offset};

use super::PartitionError;
use super::partition::Partition;

/// Resolves once everything below an offset is committed, or the partition failed before that.
///
/// Costs no allocation, and no registration either when the offset is committed already.
#[derive(Debug)]
#[must_use = "a wait does nothing until it is polled"]
pub struct Committed {
    partition: Arc<Partition>,
    until: Offset,
    /// The term in which everything below that was in the log.
    epoch: LeaderEpoch,
    /// The place in the partition's queue, from the first time it had to wait.
    ticket: Option<u64>,
    /// Its task waits for nothing else.
    alone: bool,
}

impl Committed {
    pub(super) fn new(partition: Arc<Partition>, until: Offset, epoch: LeaderEpoch) -> Self {
        Self { partition, until, epoch, ticket: None, alone: false }
    }

    /// Says that its task waits for nothing else: the sync may be done by the waiting thread itself
    /// when it is first polled, where that is faster.
    pub fn stands_alone(&mut self) {
        self.alone = true;
    }
}

impl Future for Committed {
    type Output = Result<(), PartitionError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        if this.alone && this.ticket.is_none() {
            this.partition.sync_here(this.until);
        }
        let (until, epoch) = (this.until, this.epoch);
        let settled = this.partition.poll_committed((until, epoch), &mut this.ticket, cx.waker());
        settled.map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Committed {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            self.partition.forget_waiter(ticket);
        }
    }
}
