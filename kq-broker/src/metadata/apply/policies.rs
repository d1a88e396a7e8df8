//! What is said about leaders in committed changes.

use std::sync::Arc;

use super::super::event::EventKind;
use super::super::image::MetadataImage;
use super::super::policy::{Freeze, LeaderPolicy, PolicyScope};
use super::super::record::TimestampMs;
use super::{ApplyError, Stamp};

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
        let subject = self.name_of(scope)?;
        let said = policy.to_string();
        let detail = if said.is_empty() { "as by default" } else { &said };
        self.record_event(stamp, EventKind::LeaderPolicyChanged, &subject, detail);
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
        let subject = self.name_of(scope)?;
        self.record_event(stamp, EventKind::LeadersFrozen, &subject, &detail);
        Ok(())
    }

    pub(super) fn unfreeze_leaders(
        &mut self,
        stamp: &Stamp,
        scope: PolicyScope,
    ) -> Result<(), ApplyError> {
        if self.freeze_mut(scope)?.take().is_some() {
            let subject = self.name_of(scope)?;
            self.record_event(stamp, EventKind::LeadersUnfrozen, &subject, "");
        }
        Ok(())
    }

    pub(super) fn balance_leaders(&mut self, stamp: &Stamp, moves: u32) {
        self.balanced_at = stamp.time;
        let detail = format!("{moves} leaders move to where they are preferred");
        self.record_event(stamp, EventKind::LeadersBalanced, "all topics", &detail);
    }

    fn freeze_mut(&mut self, scope: PolicyScope) -> Result<&mut Option<Freeze>, ApplyError> {
        Ok(match scope {
            PolicyScope::Cluster => &mut self.freeze,
            PolicyScope::Topic(id) => &mut self.topic_mut(id)?.freeze,
        })
    }

    fn name_of(&self, scope: PolicyScope) -> Result<String, ApplyError> {
        match scope {
            PolicyScope::Cluster => Ok("all topics".to_owned()),
            PolicyScope::Topic(id) => {
                let topic = self.topics.get(&id).ok_or(ApplyError::UnknownTopic(id))?;
                Ok(format!("topic {}", topic.name))
            }
        }
    }
}
