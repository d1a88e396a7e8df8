//! G1: the commits of a group, and which of them an `OffsetFetch` may tell.
//!
//! A commit takes effect at some moment between its first sending and its end. It has ended when it
//! is acknowledged and nothing of it can be on its way any more; or else when its member is told a
//! later generation, for from there on the coordinator refuses it. Of two commits the second counts
//! if the first had ended before the second was sent.

use std::collections::{BTreeMap, BTreeSet};

use kq_proto::kafka::ErrorCode;

use super::{Identity, Moment};
use crate::history::Slot;

/// Names a commit; it goes with it as its metadata.
pub(crate) type Ticket = u64;

/// An offset as it is told, with the ticket beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) offset: i64,
    pub(crate) ticket: Ticket,
}

#[derive(Debug)]
struct Commit {
    member: String,
    generation: i32,
    to: BTreeMap<Slot, i64>,
    sent: Option<Moment>,
    /// Sendings of which nobody knows what became.
    doubtful: u32,
    acked: Option<Moment>,
    /// From when on it cannot take effect any more.
    ended: BTreeMap<Slot, Moment>,
}

impl Commit {
    /// Every sending was refused.
    fn is_refused(&self) -> bool {
        self.acked.is_none() && self.doubtful == 0
    }

    fn end(&mut self, now: Moment) {
        for slot in self.to.keys() {
            self.ended.entry(*slot).or_insert(now);
        }
    }
}

/// All commits of a group.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    commits: BTreeMap<Ticket, Commit>,
    /// What was told last.
    told: BTreeMap<Slot, i64>,
}

impl Offsets {
    pub(super) fn begin(&mut self, ticket: Ticket, who: &Identity, to: &BTreeMap<Slot, i64>) {
        let commit = Commit {
            member: who.member.clone(),
            generation: who.generation,
            to: to.clone(),
            sent: None,
            doubtful: 0,
            acked: None,
            ended: BTreeMap::new(),
        };
        self.commits.insert(ticket, commit);
    }

    pub(super) fn send(&mut self, ticket: Ticket, now: Moment) {
        if let Some(commit) = self.commits.get_mut(&ticket) {
            commit.sent.get_or_insert(now);
            commit.doubtful += 1;
        }
    }

    /// The end of a sending; the partitions that it was for.
    pub(super) fn end(
        &mut self,
        ticket: Ticket,
        now: Moment,
        code: Option<ErrorCode>,
    ) -> BTreeSet<Slot> {
        let Some(commit) = self.commits.get_mut(&ticket) else { return BTreeSet::new() };
        // A coordinator that is not available may have written it down all the same.
        let is_known = code.is_some_and(|it| it != ErrorCode::CoordinatorNotAvailable);
        commit.doubtful -= u32::from(is_known);
        if code == Some(ErrorCode::None) {
            commit.acked.get_or_insert(now);
            if commit.doubtful == 0 {
                commit.end(now);
            }
        }
        commit.to.keys().copied().collect()
    }

    /// A share of a generation is told: commits of those before it are refused from here on.
    pub(super) fn close_before(&mut self, generation: i32, now: Moment) {
        let old = self.commits.values_mut().filter(|it| it.generation < generation);
        old.for_each(|it| it.end(now));
    }

    /// A member of a consumer group is told its epoch, and what is its from now on: its commits at
    /// epochs before are refused from here on, and all of others to what is its.
    pub(super) fn close_of_member(
        &mut self,
        who: &Identity,
        granted: &BTreeSet<Slot>,
        now: Moment,
    ) {
        for commit in self.commits.values_mut() {
            if commit.member != who.member {
                for slot in granted.iter().filter(|it| commit.to.contains_key(it)) {
                    commit.ended.entry(*slot).or_insert(now);
                }
            } else if commit.generation < who.generation {
                commit.end(now);
            }
        }
    }

    /// Whether a question at `asked` may be answered so; else what promise that breaks.
    pub(super) fn judge(
        &mut self,
        slot: Slot,
        asked: Moment,
        told: Option<Told>,
    ) -> Result<(), (&'static str, String)> {
        self.told.insert(slot, told.map_or(0, |it| it.offset));
        let mut ended = Some(0);
        if let Some(Told { offset, ticket }) = told {
            let known = self.commits.get(&ticket).filter(|it| it.to.get(&slot) == Some(&offset));
            let commit = known.ok_or_else(|| ("G2", format!("nobody committed {told:?}")))?;
            if commit.is_refused() {
                let by = (&commit.member, commit.generation);
                return Err(("G2", format!("{told:?} stands, which was refused to {by:?}")));
            }
            ended = commit.ended.get(&slot).copied();
        }
        let Some(ended) = ended else { return Ok(()) };
        let is_newer = |commit: &Commit| {
            commit.to.contains_key(&slot)
                && commit.acked.is_some_and(|it| it <= asked)
                && commit.sent.is_some_and(|it| ended < it)
        };
        match self.commits.iter().rev().find(|(_, it)| is_newer(it)) {
            Some((newer, commit)) => {
                let offset = commit.to.get(&slot);
                let newer = format!("commit {newer} of {offset:?} was acknowledged");
                Err(("G1", format!("told is {told:?}, after {newer}")))
            }
            None => Ok(()),
        }
    }

    /// What was told last of a partition.
    pub(super) fn told_last(&self, slot: Slot) -> Option<i64> {
        self.told.get(&slot).copied()
    }
}
