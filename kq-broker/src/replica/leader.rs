//! The leader's side of replication: who holds what, and what is therefore committed.

mod handover;
mod isr;
mod progress;

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use kq_storage::{
    HighWatermark, LastStableOffset, LeaderEpoch, LogEndOffset, LogOffsets, LogStartOffset, Offset,
};

use self::handover::Handover;
use self::isr::Proposal;
pub use self::progress::FollowerStanding;
use self::progress::{Fetched, Progress};
use super::input::{Input, LeaderStart, Rules};
use super::{
    Acks, AppendRefused, Durability, EpochRefusal, FetchVerdict, NotEnoughReplicas, Output,
};
use crate::canary;
use crate::ids::{BrokerId, PartitionEpoch};

/// A leading replica.
#[derive(Debug)]
pub struct Leader {
    me: BrokerId,
    epoch: LeaderEpoch,
    /// Where the log ended when the epoch began.
    epoch_start: LogEndOffset,
    partition_epoch: PartitionEpoch,
    rules: Rules,
    log_start: LogStartOffset,
    log_end: LogEndOffset,
    /// Invariant: never past the log end.
    synced_end: LogEndOffset,
    /// Invariant: never goes back while this replica leads.
    high_watermark: HighWatermark,
    /// As committed. Invariant: this replica is in it.
    isr: Vec<BrokerId>,
    /// All replicas but this one.
    followers: BTreeMap<BrokerId, Progress>,
    /// At most one in flight: it may be committed at any time until its fate is known.
    proposal: Option<Proposal>,
    handover: Option<Handover>,
}

impl Leader {
    /// A leader from `start.epoch` on. What it can commit by itself is committed at once.
    pub fn new(start: LeaderStart) -> Self {
        let LeaderStart { me, epoch, partition_epoch, rules, log_start, log_end, now, .. } = start;
        let known = start.high_watermark.map_or(log_start.offset(), HighWatermark::offset);
        let known = if canary::is("own_end_believed") { log_end.offset() } else { known };
        let mut leader = Self {
            me,
            epoch,
            epoch_start: log_end,
            partition_epoch,
            rules,
            log_start,
            log_end,
            synced_end: start.synced_end.min(log_end),
            high_watermark: HighWatermark(known.max(log_start.offset()).min(log_end.offset())),
            isr: Vec::new(),
            followers: BTreeMap::new(),
            proposal: None,
            handover: None,
        };
        leader.take_membership(&start.replicas, start.isr, now);
        leader.take_registrations(&start.registered);
        leader.take_handover(start.handover, now);
        leader.advance_high_watermark(&mut Vec::new());
        leader.assert_invariants();
        leader
    }

    /// Applies one event; appends what the shell must do.
    pub fn step(&mut self, input: Input, out: &mut Vec<Output>) {
        let before = self.high_watermark;
        match input {
            Input::Appended { log_end } => self.on_appended(log_end),
            Input::Synced { synced_end } => self.on_synced(synced_end),
            Input::LogStartMoved { log_start } => self.on_log_start_moved(log_start),
            Input::FollowerFetched {
                follower,
                broker_epoch,
                fetch_offset,
                synced_end,
                log_start,
                now,
            } => {
                let fetched = Fetched { broker_epoch, fetch_offset, synced_end, log_start, now };
                self.on_fetched(follower, fetched, out);
            }
            Input::Ticked { now } => self.on_ticked(now, out),
            Input::PartitionCommitted {
                epoch,
                partition_epoch,
                replicas,
                isr,
                registered,
                handover,
                now,
            } => {
                assert!(self.epoch <= epoch, "a leader epoch never goes back");
                if self.partition_epoch < partition_epoch {
                    self.partition_epoch = partition_epoch;
                    self.begin_epoch(epoch);
                    self.take_membership(&replicas, isr, now);
                    self.take_registrations(&registered);
                    self.take_handover(handover, now);
                    self.let_ready_join(now, out);
                }
            }
            Input::ProposalRefused { partition_epoch, refusal, now } => {
                self.on_refused(partition_epoch, refusal, now);
            }
            Input::Reconfigured { rules } if canary::is("raised_min_isr_unheard") => {
                let isr_min = rules.isr_min.min(self.rules.isr_min);
                self.rules = Rules { isr_min, ..rules };
            }
            Input::Reconfigured { rules } => self.rules = rules,
        }
        self.advance_high_watermark(out);
        self.hand_over_when_ready(out);
        assert!(before <= self.high_watermark, "the high watermark never goes back");
        self.assert_invariants();
    }

    /// Refuses a write that asks for more replicas than are in sync, and every write while the
    /// partition is handed over.
    pub fn verify_append(&self, acks: Acks) -> Result<(), AppendRefused> {
        if let Some(handover) = &self.handover
            && !canary::is("appends_while_draining")
        {
            return Err(AppendRefused::Draining { to: handover.to });
        }
        if acks == Acks::All {
            self.verify_isr()?;
        }
        Ok(())
    }

    /// Whether enough replicas are in sync for acks=all.
    pub fn verify_isr(&self) -> Result<(), NotEnoughReplicas> {
        let (in_sync, needed) = (self.in_sync_count(), self.isr_min());
        if in_sync < needed { Err(NotEnoughReplicas { in_sync, needed }) } else { Ok(()) }
    }

    /// Refuses a client that knows another leader epoch than this one; `None` asks for no check.
    pub fn verify_epoch(&self, asked: Option<LeaderEpoch>) -> Result<(), EpochRefusal> {
        let current = self.epoch;
        let Some(asked) = asked else { return Ok(()) };
        match asked.cmp(&current) {
            Ordering::Less => Err(EpochRefusal::Fenced { asked, current }),
            Ordering::Equal => Ok(()),
            Ordering::Greater => Err(EpochRefusal::Unknown { asked, current }),
        }
    }

    /// What becomes of a fetch from `offset` by a log whose last record has `last_epoch`, where the
    /// local log says of that epoch: the greatest one not above it, and where it ends.
    pub fn judge_fetch(
        &self,
        offset: Offset,
        last_epoch: Option<LeaderEpoch>,
        own_end: Option<(LeaderEpoch, Offset)>,
    ) -> FetchVerdict {
        if offset < self.log_start.offset() {
            return FetchVerdict::OutOfRange;
        }
        if let (Some(last_epoch), Some((epoch, end))) = (last_epoch, own_end)
            && (epoch < last_epoch || end < offset)
            && !canary::is("divergence_not_told")
        {
            return FetchVerdict::Diverging { epoch, end };
        }
        if self.log_end.offset() < offset { FetchVerdict::OutOfRange } else { FetchVerdict::Serve }
    }

    /// Whether a broker holds the partition, this one included.
    pub fn is_replica(&self, id: BrokerId) -> bool {
        id == self.me || self.followers.contains_key(&id)
    }

    /// The term of office of this leader.
    pub const fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// The committed state that it goes by.
    pub const fn partition_epoch(&self) -> PartitionEpoch {
        self.partition_epoch
    }

    /// What the topic asks for.
    pub const fn rules(&self) -> Rules {
        self.rules
    }

    /// Where readers stop.
    pub const fn high_watermark(&self) -> HighWatermark {
        self.high_watermark
    }

    /// Whether the high watermark has reached all that was committed before this epoch. Until then
    /// the latest offset is not known here (KIP-207).
    pub fn knows_latest(&self) -> bool {
        self.epoch_start.offset() <= self.high_watermark.offset()
    }

    /// The first offset that a power cut may take.
    pub const fn synced_end(&self) -> LogEndOffset {
        self.synced_end
    }

    /// The in-sync replicas, this one included, as committed.
    pub fn isr(&self) -> &[BrokerId] {
        &self.isr
    }

    /// In-sync replicas, this one included.
    pub fn in_sync_count(&self) -> usize {
        self.isr.len()
    }

    /// Whether a sync of the local log alone would commit all that it holds.
    pub fn waits_for_sync_alone(&self) -> bool {
        let log_end = self.log_end.offset();
        self.verify_isr().is_ok()
            && self.counted().all(|it| log_end <= it.held(self.rules.durability))
    }

    /// Whether anyone but this replica holds the partition.
    pub fn has_followers(&self) -> bool {
        !self.followers.is_empty()
    }

    /// Whether it is to be ticked: somebody in sync lacks something, or something is awaited.
    pub fn watches_time(&self) -> bool {
        let (log_end, durability) = (self.log_end.offset(), self.rules.durability);
        let matters = |(id, it): (&BrokerId, &Progress)| {
            it.joining_since.is_some()
                || it.is_ready
                || (it.held(durability) < log_end && self.isr.contains(id))
        };
        self.proposal.is_some() || self.handover.is_some() || self.followers.iter().any(matters)
    }

    /// Below this every in-sync replica has dropped its records, as far as their fetches told.
    pub fn low_watermark(&self) -> LogStartOffset {
        let in_sync = self.followers.iter().filter(|(id, _)| self.isr.contains(id));
        let followers = in_sync.map(|(_, it)| it.log_start());
        followers.fold(self.log_start, LogStartOffset::min)
    }

    /// How far each follower is, as it told itself; one that has not fetched yet is left out.
    pub fn followers(&self) -> impl Iterator<Item = FollowerStanding> {
        self.followers.iter().filter_map(|(id, progress)| progress.standing(*id))
    }

    /// The four positions. Without transactions the last stable offset is the high watermark.
    pub fn offsets(&self) -> LogOffsets {
        let stable = LastStableOffset(self.high_watermark.offset());
        LogOffsets::new(self.log_start, stable, self.high_watermark, self.log_end)
            .expect("every step asserts this order")
    }

    fn on_appended(&mut self, log_end: LogEndOffset) {
        assert!(self.log_end <= log_end, "a leader's log never shrinks");
        for follower in self.followers.values_mut() {
            follower.leader_appends(self.log_end, self.rules);
        }
        self.log_end = log_end;
    }

    fn on_synced(&mut self, synced_end: LogEndOffset) {
        assert!(synced_end <= self.log_end, "a sync reaches no further than the log");
        // Syncs can overlap, and then the later one to finish may have begun first.
        self.synced_end = self.synced_end.max(synced_end);
    }

    fn on_log_start_moved(&mut self, log_start: LogStartOffset) {
        assert!(self.log_start <= log_start, "deleted records never come back");
        assert!(
            log_start.offset() <= self.high_watermark.offset(),
            "only committed records are deleted"
        );
        self.log_start = log_start;
    }

    /// Elected again: whatever followers held under the old epoch is compared anew.
    fn begin_epoch(&mut self, epoch: LeaderEpoch) {
        if self.epoch < epoch {
            self.epoch = epoch;
            self.epoch_start = self.log_end;
            self.followers.clear();
        }
    }

    fn advance_high_watermark(&mut self, out: &mut Vec<Output>) {
        let to = HighWatermark(self.held_by_all());
        // KIP-966: what too few replicas hold is not committed, or those who left the ISR last
        // would no longer hold all that is.
        let enough = self.verify_isr().is_ok() || canary::is("min_isr_ignored");
        if enough && self.high_watermark < to {
            self.high_watermark = to;
            out.push(Output::AdvanceHighWatermark { to });
        }
    }

    fn held_by_all(&self) -> Offset {
        let here = match self.rules.durability {
            Durability::Fsync => self.synced_end,
            Durability::Os => self.log_end,
        };
        if canary::is("ack_before_watermark") {
            return here.offset();
        }
        let held = self.counted().map(|it| it.held(self.rules.durability));
        held.fold(here.offset(), Offset::min)
    }

    /// `min.insync.replicas`, but no more than there are replicas.
    fn isr_min(&self) -> usize {
        self.rules.isr_min.min(1 + self.followers.len())
    }

    fn assert_invariants(&self) {
        assert!(self.log_start.offset() <= self.high_watermark.offset());
        assert!(self.high_watermark.offset() <= self.log_end.offset());
        assert!(self.synced_end <= self.log_end);
        assert!(self.epoch_start <= self.log_end);
        assert!(self.isr.contains(&self.me), "a leader is in its own ISR");
        assert!(!self.followers.contains_key(&self.me), "nobody follows himself");
        for follower in self.followers.values() {
            follower.assert_within(self.log_end);
        }
        if let Some(proposal) = &self.proposal {
            assert_eq!(proposal.partition_epoch, self.partition_epoch);
        }
    }

    fn caught_up(&self, follower: &Progress, now: Duration) -> bool {
        follower.caught_up(self.log_end, self.rules, now)
    }
}
