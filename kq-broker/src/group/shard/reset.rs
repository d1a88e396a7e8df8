//! An operator's change of committed offsets.
//!
//! ```text
//!   Reset --> checks --> fence, ONE batch: offsets, what takes it back, and if live who is put out
//!                          |--> Committed: offsets count, members are out, the fence is lifted
//!                          '--> Refused:   the fence is lifted, and nothing was
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use super::offsets::offset_record;
use super::written::Continuation;
use super::{Shard, tombstone};
use crate::canary;
use crate::group::classic::Group;
use crate::group::consumer::ConsumerGroup;
use crate::group::kind::Kind;
use crate::group::record::{self, Key};
use crate::group::{
    CommittedOffset, GroupError, GroupId, Now, OffsetToCommit, Output, Reply, ReplyTo, ResetDone,
    ResetOffset, ResetOffsets, ResetRefused, TopicPartition, Undo, UndoRow, WrittenRecord,
};

/// A change whose end is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResetFlight {
    undo: Undo,
    bytes: usize,
    to: Vec<(TopicPartition, Option<CommittedOffset>)>,
    fencing: Fencing,
    reply: ReplyTo,
}

/// Which members are put out by a change.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fencing {
    /// Nobody is in, or nobody is meant.
    Nobody,
    /// Those of a classic group, and how many they are.
    Classic(usize),
    /// Those of a consumer group. It is to be `next`; none once it is.
    Consumer { next: Option<Box<ConsumerGroup>>, count: usize },
}

impl Fencing {
    fn count(&self) -> usize {
        match self {
            Self::Nobody => 0,
            Self::Classic(count) | Self::Consumer { count, .. } => *count,
        }
    }
}

impl ResetFlight {
    pub(super) fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.to.iter().map(|(it, _)| it)
    }

    /// Whether the group's own records are in the batch: members are put out in the log too.
    fn writes_group(&self) -> bool {
        self.fencing != Fencing::Nobody
    }

    /// The consumer group that there is once the batch is in the log.
    pub(super) fn take_next(&mut self) -> Option<Box<ConsumerGroup>> {
        match &mut self.fencing {
            Fencing::Consumer { next, .. } => next.take(),
            Fencing::Nobody | Fencing::Classic(_) => None,
        }
    }
}

impl Shard {
    /// Every change that can be taken back.
    pub fn undos(&self) -> impl Iterator<Item = &Undo> {
        self.undos.iter()
    }

    /// Those of one group.
    pub fn undos_of<'a>(&'a self, group: &'a GroupId) -> impl Iterator<Item = &'a Undo> {
        self.undos.iter().filter(move |it| it.group == *group)
    }

    pub(super) fn on_reset(&mut self, reset: ResetOffsets, now: Now, out: &mut Vec<Output>) {
        let before = self.about_to_be(&reset.group);
        if let Err(refused) = self.check_reset(&reset, &before) {
            out.push(Output::Reply(reset.reply, Reply::Reset(Err(refused))));
            return;
        }
        let undo = self.undo_of(&reset, &before, now);
        let (fencing, expelled) = match self.fencing(&reset, now) {
            Ok(it) => it,
            Err(error) => {
                let refused = Err(ResetRefused::Group(error));
                return out.push(Output::Reply(reset.reply, Reply::Reset(refused)));
            }
        };
        if reset.validate_only {
            let done = done(&undo, &fencing, false);
            return out.push(Output::Reply(reset.reply, Reply::Reset(Ok(done))));
        }
        let group = reset.group.clone();
        self.entry(&group, now);
        let committing = |it: ResetOffset| {
            let to = it.to.map(|to| CommittedOffset::new(&to, now.wall_ms, None));
            (it.partition, to)
        };
        let to: Vec<_> = reset.rows.into_iter().map(committing).collect();
        let mut records: Vec<_> = to.iter().map(|it| record_of(&group, it)).collect();
        let undo_records = record::undo_records(&undo);
        let bytes = undo_records.iter().map(|it| it.value.as_ref().map_or(0, Bytes::len)).sum();
        if canary::is("reset_not_one_batch") {
            let apart = Continuation::Forget { partitions: BTreeSet::new(), asked: None };
            self.write(&group, undo_records, apart, out);
        } else {
            records.extend(undo_records);
        }
        if !canary::is("fence_not_written") {
            records.extend(expelled);
        }
        let flight = ResetFlight { undo, bytes, to, fencing, reply: reset.reply };
        self.raise_fence(&group);
        if let Some(entry) = self.groups.get_mut(&group) {
            entry.offsets.begin_writes(flight.partitions());
            entry.owes_record_at.take_if(|_| flight.writes_group());
        }
        self.write(&group, records, Continuation::Reset(Box::new(flight)), out);
    }

    fn check_reset(
        &self,
        reset: &ResetOffsets,
        before: &BTreeMap<TopicPartition, Option<CommittedOffset>>,
    ) -> Result<(), ResetRefused> {
        if reset.group.as_str().is_empty() {
            return Err(ResetRefused::Group(GroupError::InvalidGroupId));
        }
        if self.undos.contains(&reset.group, &reset.plan) {
            return Err(ResetRefused::Done);
        }
        let max = self.config.offset_metadata_bytes_max;
        let given = reset.rows.iter().filter_map(|it| Some(it.to.as_ref()?.metadata.len())).max();
        if let Some(given) = given.filter(|given| max < *given) {
            return Err(ResetRefused::Group(GroupError::MetadataTooLarge { given, max }));
        }
        let kind = self.groups.get(&reset.group).map(|it| &it.kind);
        let has_members = kind.is_some_and(|it| !it.state().is_empty());
        if reset.live {
            let other = self.undos.overtaking(reset);
            return other.map_or(Ok(()), |it| Err(ResetRefused::Overtaken(Arc::clone(&it.plan))));
        }
        if has_members {
            return Err(ResetRefused::NonEmpty { members: self.member_count(&reset.group) });
        }
        let committed = |it: &ResetOffset| self.committed(&reset.group, &it.partition, before);
        let now = |it: &ResetOffset| committed(it).map(|it| it.offset);
        let moved = reset.rows.iter().filter(|it| now(it) != it.expected);
        let moved: Vec<_> = moved.map(|it| (it.partition.clone(), now(it))).collect();
        if moved.is_empty() { Ok(()) } else { Err(ResetRefused::Stale(moved)) }
    }

    /// What the writes in flight make of offsets, in the order of the log: they come before the
    /// change.
    pub(super) fn about_to_be(
        &self,
        group: &GroupId,
    ) -> BTreeMap<TopicPartition, Option<CommittedOffset>> {
        let mut newest = BTreeMap::new();
        for flight in self.pending.values().filter(|it| it.group == *group) {
            match &flight.then {
                Continuation::Commit { offsets, .. } => {
                    newest.extend(
                        offsets.iter().map(|(it, offset)| (it.clone(), Some(offset.clone()))),
                    );
                }
                Continuation::Forget { partitions, .. } => {
                    newest.extend(partitions.iter().map(|it| (it.clone(), None)));
                }
                Continuation::Dropped(flight) => {
                    newest.extend(flight.partitions().map(|it| (it.clone(), None)));
                }
                Continuation::Assignment { .. }
                | Continuation::Replaced(_)
                | Continuation::Emptied
                | Continuation::Consumer { .. }
                | Continuation::Downgraded { .. }
                | Continuation::MadeRoom { .. }
                | Continuation::Reset(_)
                | Continuation::BuryUndo { .. } => {}
            }
        }
        newest
    }

    pub(super) fn committed(
        &self,
        group: &GroupId,
        partition: &TopicPartition,
        newest: &BTreeMap<TopicPartition, Option<CommittedOffset>>,
    ) -> Option<CommittedOffset> {
        match newest.get(partition) {
            Some(newest) => newest.clone(),
            None => self.offset(group, partition).cloned(),
        }
    }

    fn undo_of(
        &self,
        reset: &ResetOffsets,
        newest: &BTreeMap<TopicPartition, Option<CommittedOffset>>,
        now: Now,
    ) -> Undo {
        let row = |it: &ResetOffset| UndoRow {
            partition: it.partition.clone(),
            topic: it.topic,
            before: if canary::is("undo_from_plan") {
                it.expected.map(|offset| planned(&it.partition, offset, now))
            } else {
                self.committed(&reset.group, &it.partition, newest)
            },
            after: it.to.as_ref().map(|it| it.offset),
        };
        Undo {
            group: reset.group.clone(),
            plan: Arc::clone(&reset.plan),
            verb: Arc::clone(&reset.verb),
            reason: Arc::clone(&reset.reason),
            live: reset.live,
            generation: self.generation(&reset.group),
            at_ms: self.undos.next_at_ms(&reset.group, now),
            rows: reset.rows.iter().map(row).collect(),
        }
    }

    /// The change is in the log for good. What was said meanwhile is heard once this is done.
    pub(super) fn apply_reset(
        &mut self,
        flight: ResetFlight,
        is_thin: bool,
        now: Now,
        out: &mut Vec<Output>,
    ) {
        let ResetFlight { undo, bytes, to, fencing, reply } = flight;
        let group = undo.group.clone();
        let (set, gone): (Vec<_>, Vec<_>) = to.into_iter().partition(|(_, to)| to.is_some());
        let set = set.into_iter().filter_map(|(partition, to)| Some((partition, to?)));
        self.apply_set(&group, set.collect(), now);
        self.entry(&group, now).offsets.remove_all(gone.iter().map(|(it, _)| it));
        if matches!(fencing, Fencing::Classic(_)) {
            self.with_group(&group, now, out, Group::expel);
        }
        let done = done(&undo, &fencing, is_thin);
        self.undos.add(0, undo, bytes);
        out.push(Output::Reply(reply, Reply::Reset(Ok(done))));
        self.lift_fence(&group);
    }

    /// Nothing of the change was written.
    pub(super) fn refuse_reset(
        &mut self,
        flight: &ResetFlight,
        error: &GroupError,
        out: &mut Vec<Output>,
    ) {
        let refused = Reply::Reset(Err(ResetRefused::Group(error.clone())));
        out.push(Output::Reply(flight.reply, refused));
        self.lift_fence(&flight.undo.group);
    }

    /// Buries changes that are too old to be taken back.
    pub(super) fn expire_undos(&mut self, now: Now, out: &mut Vec<Output>) {
        for (group, plan, parts) in self.undos.begin_burial(self.config.undo_retention, now) {
            let key = |part| Key::Undo(group.clone(), Arc::clone(&plan), part);
            let records = (0..parts).map(|part| tombstone(&key(part))).collect();
            self.write(&group, records, Continuation::BuryUndo { plan }, out);
        }
    }

    fn generation(&self, group: &GroupId) -> i32 {
        self.groups.get(group).map_or(0, |it| it.kind.generation())
    }

    fn member_count(&self, group: &GroupId) -> usize {
        self.groups.get(group).map_or(0, |it| it.kind.member_count())
    }

    /// Who is put out by a change, and the records that say so.
    fn fencing(
        &self,
        reset: &ResetOffsets,
        now: Now,
    ) -> Result<(Fencing, Vec<WrittenRecord>), GroupError> {
        let nobody = Ok((Fencing::Nobody, Vec::new()));
        let id = &reset.group;
        match self.groups.get(id).map(|it| &it.kind).filter(|_| reset.live) {
            Some(Kind::Classic(group)) if group.member_count() > 0 => {
                let key = record::encode_key(&Key::Group(id.clone()));
                let value = Some(record::encode_group(&group.to_expelled_record()));
                let count = group.member_count();
                Ok((Fencing::Classic(count), vec![WrittenRecord { key, value }]))
            }
            Some(Kind::Consumer(group)) => {
                let image = self.image.clone().unwrap_or_default();
                let (decided, count) = group.expel(self.env(now, &image))?;
                if decided.changes.is_empty() {
                    return nobody;
                }
                let records = decided.changes.iter().map(|it| it.to_record(id)).collect();
                let next = Some(Box::new(decided.group));
                Ok((Fencing::Consumer { next, count }, records))
            }
            Some(Kind::Classic(_)) | None => nobody,
        }
    }
}

fn done(undo: &Undo, fencing: &Fencing, is_thin: bool) -> ResetDone {
    let before = undo.rows.iter().map(|it| (it.partition.clone(), it.before.clone())).collect();
    ResetDone { before, expelled: fencing.count(), generation: undo.generation, is_thin }
}

fn record_of(
    group: &GroupId,
    (partition, to): &(TopicPartition, Option<CommittedOffset>),
) -> WrittenRecord {
    match to {
        Some(to) => offset_record(group, partition, to),
        None => tombstone(&Key::Offset(group.clone(), partition.clone())),
    }
}

fn planned(partition: &TopicPartition, offset: i64, now: Now) -> CommittedOffset {
    let metadata = "".into();
    let planned =
        OffsetToCommit { partition: partition.clone(), offset, leader_epoch: None, metadata };
    CommittedOffset::new(&planned, now.wall_ms, None)
}
