//! Deletion of offsets, of which the group stays. Those that go with their group stand in
//! `drop_group`.

use std::collections::BTreeSet;

use super::written::Continuation;
use super::{Results, Shard, offset_tombstones};
use crate::group::subscription::Subscribed;
use crate::group::{DeleteOffsets, GroupError, GroupId, Output, Reply, ReplyTo, TopicPartition};

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
        self.forget(&delete.group, accepted, Some((delete.reply, results)), out);
    }

    /// Writes tombstones that nobody asked for.
    pub(super) fn bury(
        &mut self,
        id: &GroupId,
        partitions: BTreeSet<TopicPartition>,
        out: &mut Vec<Output>,
    ) {
        self.forget(id, partitions, None, out);
    }

    /// Writes the tombstones of these offsets.
    fn forget(
        &mut self,
        id: &GroupId,
        partitions: BTreeSet<TopicPartition>,
        asked: Option<(ReplyTo, Results)>,
        out: &mut Vec<Output>,
    ) {
        if let Some(entry) = self.groups.get_mut(id) {
            entry.offsets.begin_writes(&partitions);
        }
        let records = offset_tombstones(id, &partitions);
        self.write(id, records, Continuation::Forget { partitions, asked }, out);
    }
}
