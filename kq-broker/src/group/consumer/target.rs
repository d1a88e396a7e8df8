//! The target assignment: what every member is to have in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::draft::Draft;
use super::member::{Epoch, Profile};
use crate::group::MemberId;
use crate::group::assignor::{Shape, Spec, Wish};
use crate::group::partitions::PartitionSet;
use crate::group::record::Change;
use crate::ids::TopicId;

impl Draft<'_> {
    /// Computes a new target where the group has moved on, but not more often than the interval lets:
    /// many who join at once are dealt to together.
    pub(super) fn update_target(&mut self) {
        let epoch = self.ledger.epoch();
        if epoch <= self.ledger.target_epoch {
            return;
        }
        if self.ledger.target_epoch != Epoch::default() && self.target_wait().is_some() {
            return;
        }
        for (id, share) in self.deal() {
            if *self.ledger.share(&id) != share {
                self.write(Change::Share(id, Some(Arc::new(share))));
            }
        }
        self.write(Change::TargetEpoch(Some(epoch)));
        self.soft.targeted_at = Some(self.env.now.uptime);
    }

    /// How long a new target has to wait yet.
    pub(super) fn target_wait(&self) -> Option<Duration> {
        let due_at = self.soft.targeted_at? + self.env.config.assignment_interval;
        let wait = due_at.saturating_sub(self.env.now.uptime);
        (!wait.is_zero()).then_some(wait)
    }

    fn deal(&self) -> BTreeMap<MemberId, PartitionSet> {
        let topics = self.shapes();
        let shares: BTreeMap<&MemberId, Arc<PartitionSet>> =
            self.ledger.profiles.keys().map(|id| (id, self.ledger.share(id))).collect();
        let mut members = BTreeMap::new();
        for ((id, profile), now) in self.ledger.profiles.iter().zip(shares.values()) {
            let wish = Wish {
                instance: profile.instance.as_ref(),
                rack: profile.rack.as_deref(),
                topics: self.topics_of(profile, &topics),
                now,
            };
            members.insert(id, wish);
        }
        let spec = Spec { members, topics: &topics };
        let shares = self.ledger.assignor(self.env.config).assign(&spec);
        shares.into_iter().map(|(id, share)| (id.clone(), share)).collect()
    }

    /// What a member names, and what its pattern matches, as far as it is there.
    fn topics_of(&self, profile: &Profile, there: &BTreeMap<TopicId, Shape>) -> BTreeSet<TopicId> {
        let pattern = profile.pattern.as_ref().and_then(|it| self.ledger.patterns.get(it));
        let matched = pattern.into_iter().flat_map(|it| &it.topics);
        let names = profile.topics.iter().chain(matched);
        let ids = names.filter_map(|it| self.env.image.topic_by_name(it)).map(|it| it.id);
        ids.filter(|id| there.contains_key(id)).collect()
    }
}
