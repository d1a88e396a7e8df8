//! Who is in sync: whom the leader proposes to take in or to drop, one proposal at a time.
//!
//! ```text
//!   committed ISR   what the controller has said; counts for min.insync.replicas
//!   maximal ISR     committed ISR, and whom a proposal in flight or a follower's last step to the
//!                   high watermark would add; the watermark waits for all of them
//! ```

use std::time::Duration;

use super::super::input::ProposalRefusal;
use super::super::output::{IsrProposal, Output, ProposalReason};
use super::Leader;
use super::progress::{Fetched, Progress};
use crate::canary;
use crate::ids::{BrokerEpoch, BrokerId, PartitionEpoch};

/// How long the high watermark waits for a follower's last step. One round of fetching is enough
/// for it; a follower that died in between must not hold up producers.
const JOINING_MAX: Duration = Duration::from_secs(1);

/// How long a follower is left alone that did not make its last step.
const AFTER_JOINING: Duration = Duration::from_secs(5);

/// How long a follower is left alone whom the controller would not have; twice as long each time
/// that it was not heard of in between.
const AFTER_REJECTION: Duration = Duration::from_secs(1);
const DOUBLINGS_MAX: u32 = 6;

/// A proposal in flight.
#[derive(Debug)]
pub(super) struct Proposal {
    isr: Vec<BrokerId>,
    why: ProposalReason,
    /// What it was made from: no later state can come of it.
    pub(super) partition_epoch: PartitionEpoch,
    unanswered: bool,
}

impl Leader {
    /// The followers that the high watermark waits for: the maximal ISR (D6 of the invariants).
    pub(super) fn counted(&self) -> impl Iterator<Item = &Progress> {
        let proposed = self.proposal.as_ref().map_or(&[][..], |it| it.isr.as_slice());
        let counts = |id: &BrokerId, follower: &Progress| {
            let joins = proposed.contains(id) || follower.joining_since.is_some();
            self.isr.contains(id) || (joins && !canary::is("no_maximal_isr"))
        };
        self.followers.iter().filter(move |(id, it)| counts(id, it)).map(|(_, it)| it)
    }

    pub(super) fn take_membership(
        &mut self,
        replicas: &[BrokerId],
        isr: Vec<BrokerId>,
        now: Duration,
    ) {
        let me = self.me;
        self.followers.retain(|id, _| replicas.contains(id));
        for id in replicas.iter().filter(|id| **id != me) {
            self.followers.entry(*id).or_insert_with(|| Progress::unheard(now));
        }
        for id in &isr {
            if let Some(follower) = self.followers.get_mut(id) {
                follower.joining_since = None;
                follower.is_ready = false;
            }
        }
        // It was committed just now, or never will be: it compares the partition epoch. Then
        // whom it would have added is ready still.
        let overtaken = self.proposal.take().map(|it| it.isr).unwrap_or_default();
        for id in overtaken.iter().filter(|id| !isr.contains(id) && !self.isr.contains(id)) {
            self.followers.entry(*id).and_modify(|it| it.is_ready = true);
        }
        self.isr = isr;
    }

    /// A follower that started anew may be heard before the leader knows of it, and then counts as in
    /// sync still. It leaves the ISR by its new registration, and is ready to come back: who is in a
    /// fetch session and has nothing new to tell is not heard again.
    pub(super) fn take_registrations(&mut self, registered: &[(BrokerId, BrokerEpoch)]) {
        for (id, epoch) in registered {
            let Some(follower) = self.followers.get_mut(id) else { continue };
            let before = follower.registered.replace(*epoch);
            let is_reborn = before.is_some_and(|before| before < *epoch);
            let is_heard = follower.broker_epoch() == Some(*epoch);
            if is_reborn && is_heard && !self.isr.contains(id) {
                follower.is_ready = true;
            }
        }
    }

    pub(super) fn on_fetched(&mut self, id: BrokerId, fetched: Fetched, out: &mut Vec<Output>) {
        let (log_end, rules) = (self.log_end, self.rules);
        let Some(follower) = self.followers.get_mut(&id) else { return };
        // What its log holds beyond the leader's was cut before the fetch was served.
        assert!(fetched.fetch_offset <= log_end.offset(), "follower {id} is past the leader's end");
        if !follower.note(&fetched, log_end, rules) {
            return;
        }
        if !self.isr.contains(&id) {
            self.let_join(id, fetched.now, out);
        } else if self.lost_records(id) {
            // An operating error, not a bug: its disk lost records that it had confirmed.
            self.propose_without(&[id], ProposalReason::LostRecords(id), out);
        } else if self.proposal.as_ref().is_some_and(|it| !it.isr.contains(&id)) {
            // About to be dropped, and perhaps back already.
            self.followers.entry(id).and_modify(|it| it.is_ready = true);
        }
    }

    pub(super) fn on_ticked(&mut self, now: Duration, out: &mut Vec<Output>) {
        let (log_end, rules) = (self.log_end, self.rules);
        for (id, follower) in &mut self.followers {
            if self.isr.contains(id) {
                follower.pass_time(log_end, rules, now);
            }
            if follower.joining_since.is_some_and(|since| JOINING_MAX < now.saturating_sub(since)) {
                follower.joining_since = None;
                follower.barred_until = now + AFTER_JOINING;
            }
        }
        self.tick_handover(now, out);
        if self.send_again(out) {
            return;
        }
        self.let_ready_join(now, out);
        let in_isr = self.followers.iter().filter(|(id, _)| self.isr.contains(id));
        let lagging = in_isr.filter(|(_, it)| !self.caught_up(it, now));
        let lagging: Vec<BrokerId> = lagging.map(|(id, _)| *id).collect();
        if !lagging.is_empty() {
            self.propose_without(&lagging, ProposalReason::Lagging(lagging.clone()), out);
        }
    }

    pub(super) fn on_refused(
        &mut self,
        partition_epoch: PartitionEpoch,
        refusal: ProposalRefusal,
        now: Duration,
    ) {
        let Some(proposal) = &mut self.proposal else { return };
        if proposal.partition_epoch != partition_epoch {
            return;
        }
        match refusal {
            ProposalRefusal::Superseded if canary::is("superseded_dropped") => self.proposal = None,
            ProposalRefusal::Superseded => {}
            ProposalRefusal::Unanswered => proposal.unanswered = !canary::is("never_sent_again"),
            ProposalRefusal::Rejected => {
                for id in proposal.isr.iter().filter(|id| !self.isr.contains(id)) {
                    if let Some(follower) = self.followers.get_mut(id) {
                        let doublings = follower.rejections.min(DOUBLINGS_MAX);
                        follower.barred_until = now + AFTER_REJECTION * (1 << doublings);
                        follower.rejections = doublings + 1;
                        // Another member may have been the reason.
                        follower.is_ready = true;
                    }
                }
                self.proposal = None;
            }
        }
    }

    /// Takes a follower in that holds all that is committed and the start of this epoch, below
    /// which logs may differ until they were compared. Nor may it begin before the leader's log:
    /// epochs that ended there are compared no more, and what it kept of them may be another's.
    /// One that is a step away is waited for: under load the high watermark would outrun it for ever.
    fn let_join(&mut self, id: BrokerId, now: Duration, out: &mut Vec<Output>) {
        let (watermark, durability) = (self.high_watermark.offset(), self.rules.durability);
        let (log_start, epoch_start) = (self.log_start, self.epoch_start.offset());
        let proposing = self.proposal.is_some();
        let Some(follower) = self.followers.get_mut(&id) else { return };
        let held = follower.held(durability);
        let before_epoch = held < epoch_start && !canary::is("joins_below_epoch_start");
        let before_start = follower.log_start() < log_start;
        follower.is_ready = false;
        if before_epoch || before_start {
            return;
        }
        if now < follower.barred_until || proposing {
            follower.is_ready = watermark <= held;
            return;
        }
        if watermark <= held || (follower.is_close && canary::is("joins_below_watermark")) {
            follower.joining_since = None;
            let mut isr = self.isr.clone();
            isr.push(id);
            self.propose(isr, ProposalReason::CaughtUp(vec![id]), out);
        } else if follower.is_close {
            follower.joining_since.get_or_insert(now);
        }
    }

    /// Takes in who was ready before, one after the other, unless he has fallen behind since.
    pub(super) fn let_ready_join(&mut self, now: Duration, out: &mut Vec<Output>) {
        let (watermark, durability) = (self.high_watermark.offset(), self.rules.durability);
        let ready = self.followers.iter().filter(|(id, it)| it.is_ready && !self.isr.contains(id));
        let ready: Vec<(BrokerId, bool)> =
            ready.map(|(id, it)| (*id, watermark <= it.held(durability))).collect();
        for (id, is_level) in ready {
            if is_level {
                self.let_join(id, now, out);
            } else if let Some(follower) = self.followers.get_mut(&id) {
                follower.is_ready = false;
            }
        }
    }

    fn lost_records(&self, id: BrokerId) -> bool {
        let watermark = self.high_watermark.offset();
        self.followers.get(&id).is_some_and(|it| it.log_end() < watermark)
    }

    fn propose_without(&mut self, gone: &[BrokerId], why: ProposalReason, out: &mut Vec<Output>) {
        let isr = self.isr.iter().copied().filter(|id| !gone.contains(id)).collect();
        self.propose(isr, why, out);
    }

    fn propose(&mut self, isr: Vec<BrokerId>, why: ProposalReason, out: &mut Vec<Output>) {
        if self.proposal.is_none() {
            let partition_epoch = self.partition_epoch;
            let proposal = Proposal { isr, why, partition_epoch, unanswered: false };
            out.push(self.as_sent(&proposal));
            if canary::is("shrink_assumed") {
                self.isr.retain(|id| proposal.isr.contains(id));
            }
            self.proposal = Some(proposal);
        }
    }

    /// Sends a proposal again that found nobody; tells whether one is in flight.
    fn send_again(&mut self, out: &mut Vec<Output>) -> bool {
        let Some(mut proposal) = self.proposal.take() else { return false };
        if std::mem::take(&mut proposal.unanswered) {
            out.push(self.as_sent(&proposal));
        }
        self.proposal = Some(proposal);
        true
    }

    fn as_sent(&self, proposal: &Proposal) -> Output {
        let epoch_of = |id: &BrokerId| self.followers.get(id).and_then(Progress::broker_epoch);
        Output::ProposeIsr(IsrProposal {
            isr: proposal.isr.iter().map(|id| (*id, epoch_of(id))).collect(),
            leader_epoch: self.epoch,
            partition_epoch: proposal.partition_epoch,
            why: proposal.why.clone(),
        })
    }
}
