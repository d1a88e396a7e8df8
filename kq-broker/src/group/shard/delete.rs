//! Deletion of offsets and of whole groups. A tombstone for every offset that the log holds or may
//! come to hold: what is left out would rise again when the log is next read.

use std::collections::BTreeSet;

use super::written::{Answer, Continuation};
use super::{Results, Shard, tombstone};
use crate::group::record::Key;
use crate::group::subscription::Subscribed;
use crate::group::{
    DeleteOffsets, GroupError, GroupId, Now, Output, Reply, ReplyTo, TopicPartition,
};

impl Shard {
    pub(super) fn on_delete_offsets(&mut self, delete: DeleteOffsets, out: &mut Vec<Output>) {
        let Some(entry) = self.groups.get(&delete.group) else {
            let refused = Reply::OffsetsRefused(GroupError::GroupNotFound);
            out.push(Output::Reply(delete.reply, refused));
            return;
        };
        let subscribed = entry.kind.subscribed();
        if subscribed == Subscribed::ToAll && !entry.kind.is_of_consumers() {
            // What such members read cannot be known.
            let refused = Reply::OffsetsRefused(GroupError::NonEmptyGroup);
            out.push(Output::Reply(delete.reply, refused));
            return;
        }
        let check = |it: &TopicPartition| {
            if subscribed.names(&it.topic) { Err(GroupError::SubscribedToTopic) } else { Ok(()) }
        };
        let results: Results = delete.partitions.iter().map(|it| (it.clone(), check(it))).collect();
        let accepted = results.iter().filter(|(_, it)| it.is_ok());
        let accepted: BTreeSet<_> = accepted.map(|(it, _)| it.clone()).collect();
        if accepted.is_empty() {
            out.push(Output::Reply(delete.reply, Reply::Offsets(results)));
            return;
        }
        self.forget(&delete.group, accepted, Answer::Offsets(delete.reply, results), out);
    }

    pub(super) fn on_delete_group(&mut self, id: &GroupId, reply: ReplyTo, out: &mut Vec<Output>) {
        let written = match self.groups.get(id) {
            None => Err(GroupError::GroupNotFound),
            Some(entry) if !entry.kind.state().is_empty() => Err(GroupError::NonEmptyGroup),
            Some(entry) => Ok(entry.offsets.all_written()),
        };
        match written {
            Ok(partitions) => self.forget(id, partitions, Answer::Group(Some(reply)), out),
            Err(error) => out.push(Output::Reply(reply, Reply::GroupDeleted(Err(error)))),
        }
    }

    /// Writes tombstones that nobody asked for.
    pub(super) fn bury(
        &mut self,
        id: &GroupId,
        partitions: BTreeSet<TopicPartition>,
        out: &mut Vec<Output>,
    ) {
        self.forget(id, partitions, Answer::Nobody, out);
    }

    /// Writes the tombstones of these offsets, and the group's own where the whole group goes.
    pub(super) fn forget(
        &mut self,
        id: &GroupId,
        partitions: BTreeSet<TopicPartition>,
        answer: Answer,
        out: &mut Vec<Output>,
    ) {
        let key_of = |it: &TopicPartition| Key::Offset(id.clone(), it.clone());
        let mut records: Vec<_> = partitions.iter().map(|it| tombstone(&key_of(it))).collect();
        if let Some(entry) = self.groups.get_mut(id) {
            if matches!(answer, Answer::Group(_)) {
                records.extend(entry.kind.tombstones(id));
            }
            entry.offsets.begin_writes(&partitions);
            // Behind its tombstone it would rise again.
            entry.owes_record_at.take_if(|_| matches!(answer, Answer::Group(_)));
        }
        self.write(id, records, Continuation::Forget { partitions, answer }, out);
    }

    /// Whether a record of the group itself, or its tombstone, is on its way.
    pub(in crate::group) fn writes_group(&self, id: &GroupId) -> bool {
        self.pending.values().any(|it| it.group == *id && it.then.writes_group())
    }

    /// The tombstones are committed. Someone may have joined while they were being written, and the
    /// log may hold a record of that group behind the tombstone of this one.
    pub(super) fn apply_forget(
        &mut self,
        id: &GroupId,
        partitions: &BTreeSet<TopicPartition>,
        is_whole: bool,
        now: Now,
    ) {
        let is_gone = is_whole && !self.writes_group(id);
        let Some(entry) = self.groups.get_mut(id) else { return };
        entry.offsets.remove_all(partitions);
        if is_gone {
            entry.kind.forget_history(now);
        }
    }
}
