//! Changes of committed offsets by an operator's hand, kept so that they can be taken back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::{CommittedOffset, GroupId, Now, ResetOffsets, TopicPartition};
use crate::ids::TopicId;

/// Offsets in one change at most: what fits into one batch with what takes it back.
pub const UNDO_ROWS_MAX: usize = 4_000;
/// How many changes of one group are kept.
const KEPT_PER_GROUP: usize = 20;
/// Bytes of all that a shard keeps, as they stand in the log.
const KEPT_BYTES_MAX: usize = 16 << 20;

/// One committed offset before and after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoRow {
    /// Which partition.
    pub partition: TopicPartition,
    /// Its topic at that time.
    pub topic: TopicId,
    /// What was committed before; none = nothing.
    pub before: Option<CommittedOffset>,
    /// The offset that the change made of it; none = it was taken away.
    pub after: Option<i64>,
}

/// A change that can be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    /// Whose offsets.
    pub group: GroupId,
    /// The plan that made the change, and the name under which it is taken back.
    pub plan: Arc<str>,
    /// `reset`, `delete`, `undo` or `group-delete`.
    pub verb: Arc<str>,
    /// In the operator's words.
    pub reason: Arc<str>,
    /// Whether members were put out for it.
    pub live: bool,
    /// The generation of the group at that time.
    pub generation: i32,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// In the order in which they were asked for.
    pub rows: Vec<UndoRow>,
}

/// All that one shard keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Undos {
    kept: BTreeMap<(GroupId, Arc<str>), Kept>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Kept {
    undo: Undo,
    /// How many records it takes in the log.
    parts: i32,
    bytes: usize,
    /// Its tombstones are on their way.
    is_going: bool,
}

impl Undos {
    /// Takes one part of a change, as its record tells it.
    pub(crate) fn add(&mut self, part: i32, undo: Undo, bytes: usize) {
        let key = (undo.group.clone(), Arc::clone(&undo.plan));
        let parts = part.saturating_add(1);
        match self.kept.get_mut(&key) {
            Some(kept) if part > 0 => {
                kept.undo.rows.extend(undo.rows);
                kept.parts = kept.parts.max(parts);
                kept.bytes += bytes;
            }
            _ => drop(self.kept.insert(key, Kept { undo, parts, bytes, is_going: false })),
        }
    }

    pub(crate) fn remove(&mut self, group: &GroupId, plan: &Arc<str>) {
        self.kept.remove(&(group.clone(), Arc::clone(plan)));
    }

    pub(crate) fn contains(&self, group: &GroupId, plan: &Arc<str>) -> bool {
        self.kept.contains_key(&(group.clone(), Arc::clone(plan)))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Undo> {
        self.kept.values().map(|it| &it.undo)
    }

    /// The newest change of offsets in `reset` that whoever planned it does not know. If the change
    /// that is known is kept no more, others may have gone with it: then it is any change.
    pub(crate) fn overtaking(&self, reset: &ResetOffsets) -> Option<&Undo> {
        let own = || self.iter().filter(|it| it.group == reset.group);
        let known = own().find(|it| reset.after.as_ref() == Some(&it.plan));
        let is_newer = |it: &&Undo| known.is_none_or(|known| known.at_ms < it.at_ms);
        let touched: BTreeSet<_> = reset.rows.iter().map(|it| &it.partition).collect();
        let is_lost = known.is_none() && reset.after.is_some();
        let is_same =
            |it: &&Undo| is_lost || it.rows.iter().any(|row| touched.contains(&row.partition));
        own().filter(is_newer).filter(is_same).max_by_key(|it| it.at_ms)
    }

    /// When a change of a group is made: later than any other of it, whatever the clock shows here.
    pub(crate) fn next_at_ms(&self, group: &GroupId, now: Now) -> i64 {
        let newest = self.iter().filter(|it| it.group == *group).map(|it| it.at_ms).max();
        newest.map_or(now.wall_ms, |newest| now.wall_ms.max(newest.saturating_add(1)))
    }

    /// It could not be buried, and is tried again.
    pub(crate) fn keep(&mut self, group: &GroupId, plan: &Arc<str>) {
        if let Some(kept) = self.kept.get_mut(&(group.clone(), Arc::clone(plan))) {
            kept.is_going = false;
        }
    }

    /// What is too old or too much, each with the number of its records. It stays until it is buried:
    /// the log holds it as long.
    pub(crate) fn begin_burial(
        &mut self,
        retention: Duration,
        now: Now,
    ) -> Vec<(GroupId, Arc<str>, i32)> {
        let retention_ms = i64::try_from(retention.as_millis()).unwrap_or(i64::MAX);
        let mut newest: Vec<_> = self.kept.iter().filter(|(_, it)| !it.is_going).collect();
        newest.sort_by_key(|(_, it)| std::cmp::Reverse(it.undo.at_ms));
        let mut counts: BTreeMap<&GroupId, usize> = BTreeMap::new();
        let mut bytes = 0_usize;
        let mut due = Vec::new();
        for ((group, plan), it) in newest {
            let count = counts.entry(group).or_default();
            *count += 1;
            bytes += it.bytes;
            let is_old = it.undo.at_ms.saturating_add(retention_ms) <= now.wall_ms;
            if is_old || KEPT_PER_GROUP < *count || KEPT_BYTES_MAX < bytes {
                due.push((group.clone(), Arc::clone(plan), it.parts));
            }
        }
        for (group, plan, _) in &due {
            if let Some(kept) = self.kept.get_mut(&(group.clone(), Arc::clone(plan))) {
                kept.is_going = true;
            }
        }
        due
    }
}
