//! What the lock of a partition guards.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use kq_storage::{
    HighWatermark, LastStableOffset, LeaderEpoch, Log, LogEndOffset, LogOffsets, Offset,
};
use tokio::sync::Notify;

use super::intake::Intake;
use crate::controller::{AlterPartition, Handover, LedPartition};
use crate::ids::{BrokerId, PartitionEpoch, PartitionId};
use crate::metadata::Loss;
use crate::replica::{
    Durability, Follower, FollowerInput, Input, IsrProposal, Leader, Output, Rules,
};
use crate::runtime::fetch_waiter::Watchers;
use crate::runtime::sync_queue::Urgency;
use crate::runtime::sync_round::RoundPart;
use crate::runtime::wishes::Wishes;
use crate::runtime::{Hearing, PartitionError};

/// How often a leader without room asks that somebody else leads.
const GIVE_UP_EVERY: Duration = Duration::from_secs(5);

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

/// What this replica is in its partition.
#[derive(Debug)]
pub(super) enum Role {
    /// It takes writes.
    Leader(Box<Leader>),
    /// It copies its leader, or waits for one.
    Follower(Follower),
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

/// Where a replica leaves what it wants of others, and sees whether they are there.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) id: PartitionId,
    pub(super) wishes: Arc<Wishes>,
    pub(super) hearing: Arc<Hearing>,
}

/// Everything that changes.
#[derive(Debug)]
pub(super) struct State {
    pub(super) slot: Slot,
    pub(super) role: Role,
    /// The epoch since which this replica leads without a break, or led last.
    pub(super) led_since: LeaderEpoch,
    pub(super) rules: Rules,
    desk: Desk,
    /// Since when this replica has told that it has no room for what it should append as leader. As a
    /// follower it does not fetch until there is room: it would pass for one that can follow.
    pub(super) no_room_since: Option<Duration>,
    /// The timer knows that it is to tick the leader.
    pub(super) ticking: bool,
    /// Kept between steps for its room; empty outside of `step`.
    out: Vec<Output>,
    /// In the order of their offsets.
    pub(super) waiting: VecDeque<Waiting>,
    pub(super) next_ticket: u64,
    pub(super) watchers: Watchers,
    /// Rounds of this follower's fetches that wait for a sync, in the order of their offsets.
    pub(super) rounds: VecDeque<(LogEndOffset, RoundPart)>,
    /// Those who wait for followers to drop records, if anyone ever did.
    pub(super) start_moved: Option<Arc<Notify>>,
    /// Bytes appended and not yet readable.
    unseen_bytes: u64,
    pub(super) intake: Intake,
    pub(super) unsynced_bytes: u64,
    pub(super) unsynced_records: u64,
    pub(super) sync: SyncState,
    pub(super) sync_rules: SyncRules,
}

impl State {
    pub(super) fn new(
        log: Log,
        role: Role,
        rules: Rules,
        sync_rules: SyncRules,
        desk: Desk,
    ) -> Self {
        let mut state = Self {
            slot: Slot::Open(Box::new(log)),
            led_since: match &role {
                Role::Leader(leader) => leader.epoch(),
                Role::Follower(_) => LeaderEpoch::default(),
            },
            role,
            rules,
            desk,
            no_room_since: None,
            ticking: false,
            out: Vec::new(),
            waiting: VecDeque::new(),
            next_ticket: 0,
            watchers: Watchers::default(),
            rounds: VecDeque::new(),
            start_moved: None,
            unseen_bytes: 0,
            intake: Intake::default(),
            unsynced_bytes: 0,
            unsynced_records: 0,
            sync: SyncState::default(),
            sync_rules,
        };
        state.watch_time();
        state
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

    pub(super) fn leader(&self) -> Result<&Leader, PartitionError> {
        match &self.role {
            Role::Leader(leader) => Ok(leader),
            Role::Follower(_) => Err(PartitionError::NotLeader),
        }
    }

    /// Refuses what nobody but the leader may do while somebody else may be that.
    pub(super) fn verify_not_cut_off(&self) -> Result<(), PartitionError> {
        let is_cut_off = self.desk.hearing.may_be_led_elsewhere(self.leader()?.isr());
        if is_cut_off { Err(PartitionError::CutOff) } else { Ok(()) }
    }

    pub(super) fn follower_mut(&mut self) -> Result<&mut Follower, PartitionError> {
        match &mut self.role {
            Role::Follower(follower) => Ok(follower),
            Role::Leader(_) => Err(PartitionError::NotFollower),
        }
    }

    pub(super) fn offsets(&self) -> LogOffsets {
        match &self.role {
            Role::Leader(leader) => leader.offsets(),
            Role::Follower(follower) => offsets_of(follower),
        }
    }

    pub(super) fn synced_end(&self) -> LogEndOffset {
        match &self.role {
            Role::Leader(leader) => leader.synced_end(),
            Role::Follower(follower) => follower.synced_end(),
        }
    }

    pub(super) fn leader_epoch(&self) -> LeaderEpoch {
        match &self.role {
            Role::Leader(leader) => leader.epoch(),
            Role::Follower(follower) => follower.leader_epoch(),
        }
    }

    /// Steps the leader's core and carries out what it says.
    pub(super) fn step(&mut self, input: Input) {
        self.step_and_tell(input).into_iter().for_each(Waker::wake);
    }

    /// As `step`, but leaves it to the caller to wake the producers whose wait is over: one that
    /// is woken under the lock may find it taken still.
    #[must_use]
    pub(super) fn step_and_tell(&mut self, input: Input) -> Vec<Waker> {
        let mut woken = Vec::new();
        let Role::Leader(leader) = &mut self.role else { return woken };
        let mut out = std::mem::take(&mut self.out);
        leader.step(input, &mut out);
        for output in out.drain(..) {
            match output {
                Output::AdvanceHighWatermark { to } => self.on_committed(to, &mut woken),
                Output::ProposeIsr(proposal) => self.desk.propose(proposal),
                Output::HandoverReady { to, partition_epoch } => {
                    self.desk.wishes.complete(self.handover(to, partition_epoch));
                }
                Output::HandoverFailed { to, partition_epoch } => {
                    self.desk.wishes.cancel(self.handover(to, partition_epoch));
                }
            }
        }
        self.out = out;
        self.watch_time();
        self.tell_of_start();
        woken
    }

    pub(super) fn reconfigure(&mut self, rules: Rules) {
        self.rules = rules;
        match &mut self.role {
            Role::Leader(_) => self.step(Input::Reconfigured { rules }),
            Role::Follower(follower) => {
                let durability = rules.durability;
                follower.step(FollowerInput::Reconfigured { durability }, &mut Vec::new());
            }
        }
    }

    /// What has to be cut off from here is told to the cluster.
    pub(super) fn tell_loss(&self, loss: Loss) {
        self.desk.wishes.lose([loss]);
    }

    /// There is no room for a batch: another replica in sync is to lead, if there is one.
    pub(super) fn give_up_lead(&mut self, now: Duration) {
        let Ok(leader) = self.leader() else { return };
        let told = self.no_room_since.is_some_and(|at| now.saturating_sub(at) < GIVE_UP_EVERY);
        if told || leader.isr().len() < 2 {
            return;
        }
        let led = LedPartition { partition: self.desk.id, leader_epoch: leader.epoch() };
        self.no_room_since = Some(now);
        self.desk.wishes.give_up(led);
    }

    /// Lets the timer know if time matters to the leader.
    pub(super) fn watch_time(&mut self) {
        if !self.ticking && self.leader().is_ok_and(Leader::watches_time) {
            self.ticking = true;
            self.desk.wishes.watch(self.desk.id);
        }
    }

    fn handover(&self, to: BrokerId, partition_epoch: PartitionEpoch) -> Handover {
        let (partition, leader_epoch) = (self.desk.id, self.leader_epoch());
        Handover { partition, leader_epoch, partition_epoch, to }
    }

    /// Everything below `synced_end` is stable: tells whoever waits, producers by their wakers.
    #[must_use]
    pub(super) fn on_synced(&mut self, synced_end: LogEndOffset) -> Vec<Waker> {
        match &mut self.role {
            Role::Leader(_) => self.step_and_tell(Input::Synced { synced_end }),
            Role::Follower(follower) => {
                follower.step(FollowerInput::Synced { synced_end }, &mut Vec::new());
                self.end_rounds(synced_end);
                Vec::new()
            }
        }
    }

    /// A batch of `bytes` and `records` went into the leader's log.
    pub(super) fn on_appended(&mut self, bytes: u64, records: u64, input: Input) {
        self.unseen_bytes += bytes;
        self.note_unsynced(bytes, records);
        self.watchers.appended(bytes);
        self.step(input);
    }

    pub(super) fn note_unsynced(&mut self, bytes: u64, records: u64) {
        self.unsynced_bytes += bytes;
        self.unsynced_records = self.unsynced_records.saturating_add(records);
    }

    /// Rounds that wait for nothing beyond `end` are over.
    pub(super) fn end_rounds(&mut self, end: LogEndOffset) {
        while self.rounds.pop_front_if(|(until, _)| *until <= end).is_some() {}
    }

    /// Everything waits for nothing any more: the log is gone.
    pub(super) fn close(&mut self, why: PartitionError) -> Slot {
        let slot = std::mem::replace(&mut self.slot, Slot::Closed(why));
        self.interrupt_all();
        slot
    }

    /// Whoever waits is told to look again: nothing that it waits for will come.
    pub(super) fn interrupt_all(&mut self) {
        for waiting in self.waiting.drain(..) {
            waiting.waker.wake();
        }
        self.watchers.interrupt();
        self.tell_of_start();
        self.rounds.clear();
    }

    fn tell_of_start(&self) {
        if let Some(waiting) = &self.start_moved {
            waiting.notify_waiters();
        }
    }

    /// Whether someone sits and waits for records to be synced.
    pub(super) fn someone_waits(&self) -> bool {
        let awaited = !self.waiting.is_empty() || !self.rounds.is_empty();
        self.durability() == Durability::Fsync && (awaited || self.watchers.a_consumer_waits())
    }

    pub(super) fn durability(&self) -> Durability {
        self.rules.durability
    }

    fn on_committed(&mut self, to: HighWatermark, woken: &mut Vec<Waker>) {
        while self.waiting.front().is_some_and(|it| it.until <= to.offset()) {
            woken.extend(self.waiting.pop_front().map(|it| it.waker));
        }
        // When only some of the bytes became readable, all count: a reader looks again then.
        let bytes = std::mem::take(&mut self.unseen_bytes);
        self.watchers.committed(bytes);
        if to.offset() < self.offsets().log_end().offset() {
            self.unseen_bytes = bytes;
        }
    }
}

impl Desk {
    fn propose(&self, proposal: IsrProposal) {
        tracing::debug!(id = %self.id, %proposal, "in-sync replicas");
        let IsrProposal { isr, leader_epoch, partition_epoch, .. } = proposal;
        let partition = self.id;
        self.wishes.alter(AlterPartition { partition, leader_epoch, partition_epoch, isr });
    }
}

fn offsets_of(follower: &Follower) -> LogOffsets {
    let watermark = follower.high_watermark();
    let stable = LastStableOffset(watermark.offset());
    LogOffsets::new(follower.log_start(), stable, watermark, follower.log_end())
        .expect("every step asserts this order")
}
