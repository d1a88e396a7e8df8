//! A consumer group as its operators see it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::{ConsumerGroup, MemberState, Profile};
use crate::group::partitions::PartitionSet;
use crate::group::{
    ConsumerConfig, GroupId, GroupSurvey, GroupType, KindState, MemberId, MemberSurvey, Now,
};
use crate::ids::TopicId;

/// The name of a topic that is there.
type Names<'a> = &'a dyn Fn(TopicId) -> Option<Arc<str>>;

impl ConsumerGroup {
    /// The group, its offsets aside.
    pub(crate) fn survey(
        &self,
        id: &GroupId,
        config: &ConsumerConfig,
        names: Names<'_>,
    ) -> GroupSurvey {
        let ledger = &self.ledger;
        let held = ledger.currents.values().flat_map(|it| by_name(&it.assigned, names));
        let mut topics: BTreeSet<Arc<str>> = held.map(|(topic, _)| topic).collect();
        topics.extend(ledger.subscribed().cloned());
        GroupSurvey {
            group: id.clone(),
            group_type: GroupType::Consumer,
            state: KindState::Consumer(self.state()),
            state_since_ms: self.soft.state_since_ms,
            protocol_type: Some("consumer".into()),
            protocol: Some(ledger.assignor(config).name().into()),
            generation: ledger.epoch().0,
            member_count: ledger.profiles.len(),
            topics,
            offset_count: 0,
            last_commit_at_ms: None,
        }
    }

    /// Its members, in the order of their ids.
    pub(crate) fn survey_members(
        &self,
        now: Now,
        config: &ConsumerConfig,
        names: Names<'_>,
    ) -> Vec<MemberSurvey> {
        let profiles = self.ledger.profiles.iter();
        profiles.map(|(id, it)| self.survey_member(id, it, now, (config, names))).collect()
    }

    fn survey_member(
        &self,
        id: &MemberId,
        profile: &Profile,
        now: Now,
        (config, names): (&ConsumerConfig, Names<'_>),
    ) -> MemberSurvey {
        let current = self.ledger.current(id);
        let session_timeout = profile.session_timeout(config);
        let deadline = self.soft.sessions.get(id).copied().unwrap_or_default();
        let left = deadline.saturating_sub(now.uptime);
        let pattern = profile.pattern.as_ref().and_then(|it| self.ledger.patterns.get(it));
        let matched = pattern.into_iter().flat_map(|it| &it.topics);
        let settled = current.state == MemberState::Stable
            && current.epoch == self.ledger.target_epoch
            && self.ledger.target_epoch == self.ledger.epoch();
        MemberSurvey {
            member: id.clone(),
            instance: profile.instance.clone(),
            client_id: Arc::clone(&profile.client_id),
            client_host: Arc::clone(&profile.client_host),
            assigned: by_name(&current.assigned, names),
            revoking: by_name(&current.revoking, names),
            epoch: Some(current.epoch),
            subscribed: profile.topics.iter().chain(matched).cloned().collect(),
            pattern: profile.pattern.clone(),
            rack: profile.rack.clone(),
            session_timeout,
            rebalance_timeout: profile.rebalance_timeout,
            silent_for: session_timeout.saturating_sub(left).max(Duration::ZERO),
            leads: false,
            joining: !settled,
        }
    }
}

/// In the order of the names; what is gone has none.
fn by_name(share: &PartitionSet, name_of: Names<'_>) -> Vec<(Arc<str>, Vec<i32>)> {
    let named = share.topics().filter_map(|(topic, indexes)| {
        Some((name_of(topic)?, indexes.iter().map(|it| it.to_wire()).collect()))
    });
    let mut named: Vec<(Arc<str>, Vec<i32>)> = named.collect();
    named.sort_unstable();
    named
}
