//! A group in the making: what one step changes, record by record.

use std::sync::Arc;

use super::ledger::{Ledger, removal};
use super::member::{Current, Epoch};
use super::{ConsumerGroup, Soft};
use crate::group::config::ConsumerConfig;
use crate::group::record::{Change, EpochRecord};
use crate::group::{GroupError, MemberId, Now};
use crate::metadata::MetadataImage;

/// What a step may look at besides the group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Env<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a ConsumerConfig,
    pub(crate) image: &'a MetadataImage,
    /// Counts the images whose topics differed.
    pub(crate) image_version: u64,
}

/// What a step decided. No answer to it may be given before all that was written of the group is
/// committed.
#[derive(Debug, Clone)]
pub(crate) struct Decided {
    /// The group as it is when `changes` are appended; without changes it is so at once.
    pub(crate) group: ConsumerGroup,
    /// In the order in which they must be written, in one batch.
    pub(crate) changes: Vec<Change>,
}

/// A step on its way.
pub(super) struct Draft<'a> {
    pub(super) env: Env<'a>,
    before: Ledger,
    pub(super) ledger: Ledger,
    pub(super) soft: Soft,
    changes: Vec<Change>,
}

impl<'a> Draft<'a> {
    pub(super) fn of(group: &ConsumerGroup, env: Env<'a>) -> Self {
        let ConsumerGroup { ledger, soft } = group.clone();
        let before = ledger.clone();
        Self { env, before, ledger, soft, changes: Vec::new() }
    }

    pub(super) fn write(&mut self, change: Change) {
        self.ledger.apply(&change);
        self.changes.push(change);
    }

    pub(super) fn set_current(&mut self, id: &MemberId, current: Current) {
        self.write(Change::Current(id.clone(), Some(Arc::new(current))));
    }

    /// Takes a member out with all that it has.
    pub(super) fn remove(&mut self, id: &MemberId) {
        let pattern = self.ledger.profiles.get(id).and_then(|it| it.pattern.clone());
        for change in removal(id) {
            self.write(change);
        }
        if let Some(pattern) = pattern {
            self.drop_pattern(&pattern);
        }
        self.soft.forget(id);
    }

    /// Forgets a pattern that no member has any more.
    pub(super) fn drop_pattern(&mut self, pattern: &Arc<str>) {
        let known = self.ledger.patterns.contains_key(pattern);
        if known && !self.ledger.has_pattern_user(pattern) {
            self.write(Change::Pattern(Arc::clone(pattern), None));
        }
    }

    /// The group's next epoch, with the topics as they are now.
    pub(super) fn bump(&mut self, metadata_hash: u64) -> Result<Epoch, GroupError> {
        let epoch = self.ledger.epoch().next().ok_or(GroupError::EpochsUsedUp)?;
        self.write(Change::Epoch(Some(EpochRecord { epoch, metadata_hash })));
        Ok(epoch)
    }

    /// The member was heard of.
    pub(super) fn touch(&mut self, id: &MemberId) {
        let Some(profile) = self.ledger.profiles.get(id) else { return };
        let deadline = self.env.now.uptime + profile.session_timeout(self.env.config);
        self.soft.sessions.insert(id.clone(), deadline);
    }

    pub(super) fn finish(self) -> Decided {
        let mut group = ConsumerGroup { ledger: self.ledger, soft: self.soft };
        if !self.changes.is_empty() {
            group.assert_invariants();
            if group.ledger.state() != self.before.state() {
                group.soft.state_since_ms = self.env.now.wall_ms;
            }
        }
        Decided { group, changes: self.changes }
    }
}
