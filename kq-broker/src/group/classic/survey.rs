//! A classic group as its operators see it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::{Group, GroupState, Member};
use crate::group::embedded::Subscription;
use crate::group::{GroupSurvey, GroupType, KindState, MemberSurvey, Now, subscription};

impl Group {
    /// The group, its offsets aside.
    pub(crate) fn survey(&self) -> GroupSurvey {
        GroupSurvey {
            group: self.id.clone(),
            group_type: GroupType::Classic,
            state: KindState::Classic(self.state),
            state_since_ms: self.state_since_ms,
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            generation: self.generation,
            member_count: self.member_count(),
            topics: self.topics(),
            offset_count: 0,
            last_commit_at_ms: None,
        }
    }

    /// Its members, in the order of their ids.
    pub(crate) fn survey_members(&self, now: Now) -> Vec<MemberSurvey> {
        self.members.values().map(|it| self.survey_member(it, now)).collect()
    }

    fn survey_member(&self, member: &Member, now: Now) -> MemberSurvey {
        let deadline = member.session_deadline.saturating_sub(now.uptime);
        let silent_for = member.session_timeout.saturating_sub(deadline);
        MemberSurvey {
            member: member.id.clone(),
            instance: member.instance.clone(),
            client_id: Arc::clone(&member.client_id),
            client_host: Arc::clone(&member.client_host),
            assigned: self.assigned_to(member),
            revoking: Vec::new(),
            epoch: None,
            subscribed: self.subscribed_by(member),
            pattern: None,
            rack: self.rack_of(member),
            session_timeout: member.session_timeout,
            rebalance_timeout: member.rebalance_timeout,
            silent_for: if member.is_waiting() { Duration::ZERO } else { silent_for },
            leads: self.leader.as_ref() == Some(&member.id),
            joining: member.waiting_join.is_some(),
        }
    }

    /// When the group came to its state, in milliseconds since 1970.
    pub(crate) fn state_since_ms(&self) -> i64 {
        self.state_since_ms
    }

    /// How many members it has.
    pub(crate) fn member_count(&self) -> usize {
        self.members.len()
    }

    /// The topics that members name or are assigned.
    fn topics(&self) -> BTreeSet<Arc<str>> {
        let assigned = self.members.values().flat_map(|it| self.assigned_to(it));
        let subscribed = self.members.values().flat_map(|it| self.subscribed_by(it));
        assigned.map(|(topic, _)| topic).chain(subscribed).collect()
    }

    fn assigned_to(&self, member: &Member) -> Vec<(Arc<str>, Vec<i32>)> {
        let is_known = self.is_consumer() && self.state == GroupState::Stable;
        let assigned = is_known.then(|| subscription::assigned(&member.assignment)).flatten();
        let assigned = assigned.unwrap_or_default().into_iter();
        assigned.map(|(topic, partitions)| (Arc::from(topic), partitions)).collect()
    }

    fn subscribed_by(&self, member: &Member) -> BTreeSet<Arc<str>> {
        if !self.is_consumer() {
            return BTreeSet::new();
        }
        let named = member.protocols.iter().filter_map(|it| subscription::topics(&it.metadata));
        named.flatten().map(Arc::from).collect()
    }

    /// Consumers tell it beside the topics that they name.
    fn rack_of(&self, member: &Member) -> Option<Arc<str>> {
        let mut protocols = member.protocols.iter().filter(|_| self.is_consumer());
        protocols.find_map(|it| Subscription::read(&it.metadata)?.rack)
    }

    fn is_consumer(&self) -> bool {
        self.protocol_type.as_deref() == Some("consumer")
    }
}
