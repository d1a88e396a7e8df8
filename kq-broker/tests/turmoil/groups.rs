//! What groups were told and what they did, and what that must add up to.
//!
//! | promise | how it is seen to be broken |
//! | --- | --- |
//! | G1 | an `OffsetFetch` tells what nobody committed, or what an acknowledged commit had replaced |
//! | G2 | two members are told a partition in one generation, or one is told it while another keeps it; a commit of who has lost it is acknowledged, or stands |
//! | G3 | a group is not stable, or not all read their shares, in time after the last fault |
//! | G4 | an owner begins behind a record that the group has not read, or ends without having read one |
//!
//! Everything is put in order by moments: clients run on one thread, so what is noted first was first.
//! What happened inside a broker happened between the moment of the question and that of the answer.

mod classic_shares;
mod consumer_shares;
mod offsets;
mod progress;
mod settled;

use std::collections::{BTreeMap, BTreeSet};

use kq_proto::kafka::ErrorCode;

use self::classic_shares::ClassicShares;
use self::consumer_shares::ConsumerShares;
use self::offsets::Offsets;
pub(crate) use self::offsets::{Ticket, Told};
use self::progress::Progress;
pub(crate) use self::settled::{Belief, Described};
use super::history::{History, Mark, Slot};

/// A place in the order of all that clients saw.
pub(crate) type Moment = u64;

/// When something was asked, and when the answer was there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) asked: Moment,
    pub(crate) told: Moment,
}

/// A process as its group knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) group: &'static str,
    pub(crate) member: String,
    pub(crate) instance: Option<String>,
    /// In a consumer group, the member's epoch.
    pub(crate) generation: i32,
}

/// What one group was told and did.
#[derive(Debug, Default)]
struct Pages {
    offsets: Offsets,
    classic: ClassicShares,
    consumer: ConsumerShares,
    progress: Progress,
    /// The newest generation that anybody was told.
    newest: i32,
    /// What each member believes, by its number.
    beliefs: BTreeMap<u32, Belief>,
    described: Described,
}

/// All groups.
#[derive(Debug, Default)]
pub(crate) struct Book {
    moment: Moment,
    groups: BTreeMap<&'static str, Pages>,
    /// The epochs of coordinators that have told their group's offsets.
    read_back: BTreeSet<(&'static str, u32)>,
}

impl Book {
    /// The present moment; the next one is later.
    pub(crate) fn moment(&mut self) -> Moment {
        self.moment += 1;
        self.moment
    }

    fn pages(&mut self, group: &'static str) -> &mut Pages {
        self.groups.entry(group).or_default()
    }

    /// A member of a classic group is told its share.
    pub(crate) fn synced(&mut self, who: &Identity, share: &[Slot], history: &mut History) {
        let told = self.moment();
        let pages = self.pages(who.group);
        pages.note_generation(who.generation, history);
        history.count("joins", 1);
        if let Err(why) = pages.classic.tell(who, share, told) {
            history.broke("G2", format_args!("{}: {why}", who.group));
        }
        pages.offsets.close_before(who.generation, told);
    }

    /// A member of a consumer group is answered that it is at its epoch: `kept` it had before, and
    /// `granted` is new.
    pub(crate) fn beaten(
        &mut self,
        who: &Identity,
        (kept, granted): (&BTreeSet<Slot>, &BTreeSet<Slot>),
        asked: Moment,
        history: &mut History,
    ) {
        let span = Span { asked, told: self.moment() };
        let pages = self.pages(who.group);
        pages.note_generation(who.generation, history);
        if let Err(why) = pages.consumer.tell(who, kept, granted, span) {
            history.broke("G2", format_args!("{}: {why}", who.group));
        }
        pages.offsets.close_of_member(who, granted, span.told);
    }

    /// A member is about to commit.
    pub(crate) fn begin_commit(&mut self, who: &Identity, to: &BTreeMap<Slot, i64>) -> Ticket {
        let ticket = self.moment();
        self.pages(who.group).offsets.begin(ticket, who, to);
        ticket
    }

    /// A commit is sent, once more maybe.
    pub(crate) fn send_commit(&mut self, group: &'static str, ticket: Ticket) -> Moment {
        let now = self.moment();
        self.pages(group).offsets.send(ticket, now);
        now
    }

    /// A commit that was sent at `asked` is answered; without a code, nothing is known of it.
    pub(crate) fn end_commit(
        &mut self,
        (who, ticket): (&Identity, Ticket),
        asked: Moment,
        code: Option<ErrorCode>,
        history: &mut History,
    ) {
        let told = self.moment();
        let pages = self.pages(who.group);
        let slots = pages.offsets.end(ticket, told, code);
        history.note(format_args!("{} commit {ticket} of {}: {code:?}", who.group, who.member));
        let is_stale = matches!(
            code,
            Some(
                ErrorCode::IllegalGeneration
                    | ErrorCode::UnknownMemberId
                    | ErrorCode::FencedInstanceId
                    | ErrorCode::StaleMemberEpoch
                    | ErrorCode::FencedMemberEpoch
            )
        );
        history.count("zombies", u64::from(is_stale));
        if code != Some(ErrorCode::None) {
            return;
        }
        history.count("commits", 1);
        let classic = pages.classic.verify_commit(who, asked);
        let judged = classic.and_then(|()| pages.consumer.verify_commit(who, &slots, asked));
        if let Err(why) = judged {
            history.broke("G2", format_args!("{}: commit {ticket}: {why}", who.group));
        }
    }

    /// An `OffsetFetch` that was asked at `asked` has told something. Who answers may have been
    /// replaced without knowing it yet: then it may tell what is old, but nothing that never was.
    pub(crate) fn fetched(
        &mut self,
        (group, slot): (&'static str, Slot),
        (asked, is_current): (Moment, bool),
        told: Option<Told>,
        history: &mut History,
    ) {
        let judged = self.pages(group).offsets.judge(slot, asked, told);
        match judged {
            Err((rule, why)) if is_current || rule == "G2" => {
                history.broke(rule, format_args!("{group}: {slot}: {why}"));
            }
            Err((_, why)) => history.note(format_args!("{group}: {slot}, long replaced: {why}")),
            Ok(()) => {}
        }
    }

    /// Whether the coordinator of an epoch tells its group's offsets for the first time.
    pub(crate) fn is_read_back_first(&mut self, group: &'static str, epoch: u32) -> bool {
        self.read_back.insert((group, epoch))
    }

    /// An owner begins to read.
    pub(crate) fn begins(&mut self, group: &'static str, slot: Slot, at: i64, it: &mut History) {
        if let Err(why) = self.pages(group).progress.begin(slot, at) {
            it.broke("G4", format_args!("{group}: {slot}: {why}"));
        }
    }

    /// A member has read records from an offset on.
    pub(crate) fn reads(
        &mut self,
        group: &'static str,
        (slot, from): (Slot, i64),
        marks: &[(i64, Mark)],
    ) {
        let offsets = marks.iter().map(|(offset, _)| *offset);
        self.pages(group).progress.read(slot, from, offsets);
    }

    /// What groups have still to read or to commit of partitions that were read to their ends.
    pub(crate) fn unread(&self, ends: &BTreeMap<Slot, i64>) -> Option<String> {
        self.groups.iter().find_map(|(group, pages)| {
            let behind = pages.behind(ends)?;
            Some(format!("group {group} {behind}"))
        })
    }

    /// In the end each group has read every record.
    pub(crate) fn judge(&self, slot: Slot, log: &[(i64, Mark)], history: &mut History) {
        for (group, pages) in &self.groups {
            let offsets = log.iter().map(|(offset, _)| *offset);
            if let Some(offset) = pages.progress.missing(slot, offsets) {
                history.broke("G4", format_args!("{group} never read {slot}@{offset}"));
            }
        }
    }
}

impl Pages {
    fn note_generation(&mut self, generation: i32, history: &mut History) {
        if self.newest < generation {
            self.newest = generation;
            history.count("rebalances", 1);
        }
    }

    fn behind(&self, ends: &BTreeMap<Slot, i64>) -> Option<String> {
        ends.iter().find_map(|(slot, end)| {
            let at = self.offsets.told_last(*slot).unwrap_or(0);
            (at < *end).then(|| format!("is at {at} of {slot}, which ends at {end}"))
        })
    }
}
