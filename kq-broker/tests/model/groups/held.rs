//! What is said to a group behind a fence: the cause of what is written when the fence is lifted.

use std::collections::{BTreeMap, VecDeque};

use kq_broker::group::record::{Key, decode_offset};
use kq_broker::group::{CommitOffsets, GroupId, Input, Shard, TopicPartition, WrittenRecord};

use super::checks::Cause;
use super::log::Batch;

/// Each fenced group with what was said to it, in that order.
#[derive(Debug, Default)]
pub(crate) struct Held(BTreeMap<GroupId, VecDeque<Input>>);

impl Held {
    /// Somebody speaks, perhaps to a fenced group.
    pub(crate) fn note(&mut self, shard: &Shard, input: &Input) {
        if let Some(id) = input.group().filter(|id| shard.is_fenced(id)) {
            self.0.entry(id.clone()).or_default().push_back(input.clone());
        }
    }

    /// Which of the things that were held has these offsets written, if any has. All before it was
    /// heard by then.
    pub(crate) fn cause_of(&mut self, batch: &Batch) -> Option<Cause> {
        let offsets: Vec<_> = batch.keyed().filter_map(offset).collect();
        let (id, ..) = offsets.first()?;
        let held = self.0.get_mut(*id)?;
        let has_written = |input: &Input| {
            if let Input::Commit(commit) = input {
                return offsets.iter().all(|it| carries(commit, it));
            }
            let is_deletion = matches!(Cause::of(input), Cause::Delete);
            is_deletion && offsets.iter().all(|(.., record)| record.value.is_none())
        };
        let at = held.iter().position(has_written)?;
        held.drain(..=at).next_back().map(|it| Cause::of(&it))
    }

    /// Behind a fence that is gone nothing is held.
    pub(crate) fn forget_heard(&mut self, shard: &Shard) {
        self.0.retain(|id, _| shard.is_fenced(id));
    }
}

type Written<'a> = (&'a GroupId, &'a TopicPartition, &'a WrittenRecord);

fn offset<'a>((key, record): (&'a Key, &'a WrittenRecord)) -> Option<Written<'a>> {
    match key {
        Key::Offset(id, partition) => Some((id, partition, record)),
        Key::Group(_) | Key::Consumer(..) | Key::Undo(..) => None,
    }
}

/// Whether this offset is in a commit. Notes tell commits apart.
fn carries(commit: &CommitOffsets, (_, partition, record): &Written<'_>) -> bool {
    let Some(value) = &record.value else { return false };
    let written = decode_offset(value).unwrap();
    let is_it = |metadata: &str, offset| metadata == &*written.metadata && offset == written.offset;
    let mut given = commit.offsets.iter().filter(|it| it.partition == **partition);
    given.any(|it| is_it(&it.metadata, it.offset))
}
