//! Topics in committed changes.

use std::sync::Arc;

use super::super::before::Was;
use super::super::event::{Detail, EventKind, Subject};
use super::super::image::{MetadataImage, Protection, SoftDeletion, TopicImage, unify};
use super::super::record::{TimestampMs, Utc};
use super::{ApplyError, Stamp};
use crate::ids::TopicId;

impl MetadataImage {
    pub(super) fn create(
        &mut self,
        stamp: &Stamp,
        id: TopicId,
        name: &str,
    ) -> Result<(), ApplyError> {
        let shared: Arc<str> = name.into();
        let subject = Subject::Topic(shared.clone());
        if self.topics.contains_key(&id) || self.names.contains_key(name) {
            return Err(ApplyError::TopicExists(name.to_owned()));
        }
        let topic = TopicImage {
            id,
            name: shared.clone(),
            created_at: stamp.time,
            created_index: stamp.index,
            partitions: imbl::Vector::new(),
            configs: Arc::default(),
            protection: None,
            soft_deletion: None,
            leader_policy: Arc::default(),
            freeze: None,
        };
        self.topics.insert(id, Arc::new(topic));
        self.names.insert(shared, id);
        self.unified_names.insert(unify(name).into(), id);
        self.record_event(stamp, EventKind::TopicCreated, subject, Detail::None);
        Ok(())
    }

    pub(super) fn topic_mut(&mut self, id: TopicId) -> Result<&mut TopicImage, ApplyError> {
        let topic = self.topics.get_mut(&id).ok_or(ApplyError::UnknownTopic(id))?;
        Ok(Arc::make_mut(topic))
    }

    pub(super) fn hide(
        &mut self,
        stamp: &Stamp,
        id: TopicId,
        at: TimestampMs,
    ) -> Result<(), ApplyError> {
        let reason = stamp.reason.clone();
        let topic = self.topic_mut(id)?;
        let deletion = SoftDeletion { deleted_at: stamp.time, purge_at: at, reason };
        let before = topic.soft_deletion.replace(deletion);
        let name = topic.name.clone();
        if before.is_some() {
            self.record_before(stamp, Was::Hidden(name.clone()));
        }
        self.record_before(stamp, Was::Deletion(id, before));
        let subject = Subject::Topic(name);
        let detail = format!("kept until {}", Utc(at));
        self.hidden.insert(id, at);
        self.record_event(stamp, EventKind::TopicDeleted, subject, Detail::text(&detail));
        Ok(())
    }

    pub(super) fn restore(&mut self, stamp: &Stamp, id: TopicId) -> Result<(), ApplyError> {
        let topic = self.topic_mut(id)?;
        let before = topic.soft_deletion.take();
        let subject = Subject::Topic(topic.name.clone());
        self.record_before(stamp, Was::Deletion(id, before));
        self.hidden.remove(&id);
        self.record_event(stamp, EventKind::TopicRestored, subject, Detail::None);
        Ok(())
    }

    pub(super) fn purge(&mut self, stamp: &Stamp, id: TopicId) -> Result<(), ApplyError> {
        let topic = self.topics.remove(&id).ok_or(ApplyError::UnknownTopic(id))?;
        self.names.remove(&topic.name);
        self.unified_names.remove(unify(&topic.name).as_str());
        self.hidden.remove(&id);
        self.attended.remove(&id);
        self.partitions_total -= u64::from(topic.partition_count());
        for partition in &topic.partitions {
            self.remove_load(partition);
        }
        if !topic.is_visible() {
            self.record_before(stamp, Was::Hidden(topic.name.clone()));
        }
        let subject = Subject::Topic(topic.name.clone());
        let detail = format!("{} partitions", topic.partition_count());
        self.record_event(stamp, EventKind::TopicPurged, subject, Detail::text(&detail));
        Ok(())
    }

    pub(super) fn protect(
        &mut self,
        stamp: &Stamp,
        id: TopicId,
        on: bool,
    ) -> Result<(), ApplyError> {
        let since = stamp.time;
        let reason = stamp.reason.clone();
        let topic = self.topic_mut(id)?;
        let before =
            std::mem::replace(&mut topic.protection, on.then_some(Protection { since, reason }));
        let subject = Subject::Topic(topic.name.clone());
        self.record_before(stamp, Was::Protection(id, before));
        let kind = if on { EventKind::TopicProtected } else { EventKind::TopicUnprotected };
        self.record_event(stamp, kind, subject, Detail::None);
        Ok(())
    }
}
