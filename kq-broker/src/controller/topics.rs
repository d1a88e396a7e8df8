//! The life of topics: created, protected, deleted, restored, purged.

use std::collections::BTreeMap;
use std::sync::Arc;

use kq_proto::kafka::ErrorCode;

use super::command::{CreatedTopic, DeletedTopic, NewTopic, ProtectedTopic, Reply, TopicRef};
use super::decide::Draft;
use super::error::{ControlError, Refused};
use super::leader_policy::LeaderRules;
use super::{configs, names, partitions};
use crate::catalogue::ConfigSources;
use crate::ids::TopicId;
use crate::metadata::{ConfigResource, MetadataRecord, TimestampMs, TopicImage, Utc};

pub(super) fn create(draft: &mut Draft<'_, '_>, topics: &[NewTopic]) -> Reply {
    let mut uses: BTreeMap<&str, u32> = BTreeMap::new();
    for topic in topics {
        *uses.entry(&topic.name).or_default() += 1;
    }
    let results = topics
        .iter()
        .map(|topic| {
            if uses.get(topic.name.as_str()).is_some_and(|count| *count > 1) {
                let message = format!("Duplicate topic name '{}' in one request.", topic.name);
                return Err(ControlError::new(ErrorCode::InvalidRequest, message));
            }
            create_one(draft, topic)
        })
        .collect();
    Reply::TopicsCreated(results)
}

fn create_one(draft: &mut Draft<'_, '_>, new: &NewTopic) -> Result<CreatedTopic, ControlError> {
    names::verify_topic_name(&new.name)?;
    names::verify_name_is_free(&draft.image, &new.name)?;
    let values = configs::of_new_topic(draft, new)?;
    let assignments = partitions::of_new_topic(draft, new)?;
    let topic = draft.new_topic_id();
    let mut records = vec![MetadataRecord::TopicCreated { topic, name: new.name.clone() }];
    records.extend(values.iter().map(|(key, value)| MetadataRecord::ConfigChanged {
        resource: ConfigResource::Topic(topic),
        key: key.clone(),
        value: Some(value.clone()),
    }));
    let sources = ConfigSources::of_cluster(&draft.image, &draft.settings.fixed);
    let rules = LeaderRules::of_new_topic(&draft.image, &values, &sources);
    records.extend(partitions::first_records(draft, (topic, &rules), 0, &assignments));
    draft.accept(records)?;
    Ok(CreatedTopic {
        name: new.name.clone(),
        id: topic,
        assignments,
        configs: values.into_iter().collect(),
    })
}

pub(super) fn delete(
    draft: &mut Draft<'_, '_>,
    topics: &[TopicRef],
    keep_for_ms: Option<u64>,
) -> Reply {
    let delete_one = |topic_ref: &TopicRef| {
        if draft.settings.fixed.get("delete.topic.enable") == Some("false") {
            let message = "Topic deletion is disabled by delete.topic.enable=false.";
            return Err(ControlError::new(ErrorCode::TopicDeletionDisabled, message));
        }
        let topic = find_visible(draft, topic_ref)?;
        verify_unprotected(&topic)?;
        let purge_at = keep_for_ms.filter(|ms| *ms > 0).map(|ms| {
            let ms = i64::try_from(ms).unwrap_or(i64::MAX);
            TimestampMs(draft.now.0.saturating_add(ms))
        });
        let record = match purge_at {
            Some(purge_at) => MetadataRecord::TopicSoftDeleted { topic: topic.id, purge_at },
            None => MetadataRecord::TopicPurged { topic: topic.id },
        };
        draft.accept(vec![record])?;
        Ok(DeletedTopic { deleted_at: draft.now, purge_at, ..described(&topic) })
    };
    Reply::TopicsDeleted(topics.iter().map(delete_one).collect())
}

pub(super) fn restore(draft: &mut Draft<'_, '_>, topics: &[TopicRef]) -> Reply {
    let restore_one = |topic_ref: &TopicRef| {
        let topic = find_hidden(draft, topic_ref)?;
        draft.accept(vec![MetadataRecord::TopicRestored { topic: topic.id }])?;
        Ok(described(&topic))
    };
    Reply::TopicsRestored(topics.iter().map(restore_one).collect())
}

pub(super) fn purge(draft: &mut Draft<'_, '_>, topics: &[TopicRef]) -> Reply {
    let purge_one = |topic_ref: &TopicRef| {
        let topic = find_hidden(draft, topic_ref)?;
        verify_unprotected(&topic)?;
        draft.accept(vec![MetadataRecord::TopicPurged { topic: topic.id }])?;
        Ok(DeletedTopic { purge_at: None, ..described(&topic) })
    };
    Reply::TopicsDeleted(topics.iter().map(purge_one).collect())
}

pub(super) fn protect(draft: &mut Draft<'_, '_>, topics: &[TopicRef], protected: bool) -> Reply {
    let protect_one = |topic_ref: &TopicRef| {
        let topic = find_any(draft, topic_ref)?;
        let changed = topic.protection.is_some() != protected;
        if changed {
            let record = MetadataRecord::TopicProtected { topic: topic.id, protected };
            draft.accept(vec![record])?;
        }
        Ok(ProtectedTopic { name: topic.name.to_string(), id: topic.id, changed })
    };
    Reply::TopicsProtected(topics.iter().map(protect_one).collect())
}

/// Purges the topics whose time is up and that nobody protects; tells how many.
pub(super) fn purge_due(draft: &mut Draft<'_, '_>) -> Result<usize, ControlError> {
    let is_due = |topic: &&Arc<TopicImage>| {
        topic.protection.is_none()
            && topic.soft_deletion.as_ref().is_some_and(|it| it.purge_at <= draft.now)
    };
    let due: Vec<TopicId> = draft.image.hidden_topics().filter(is_due).map(|it| it.id).collect();
    let purged = due.len();
    if purged > 0 {
        draft
            .accept(due.into_iter().map(|topic| MetadataRecord::TopicPurged { topic }).collect())?;
    }
    Ok(purged)
}

fn described(topic: &TopicImage) -> DeletedTopic {
    let deletion = topic.soft_deletion.as_ref();
    DeletedTopic {
        name: topic.name.to_string(),
        id: topic.id,
        partitions: topic.partition_count(),
        replication_factor: topic.replication_factor(),
        deleted_at: deletion.map(|it| it.deleted_at).unwrap_or_default(),
        purge_at: deletion.map(|it| it.purge_at),
    }
}

/// A topic by name or id, hidden or not.
fn find_any(draft: &Draft<'_, '_>, topic: &TopicRef) -> Result<Arc<TopicImage>, ControlError> {
    match topic {
        TopicRef::Name(name) => draft.image.name_holder(name).cloned().ok_or_else(|| {
            let message = format!("Topic '{name}' does not exist.");
            ControlError::new(ErrorCode::UnknownTopicOrPartition, message)
        }),
        TopicRef::Id(id) => draft.image.any_topic(*id).cloned().ok_or_else(|| {
            let message = format!("Topic id {id} is unknown.");
            ControlError::new(ErrorCode::UnknownTopicId, message)
        }),
    }
}

pub(super) fn find_visible(
    draft: &Draft<'_, '_>,
    topic: &TopicRef,
) -> Result<Arc<TopicImage>, ControlError> {
    let found = find_any(draft, topic)?;
    let Some(deletion) = &found.soft_deletion else { return Ok(found) };
    let code = match topic {
        TopicRef::Name(_) => ErrorCode::UnknownTopicOrPartition,
        TopicRef::Id(_) => ErrorCode::UnknownTopicId,
    };
    let until = Utc(deletion.purge_at);
    let message = format!("Topic '{}' was deleted and is kept until {until}.", found.name);
    let name = &found.name;
    Err(ControlError::new(code, message).hint(format!(
        "kq-ctl topic restore {name} brings it back, kq-ctl topic purge {name} removes it for good"
    )))
}

fn find_hidden(draft: &Draft<'_, '_>, topic: &TopicRef) -> Result<Arc<TopicImage>, ControlError> {
    let found = find_any(draft, topic)?;
    if found.soft_deletion.is_some() {
        return Ok(found);
    }
    let message = format!("Topic '{}' is not deleted.", found.name);
    Err(ControlError::new(ErrorCode::InvalidRequest, message)
        .refused(Refused::NotDeleted)
        .hint("kq-ctl topic list --deleted shows what can be restored or purged"))
}

fn verify_unprotected(topic: &TopicImage) -> Result<(), ControlError> {
    let Some(protection) = &topic.protection else { return Ok(()) };
    let why = if protection.reason.is_empty() { "no reason given" } else { &protection.reason };
    let message = format!("Topic '{}' is protected from deletion: {why}", topic.name);
    Err(ControlError::new(ErrorCode::PolicyViolation, message)
        .refused(Refused::Protected)
        .hint(format!("kq-ctl topic unprotect {} lifts the protection", topic.name)))
}
