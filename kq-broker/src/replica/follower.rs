//! The follower's side of replication: what to ask for, where to cut, what is committed.
//!
//! ```text
//!             next_fetch             Responded: records           Appended
//!   resting ─────────────> asked ───────────────────────> busy ─────────────> resting
//!      ^                     │  ├─ Responded: diverging ──> busy ── Truncated ──^
//!      └──── nothing new ────┘  └─ another leader epoch: the response comes too late
//! ```
//! What an unclean election costs, only those know who still hold it. So nothing of that is cut off
//! before the cluster's history has it: a crash in between finds it, and tells it, once more. Nobody
//! waits for such a replica, for without the controller it could not come into the ISR either.
//!
//! A response counts only for the request that the follower is waiting for (D7 of the invariants):
//! an older one could cut or extend a log that has changed since. With durability fsync the next
//! request goes out when what the last one brought is synced, since it tells how far that is; but
//! while the leader has more that is committed, nobody waits to hear it, and the request goes at once.

use std::cmp::Ordering;

use kq_storage::{HighWatermark, LeaderEpoch, LogEndOffset, LogStartOffset, Offset};

use super::Durability;
use super::follower_io::{
    Answer, Diverged, FetchFrom, FetchToken, FollowerInput, FollowerOutput, FollowerStart,
    LostRange,
};
use crate::canary;
use crate::ids::{BrokerId, PartitionEpoch};

/// A following replica.
#[derive(Debug)]
pub struct Follower {
    leader: Option<BrokerId>,
    leader_epoch: LeaderEpoch,
    partition_epoch: PartitionEpoch,
    durability: Durability,
    log_start: LogStartOffset,
    log_end: LogEndOffset,
    /// Invariant: never past the log end.
    synced_end: LogEndOffset,
    /// Invariant: never past the log end, and back only when the log was cut below it.
    high_watermark: HighWatermark,
    /// The leader's own, as it told last; 0 before it has told.
    leader_watermark: HighWatermark,
    turn: Turn,
    /// Of the newest leader that was elected uncleanly.
    unclean_epoch: Option<LeaderEpoch>,
    /// The epoch of the log's last record, as of the last request.
    last_epoch: Option<LeaderEpoch>,
    /// What the cluster knows to be lost; what is cut off next, if the log stays as it is.
    told: Option<LostRange>,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// The fetcher's: a request may go out.
    Resting,
    /// The leader's.
    Asked(FetchToken),
    /// The shell's: it appends, cuts or starts over. What the leader told with that response is
    /// taken over afterwards, unless its epoch has ended meanwhile.
    Busy(Option<Told>),
}

/// Where the leader's log stood when it answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    high_watermark: HighWatermark,
    log_start: LogStartOffset,
}

impl Follower {
    /// A follower of a log that is as it was found, or as it was left when it ceased to lead.
    pub fn new(start: FollowerStart) -> Self {
        let known = start.high_watermark.map_or(start.log_start.offset(), HighWatermark::offset);
        let known = known.max(start.log_start.offset()).min(start.log_end.offset());
        let follower = Self {
            leader: start.leader,
            leader_epoch: start.leader_epoch,
            partition_epoch: start.partition_epoch,
            durability: start.durability,
            log_start: start.log_start,
            log_end: start.log_end,
            synced_end: start.synced_end.min(start.log_end),
            high_watermark: HighWatermark(known),
            leader_watermark: HighWatermark(Offset(0)),
            turn: Turn::Resting,
            unclean_epoch: start.unclean_epoch,
            last_epoch: None,
            told: None,
        };
        follower.assert_invariants();
        follower
    }

    /// Applies one event; appends what the shell must do, in this order.
    pub fn step(&mut self, input: FollowerInput, out: &mut Vec<FollowerOutput>) {
        match input {
            FollowerInput::Responded { token, high_watermark, log_start, answer } => {
                let told = Told { high_watermark, log_start };
                let stale = canary::is("stale_response_applied");
                if self.turn == Turn::Asked(token) || (stale && self.turn == Turn::Resting) {
                    self.on_answer(told, answer, out);
                }
            }
            FollowerInput::FetchFailed { token } => {
                if self.turn == Turn::Asked(token) {
                    self.turn = Turn::Resting;
                }
            }
            FollowerInput::Appended { log_end } => self.on_appended(log_end, out),
            FollowerInput::AppendFailed => self.turn = Turn::Resting,
            FollowerInput::Synced { synced_end } => {
                assert!(synced_end <= self.log_end, "a sync reaches no further than the log");
                self.synced_end = self.synced_end.max(synced_end);
            }
            FollowerInput::Truncated { log_end } => self.on_truncated(log_end),
            FollowerInput::StartedOver { at } => self.on_started_over(at),
            FollowerInput::LossTold(lost) => self.told = Some(lost),
            FollowerInput::LogStartMoved { log_start } => {
                assert!(self.log_start <= log_start, "deleted records never come back");
                self.log_start = log_start;
                self.raise_high_watermark(HighWatermark(log_start.offset()), out);
            }
            FollowerInput::PartitionCommitted {
                leader,
                leader_epoch,
                partition_epoch,
                unclean_epoch,
            } => {
                self.unclean_epoch = self.unclean_epoch.max(unclean_epoch);
                self.on_committed(leader, leader_epoch, partition_epoch);
            }
            FollowerInput::Reconfigured { durability } => self.durability = durability,
        }
        self.assert_invariants();
    }

    /// The next request, if it is time for one; `token` was never used before for this partition,
    /// and `last_epoch` is that of the log's last record. The answer, or that there is none, comes
    /// back as [`FollowerInput::Responded`] or [`FollowerInput::FetchFailed`] with the same token.
    pub fn next_fetch(
        &mut self,
        token: FetchToken,
        last_epoch: Option<LeaderEpoch>,
    ) -> Option<FetchFrom> {
        let leader = self.leader?;
        if !self.may_fetch() {
            return None;
        }
        self.turn = Turn::Asked(token);
        self.last_epoch = last_epoch;
        Some(FetchFrom {
            token,
            leader,
            leader_epoch: self.leader_epoch,
            offset: self.log_end.offset(),
            last_epoch,
            log_start: self.log_start,
            synced_end: if canary::is("synced_end_lied") { self.log_end } else { self.synced_end },
        })
    }

    /// Whether [`Follower::next_fetch`] would answer one.
    pub fn may_fetch(&self) -> bool {
        self.leader.is_some() && self.turn == Turn::Resting && !self.waits_for_sync()
    }

    /// Whether the next request waits for a sync of the log, which is then urgent.
    pub fn waits_for_sync(&self) -> bool {
        let waits = self.durability == Durability::Fsync && !canary::is("synced_end_lied");
        waits && self.synced_end < self.log_end && !self.is_behind()
    }

    /// Whether it still lacks what is committed without it.
    fn is_behind(&self) -> bool {
        self.log_end.offset() < self.leader_watermark.offset()
    }

    /// Whether this is the request whose answer it waits for.
    pub fn awaits(&self, token: FetchToken) -> bool {
        self.turn == Turn::Asked(token)
    }

    /// Whom it follows, if anyone leads.
    pub const fn leader(&self) -> Option<BrokerId> {
        self.leader
    }

    /// The term of that leader.
    pub const fn leader_epoch(&self) -> LeaderEpoch {
        self.leader_epoch
    }

    /// The committed state that it goes by.
    pub const fn partition_epoch(&self) -> PartitionEpoch {
        self.partition_epoch
    }

    /// Where readers would stop; a leader begins with it.
    pub const fn high_watermark(&self) -> HighWatermark {
        self.high_watermark
    }

    /// The oldest record still kept.
    pub const fn log_start(&self) -> LogStartOffset {
        self.log_start
    }

    /// Where the next record goes.
    pub const fn log_end(&self) -> LogEndOffset {
        self.log_end
    }

    /// The first offset that a power cut may take.
    pub const fn synced_end(&self) -> LogEndOffset {
        self.synced_end
    }

    fn on_answer(&mut self, told: Told, answer: Answer, out: &mut Vec<FollowerOutput>) {
        self.turn = Turn::Resting;
        match answer {
            Answer::Nothing => {
                self.leader_watermark = told.high_watermark;
                self.take_over(told, out);
            }
            Answer::Records => {
                self.leader_watermark = told.high_watermark;
                self.turn = Turn::Busy(Some(told));
                out.push(FollowerOutput::Append);
            }
            Answer::Diverging(diverged) => {
                let from = self.cut_for(diverged);
                let lost = LostRange { from, until: self.log_end.offset(), at_most: false };
                self.give_up(lost, FollowerOutput::TruncateTo(from), out);
            }
            Answer::OutOfRange => {
                let below = self.log_end.offset() < told.log_start.offset();
                let empty = self.log_end.offset() == self.log_start.offset();
                if below || empty {
                    let (from, until) = (self.log_start.offset(), self.log_end.offset());
                    let lost = LostRange { from, until, at_most: true };
                    self.give_up(lost, FollowerOutput::StartOverAt(told.log_start.offset()), out);
                }
            }
            Answer::Refused => {}
        }
    }

    /// Cuts records off; first the cluster has to know, if an unclean election made them lost.
    fn give_up(&mut self, lost: LostRange, cut: FollowerOutput, out: &mut Vec<FollowerOutput>) {
        let is_lost = self.last_epoch.is_some() && self.last_epoch < self.unclean_epoch;
        if is_lost && lost.from < lost.until && self.told != Some(lost) {
            out.push(FollowerOutput::TellLoss(lost));
            return;
        }
        self.turn = Turn::Busy(None);
        out.push(cut);
    }

    /// Where this log stops agreeing with the leader's for sure (KIP-101, KIP-279): at the end of
    /// the leader's epoch, or of the greatest one below it that both may know. In the latter case
    /// the next fetch compares again.
    fn cut_for(&self, Diverged { epoch, end, own }: Diverged) -> Offset {
        if canary::is("truncates_to_watermark") {
            return self.high_watermark.offset();
        }
        let cut = match own {
            Some(_) | None if canary::is("own_epochs_ignored") => end,
            Some((own_epoch, own_end)) => match own_epoch.cmp(&epoch) {
                Ordering::Less => own_end,
                Ordering::Equal | Ordering::Greater => own_end.min(end),
            },
            None => end,
        };
        cut.min(self.log_end.offset()).max(self.log_start.offset())
    }

    fn on_appended(&mut self, log_end: LogEndOffset, out: &mut Vec<FollowerOutput>) {
        assert!(self.log_end <= log_end, "an append shortens no log");
        self.log_end = log_end;
        if let Turn::Busy(told) = std::mem::replace(&mut self.turn, Turn::Resting)
            && let Some(told) = told
        {
            self.take_over(told, out);
        }
    }

    fn on_truncated(&mut self, log_end: LogEndOffset) {
        assert!(log_end <= self.log_end, "a truncation lengthens no log");
        self.turn = Turn::Resting;
        self.log_end = log_end;
        self.synced_end = self.synced_end.min(log_end);
        self.high_watermark = self.high_watermark.min(HighWatermark(log_end.offset()));
    }

    fn on_started_over(&mut self, at: Offset) {
        self.turn = Turn::Resting;
        self.log_start = LogStartOffset(at);
        self.log_end = LogEndOffset(at);
        self.synced_end = self.log_end;
        self.high_watermark = HighWatermark(at);
    }

    fn on_committed(
        &mut self,
        leader: Option<BrokerId>,
        epoch: LeaderEpoch,
        partition_epoch: PartitionEpoch,
    ) {
        if partition_epoch <= self.partition_epoch {
            return;
        }
        assert!(self.leader_epoch <= epoch, "a leader epoch never goes back");
        self.partition_epoch = partition_epoch;
        if epoch == self.leader_epoch && leader == self.leader {
            return;
        }
        self.leader = leader;
        self.leader_epoch = epoch;
        self.leader_watermark = HighWatermark(Offset(0));
        self.turn = match self.turn {
            Turn::Resting | Turn::Asked(_) => Turn::Resting,
            // What the last leader told is no longer so.
            Turn::Busy(_) => Turn::Busy(None),
        };
    }

    fn take_over(&mut self, told: Told, out: &mut Vec<FollowerOutput>) {
        self.raise_high_watermark(told.high_watermark, out);
        let to = LogStartOffset(told.log_start.offset().min(self.high_watermark.offset()));
        if self.log_start < to {
            out.push(FollowerOutput::RaiseLogStart { to });
        }
    }

    fn raise_high_watermark(&mut self, to: HighWatermark, out: &mut Vec<FollowerOutput>) {
        let to = to.min(HighWatermark(self.log_end.offset()));
        if self.high_watermark < to {
            self.high_watermark = to;
            out.push(FollowerOutput::AdvanceHighWatermark { to });
        }
    }

    fn assert_invariants(&self) {
        assert!(self.log_start.offset() <= self.high_watermark.offset());
        assert!(self.high_watermark.offset() <= self.log_end.offset());
        assert!(self.synced_end <= self.log_end);
    }
}
