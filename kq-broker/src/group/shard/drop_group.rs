//! A group that goes, record and offsets: a client deletes it (`DeleteGroups`), an operator does and
//! is left a way back to its offsets, or its time is up.
//!
//! ```text
//!   no members? --> fence, ONE batch: tombstones of offsets, what brings them back, the group's own
//!                     |               tombstones
//!                     |--> Committed: group and offsets are gone, the fence is lifted
//!                     '--> Refused:   the fence is lifted, and nothing was
//! ```
//! There is a tombstone for every offset that the log holds or may come to hold: what is left out
//! would rise again when the log is next read.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;

use super::operator::Asked;
use super::written::Continuation;
use super::{Shard, offset_tombstones};
use crate::group::kind::{GroupType, Kind};
use crate::group::operate::{OperateRefused, Operated};
use crate::group::record;
use crate::group::{
    GroupError, GroupId, Now, Output, Reply, ReplyTo, TopicPartition, UNDO_ROWS_MAX, Undo, UndoRow,
    WrittenRecord,
};
use crate::ids::TopicId;

/// Of what brings offsets back: notes of clients may be long, and all of it is one batch.
const UNDO_BYTES_MAX: usize = 4 << 20;

/// By whom a group is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum By {
    /// Nobody: its time is up.
    Expiry,
    /// A client.
    Client(ReplyTo),
    /// An operator.
    Operator {
        reply: ReplyTo,
        /// What it is told of the group.
        group_type: GroupType,
        offset_count: usize,
        /// What brings the offsets back, and how many bytes of the log that takes.
        undo: Option<(Undo, usize)>,
    },
}

/// A deletion whose end is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DropFlight {
    group: GroupId,
    by: By,
    partitions: BTreeSet<TopicPartition>,
    /// The log told of members that are gone, and will again if nothing is written.
    owed_record: bool,
}

impl DropFlight {
    pub(super) fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.partitions.iter()
    }
}

impl Shard {
    /// A client has a group deleted (KIP-229).
    pub(super) fn on_delete_group(&mut self, id: &GroupId, reply: ReplyTo, out: &mut Vec<Output>) {
        let refused = match self.groups.get(id) {
            None => GroupError::GroupNotFound,
            Some(entry) if !entry.kind.state().is_empty() => GroupError::NonEmptyGroup,
            Some(_) => return self.drop_group(id, By::Client(reply), Vec::new(), out),
        };
        out.push(Output::Reply(reply, Reply::GroupDeleted(Err(refused))));
    }

    /// An operator has a group deleted, whose offsets can be brought back as `plan`.
    pub(super) fn drop_for_operator(
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
        let rows = self.rows_to_drop(id, &entry.offsets.all_written());
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
            at_ms: self.undos.next_at_ms(id, now),
            rows,
        };
        let (undo, records) = kept(undo).unzip();
        let by = By::Operator { reply, group_type, offset_count, undo };
        self.drop_group(id, by, records.unwrap_or_default(), out);
    }

    /// Writes the tombstones of a group without members, with what brings its offsets back.
    pub(super) fn drop_group(
        &mut self,
        id: &GroupId,
        by: By,
        undo_records: Vec<WrittenRecord>,
        out: &mut Vec<Output>,
    ) {
        let Some(entry) = self.groups.get_mut(id) else { return };
        let partitions = entry.offsets.all_written();
        let mut records = offset_tombstones(id, &partitions);
        records.extend(undo_records);
        records.extend(entry.kind.tombstones(id));
        entry.offsets.begin_writes(&partitions);
        // Behind the tombstone it would rise again.
        let owed_record = entry.owes_record_at.take().is_some();
        self.raise_fence(id);
        let flight = DropFlight { group: id.clone(), by, partitions, owed_record };
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
        answer: &Result<(), GroupError>,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let DropFlight { group, by, partitions, .. } = flight;
        let entry = self.entry(&group, now);
        entry.offsets.remove_all(&partitions);
        entry.kind.forget_history(now);
        match by {
            By::Expiry => {}
            By::Client(reply) => {
                out.push(Output::Reply(reply, Reply::GroupDeleted(answer.clone())));
            }
            By::Operator { reply, group_type, offset_count, undo } => {
                let plan = undo.as_ref().map(|(it, _)| Arc::clone(&it.plan));
                if let Some((undo, bytes)) = undo {
                    self.undos.add(0, undo, bytes);
                }
                let (undo, is_thin) = (plan, answer.is_err());
                let done = Operated::Deleted { group_type, offset_count, undo, is_thin };
                out.push(Output::Reply(reply, Reply::Operated(Ok(done))));
            }
        }
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
        let error = error.clone();
        match flight.by {
            By::Expiry => {}
            By::Client(reply) => {
                out.push(Output::Reply(reply, Reply::GroupDeleted(Err(error))));
            }
            By::Operator { reply, .. } => {
                let refused = Err(OperateRefused::Group(error));
                out.push(Output::Reply(reply, Reply::Operated(refused)));
            }
        }
        if flight.owed_record {
            self.owe_record(&flight.group, now);
        }
        self.lift_fence(&flight.group);
    }
}

/// A way back to the offsets with the bytes that it takes in the log, and its records. None where
/// there is nothing to bring back, or more than can be in one step.
fn kept(undo: Undo) -> Option<((Undo, usize), Vec<WrittenRecord>)> {
    if undo.rows.is_empty() || UNDO_ROWS_MAX < undo.rows.len() {
        return None;
    }
    let records = record::undo_records(&undo);
    let bytes = records.iter().map(|it| it.value.as_ref().map_or(0, Bytes::len)).sum();
    (bytes <= UNDO_BYTES_MAX).then_some(((undo, bytes), records))
}
