//! Commits: which are accepted, when they count, and when they expire.

use super::written::{Committing, Continuation};
use super::{Results, Shard, record};
use crate::group::kind::Kind;
use crate::group::lag::Origin;
use crate::group::offsets::Committed;
use crate::group::record::Key;
use crate::group::{
    CommitOffsets, CommittedOffset, GroupError, GroupId, Now, OffsetToCommit, Output, Reply,
    TopicPartition, WrittenRecord,
};

impl Shard {
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

    pub(super) fn on_commit(&mut self, commit: CommitOffsets, now: Now, out: &mut Vec<Output>) {
        let caller = &commit.caller;
        if self.see_off(&caller.group, &caller.member, now, out) {
            let refused = Reply::OffsetsRefused(GroupError::UnknownMember);
            return self.answer_behind(&caller.group, commit.reply, refused, out);
        }
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
        let group = commit.caller.group;
        if accepted.is_empty() {
            out.push(Output::Reply(commit.reply, Reply::Offsets(results)));
            self.drop_if_deserted(&group);
            return;
        }
        let committing = |it: OffsetToCommit| {
            let offset = CommittedOffset::new(&it, now.wall_ms, commit.retention);
            (it.partition, offset)
        };
        let offsets: Committing = accepted.into_iter().map(committing).collect();
        let records =
            offsets.iter().map(|(it, offset)| offset_record(&group, it, offset)).collect();
        self.entry(&group, now).offsets.begin_writes(offsets.iter().map(|(it, _)| it));
        let then = Continuation::Commit { offsets, results, reply: commit.reply, at: now };
        self.write(&group, records, then, out);
    }

    fn check_commit(
        &mut self,
        commit: &CommitOffsets,
        now: Now,
        out: &mut Vec<Output>,
    ) -> Result<(), GroupError> {
        let caller = &commit.caller;
        let is_outsider = caller.generation < 0;
        if !is_outsider && !self.groups.contains_key(&caller.group) {
            return Err(GroupError::IllegalGeneration { given: caller.generation });
        }
        self.check_exists(&caller.group, is_outsider, now)?;
        if let Some(Kind::Consumer(group)) = self.groups.get(&caller.group).map(|it| &it.kind) {
            return group.check_commit(caller);
        }
        self.postponing(&caller.group, now, out, |group, step| {
            Some(group.check_commit(caller, step))
        })
        .unwrap_or(Err(GroupError::UnknownMember))
    }

    /// Offsets count from the moment at which their record is committed.
    pub(super) fn apply_commit(&mut self, group: &GroupId, offsets: Committing, at: Now) {
        let (round, mut room) = (self.config.lag_round, self.watches_left);
        let entry = self.entry(group, at);
        let origin_known = entry.lag.origin();
        for (partition, offset) in offsets {
            let watched = Committed { now: at, round, origin_known, room: &mut room };
            entry.offsets.commit(partition, offset, watched);
        }
        self.watches_left = room;
    }

    /// An operator has set these offsets: what was watched before tells nothing any more.
    pub(super) fn apply_set(&mut self, group: &GroupId, offsets: Committing, at: Now) {
        let (round, mut room) = (self.config.lag_round, self.watches_left);
        let entry = self.entry(group, at);
        for (partition, offset) in offsets {
            let origin_known = Origin::Reset;
            let watched = Committed { now: at, round, origin_known, room: &mut room };
            entry.offsets.set(partition.clone(), offset.clone());
            entry.offsets.commit(partition, offset, watched);
        }
        self.watches_left = room;
    }
}

pub(super) fn offset_record(
    group: &GroupId,
    partition: &TopicPartition,
    offset: &CommittedOffset,
) -> WrittenRecord {
    let key = record::encode_key(&Key::Offset(group.clone(), partition.clone()));
    WrittenRecord { key, value: Some(record::encode_offset(offset)) }
}
