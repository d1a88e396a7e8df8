//! The leader's side of replication: who holds what, and what is therefore committed.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kq_storage::{
    HighWatermark, LastStableOffset, LeaderEpoch, LogEndOffset, LogOffsets, LogStartOffset, Offset,
};

use super::input::{Input, Rules};
use super::{Acks, Durability, EpochRefusal, NotEnoughReplicas, Output};
use crate::ids::BrokerId;

/// A leading replica. The in-sync set is itself and the followers marked so.
#[derive(Debug)]
pub struct Leader {
    epoch: LeaderEpoch,
    rules: Rules,
    log_start: LogStartOffset,
    log_end: LogEndOffset,
    /// Invariant: never past the log end.
    synced_end: LogEndOffset,
    /// Invariant: never goes back while this replica leads.
    high_watermark: HighWatermark,
    followers: BTreeMap<BrokerId, Follower>,
}

/// What the leader knows of one follower.
#[derive(Debug, Clone, Copy, Default)]
struct Follower {
    in_sync: bool,
    /// Invariant: never past the leader's log end.
    has_below: Offset,
    caught_up_at: Duration,
    /// Set from a proposal to the controller until the next committed in-sync set.
    proposed: bool,
}

impl Leader {
    /// A leader from `epoch` on, over a log that spans `log_start` to `log_end` and is stable below
    /// `synced_end`. `followers` are the other replicas, with whether they are in sync.
    pub fn new(
        epoch: LeaderEpoch,
        rules: Rules,
        (log_start, synced_end, log_end): (LogStartOffset, LogEndOffset, LogEndOffset),
        followers: impl IntoIterator<Item = (BrokerId, bool)>,
    ) -> Self {
        let known = |(id, in_sync)| (id, Follower { in_sync, ..Follower::default() });
        let mut leader = Self {
            epoch,
            rules,
            log_start,
            log_end,
            synced_end: synced_end.min(log_end),
            high_watermark: HighWatermark(log_start.offset()),
            followers: followers.into_iter().map(known).collect(),
        };
        let held = leader.held_by_all();
        leader.high_watermark = HighWatermark(held.max(log_start.offset()));
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
            Input::FollowerFetched { follower, has_below, now } => {
                self.on_fetched(follower, has_below, now, out);
            }
            Input::Ticked { now } => self.on_ticked(now, out),
            Input::IsrCommitted { isr } => self.on_isr_committed(&isr),
            Input::Reelected { epoch } => {
                assert!(self.epoch <= epoch, "a leader epoch never goes back");
                self.epoch = epoch;
            }
            Input::Reconfigured { rules } => self.rules = rules,
        }
        self.advance_high_watermark(out);
        assert!(before <= self.high_watermark, "the high watermark never goes back");
        self.assert_invariants();
    }

    /// Refuses a write that asks for more replicas than are in sync; other writes pass.
    pub fn verify_append(&self, acks: Acks) -> Result<(), NotEnoughReplicas> {
        let in_sync = self.in_sync_count();
        if acks == Acks::All && in_sync < self.rules.isr_min {
            return Err(NotEnoughReplicas { in_sync, needed: self.rules.isr_min });
        }
        Ok(())
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

    /// The term of office of this leader.
    pub const fn epoch(&self) -> LeaderEpoch {
        self.epoch
    }

    /// What the topic asks for.
    pub const fn rules(&self) -> Rules {
        self.rules
    }

    /// Where readers stop.
    pub const fn high_watermark(&self) -> HighWatermark {
        self.high_watermark
    }

    /// The first offset that a power cut may take.
    pub const fn synced_end(&self) -> LogEndOffset {
        self.synced_end
    }

    /// In-sync replicas, this one included.
    pub fn in_sync_count(&self) -> usize {
        1 + self.followers.values().filter(|it| it.in_sync).count()
    }

    /// Whether a sync of the local log alone would commit all that it holds.
    pub fn waits_for_sync_alone(&self) -> bool {
        let log_end = self.log_end.offset();
        self.followers.values().all(|it| !it.in_sync || it.has_below == log_end)
    }

    /// The four positions. Without transactions the last stable offset is the high watermark.
    pub fn offsets(&self) -> LogOffsets {
        let stable = LastStableOffset(self.high_watermark.offset());
        LogOffsets::new(self.log_start, stable, self.high_watermark, self.log_end)
            .expect("every step asserts this order")
    }

    fn on_appended(&mut self, log_end: LogEndOffset) {
        assert!(self.log_end <= log_end, "a leader's log never shrinks");
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

    fn on_fetched(&mut self, id: BrokerId, has: Offset, now: Duration, out: &mut Vec<Output>) {
        let Some(follower) = self.followers.get_mut(&id) else { return };
        // A follower cannot hold what its leader never had; the fetch was refused before it came here.
        assert!(has <= self.log_end.offset(), "follower {id} is past the leader's log end");
        follower.has_below = has;
        if has == self.log_end.offset() {
            follower.caught_up_at = now;
        }
        let holds_all_committed = self.high_watermark.offset() <= has;
        // An operating error, not a bug: its disk lost records that it had confirmed.
        if follower.in_sync && !holds_all_committed {
            follower.propose(Output::ProposeIsrShrink { lagging: id }, out);
        } else if !follower.in_sync && holds_all_committed {
            follower.propose(Output::ProposeIsrGrowth { caught_up: id }, out);
        }
    }

    fn on_ticked(&mut self, now: Duration, out: &mut Vec<Output>) {
        for (&id, follower) in self.followers.iter_mut().filter(|(_, it)| it.in_sync) {
            if follower.has_below == self.log_end.offset() {
                follower.caught_up_at = now;
            }
            if self.rules.lag_max < now.saturating_sub(follower.caught_up_at) {
                follower.propose(Output::ProposeIsrShrink { lagging: id }, out);
            }
        }
    }

    fn on_isr_committed(&mut self, isr: &BTreeSet<BrokerId>) {
        for (id, follower) in &mut self.followers {
            follower.in_sync = isr.contains(id);
            follower.proposed = false;
        }
    }

    fn advance_high_watermark(&mut self, out: &mut Vec<Output>) {
        let held = HighWatermark(self.held_by_all());
        if self.high_watermark < held {
            self.high_watermark = held;
            out.push(Output::AdvanceHighWatermark { to: held });
        }
    }

    fn held_by_all(&self) -> Offset {
        let here = match self.rules.durability {
            Durability::Fsync => self.synced_end,
            Durability::Os => self.log_end,
        };
        let in_sync = self.followers.values().filter(|it| it.in_sync);
        in_sync.map(|it| it.has_below).fold(here.offset(), Offset::min)
    }

    fn assert_invariants(&self) {
        assert!(self.log_start.offset() <= self.high_watermark.offset());
        assert!(self.high_watermark.offset() <= self.log_end.offset());
        assert!(self.synced_end <= self.log_end);
        for follower in self.followers.values() {
            assert!(follower.has_below <= self.log_end.offset());
        }
    }
}

impl Follower {
    /// Asks once; the answer comes as `Input::IsrCommitted`.
    fn propose(&mut self, proposal: Output, out: &mut Vec<Output>) {
        if !self.proposed {
            self.proposed = true;
            out.push(proposal);
        }
    }
}
