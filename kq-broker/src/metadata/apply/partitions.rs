//! Partitions in committed changes.

use std::sync::Arc;

use super::super::event::{Detail, Event, EventKind, Subject};
use super::super::image::{MetadataImage, PartitionImage};
use super::super::record::{Loss, PartitionChange};
use super::{ApplyError, Stamp};
use crate::ids::{BrokerId, PartitionId, PartitionIndex};

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
                self.record_partition_events(stamp, &subject, &old, &new);
            }
            None if !fresh_topic => self.record_added_partition(stamp, name, it.index),
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
        let lacks = |id: BrokerId| !old.isr.contains(&id) && !old.elr.contains(&id);
        let leads_anew = new.leader.filter(|_| old.leader != new.leader);
        let unclean = leads_anew.is_some_and(lacks);
        // An unclean election sets the ISR anew: nobody has fallen behind or caught up by that.
        let left = !unclean && old.isr.iter().any(|id| !new.isr.contains(id));
        let joined = !unclean && new.isr.iter().any(|id| !old.isr.contains(id));
        for (kind, happened) in [(EventKind::IsrShrunk, left), (EventKind::IsrExpanded, joined)] {
            if happened {
                record(kind, Detail::of_brokers(&old.isr, &new.isr));
            }
        }
        if old.leader != new.leader {
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
