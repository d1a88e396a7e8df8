//! A group that an operator deletes, with a way back to its offsets.
//!
//! ```text
//!   Delete --> no members? --> fence, ONE batch: tombstones of offsets, what brings them back, the
//!                                |                group's own tombstones
//!                                |--> Committed: group and offsets are gone, the fence is lifted
//!                                '--> Refused:   the fence is lifted, and nothing was
//! ```

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::operator::Asked;
use super::written::Continuation;
use super::{Shard, tombstone};
use crate::group::kind::{GroupType, Kind};
use crate::group::operate::{OperateRefused, Operated};
use crate::group::record::{self, Key};
use crate::group::{
    GroupError, GroupId, Now, Output, Reply, ReplyTo, TopicPartition, UNDO_ROWS_MAX, Undo, UndoRow,
    WrittenRecord,
};
use crate::ids::TopicId;

/// Of what brings offsets back: notes of clients may be long, and all of it is one batch.
const UNDO_BYTES_MAX: usize = 4 << 20;

/// A deletion whose end is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DropFlight {
    group: GroupId,
    group_type: GroupType,
    offset_count: usize,
    partitions: BTreeSet<TopicPartition>,
    /// What brings the offsets back, and how many bytes of the log that takes.
    undo: Option<(Undo, usize)>,
    /// The log told of members that are gone, and will again if nothing is written.
    owed_record: bool,
    reply: ReplyTo,
}

impl DropFlight {
    pub(super) fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.partitions.iter()
    }

    fn done(&self, is_thin: bool) -> Operated {
        Operated::Deleted {
            group_type: self.group_type,
            offset_count: self.offset_count,
            undo: self.undo.as_ref().map(|(it, _)| Arc::clone(&it.plan)),
            is_thin,
        }
    }
}

impl Shard {
    pub(super) fn drop_group(
        &mut self,
        id: &GroupId,
        (plan, reason): (Arc<str>, Arc<str>),
        asked: Asked,
        out: &mut Vec<Output>,
    ) {
        let Asked { now, reply, validate_only } = asked;
        let Some(entry) = self.groups.get(id) else { return };
        if !entry.kind.state().is_empty() {
            let members = self.survey_members(id, now);
            let refused = Reply::Operated(Err(OperateRefused::NonEmpty(members)));
            return out.push(Output::Reply(reply, refused));
        }
        let (group_type, generation) = (entry.kind.group_type(), entry.kind.generation());
        let partitions = entry.offsets.all_written();
        let rows = self.rows_to_drop(id, &partitions);
        let offset_count = rows.len();
        if validate_only {
            let (undo, is_thin) = (None, false);
            let done = Operated::Deleted { group_type, offset_count, undo, is_thin };
            return out.push(Output::Reply(reply, Reply::Operated(Ok(done))));
        }
        let undo = Undo {
            group: id.clone(),
            plan,
            verb: "group-delete".into(),
            reason,
            live: false,
            generation,
            at_ms: now.wall_ms,
            rows,
        };
        let key_of = |it: &TopicPartition| Key::Offset(id.clone(), it.clone());
        let mut records: Vec<_> = partitions.iter().map(|it| tombstone(&key_of(it))).collect();
        let undo = kept(undo).map(|(undo, undo_records, bytes)| {
            records.extend(undo_records);
            (undo, bytes)
        });
        self.raise_fence(id);
        let Some(entry) = self.groups.get_mut(id) else { return };
        records.extend(entry.kind.tombstones(id));
        entry.offsets.begin_writes(&partitions);
        // Behind the tombstone it would rise again.
        let owed_record = entry.owes_record_at.take().is_some();
        let group = id.clone();
        let flight =
            DropFlight { group, group_type, offset_count, partitions, undo, owed_record, reply };
        self.write(id, records, Continuation::Dropped(Box::new(flight)), out);
    }

    /// What is committed, or will be by what comes before in the log.
    fn rows_to_drop(&self, id: &GroupId, partitions: &BTreeSet<TopicPartition>) -> Vec<UndoRow> {
        let newest = self.about_to_be(id);
        let topic = |name: &str| {
            let holder = self.image.as_ref().and_then(|it| it.name_holder(name));
            holder.map_or(TopicId::default(), |it| it.id)
        };
        let rows = partitions.iter().filter_map(|it| {
            let before = Some(self.committed(id, it, &newest)?);
            Some(UndoRow { partition: it.clone(), topic: topic(&it.topic), before, after: None })
        });
        rows.collect()
    }

    /// The tombstones are in the log: what a consumer group was is nothing now.
    pub(super) fn begin_drop(&mut self, id: &GroupId, now: Now) {
        let entry = self.entry(id, now);
        if matches!(entry.kind, Kind::Consumer(_)) {
            entry.kind = Kind::fresh(id.clone(), now);
        }
    }

    /// The group is gone for good. Nobody came meanwhile: the fence held them.
    pub(super) fn apply_drop(
        &mut self,
        flight: DropFlight,
        is_thin: bool,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let done = flight.done(is_thin);
        let DropFlight { group, partitions, undo, reply, .. } = flight;
        let entry = self.entry(&group, now);
        entry.offsets.remove_all(&partitions);
        entry.kind.forget_history(now);
        if let Some((undo, bytes)) = undo {
            self.undos.add(0, undo, bytes);
        }
        out.push(Output::Reply(reply, Reply::Operated(Ok(done))));
        self.lift_fence(&group);
    }

    /// Nothing of the deletion was written.
    pub(super) fn refuse_drop(
        &mut self,
        flight: &DropFlight,
        error: &GroupError,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let refused = Err(OperateRefused::Group(error.clone()));
        out.push(Output::Reply(flight.reply, Reply::Operated(refused)));
        if flight.owed_record {
            self.owe_record(&flight.group, now);
        }
        self.lift_fence(&flight.group);
    }
}

/// What brings the offsets back, with its records and their bytes. None where there is nothing to
/// bring back, or more than can be in one step.
fn kept(undo: Undo) -> Option<(Undo, Vec<WrittenRecord>, usize)> {
    if undo.rows.is_empty() || UNDO_ROWS_MAX < undo.rows.len() {
        return None;
    }
    let records = record::undo_records(&undo);
    let bytes = records.iter().map(|it| it.value.as_ref().map_or(0, Bytes::len)).sum();
    (bytes <= UNDO_BYTES_MAX).then_some((undo, records, bytes))
}
