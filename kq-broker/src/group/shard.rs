//! The groups whose ids hash to one partition of `__consumer_offsets`.

mod load;
mod survey;

use std::collections::BTreeMap;
use std::time::Duration;

use super::classic::{Group, Step, Store};
use super::offsets::Offsets;
use super::record::{self, Key};
use super::{
    CommitOffsets, CommittedOffset, DeleteOffsets, GroupConfig, GroupError, GroupId, GroupState,
    Input, LeaveGroup, MemberDescription, Now, OffsetToCommit, Output, Reply, ReplyTo,
    TopicPartition, WriteId, WrittenRecord,
};

/// A group with its offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    group: Group,
    offsets: Offsets,
}

/// What waits for a write.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Continuation {
    Assignment {
        group: GroupId,
        generation: i32,
    },
    Commit {
        group: GroupId,
        offsets: Vec<OffsetToCommit>,
        results: Results,
        reply: ReplyTo,
        at: Now,
    },
    Forget {
        group: GroupId,
        partitions: Vec<TopicPartition>,
        answer: Answer,
    },
    Nothing,
}

/// How a deletion is answered once it is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Group(ReplyTo),
    Offsets(ReplyTo, Results),
    Nobody,
}

type Results = Vec<(TopicPartition, Result<(), GroupError>)>;

/// A row of `ListGroups`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupListing {
    /// The group.
    pub group: GroupId,
    /// `consumer`, `connect`, ... or empty where the group never had members.
    pub protocol_type: String,
    /// Where it stands.
    pub state: GroupState,
}

/// A group as admin clients see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDescription {
    /// Its row.
    pub listing: GroupListing,
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
    pending: BTreeMap<WriteId, Continuation>,
    next_write: u64,
}

impl Shard {
    /// A shard without groups.
    pub fn new(config: GroupConfig) -> Self {
        Self { config, groups: BTreeMap::new(), pending: BTreeMap::new(), next_write: 0 }
    }

    /// Applies one event; appends what the shell must do.
    pub fn step(&mut self, now: Now, input: Input, out: &mut Vec<Output>) {
        match input {
            Input::Join(join) => {
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
            Input::Sync(sync) => {
                let group = sync.caller.group.clone();
                if let Err(error) = self.check_exists(&group, false, now) {
                    out.push(Output::Reply(sync.reply, Reply::Synced(Err(error))));
                    return;
                }
                self.with_group(&group, now, out, |it, step| it.on_sync(sync, step));
            }
            Input::Heartbeat(beat) => {
                let group = beat.caller.group.clone();
                if let Err(error) = self.check_exists(&group, false, now) {
                    out.push(Output::Reply(beat.reply, Reply::Heartbeat(Err(error))));
                    return;
                }
                self.with_group(&group, now, out, |it, step| it.on_heartbeat(&beat, step));
            }
            Input::Leave(leave) => self.on_leave(leave, now, out),
            Input::Commit(commit) => self.on_commit(commit, now, out),
            Input::DeleteOffsets(delete) => self.on_delete_offsets(delete, out),
            Input::DeleteGroup { group, reply } => self.on_delete_group(&group, reply, out),
            Input::Written { write, result } => self.on_written(write, result, now, out),
            Input::Tick => self.on_tick(now, out),
        }
    }

    /// The next moment at which a tick would change something. Offsets expire on any tick, so the
    /// shell also ticks at its own slow pace.
    pub fn deadline(&self) -> Option<Duration> {
        self.groups.values().filter_map(|it| it.group.deadline()).min()
    }

    /// Every group of the shard.
    pub fn list(&self) -> impl Iterator<Item = GroupListing> {
        self.groups.values().map(|it| listing(&it.group_id(), &it.group))
    }

    /// One group, if it is known.
    pub fn describe(&self, group: &GroupId) -> Option<GroupDescription> {
        let entry = self.groups.get(group)?;
        let protocol = entry.group.protocol().map(ToString::to_string).unwrap_or_default();
        let members = entry.group.describe_members();
        Some(GroupDescription { listing: listing(group, &entry.group), protocol, members })
    }

    /// A committed offset.
    pub fn offset(&self, group: &GroupId, of: &TopicPartition) -> Option<&CommittedOffset> {
        self.groups.get(group)?.offsets.get(of)
    }

    /// Every committed offset of a group.
    pub fn offsets(
        &self,
        group: &GroupId,
    ) -> impl Iterator<Item = (&TopicPartition, &CommittedOffset)> {
        self.groups.get(group).into_iter().flat_map(|it| it.offsets.iter())
    }

    fn check_exists(&mut self, id: &GroupId, may_create: bool, now: Now) -> Result<(), GroupError> {
        if id.as_str().is_empty() {
            return Err(GroupError::InvalidGroupId);
        }
        if self.groups.contains_key(id) {
            return Ok(());
        }
        if !may_create {
            return Err(GroupError::UnknownMember);
        }
        self.groups.insert(id.clone(), Entry::new(Group::new(id.clone(), now)));
        Ok(())
    }

    /// Runs one step of a group, and asks for its record to be written where it must be.
    fn with_group<T: Default>(
        &mut self,
        id: &GroupId,
        now: Now,
        out: &mut Vec<Output>,
        act: impl FnOnce(&mut Group, &mut Step<'_>) -> T,
    ) -> T {
        let Some(entry) = self.groups.get_mut(id) else { return T::default() };
        let mut step = Step { now, config: &self.config, out, store: None };
        let result = act(&mut entry.group, &mut step);
        let Some(store) = step.store else { return result };
        let key = record::encode_key(&Key::Group(id.clone()));
        let value = record::encode_group(&entry.group.to_record());
        let generation = entry.group.generation();
        let continuation = match store {
            Store::Assignment => Continuation::Assignment { group: id.clone(), generation },
            Store::Emptied => Continuation::Nothing,
        };
        self.write(vec![WrittenRecord { key, value: Some(value) }], continuation, out);
        result
    }

    fn write(
        &mut self,
        records: Vec<WrittenRecord>,
        continuation: Continuation,
        out: &mut Vec<Output>,
    ) {
        let write = WriteId(self.next_write);
        self.next_write += 1;
        self.pending.insert(write, continuation);
        out.push(Output::Write { write, records });
    }

    /// A group that nobody joined in the end, and that has no offsets, leaves no trace.
    fn drop_if_deserted(&mut self, id: &GroupId) {
        let never_was = self.groups.get(id).is_some_and(|it| {
            it.group.generation() == 0
                && it.group.state() == GroupState::Empty
                && it.group.is_deserted()
                && it.offsets.is_empty()
        });
        if never_was {
            self.groups.remove(id);
        }
    }

    fn on_leave(&mut self, leave: LeaveGroup, now: Now, out: &mut Vec<Output>) {
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

    fn on_commit(&mut self, commit: CommitOffsets, now: Now, out: &mut Vec<Output>) {
        if let Err(error) = self.check_commit(&commit, now, out) {
            out.push(Output::Reply(commit.reply, Reply::OffsetsRefused(error)));
            return;
        }
        let max = self.config.offset_metadata_bytes_max;
        let check = |offset: &OffsetToCommit| {
            let given = offset.metadata.len();
            if max < given { Err(GroupError::MetadataTooLarge { given, max }) } else { Ok(()) }
        };
        let results: Results =
            commit.offsets.iter().map(|it| (it.partition.clone(), check(it))).collect();
        let accepted: Vec<_> = commit.offsets.into_iter().filter(|it| check(it).is_ok()).collect();
        if accepted.is_empty() {
            out.push(Output::Reply(commit.reply, Reply::Offsets(results)));
            return;
        }
        let group = commit.caller.group;
        let records = accepted.iter().map(|it| offset_record(&group, it, now)).collect();
        let reply = commit.reply;
        let continuation =
            Continuation::Commit { group, offsets: accepted, results, reply, at: now };
        self.write(records, continuation, out);
    }

    fn check_commit(
        &mut self,
        commit: &CommitOffsets,
        now: Now,
        out: &mut Vec<Output>,
    ) -> Result<(), GroupError> {
        let caller = &commit.caller;
        let outsider = caller.generation < 0 && caller.member.as_str().is_empty();
        if !outsider && !self.groups.contains_key(&caller.group) {
            return Err(GroupError::IllegalGeneration { given: caller.generation });
        }
        self.check_exists(&caller.group, outsider, now)?;
        self.with_group(&caller.group, now, out, |group, step| {
            Some(group.check_commit(caller, step))
        })
        .unwrap_or(Err(GroupError::UnknownMember))
    }

    fn on_delete_offsets(&mut self, delete: DeleteOffsets, out: &mut Vec<Output>) {
        let Some(entry) = self.groups.get(&delete.group) else {
            let refused = Reply::OffsetsRefused(GroupError::GroupNotFound);
            out.push(Output::Reply(delete.reply, refused));
            return;
        };
        let check = |it: &TopicPartition| {
            if entry.group.is_subscribed_to(&it.topic) {
                Err(GroupError::SubscribedToTopic)
            } else {
                Ok(())
            }
        };
        let results: Results = delete.partitions.iter().map(|it| (it.clone(), check(it))).collect();
        let accepted: Vec<_> = results.iter().filter(|(_, it)| it.is_ok()).collect();
        let partitions: Vec<_> = accepted.into_iter().map(|(it, _)| it.clone()).collect();
        self.forget(&delete.group, partitions, Answer::Offsets(delete.reply, results), out);
    }

    fn on_delete_group(&mut self, id: &GroupId, reply: ReplyTo, out: &mut Vec<Output>) {
        let refusal = match self.groups.get(id) {
            None => Some(GroupError::GroupNotFound),
            Some(entry) if entry.group.state() != GroupState::Empty => {
                Some(GroupError::NonEmptyGroup)
            }
            Some(_) => None,
        };
        if let Some(error) = refusal {
            out.push(Output::Reply(reply, Reply::GroupDeleted(Err(error))));
            return;
        }
        let partitions = self.offsets(id).map(|(partition, _)| partition.clone()).collect();
        self.forget(id, partitions, Answer::Group(reply), out);
    }

    /// Writes the tombstones of these offsets, and the group's own where the whole group goes.
    fn forget(
        &mut self,
        id: &GroupId,
        partitions: Vec<TopicPartition>,
        answer: Answer,
        out: &mut Vec<Output>,
    ) {
        let key_of = |it: &TopicPartition| Key::Offset(id.clone(), it.clone());
        let mut keys: Vec<Key> = partitions.iter().map(key_of).collect();
        if matches!(answer, Answer::Group(_)) {
            keys.push(Key::Group(id.clone()));
        }
        let tombstone = |key: &Key| WrittenRecord { key: record::encode_key(key), value: None };
        let records: Vec<_> = keys.iter().map(tombstone).collect();
        if records.is_empty() {
            answer_deletion(answer, &Ok(()), out);
            return;
        }
        let continuation = Continuation::Forget { group: id.clone(), partitions, answer };
        self.write(records, continuation, out);
    }

    fn on_written(
        &mut self,
        write: WriteId,
        result: Result<(), GroupError>,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let Some(continuation) = self.pending.remove(&write) else { return };
        match continuation {
            Continuation::Nothing => {}
            Continuation::Assignment { group, generation } => {
                self.with_group(&group, now, out, |it, step| {
                    it.on_assignment_written(generation, result, step);
                });
            }
            Continuation::Commit { group, offsets, results, reply, at } => {
                if result.is_ok() {
                    self.apply_commit(&group, &offsets, at);
                }
                let results = results
                    .into_iter()
                    .map(|(partition, own)| (partition, own.and(result.clone())));
                out.push(Output::Reply(reply, Reply::Offsets(results.collect())));
            }
            Continuation::Forget { group, partitions, answer } => {
                if result.is_ok() {
                    self.apply_forget(&group, &partitions, matches!(answer, Answer::Group(_)));
                }
                answer_deletion(answer, &result, out);
            }
        }
    }

    fn apply_commit(&mut self, group: &GroupId, offsets: &[OffsetToCommit], at: Now) {
        let entry = self.groups.entry(group.clone());
        let entry = entry.or_insert_with(|| Entry::new(Group::new(group.clone(), at)));
        for offset in offsets {
            entry.offsets.set(offset.partition.clone(), CommittedOffset::new(offset, at.wall_ms));
        }
    }

    fn apply_forget(&mut self, group: &GroupId, partitions: &[TopicPartition], whole: bool) {
        let Some(entry) = self.groups.get_mut(group) else { return };
        for partition in partitions {
            entry.offsets.remove(partition);
        }
        // Someone may have joined while the tombstones were being written.
        if whole && entry.group.is_deserted() {
            self.groups.remove(group);
        }
    }

    fn on_tick(&mut self, now: Now, out: &mut Vec<Output>) {
        let ids: Vec<GroupId> = self.groups.keys().cloned().collect();
        for id in ids {
            self.with_group(&id, now, out, Group::on_tick);
            self.expire_offsets(&id, now, out);
            self.drop_if_deserted(&id);
        }
    }

    fn expire_offsets(&mut self, id: &GroupId, now: Now, out: &mut Vec<Output>) {
        let Some(entry) = self.groups.get(id) else { return };
        if entry.group.state() != GroupState::Empty {
            return;
        }
        let had_members = entry.group.protocol_type().is_some();
        let since = had_members.then(|| entry.group.state_since_ms());
        let expired = entry.offsets.expired(since, self.config.offsets_retention, now.wall_ms);
        if !expired.is_empty() {
            self.forget(id, expired, Answer::Nobody, out);
        }
    }
}

impl Entry {
    fn new(group: Group) -> Self {
        Self { group, offsets: Offsets::default() }
    }

    fn group_id(&self) -> GroupId {
        self.group.id().clone()
    }
}

fn listing(id: &GroupId, group: &Group) -> GroupListing {
    let protocol_type = group.protocol_type().map(ToString::to_string).unwrap_or_default();
    GroupListing { group: id.clone(), protocol_type, state: group.state() }
}

fn offset_record(group: &GroupId, offset: &OffsetToCommit, now: Now) -> WrittenRecord {
    let key = record::encode_key(&Key::Offset(group.clone(), offset.partition.clone()));
    let value = record::encode_offset(&CommittedOffset::new(offset, now.wall_ms));
    WrittenRecord { key, value: Some(value) }
}

fn answer_deletion(answer: Answer, result: &Result<(), GroupError>, out: &mut Vec<Output>) {
    match answer {
        Answer::Nobody => {}
        Answer::Group(reply) => {
            out.push(Output::Reply(reply, Reply::GroupDeleted(result.clone())));
        }
        Answer::Offsets(reply, results) => {
            let results = results.into_iter().map(|(it, own)| (it, own.and(result.clone())));
            out.push(Output::Reply(reply, Reply::Offsets(results.collect())));
        }
    }
}
