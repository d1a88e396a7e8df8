//! Commits: which are accepted, when they count, and when they expire.

use super::written::Continuation;
use super::{Results, Shard, record};
use crate::canary;
use crate::group::kind::Kind;
use crate::group::record::Key;
use crate::group::{
    CommitOffsets, CommittedOffset, GroupError, GroupId, GroupState, Now, OffsetToCommit, Output,
    Reply, TopicPartition, WrittenRecord,
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
        let records = accepted.iter().map(|it| offset_record(&group, it, now)).collect();
        let offsets = &mut self.entry(&group, now).offsets;
        offsets.begin_writes(accepted.iter().map(|it| &it.partition));
        let reply = commit.reply;
        let then = Continuation::Commit { offsets: accepted, results, reply, at: now };
        self.write(&group, records, then, out);
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

    /// Offsets count from the moment at which their record is committed.
    pub(super) fn apply_commit(&mut self, group: &GroupId, offsets: &[OffsetToCommit], at: Now) {
        let entry = self.entry(group, at);
        for offset in offsets {
            entry.offsets.set(offset.partition.clone(), CommittedOffset::new(offset, at.wall_ms));
        }
    }

    pub(super) fn expire_offsets(&mut self, id: &GroupId, now: Now, out: &mut Vec<Output>) {
        let Some(entry) = self.groups.get(id) else { return };
        let is_written = entry.last_write.is_some() && !canary::is("expiry_sees_no_flight");
        if is_written || entry.kind.state() != GroupState::Empty {
            return;
        }
        let Kind::Classic(group) = &entry.kind;
        let since = group.protocol_type().map(|_| group.state_since_ms());
        let expired = entry.offsets.expired(since, self.config.offsets_retention, now.wall_ms);
        if !expired.is_empty() {
            self.bury(id, expired, out);
        }
    }
}

fn offset_record(group: &GroupId, offset: &OffsetToCommit, now: Now) -> WrittenRecord {
    let key = record::encode_key(&Key::Offset(group.clone(), offset.partition.clone()));
    let value = record::encode_offset(&CommittedOffset::new(offset, now.wall_ms));
    WrittenRecord { key, value: Some(value) }
}
