//! What becomes of a write, and of those who wait for it.
//!
//! ```text
//!   write --> Appended --> Committed       it counts, and is answered with yes
//!        \            \--> Thin            it counts, and is answered with no: too few hold it
//!         \            \-> Unknown         nobody can tell: the shard is loaded anew
//!          '-> Refused                     it never was
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::consumer::{committed, taken_back};
use super::drop_group::DropFlight;
use super::reset::ResetFlight;
use super::{Results, Shard, group_record};
use crate::canary;
use crate::group::classic::{Group, Replaced};
use crate::group::consumer::ConsumerGroup;
use crate::group::kind::Kind;
use crate::group::record::GroupRecord;
use crate::group::{
    CommittedOffset, GroupError, GroupId, GroupState, JoinGroup, Now, Outcome, Output, Reply,
    ReplyTo, TopicPartition, WriteId,
};

/// How long a group's own record waits for its next attempt after it was refused.
const RECORD_RETRY: Duration = Duration::from_secs(1);

/// A write whose end is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Flight {
    pub(super) group: GroupId,
    pub(super) then: Continuation,
    /// Whether it is known to be in the log.
    pub(super) is_appended: bool,
    /// Answers that nobody gets before it is committed.
    pub(super) behind: Vec<(ReplyTo, Reply)>,
}

/// Offsets that a write carries.
pub(super) type Committing = Vec<(TopicPartition, CommittedOffset)>;

/// What waits for a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Continuation {
    /// Members wait for their shares.
    Assignment { generation: i32 },
    /// A new process of a static member waits to take its place.
    Replaced(Box<Replaced>),
    /// The group has lost its last member.
    Emptied,
    /// A consumer group is to be this one; none once it is.
    Consumer { next: Option<Box<ConsumerGroup>> },
    /// A consumer group is to be this classic one; none once it is.
    Downgraded { next: Option<Box<GroupRecord>> },
    /// A consumer group without members makes room for a classic one; none once it has.
    MadeRoom { join: Option<Box<JoinGroup>> },
    /// Offsets wait to count.
    Commit { offsets: Committing, results: Results, reply: ReplyTo, at: Now },
    /// Offsets wait to go; perhaps somebody asked for it.
    Forget { partitions: BTreeSet<TopicPartition>, asked: Option<(ReplyTo, Results)> },
    /// An operator's change of offsets waits to count.
    Reset(Box<ResetFlight>),
    /// A change that is too old to be taken back waits to go.
    BuryUndo { plan: Arc<str> },
    /// A group waits to be gone.
    Dropped(Box<DropFlight>),
}

impl Shard {
    pub(super) fn on_written(
        &mut self,
        write: WriteId,
        outcome: Outcome,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let thin = Err(GroupError::NotAvailable);
        let group = self.pending.get(&write).map(|it| it.group.clone());
        match outcome {
            Outcome::Appended => self.on_appended(write, now, out),
            Outcome::Refused(error) => self.on_refused(write, &error, now, out),
            Outcome::Committed => self.on_committed(write, &Ok(()), now, out),
            Outcome::Thin if canary::is("thin_taken_for_refused") => {
                self.on_refused(write, &GroupError::NotAvailable, now, out);
            }
            Outcome::Thin => self.on_committed(write, &thin, now, out),
            Outcome::Unknown if canary::is("unknown_taken_for_refused") => {
                self.on_refused(write, &GroupError::NotAvailable, now, out);
            }
            Outcome::Unknown => return out.push(Output::Reload),
        }
        if let Some(group) = group {
            self.hear_held(&group, now, out);
        }
    }

    /// The write is in the log. A consumer group is what its log says, at once; whoever learns of it
    /// waits until that is committed.
    fn on_appended(&mut self, write: WriteId, now: Now, out: &mut Vec<Output>) {
        let Some(flight) = self.pending.get_mut(&write) else { return };
        if std::mem::replace(&mut flight.is_appended, true) {
            return;
        }
        let group = flight.group.clone();
        match &mut flight.then {
            Continuation::Consumer { next } => {
                if let Some(next) = next.take() {
                    let deadline = next.deadline();
                    self.entry(&group, now).kind = Kind::Consumer(next);
                    self.deadlines.arm(&group, deadline);
                }
            }
            Continuation::Downgraded { next } => {
                if let Some(next) = next.take() {
                    let classic = Group::restore(group.clone(), *next, now);
                    self.entry(&group, now).kind = Kind::Classic(Box::new(classic));
                    self.with_group(&group, now, out, Group::call_everybody);
                }
            }
            Continuation::MadeRoom { join } => {
                if let Some(join) = join.take() {
                    self.entry(&group, now).kind = Kind::fresh(group.clone(), now);
                    self.on_join(*join, now, out);
                }
            }
            Continuation::Reset(flight) => {
                if let Some(next) = flight.take_next() {
                    self.entry(&group, now).kind = Kind::Consumer(next);
                }
            }
            Continuation::Dropped(_) => self.begin_drop(&group, now),
            Continuation::Assignment { .. }
            | Continuation::Replaced(_)
            | Continuation::Emptied
            | Continuation::Commit { .. }
            | Continuation::Forget { .. }
            | Continuation::BuryUndo { .. } => {}
        }
    }

    /// The write is in the log for good; `answer` is what those hear who asked for it.
    fn on_committed(
        &mut self,
        write: WriteId,
        answer: &Result<(), GroupError>,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        self.on_appended(write, now, out);
        let Some(Flight { group, then, behind, .. }) = self.pending.remove(&write) else { return };
        if let Some(entry) = self.groups.get_mut(&group) {
            entry.last_write.take_if(|it| *it == write);
        }
        self.end_writes(&group, &then);
        match then {
            Continuation::Emptied
            | Continuation::Consumer { .. }
            | Continuation::Downgraded { .. }
            | Continuation::MadeRoom { .. } => {}
            Continuation::Assignment { generation } => {
                let answer = answer.clone();
                self.with_group(&group, now, out, |it, step| {
                    it.on_assignment_committed(generation, answer, step);
                });
            }
            Continuation::Replaced(it) => answer_replaced(*it, answer, out),
            Continuation::Commit { offsets, results, reply, at } => {
                self.apply_commit(&group, offsets, at);
                answer_offsets(reply, results, answer, out);
            }
            Continuation::Reset(flight) => {
                self.apply_reset(*flight, answer.is_err(), now, out);
            }
            Continuation::BuryUndo { plan } => self.undos.remove(&group, &plan),
            Continuation::Dropped(flight) => {
                self.apply_drop(*flight, answer, now, out);
            }
            Continuation::Forget { partitions, asked } => {
                self.entry(&group, now).offsets.remove_all(&partitions);
                if let Some((reply, results)) = asked {
                    answer_offsets(reply, results, answer, out);
                }
            }
        }
        let behind =
            behind.into_iter().map(|(to, reply)| Output::Reply(to, committed(reply, answer)));
        out.extend(behind);
        self.drop_if_deserted(&group);
    }

    /// The write never reached the log. This is told before anything else happens.
    fn on_refused(&mut self, write: WriteId, error: &GroupError, now: Now, out: &mut Vec<Output>) {
        let Some(flight) = self.pending.remove(&write) else { return };
        let Flight { group, then, behind, .. } = flight;
        if let Some(entry) = self.groups.get_mut(&group) {
            let mut in_flight = self.pending.iter().rev().filter(|(_, it)| it.group == group);
            entry.last_write = in_flight.next().map(|(id, _)| *id);
        }
        self.end_writes(&group, &then);
        let no = Err(error.clone());
        match then {
            Continuation::Emptied => self.owe_record(&group, now),
            Continuation::Consumer { .. } | Continuation::Downgraded { .. } => {
                self.put_off(&group, now);
            }
            Continuation::MadeRoom { join } => {
                if let Some(join) = join {
                    let refused = Reply::JoinRefused { error: error.clone(), member: join.member };
                    out.push(Output::Reply(join.reply, refused));
                }
            }
            Continuation::Assignment { generation } => {
                let error = error.clone();
                self.with_group(&group, now, out, |it, step| {
                    it.on_assignment_refused(generation, error, step);
                });
            }
            Continuation::Replaced(it) => {
                answer_replaced(Replaced::clone(&it), &no, out);
                self.with_group(&group, now, out, |group, _| group.on_replacement_refused(*it));
            }
            Continuation::Commit { results, reply, .. } => {
                answer_offsets(reply, results, &no, out);
            }
            Continuation::Reset(flight) => self.refuse_reset(&flight, error, out),
            Continuation::BuryUndo { plan } => self.undos.keep(&group, &plan),
            Continuation::Dropped(flight) => self.refuse_drop(&flight, error, now, out),
            Continuation::Forget { asked, .. } => {
                if let Some((reply, results)) = asked {
                    answer_offsets(reply, results, &no, out);
                }
            }
        }
        let behind = behind.into_iter();
        let behind = behind.map(|(to, reply)| Output::Reply(to, taken_back(reply, error)));
        out.extend(behind);
        self.drop_if_deserted(&group);
    }

    /// What a consumer group had to write could not be: its time-outs try again a little later.
    fn put_off(&mut self, group: &GroupId, now: Now) {
        let Some(entry) = self.groups.get_mut(group) else { return };
        if let Kind::Consumer(consumers) = &mut entry.kind {
            consumers.put_off(now.uptime + RECORD_RETRY);
            self.deadlines.arm(group, entry.deadline());
        }
    }

    pub(super) fn owe_record(&mut self, group: &GroupId, now: Now) {
        if let Some(entry) = self.groups.get_mut(group) {
            let at = now.uptime + RECORD_RETRY;
            entry.owes_record_at = Some(at);
            self.deadlines.arm(group, Some(at));
        }
    }

    /// Its partitions have one write less in flight.
    fn end_writes(&mut self, group: &GroupId, then: &Continuation) {
        let Some(entry) = self.groups.get_mut(group) else { return };
        match then {
            Continuation::Assignment { .. }
            | Continuation::Replaced(_)
            | Continuation::Emptied
            | Continuation::Consumer { .. }
            | Continuation::Downgraded { .. }
            | Continuation::MadeRoom { .. }
            | Continuation::BuryUndo { .. } => {}
            Continuation::Commit { offsets, .. } => {
                entry.offsets.end_writes(offsets.iter().map(|(it, _)| it));
            }
            Continuation::Forget { partitions, .. } => {
                entry.offsets.end_writes(partitions);
            }
            Continuation::Reset(flight) => entry.offsets.end_writes(flight.partitions()),
            Continuation::Dropped(flight) => entry.offsets.end_writes(flight.partitions()),
        }
    }

    /// The log still tells of members that are gone: says again that there are none.
    pub(super) fn write_owed_record(&mut self, id: &GroupId, now: Now, out: &mut Vec<Output>) {
        let Some(entry) = self.groups.get_mut(id) else { return };
        if entry.owes_record_at.take_if(|it| *it <= now.uptime).is_none() {
            return;
        }
        let Kind::Classic(group) = &entry.kind else { return };
        if group.state() == GroupState::Empty {
            let records = vec![group_record(group)];
            self.write(id, records, Continuation::Emptied, out);
        }
    }
}

fn answer_offsets(
    reply: ReplyTo,
    results: Results,
    all: &Result<(), GroupError>,
    out: &mut Vec<Output>,
) {
    let results = results.into_iter().map(|(it, own)| (it, own.and_then(|()| all.clone())));
    out.push(Output::Reply(reply, Reply::Offsets(results.collect())));
}

fn answer_replaced(replaced: Replaced, all: &Result<(), GroupError>, out: &mut Vec<Output>) {
    let reply = match all {
        Ok(()) => Reply::Joined(replaced.joined),
        Err(error) => Reply::JoinRefused { error: error.clone(), member: None },
    };
    out.push(Output::Reply(replaced.reply, reply));
}
