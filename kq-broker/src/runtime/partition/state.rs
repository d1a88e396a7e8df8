//! What the lock of a partition guards.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::Duration;

use kq_storage::{HighWatermark, Log, Offset};

use crate::replica::{Durability, Input, Leader, Output};
use crate::runtime::PartitionError;
use crate::runtime::fetch_waiter::Watchers;
use crate::runtime::sync_queue::Urgency;

/// When a partition is synced although nobody waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::runtime) struct SyncRules {
    /// Unsynced bytes that start a sync.
    pub(in crate::runtime) bytes_max: u64,
    /// Unsynced records that start a sync.
    pub(in crate::runtime) records_max: u64,
    /// How long records may stay unsynced.
    pub(in crate::runtime) delay: Duration,
}

/// The log, or why there is none any more.
#[derive(Debug)]
pub(super) enum Slot {
    Open(Box<Log>),
    Closed(PartitionError),
}

/// Where the partition stands between an append and its sync.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SyncState {
    /// How its entry in the directory's queue reads; entries with another urgency are stale.
    pub(super) queued: Option<Urgency>,
    /// Someone is at it.
    pub(super) running: bool,
    /// What was asked for while someone was at it: it is queued afterwards.
    pub(super) asked: Option<Urgency>,
    /// A note of how far it is synced is queued.
    pub(super) noting: bool,
}

/// A producer that waits for its batch to be committed.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) until: Offset,
    pub(super) ticket: u64,
    pub(super) waker: Waker,
}

/// Everything that changes.
#[derive(Debug)]
pub(super) struct State {
    pub(super) slot: Slot,
    pub(super) leader: Leader,
    /// Kept between steps for its room; empty outside of `step`.
    out: Vec<Output>,
    /// In the order of their offsets.
    pub(super) waiting: VecDeque<Waiting>,
    pub(super) next_ticket: u64,
    pub(super) watchers: Watchers,
    /// Bytes appended and not yet readable.
    unseen_bytes: u64,
    pub(super) unsynced_bytes: u64,
    pub(super) unsynced_records: u64,
    pub(super) sync: SyncState,
    pub(super) sync_rules: SyncRules,
}

impl State {
    pub(super) fn new(log: Log, leader: Leader, sync_rules: SyncRules) -> Self {
        Self {
            slot: Slot::Open(Box::new(log)),
            leader,
            out: Vec::new(),
            waiting: VecDeque::new(),
            next_ticket: 0,
            watchers: Watchers::default(),
            unseen_bytes: 0,
            unsynced_bytes: 0,
            unsynced_records: 0,
            sync: SyncState::default(),
            sync_rules,
        }
    }

    pub(super) fn log(&self) -> Result<&Log, PartitionError> {
        match &self.slot {
            Slot::Open(log) => Ok(log),
            Slot::Closed(why) => Err(why.clone()),
        }
    }

    pub(super) fn log_mut(&mut self) -> Result<&mut Log, PartitionError> {
        match &mut self.slot {
            Slot::Open(log) => Ok(log),
            Slot::Closed(why) => Err(why.clone()),
        }
    }

    /// Steps the core and carries out what it says.
    pub(super) fn step(&mut self, input: Input) {
        self.step_and_tell(input).into_iter().for_each(Waker::wake);
    }

    /// As `step`, but leaves it to the caller to wake the producers whose wait is over: one that
    /// is woken under the lock may find it taken still.
    #[must_use]
    pub(super) fn step_and_tell(&mut self, input: Input) -> Vec<Waker> {
        let mut woken = Vec::new();
        let mut out = std::mem::take(&mut self.out);
        self.leader.step(input, &mut out);
        for output in out.drain(..) {
            match output {
                Output::AdvanceHighWatermark { to } => self.on_committed(to, &mut woken),
                // A broker without followers never gets here; replication sends these on.
                Output::ProposeIsr(_)
                | Output::HandoverReady { .. }
                | Output::HandoverFailed { .. } => {}
            }
        }
        self.out = out;
        woken
    }

    /// A batch of `bytes` and `records` went into the log.
    pub(super) fn on_appended(&mut self, bytes: u64, records: u64, input: Input) {
        self.unseen_bytes += bytes;
        self.unsynced_bytes += bytes;
        self.unsynced_records = self.unsynced_records.saturating_add(records);
        self.watchers.appended(bytes);
        self.step(input);
    }

    /// Everything waits for nothing any more: the log is gone.
    pub(super) fn close(&mut self, why: PartitionError) -> Slot {
        for waiting in self.waiting.drain(..) {
            waiting.waker.wake();
        }
        self.watchers.interrupt();
        std::mem::replace(&mut self.slot, Slot::Closed(why))
    }

    /// Whether someone sits and waits for records to be synced.
    pub(super) fn someone_waits(&self) -> bool {
        let fsync = self.durability() == Durability::Fsync;
        !self.waiting.is_empty() || (fsync && self.watchers.a_consumer_waits())
    }

    pub(super) fn durability(&self) -> Durability {
        self.leader.rules().durability
    }

    fn on_committed(&mut self, to: HighWatermark, woken: &mut Vec<Waker>) {
        while self.waiting.front().is_some_and(|it| it.until <= to.offset()) {
            woken.extend(self.waiting.pop_front().map(|it| it.waker));
        }
        // When only some of the bytes became readable, all count: a reader looks again then.
        let bytes = std::mem::take(&mut self.unseen_bytes);
        self.watchers.committed(bytes);
        if to.offset() < self.leader.offsets().log_end().offset() {
            self.unseen_bytes = bytes;
        }
    }
}
