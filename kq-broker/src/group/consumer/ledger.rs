//! What the log tells of a group: the last value of each of its keys, and what follows from them.

use std::sync::Arc;

use imbl::OrdMap;

use super::ConsumerState;
use super::member::{Current, Epoch, MemberState, Profile};
use crate::group::assignor::Assignor;
use crate::group::config::ConsumerConfig;
use crate::group::partitions::PartitionSet;
use crate::group::record::{Change, EpochRecord, ResolvedPattern};
use crate::group::{InstanceId, MemberId};
use crate::ids::PartitionId;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    /// None while the log has no group, or no group any more.
    pub(super) founded: Option<EpochRecord>,
    pub(super) target_epoch: Epoch,
    /// The members.
    pub(super) profiles: OrdMap<MemberId, Arc<Profile>>,
    /// What each is to have; nothing where there is no entry.
    pub(super) shares: OrdMap<MemberId, Arc<PartitionSet>>,
    /// Where each stands; at its beginning where there is no entry.
    pub(super) currents: OrdMap<MemberId, Arc<Current>>,
    /// Invariant between steps: exactly the patterns of members.
    pub(super) patterns: OrdMap<Arc<str>, Arc<ResolvedPattern>>,
    /// A record of key version 4 stands in the log, and goes with the group.
    has_shapes: bool,

    /// Invariant: exactly the members with an instance.
    pub(super) statics: OrdMap<InstanceId, MemberId>,
    /// Invariant: who holds each partition that is assigned or not yet given back.
    owners: OrdMap<PartitionId, MemberId>,
    /// How many members name a topic.
    named: OrdMap<Arc<str>, u32>,
    /// How many members have a pattern.
    patterned: OrdMap<Arc<str>, u32>,
    /// How many members have a rack.
    racked: u32,
}

impl Ledger {
    pub(super) fn epoch(&self) -> Epoch {
        self.founded.map_or(Epoch::default(), |it| it.epoch)
    }

    pub(super) fn state(&self) -> ConsumerState {
        let is_settled = |id: &MemberId| {
            let current = self.current(id);
            current.state == MemberState::Stable && current.epoch == self.target_epoch
        };
        if self.profiles.is_empty() {
            ConsumerState::Empty
        } else if self.target_epoch < self.epoch() {
            ConsumerState::Assigning
        } else if self.profiles.keys().all(is_settled) {
            ConsumerState::Stable
        } else {
            ConsumerState::Reconciling
        }
    }

    pub(super) fn metadata_hash(&self) -> u64 {
        self.founded.map_or(0, |it| it.metadata_hash)
    }

    pub(super) fn current(&self, id: &MemberId) -> Arc<Current> {
        self.currents.get(id).cloned().unwrap_or_default()
    }

    pub(super) fn share(&self, id: &MemberId) -> Arc<PartitionSet> {
        self.shares.get(id).cloned().unwrap_or_default()
    }

    /// Whether nobody but this member holds the partition.
    pub(super) fn is_free_for(&self, partition: PartitionId, member: &MemberId) -> bool {
        self.owners.get(&partition).is_none_or(|it| it == member)
    }

    /// The names of all topics that members want, some of them twice.
    pub(super) fn subscribed(&self) -> impl Iterator<Item = &Arc<str>> {
        self.named.keys().chain(self.patterns.values().flat_map(|it| &it.topics))
    }

    /// Whether racks count for anything.
    pub(super) fn has_racks(&self) -> bool {
        self.racked > 0
    }

    pub(super) fn has_pattern_user(&self, pattern: &str) -> bool {
        self.patterned.contains_key(pattern)
    }

    /// The assignor with the most votes; of several, and without any, the first of those that are set.
    pub(super) fn assignor(&self, config: &ConsumerConfig) -> Assignor {
        let votes = |it: &Assignor| {
            self.profiles.values().filter(|profile| profile.assignor == Some(*it)).count()
        };
        let most = config.assignors.iter().map(votes).max().unwrap_or(0);
        let mut set = config.assignors.iter().copied();
        set.find(|it| votes(it) == most).unwrap_or(Assignor::Uniform)
    }

    /// What one record says. A tombstone of what is not there says nothing.
    pub(super) fn apply(&mut self, change: &Change) {
        match change {
            Change::Epoch(it) => self.founded = *it,
            Change::Shapes { written } => self.has_shapes = *written,
            Change::Member(id, it) => self.set_profile(id, it.as_ref()),
            Change::TargetEpoch(it) => self.target_epoch = it.unwrap_or_default(),
            Change::Share(id, it) => set(&mut self.shares, id, it.as_ref()),
            Change::Current(id, it) => self.set_current(id, it.as_ref()),
            Change::Pattern(text, it) => set(&mut self.patterns, text, it.as_ref()),
        }
    }

    fn set_profile(&mut self, id: &MemberId, next: Option<&Arc<Profile>>) {
        if let Some(before) = self.profiles.remove(id) {
            before.topics.iter().for_each(|it| count_down(&mut self.named, it));
            before.pattern.iter().for_each(|it| count_down(&mut self.patterned, it));
            self.racked -= u32::from(before.rack.is_some());
            if let Some(instance) = &before.instance
                && self.statics.get(instance) == Some(id)
            {
                self.statics.remove(instance);
            }
        }
        let Some(next) = next else { return };
        next.topics.iter().for_each(|it| *self.named.entry(it.clone()).or_default() += 1);
        next.pattern.iter().for_each(|it| *self.patterned.entry(it.clone()).or_default() += 1);
        self.racked += u32::from(next.rack.is_some());
        if let Some(instance) = &next.instance {
            self.statics.insert(instance.clone(), id.clone());
        }
        self.profiles.insert(id.clone(), Arc::clone(next));
    }

    fn set_current(&mut self, id: &MemberId, next: Option<&Arc<Current>>) {
        for partition in self.current(id).held() {
            if self.owners.get(&partition) == Some(id) {
                self.owners.remove(&partition);
            }
        }
        for partition in next.into_iter().flat_map(|it| it.held()) {
            self.owners.insert(partition, id.clone());
        }
        set(&mut self.currents, id, next);
    }

    /// Drops what belongs to nobody: a log may have been compacted between a member's records. Of two
    /// who hold a partition, which no broker of ours writes, the one that came later keeps it.
    pub(super) fn tidy_up(&mut self) {
        keep(&mut self.shares, &self.profiles);
        keep(&mut self.currents, &self.profiles);
        keep(&mut self.patterns, &self.patterned);
        self.owners = OrdMap::new();
        let mut by_epoch: Vec<_> = self.currents.clone().into_iter().collect();
        by_epoch.sort_by_key(|(_, it)| it.epoch);
        for (id, current) in by_epoch.into_iter().rev() {
            let mine = |it: PartitionId| !self.owners.contains_key(&it);
            let (assigned, revoking) =
                (current.assigned.filter(mine), current.revoking.filter(mine));
            let has_revoked =
                revoking.is_empty() && current.state == MemberState::UnrevokedPartitions;
            let state = if has_revoked { MemberState::Stable } else { current.state };
            let kept = Current { state, assigned, revoking, ..Current::clone(&current) };
            kept.held().for_each(|it| drop(self.owners.insert(it, id.clone())));
            if kept != *current {
                tracing::error!(member = %id, "another member holds what this one holds as well");
                self.currents.insert(id, Arc::new(kept));
            }
        }
    }

    pub(super) fn tombstones(&self) -> Vec<Change> {
        let members = self.profiles.keys().flat_map(removal);
        let patterns = self.patterns.keys().map(|it| Change::Pattern(it.clone(), None));
        let mut all: Vec<Change> = members.chain(patterns).collect();
        if self.has_shapes {
            all.push(Change::Shapes { written: false });
        }
        all.extend([Change::TargetEpoch(None), Change::Epoch(None)]);
        all
    }

    /// Costs as much as there are members and partitions: for steps that change something.
    pub(super) fn assert_invariants(&self) {
        let mut held = 0;
        for (id, current) in &self.currents {
            assert!(self.profiles.contains_key(id), "only members stand anywhere");
            let is_member_epoch =
                current.epoch <= self.target_epoch || current.epoch == Epoch::AWAY;
            assert!(
                is_member_epoch,
                "{id} is at {:?}, the target at {:?}",
                current.epoch, self.target_epoch
            );
            let must_revoke = current.state == MemberState::UnrevokedPartitions;
            assert_eq!(must_revoke, !current.revoking.is_empty(), "{id}: {current:?}");
            for partition in current.held() {
                assert_eq!(self.owners.get(&partition), Some(id), "{partition} has two owners");
                held += 1;
            }
        }
        assert_eq!(held, self.owners.len(), "what nobody holds has no owner");
        assert!(self.target_epoch <= self.epoch(), "the target is of this group");
        let with_instance = self.profiles.values().filter(|it| it.instance.is_some()).count();
        assert_eq!(with_instance, self.statics.len(), "an instance is held once");
        assert!(self.patterns.keys().eq(self.patterned.keys()), "patterns are those of members");
    }
}

/// The tombstones of a member. What it holds goes first, so that every part of the batch makes sense.
pub(super) fn removal(id: &MemberId) -> [Change; 3] {
    [
        Change::Current(id.clone(), None),
        Change::Share(id.clone(), None),
        Change::Member(id.clone(), None),
    ]
}

fn set<K: Ord + Clone, V: Clone>(map: &mut OrdMap<K, V>, key: &K, value: Option<&V>) {
    match value {
        Some(value) => drop(map.insert(key.clone(), value.clone())),
        None => drop(map.remove(key)),
    }
}

/// Keeps what has an entry in the other map.
fn keep<K: Ord + Clone, V: Clone, W>(map: &mut OrdMap<K, V>, others: &OrdMap<K, W>) {
    let gone: Vec<K> = map.keys().filter(|it| !others.contains_key(*it)).cloned().collect();
    for key in gone {
        map.remove(&key);
    }
}

fn count_down(counts: &mut OrdMap<Arc<str>, u32>, key: &Arc<str>) {
    match counts.get_mut(key) {
        Some(count) if *count > 1 => *count -= 1,
        _ => drop(counts.remove(key)),
    }
}
