//! The groups whose ids hash to one partition of `__consumer_offsets`.

mod classic_side;
mod consumer;
mod delete;
mod drop_group;
mod expiry;
mod fence;
mod lag;
mod load;
mod offsets;
mod operator;
mod reset;
mod survey;
mod topics;
mod written;

pub use self::expiry::EXPIRY_CALLS;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use self::fence::Fence;
use self::lag::EntryLag;
pub use self::lag::{GroupLag, LagLook, LagQuestions, LagVisit, PartitionLag};
use self::written::{Continuation, Flight};
use super::classic::{Group, GroupState, Step, Store};
use super::deadlines::Deadlines;
use super::expiry::PatientClock;
use super::kind::{GroupType, Kind, KindState};
use super::offsets::Offsets;
use super::record::{self, Key};
use super::undo::Undos;
use super::{
    GroupConfig, GroupError, GroupId, Heartbeat, Input, JoinGroup, LeaveGroup, MemberDescription,
    Now, Output, Reply, SyncGroup, TopicPartition, WriteId, WrittenRecord,
};
use crate::canary;
use crate::metadata::MetadataImage;

/// A group with its offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    kind: Kind,
    offsets: Offsets,
    /// The newest write of this group of which it is not known yet that it is committed.
    last_write: Option<WriteId>,
    /// When the group's own record is written again, after it was refused.
    owes_record_at: Option<Duration>,
    lag: EntryLag,
}

/// One result per partition, in the order asked.
type Results = Vec<(TopicPartition, Result<(), GroupError>)>;

/// A row of `ListGroups`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupListing {
    /// The group.
    pub group: GroupId,
    /// Which protocol it speaks.
    pub group_type: GroupType,
    /// `consumer`, `connect`, ... or empty where the group never had members.
    pub protocol_type: String,
    /// Where it stands.
    pub state: KindState,
}

/// A classic group as admin clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDescription {
    /// Its row.
    pub listing: GroupListing,
    /// Where it stands.
    pub state: GroupState,
    /// The chosen assignment strategy; empty while there is none.
    pub protocol: String,
    /// Its members.
    pub members: Vec<MemberDescription>,
}

/// The coordinator of the groups of one partition of `__consumer_offsets`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard {
    config: GroupConfig,
    groups: BTreeMap<GroupId, Entry>,
    /// Writes that were asked for and are not known as committed, in the order of the log.
    pending: BTreeMap<WriteId, Flight>,
    next_write: u64,
    /// Around groups that go, or whose offsets an operator is changing.
    fences: BTreeMap<GroupId, Fence>,
    /// What operators changed lately.
    undos: Undos,
    /// The topics that there are; none before the first image was told.
    image: Option<Arc<MetadataImage>>,
    deadlines: Deadlines,
    expiry_clock: PatientClock,
    /// The last group that was searched for offsets whose time is up.
    expired_up_to: Option<GroupId>,
    /// How many more pairs of a group and a partition may be watched.
    watches_left: usize,
    /// Counts the images that consumer groups have to look at.
    image_version: u64,
}

impl Shard {
    /// A shard without groups.
    pub fn new(config: GroupConfig) -> Self {
        Self {
            config,
            groups: BTreeMap::new(),
            pending: BTreeMap::new(),
            next_write: 0,
            fences: BTreeMap::new(),
            undos: Undos::default(),
            image: None,
            deadlines: Deadlines::default(),
            expiry_clock: PatientClock::default(),
            expired_up_to: None,
            watches_left: lag::WATCHES_AT_FIRST,
            image_version: 0,
        }
    }

    /// Applies one event; appends what the shell must do.
    pub fn step(&mut self, now: Now, input: Input, out: &mut Vec<Output>) {
        if let Some(input) = self.hold(input) {
            self.hear(now, input, out);
        }
    }

    fn hear(&mut self, now: Now, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Join(join) => self.on_join(join, now, out),
            Input::Sync(sync) => self.on_sync(sync, now, out),
            Input::Heartbeat(beat) => self.on_heartbeat(&beat, now, out),
            Input::ConsumerHeartbeat(beat) => self.on_consumer_beat(&beat, now, out),
            Input::Leave(leave) => self.on_leave(leave, now, out),
            Input::Commit(commit) => self.on_commit(commit, now, out),
            Input::DeleteOffsets(delete) => self.on_delete_offsets(delete, out),
            Input::DeleteGroup { group, reply } => self.on_delete_group(&group, reply, out),
            Input::Reset(reset) => self.on_reset(reset, now, out),
            Input::Operate(operate) => self.on_operate(operate, now, out),
            Input::Settle { reply, .. } => out.push(Output::Reply(reply, Reply::Settled)),
            Input::Image(image) => self.on_image(image, out),
            Input::Written { write, outcome } => self.on_written(write, outcome, now, out),
            Input::Tick => self.on_tick(now, out),
            Input::ExpireOffsets => self.on_expire_offsets(now, out),
        }
    }

    /// The next moment at which a tick may change something.
    pub fn deadline(&self) -> Option<Duration> {
        self.deadlines.next()
    }

    /// Every group of the shard.
    pub fn list(&self) -> impl Iterator<Item = GroupListing> {
        self.groups.iter().map(|(id, it)| listing(id, &it.kind))
    }

    /// One classic group, if it is known. Consumer groups have a description of their own.
    pub fn describe(&self, group: &GroupId) -> Option<GroupDescription> {
        let kind = &self.groups.get(group)?.kind;
        let Kind::Classic(classic) = kind else { return None };
        let protocol = classic.protocol().map(ToString::to_string).unwrap_or_default();
        let (state, members) = (classic.state(), classic.describe_members());
        Some(GroupDescription { listing: listing(group, kind), state, protocol, members })
    }

    fn check_exists(&mut self, id: &GroupId, may_create: bool, now: Now) -> Result<(), GroupError> {
        if id.as_str().is_empty() {
            return Err(GroupError::InvalidGroupId);
        }
        if !may_create && !self.groups.contains_key(id) {
            return Err(GroupError::UnknownMember);
        }
        self.entry(id, now);
        Ok(())
    }

    /// What is known under a group id, made where there is nothing.
    fn entry(&mut self, id: &GroupId, now: Now) -> &mut Entry {
        self.groups.entry(id.clone()).or_insert_with(|| Entry::new(Kind::fresh(id.clone(), now)))
    }

    /// Runs one step of a classic group after which it may be due sooner.
    fn with_group<T: Default>(
        &mut self,
        id: &GroupId,
        now: Now,
        out: &mut Vec<Output>,
        act: impl FnOnce(&mut Group, &mut Step<'_>) -> T,
    ) -> T {
        let result = self.postponing(id, now, out, act);
        let deadline = self.groups.get(id).and_then(Entry::deadline);
        self.deadlines.arm(id, deadline);
        result
    }

    /// Runs one step of a classic group which puts deadlines off at most, and asks for its record to
    /// be written where it must be.
    fn postponing<T: Default>(
        &mut self,
        id: &GroupId,
        now: Now,
        out: &mut Vec<Output>,
        act: impl FnOnce(&mut Group, &mut Step<'_>) -> T,
    ) -> T {
        let Some(entry) = self.groups.get_mut(id) else { return T::default() };
        let Kind::Classic(group) = &mut entry.kind else { return T::default() };
        let mut step = Step { now, config: &self.config, out, store: None };
        let result = act(group, &mut step);
        if let Some(store) = step.store {
            let generation = group.generation();
            let records = vec![group_record(group)];
            entry.owes_record_at = None;
            let then = match store {
                Store::Assignment => Continuation::Assignment { generation },
                Store::Replaced(replaced) => {
                    if canary::is("static_answer_early") {
                        let joined = Reply::Joined(replaced.joined.clone());
                        out.push(Output::Reply(replaced.reply, joined));
                    }
                    Continuation::Replaced(replaced)
                }
                Store::Emptied => Continuation::Emptied,
            };
            self.write(id, records, then, out);
        }
        result
    }

    /// Asks for records of one group to be written.
    fn write(
        &mut self,
        group: &GroupId,
        records: Vec<WrittenRecord>,
        then: Continuation,
        out: &mut Vec<Output>,
    ) {
        let write = WriteId(self.next_write);
        self.next_write += 1;
        if let Some(entry) = self.groups.get_mut(group) {
            entry.last_write = Some(write);
        }
        let group = group.clone();
        let flight = Flight { group, then, is_appended: false, behind: Vec::new() };
        self.pending.insert(write, flight);
        out.push(Output::Write { write, records });
    }

    /// A group of which nothing was written, and nobody is about to join, leaves no trace.
    fn drop_if_deserted(&mut self, id: &GroupId) {
        let never_was =
            |it: &Entry| it.kind.is_fresh() && it.offsets.is_empty() && it.last_write.is_none();
        if self.groups.get(id).is_some_and(never_was) {
            self.groups.remove(id);
        }
    }

    fn on_join(&mut self, join: JoinGroup, now: Now, out: &mut Vec<Output>) {
        if self.is_consumer_group(&join.group) {
            return self.join_consumer_group(join, now, out);
        }
        let (group, reply) = (join.group.clone(), join.reply);
        let may_create = join.member.is_none();
        if let Err(error) = self.check_exists(&group, may_create, now) {
            let refused = Reply::JoinRefused { error, member: join.member };
            out.push(Output::Reply(reply, refused));
            return;
        }
        self.with_group(&group, now, out, |it, step| it.on_join(join, step));
        self.drop_if_deserted(&group);
    }

    fn on_sync(&mut self, sync: SyncGroup, now: Now, out: &mut Vec<Output>) {
        let group = sync.caller.group.clone();
        if self.is_consumer_group(&group) {
            return self.sync_consumer_group(&sync, now, out);
        }
        if let Err(error) = self.check_exists(&group, false, now) {
            return out.push(Output::Reply(sync.reply, Reply::Synced(Err(error))));
        }
        self.with_group(&group, now, out, |it, step| it.on_sync(sync, step));
    }

    fn on_heartbeat(&mut self, beat: &Heartbeat, now: Now, out: &mut Vec<Output>) {
        let group = beat.caller.group.clone();
        if self.is_consumer_group(&group) {
            return self.beat_consumer_group(beat, now, out);
        }
        if let Err(error) = self.check_exists(&group, false, now) {
            return out.push(Output::Reply(beat.reply, Reply::Heartbeat(Err(error))));
        }
        self.postponing(&group, now, out, |it, step| it.on_heartbeat(beat, step));
    }

    fn on_leave(&mut self, leave: LeaveGroup, now: Now, out: &mut Vec<Output>) {
        if self.is_consumer_group(&leave.group) {
            return self.leave_consumer_group(leave, now, out);
        }
        let exists = self.check_exists(&leave.group, false, now);
        let mut results = Vec::new();
        for member in leave.members {
            let result = exists.clone().and_then(|()| {
                self.with_group(&leave.group, now, out, |group, step| {
                    Some(group.on_leave(&member, step))
                })
                .unwrap_or(Err(GroupError::UnknownMember))
            });
            results.push((member, result));
        }
        out.push(Output::Reply(leave.reply, Reply::Left(results)));
        self.drop_if_deserted(&leave.group);
    }

    fn on_tick(&mut self, now: Now, out: &mut Vec<Output>) {
        for id in self.deadlines.take_due(now.uptime) {
            if self.is_fenced(&id) {
                // It is armed again when the fence is gone.
                continue;
            }
            self.tick_consumer(&id, now, out);
            self.write_owed_record(&id, now, out);
            self.with_group(&id, now, out, Group::on_tick);
            self.drop_if_deserted(&id);
        }
    }
}

impl Entry {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            offsets: Offsets::default(),
            last_write: None,
            owes_record_at: None,
            lag: EntryLag::default(),
        }
    }

    fn deadline(&self) -> Option<Duration> {
        self.kind.deadline().into_iter().chain(self.owes_record_at).min()
    }
}

fn listing(id: &GroupId, kind: &Kind) -> GroupListing {
    GroupListing {
        group: id.clone(),
        group_type: kind.group_type(),
        protocol_type: kind.protocol_type().unwrap_or_default().to_owned(),
        state: kind.state(),
    }
}

fn group_record(group: &Group) -> WrittenRecord {
    let key = record::encode_key(&Key::Group(group.id().clone()));
    WrittenRecord { key, value: Some(record::encode_group(&group.to_record())) }
}

fn tombstone(key: &Key) -> WrittenRecord {
    WrittenRecord { key: record::encode_key(key), value: None }
}

fn offset_tombstones(id: &GroupId, partitions: &BTreeSet<TopicPartition>) -> Vec<WrittenRecord> {
    let of = |it: &TopicPartition| tombstone(&Key::Offset(id.clone(), it.clone()));
    partitions.iter().map(of).collect()
}
