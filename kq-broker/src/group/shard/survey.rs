//! The shard's groups as operators see them.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use super::{Entry, Shard};
use crate::group::kind::Kind;
use crate::group::{GroupId, GroupSurvey, MemberSurvey, Now};
use crate::ids::TopicId;

impl Shard {
    /// The groups whose names come after this one, in their order.
    pub fn ids_after(&self, name: &str) -> impl Iterator<Item = &GroupId> {
        let after = (Bound::Excluded(GroupId::from(name)), Bound::Unbounded);
        self.groups.range(after).map(|(id, _)| id)
    }

    /// One group, if it is known.
    pub fn survey(&self, group: &GroupId) -> Option<GroupSurvey> {
        let entry = self.groups.get(group)?;
        let mut survey = match &entry.kind {
            Kind::Classic(classic) => classic.survey(),
            Kind::Consumer(consumers) => {
                let names = |topic| self.topic_name(topic);
                consumers.survey(group, &self.config.consumer, &names)
            }
        };
        survey.topics.extend(entry.committed_topics());
        survey.offset_count = entry.offsets.iter().count();
        survey.last_commit_at_ms = entry.offsets.iter().map(|(_, it)| it.committed_at_ms).max();
        Some(survey)
    }

    /// The members of a group, in the order of their ids.
    pub fn survey_members(&self, group: &GroupId, now: Now) -> Vec<MemberSurvey> {
        match self.groups.get(group).map(|it| &it.kind) {
            None => Vec::new(),
            Some(Kind::Classic(group)) => group.survey_members(now),
            Some(Kind::Consumer(group)) => {
                let names = |topic| self.topic_name(topic);
                group.survey_members(now, &self.config.consumer, &names)
            }
        }
    }

    fn topic_name(&self, topic: TopicId) -> Option<Arc<str>> {
        self.image.as_ref()?.topic_by_id(topic).map(|it| Arc::clone(&it.name))
    }
}

impl Entry {
    /// Each topic once: offsets come topic by topic, and there are far more of them.
    fn committed_topics(&self) -> BTreeSet<Arc<str>> {
        let mut topics = BTreeSet::new();
        let mut last: Option<&Arc<str>> = None;
        for (partition, _) in self.offsets.iter() {
            if last != Some(&partition.topic) {
                topics.insert(Arc::clone(&partition.topic));
                last = Some(&partition.topic);
            }
        }
        topics
    }
}
