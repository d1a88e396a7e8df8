//! A group as it stands while an answer is made.

use std::collections::BTreeMap;
use std::sync::Arc;

use kq_proto::admin::AdminError;

use crate::group::{CommittedOffset, GroupId, GroupSurvey, MemberSurvey, Now, TopicPartition};
use crate::grpc::Admin;
use crate::grpc::groups::words;

/// What is known of a group at one moment.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) at: Now,
    /// None where there is no such group.
    pub(super) survey: Option<GroupSurvey>,
    /// In the order of their ids.
    pub(super) members: Vec<MemberSurvey>,
    pub(super) offsets: BTreeMap<(String, u32), CommittedOffset>,
    /// When an operator changed its offsets last, in milliseconds since 1970, and by which plan.
    pub(super) changed: Option<(i64, Arc<str>)>,
}

impl View {
    /// A group of a cluster that has none yet.
    pub(super) fn of_nothing(at: Now) -> Self {
        Self { at, survey: None, members: Vec::new(), offsets: BTreeMap::new(), changed: None }
    }

    /// What is committed of a partition.
    pub(super) fn committed(&self, at: &(String, u32)) -> Option<&CommittedOffset> {
        self.offsets.get(at)
    }

    /// Whether the group has to do with a topic. One that is not there has with every topic.
    pub(super) fn knows(&self, topic: &str) -> bool {
        self.survey.as_ref().is_none_or(|it| it.topics.contains(topic))
    }

    /// Who owns which partition.
    pub(super) fn owners(&self) -> BTreeMap<(String, u32), &MemberSurvey> {
        let mut owners = BTreeMap::new();
        for member in &self.members {
            for (topic, partitions) in &member.assigned {
                let indexes = partitions.iter().filter_map(|it| u32::try_from(*it).ok());
                owners.extend(indexes.map(|it| ((topic.to_string(), it), member)));
            }
        }
        owners
    }
}

impl Admin {
    /// A group that this broker coordinates.
    pub(super) async fn view(&self, group: &GroupId) -> Result<View, AdminError> {
        let view = self.view_of_any(group).await?;
        match view.survey {
            Some(_) => Ok(view),
            None => Err(words::unknown_group(group.as_str())),
        }
    }

    /// The same of one that there need not be: what was changed in it is kept longer than it.
    pub(super) async fn view_of_any(&self, group: &GroupId) -> Result<View, AdminError> {
        let host = self.shard_of(group).await?;
        let at = self.now();
        Ok(host.look(|shard| View {
            at,
            survey: shard.survey(group),
            members: shard.survey_members(group, at),
            offsets: shard.offsets(group).filter_map(owned).collect(),
            changed: shard.undos_of(group).map(|it| (it.at_ms, Arc::clone(&it.plan))).max(),
        }))
    }

    pub(super) fn now(&self) -> Now {
        let clock = self.node.clock;
        Now { uptime: clock.elapsed(), wall_ms: clock.now().0 }
    }
}

fn owned(
    (partition, offset): (&TopicPartition, &CommittedOffset),
) -> Option<((String, u32), CommittedOffset)> {
    let index = u32::try_from(partition.partition).ok()?;
    Some(((partition.topic.to_string(), index), offset.clone()))
}
