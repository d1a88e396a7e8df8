//! What is said about leaders in committed changes.

use std::sync::Arc;

use super::super::event::{Detail, EventKind, Subject};
use super::super::image::MetadataImage;
use super::super::policy::{Freeze, LeaderPolicy, PolicyScope};
use super::super::record::{TimestampMs, clip};
use super::{ApplyError, DETAIL_CHARS_MAX, Stamp};

impl MetadataImage {
    pub(super) fn change_policy(
        &mut self,
        stamp: &Stamp,
        scope: PolicyScope,
        policy: &LeaderPolicy,
    ) -> Result<(), ApplyError> {
        let new = Arc::new(policy.clone());
        match scope {
            PolicyScope::Cluster => self.leader_policy = new,
            PolicyScope::Topic(id) => self.topic_mut(id)?.leader_policy = new,
        }
        self.attend_to(scope);
        let subject = self.subject_of(scope)?;
        let detail = policy.to_string();
        self.record_event(
            stamp,
            EventKind::LeaderPolicyChanged,
            subject,
            Detail::text(&clip(&detail, DETAIL_CHARS_MAX)),
        );
        Ok(())
    }

    pub(super) fn freeze_leaders(
        &mut self,
        stamp: &Stamp,
        scope: PolicyScope,
        until: Option<TimestampMs>,
    ) -> Result<(), ApplyError> {
        let freeze = Freeze { since: stamp.time, reason: stamp.reason.clone(), until };
        let detail = freeze.to_string();
        *self.freeze_mut(scope)? = Some(freeze);
        self.attend_to(scope);
        let subject = self.subject_of(scope)?;
        self.record_event(stamp, EventKind::LeadersFrozen, subject, Detail::text(&detail));
        Ok(())
    }

    pub(super) fn unfreeze_leaders(
        &mut self,
        stamp: &Stamp,
        scope: PolicyScope,
    ) -> Result<(), ApplyError> {
        if self.freeze_mut(scope)?.take().is_some() {
            self.attend_to(scope);
            let subject = self.subject_of(scope)?;
            self.record_event(stamp, EventKind::LeadersUnfrozen, subject, Detail::None);
        }
        Ok(())
    }

    pub(super) fn balance_leaders(&mut self, stamp: &Stamp, moves: u32) {
        self.balanced_at = stamp.time;
        let detail = format!("{moves} leaders move to where they are preferred");
        self.record_event(
            stamp,
            EventKind::LeadersBalanced,
            Subject::AllTopics,
            Detail::text(&detail),
        );
    }

    fn attend_to(&mut self, scope: PolicyScope) {
        if let PolicyScope::Topic(id) = scope {
            self.attend(id);
        }
    }

    fn freeze_mut(&mut self, scope: PolicyScope) -> Result<&mut Option<Freeze>, ApplyError> {
        Ok(match scope {
            PolicyScope::Cluster => &mut self.freeze,
            PolicyScope::Topic(id) => &mut self.topic_mut(id)?.freeze,
        })
    }

    fn subject_of(&self, scope: PolicyScope) -> Result<Subject, ApplyError> {
        match scope {
            PolicyScope::Cluster => Ok(Subject::AllTopics),
            PolicyScope::Topic(id) => {
                let topic = self.topics.get(&id).ok_or(ApplyError::UnknownTopic(id))?;
                Ok(Subject::Topic(topic.name.clone()))
            }
        }
    }
}
