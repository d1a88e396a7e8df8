//! Partitions in committed changes.

use std::sync::Arc;

use super::super::before::Was;
use super::super::event::{Detail, Event, EventKind, Subject};
use super::super::image::{MetadataImage, PartitionImage};
use super::super::record::{Loss, PartitionChange};
use super::{ApplyError, Stamp};
use crate::ids::{BrokerId, LeaderEpoch, PartitionId, PartitionIndex};

impl MetadataImage {
    pub(super) fn change_partition(
        &mut self,
        stamp: &Stamp,
        it: &PartitionChange,
    ) -> Result<(), ApplyError> {
        let topic = self.topics.get(&it.topic).ok_or(ApplyError::UnknownTopic(it.topic))?;
        let name = topic.name.clone();
        let old = topic.partition(it.index).cloned();
        let fresh_topic = topic.created_index == stamp.index;
        verify_partition(it, old.as_deref(), topic.partition_count())?;
        let new = Arc::new(it.now.clone());
        let partitions = &mut self.topic_mut(it.topic)?.partitions;
        if let Some(slot) = partitions.get_mut(it.index.position()) {
            *slot = new.clone();
        } else {
            partitions.push_back(new.clone());
            self.partitions_total += 1;
        }
        if let Some(old) = &old {
            self.remove_load(old);
        }
        self.add_load(&new);
        match old {
            Some(old) => {
                let subject = Subject::Partition(name, it.index);
                let id = PartitionId { topic: it.topic, index: it.index };
                self.record_partition_before(stamp, id, &old, &new);
                self.record_partition_events(stamp, &subject, &old, &new);
            }
            None if !fresh_topic => {
                self.record_before(stamp, Was::Partitions(it.topic, it.index.0));
                self.record_added_partition(stamp, name, it.index);
            }
            None => {}
        }
        Ok(())
    }

    /// What is lost is only told: no state of the cluster depends on it.
    pub(super) fn lose_records(&mut self, stamp: &Stamp, it: &Loss) -> Result<(), ApplyError> {
        let id = it.partition.topic;
        let topic = self.topics.get(&id).ok_or(ApplyError::UnknownTopic(id))?;
        let subject = Subject::Partition(topic.name.clone(), it.partition.index);
        self.record_event(stamp, EventKind::RecordsLost, subject, Detail::text(&it.to_string()));
        Ok(())
    }

    /// One event for all the partitions that one change adds to a topic.
    fn record_added_partition(&mut self, stamp: &Stamp, topic: Arc<str>, index: PartitionIndex) {
        let detail = Detail::text(&format!("now {} partitions", u64::from(index.0) + 1));
        let (kind, subject) = (EventKind::PartitionsAdded, Subject::Topic(topic));
        let same = |it: &Event| it.index == stamp.index && it.kind == kind && it.subject == subject;
        if self.history.newest().is_some_and(same) {
            self.history.amend(|last| last.detail = detail);
        } else {
            self.record_event(stamp, kind, subject, detail);
        }
    }

    /// Keeps what its events leave out: an epoch that did not go up by one with another leader, an
    /// ISR that was set anew, and what a reassignment adds and removes.
    fn record_partition_before(
        &mut self,
        stamp: &Stamp,
        id: PartitionId,
        old: &PartitionImage,
        new: &PartitionImage,
    ) {
        if old.leader_epoch != epoch_before(old.leader != new.leader, new.leader_epoch) {
            self.record_before(stamp, Was::Epoch(id, old.leader_epoch));
        }
        let (left, joined) = isr_events(old, new);
        if old.isr != new.isr && !left && !joined {
            self.record_before(stamp, Was::Isr(id, old.isr.as_slice().into()));
        }
        if old.adding != new.adding || old.removing != new.removing {
            let (adding, removing) = (old.adding.as_slice().into(), old.removing.as_slice().into());
            self.record_before(stamp, Was::Moves(id, adding, removing));
        }
    }

    fn record_partition_events(
        &mut self,
        stamp: &Stamp,
        subject: &Subject,
        old: &PartitionImage,
        new: &PartitionImage,
    ) {
        let mut record = |kind, detail| self.record_event(stamp, kind, subject.clone(), detail);
        if old.replicas != new.replicas {
            let detail = Detail::of_brokers(&old.replicas, &new.replicas);
            record(EventKind::ReplicasChanged, detail);
        }
        let (left, joined) = isr_events(old, new);
        for (kind, happened) in [(EventKind::IsrShrunk, left), (EventKind::IsrExpanded, joined)] {
            if happened {
                record(kind, Detail::of_brokers(&old.isr, &new.isr));
            }
        }
        if old.leader != new.leader {
            let unclean = is_unclean(old, new);
            let kind =
                if unclean { EventKind::LeaderElectedUncleanly } else { EventKind::LeaderChanged };
            let (from, to, epoch) = (old.leader, new.leader, new.leader_epoch);
            record(kind, Detail::Leader { from, to, epoch });
        } else if old.handover != new.handover {
            let (leader, to) = (new.leader, new.handover);
            record(EventKind::HandoverChanged, Detail::Handover { leader, to });
        }
    }
}

/// The leader epoch before a change, where nothing else is kept: each new leader has the next one.
pub(in crate::metadata) fn epoch_before(leads_anew: bool, now: LeaderEpoch) -> LeaderEpoch {
    LeaderEpoch(now.0.saturating_sub(u32::from(leads_anew)))
}

/// Whether somebody leads now who may lack what was committed.
fn is_unclean(old: &PartitionImage, new: &PartitionImage) -> bool {
    let lacks = |id: BrokerId| !old.isr.contains(&id) && !old.elr.contains(&id);
    new.leader.filter(|_| old.leader != new.leader).is_some_and(lacks)
}

/// Whether somebody has fallen out of sync, and whether somebody has caught up. An unclean election
/// sets the ISR anew: nobody has by that.
fn isr_events(old: &PartitionImage, new: &PartitionImage) -> (bool, bool) {
    let unclean = is_unclean(old, new);
    let left = !unclean && old.isr.iter().any(|id| !new.isr.contains(id));
    let joined = !unclean && new.isr.iter().any(|id| !old.isr.contains(id));
    (left, joined)
}

/// Checks a partition against what it was, before it becomes part of an image.
fn verify_partition(
    it: &PartitionChange,
    old: Option<&PartitionImage>,
    count: u32,
) -> Result<(), ApplyError> {
    let within = |inner: &[BrokerId], outer: &[BrokerId]| inner.iter().all(|id| outer.contains(id));
    let distinct = |ids: &[BrokerId]| {
        ids.iter().enumerate().all(|(at, id)| !ids.iter().skip(at + 1).any(|other| other == id))
    };
    let now = &it.now;
    let rules = [
        (it.index.0 <= count, "its index leaves a gap"),
        (!now.replicas.is_empty(), "it has no replica"),
        (distinct(&now.replicas), "a replica is named twice"),
        (distinct(&now.isr), "an in-sync replica is named twice"),
        (within(&now.isr, &now.replicas), "its ISR is not within its replicas"),
        (within(&now.elr, &now.replicas), "its ELR is not within its replicas"),
        (!now.elr.iter().any(|id| now.isr.contains(id)), "its ELR and its ISR overlap"),
        (within(&now.last_known, &now.replicas), "its last known replicas are not its replicas"),
        (
            !now.last_known.iter().any(|id| now.isr.contains(id) || now.elr.contains(id)),
            "a last known replica is in its ISR or its ELR",
        ),
        (now.leader.is_none_or(|id| now.isr.contains(&id)), "its leader is not in its ISR"),
        (
            now.handover.is_none_or(|id| now.isr.contains(&id) && now.leader != Some(id)),
            "it is handed over to nobody who could take it",
        ),
        (now.leader.is_some() || now.handover.is_none(), "it is handed over by nobody"),
        (old.is_none_or(|old| old.leader_epoch <= now.leader_epoch), "its leader epoch goes back"),
        (
            old.is_none_or(|old| old.partition_epoch < now.partition_epoch),
            "its partition epoch does not go forward",
        ),
    ];
    match rules.into_iter().find(|(holds, _)| !holds) {
        Some((_, why)) => {
            let partition = PartitionId { topic: it.topic, index: it.index };
            Err(ApplyError::BadPartition { partition, why })
        }
        None => Ok(()),
    }
}
