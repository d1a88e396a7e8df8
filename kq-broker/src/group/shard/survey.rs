//! The shard's groups as operators see them.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use super::{Entry, Shard};
use crate::group::kind::Kind;
use crate::group::{GroupId, GroupSurvey, MemberSurvey, Now};

impl Shard {
    /// The groups whose names come after this one, in their order.
    pub fn ids_after(&self, name: &str) -> impl Iterator<Item = &GroupId> {
        let after = (Bound::Excluded(GroupId::from(name)), Bound::Unbounded);
        self.groups.range(after).map(|(id, _)| id)
    }

    /// One group, if it is known.
    pub fn survey(&self, group: &GroupId) -> Option<GroupSurvey> {
        self.groups.get(group).map(Entry::survey)
    }

    /// The members of a group, in the order of their ids.
    pub fn survey_members(&self, group: &GroupId, now: Now) -> Vec<MemberSurvey> {
        let Some(Entry { kind: Kind::Classic(group), .. }) = self.groups.get(group) else {
            return Vec::new();
        };
        group.survey_members(now)
    }
}

impl Entry {
    fn survey(&self) -> GroupSurvey {
        let Kind::Classic(group) = &self.kind;
        let mut topics = group.topics();
        topics.extend(self.committed_topics());
        GroupSurvey {
            group: group.id().clone(),
            state: group.state(),
            state_since_ms: group.state_since_ms(),
            protocol_type: group.protocol_type().cloned(),
            protocol: group.protocol().cloned(),
            generation: group.generation(),
            member_count: group.member_count(),
            topics,
            offset_count: self.offsets.iter().count(),
            last_commit_at_ms: self.offsets.iter().map(|(_, it)| it.committed_at_ms).max(),
        }
    }

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
