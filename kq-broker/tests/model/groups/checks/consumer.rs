//! What is held against groups of the consumer protocol (KIP-848), and against groups that change
//! their protocol.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use kq_broker::group::record::{Change, ConsumerKey, Key};
use kq_broker::group::{
    Beat, Caller, ConsumerDescription, ConsumerState, Current, Epoch, GroupError, GroupId, Input,
    MemberId, PartitionSet, Phase, Reply, Shard, WrittenRecord,
};
use kq_broker::ids::{PartitionId, PartitionIndex};

use super::super::wire::{PARTITIONS, TOPIC};
use super::Checks;

type MemberOf = (GroupId, MemberId);

/// The epochs that were written and told.
#[derive(Debug, Default)]
pub(crate) struct Epochs {
    /// Of each group that is in the committed log: its own, and that of its target.
    groups: BTreeMap<GroupId, (Epoch, Epoch)>,
    /// The writes with which groups ended: another one under the same name begins at the first epoch.
    ends: BTreeMap<GroupId, Vec<u64>>,
    /// Where each member stood, in the order of the committed log; none where it went.
    stood: BTreeMap<MemberOf, Vec<Option<Arc<Current>>>>,
    /// The newest that each member was told, with how many groups of that name had ended by then.
    told: BTreeMap<MemberOf, (usize, Epoch)>,
}

/// What the group's epochs make of a beat: whether it is to be heard.
pub(crate) fn verdict(shard: &Shard, input: &Input) -> Option<bool> {
    let Input::ConsumerHeartbeat(beat) = input else { return None };
    let Phase::At(epoch) = beat.phase else { return None };
    let members = shard.describe_consumer(&beat.group).map(|it| it.members);
    let known = members.into_iter().flatten().find(|it| it.member == beat.member);
    let Some(known) = known else { return Some(false) };
    let current = &known.current;
    let owns_no_more = beat.owned.as_ref().is_some_and(|it| it.is_subset(&current.assigned));
    let is_behind = epoch == current.previous_epoch && epoch < current.epoch && owns_no_more;
    Some(epoch == current.epoch || is_behind)
}

impl Checks {
    /// A change of a consumer group is committed.
    pub(super) fn on_change(
        &mut self,
        number: u64,
        (group, key): (&GroupId, &ConsumerKey),
        value: Option<&Bytes>,
    ) {
        let change = Change::from_record(key.clone(), value).unwrap();
        let known = self.epochs.groups.get(group).copied();
        match change {
            Change::Epoch(Some(it)) => {
                let (own, target) = known.unwrap_or_default();
                self.verify_order(own < it.epoch, group, "group", (own, it.epoch));
                self.epochs.groups.insert(group.clone(), (it.epoch, target));
            }
            Change::Epoch(None) => {
                if self.epochs.groups.remove(group).is_some() {
                    self.epochs.ends.entry(group.clone()).or_default().push(number);
                }
            }
            Change::TargetEpoch(Some(it)) => {
                let (own, target) = known.unwrap_or_default();
                self.verify_order(target <= it && it <= own, group, "target", (target, it));
                self.epochs.groups.insert(group.clone(), (own, it));
            }
            Change::Current(member, next) => {
                let stood = self.epochs.stood.entry((group.clone(), member)).or_default();
                let last = stood.last().cloned().flatten().map_or(Epoch::default(), |it| it.epoch);
                let to = next.as_ref().map_or(Epoch::default(), |it| it.epoch);
                stood.push(next);
                let begins_anew = to <= Epoch::JOINING;
                self.verify_order(begins_anew || last <= to, group, "member", (last, to));
            }
            Change::TargetEpoch(None)
            | Change::Shapes { .. }
            | Change::Member(..)
            | Change::Share(..)
            | Change::Pattern(..) => {}
        }
    }

    fn verify_order(&mut self, fits: bool, group: &GroupId, of: &str, (was, is): (Epoch, Epoch)) {
        if !fits {
            let what = format!("{group}: a {of} was at {was:?}, and is at {is:?}");
            self.fail("EpochsNeverRegress", what);
        }
    }

    /// A member hears of a beat, which the epochs allowed or not when it came.
    pub(crate) fn on_beat_answered(
        &mut self,
        (group, member): (&GroupId, &MemberId),
        is_to_be_heard: Option<bool>,
        reply: &Reply,
    ) {
        let is_heard = if let Reply::ConsumerBeat(Ok(beat)) = reply {
            self.on_told(group, beat);
            Some(true)
        } else {
            let is_fenced = matches!(
                reply,
                Reply::ConsumerBeat(Err(
                    GroupError::FencedMemberEpoch { .. } | GroupError::UnknownMember
                ))
            );
            is_fenced.then_some(false)
        };
        if let (Some(wanted), Some(is_heard)) = (is_to_be_heard, is_heard)
            && wanted != is_heard
        {
            let what = format!("{member} of {group} hears {reply:?}, to be heard: {wanted}");
            self.fail("EpochsFence", what);
        }
    }

    /// What a member is told is committed, and no older than what it was told before.
    fn on_told(&mut self, group: &GroupId, beat: &Beat) {
        if beat.epoch < Epoch::JOINING {
            return;
        }
        self.beats += 1;
        let of = (group.clone(), beat.member.clone());
        let is_told = |it: &Current| {
            let share = beat.assignment.as_ref();
            it.epoch == beat.epoch && share.is_none_or(|share| *share == it.assigned)
        };
        let stood = self.epochs.stood.get(&of).map(Vec::as_slice).unwrap_or_default();
        if !stood.iter().flatten().any(|it| is_told(it)) {
            let what = format!("{} of {group} is told {beat:?}, which is not in the log", of.1);
            self.fail("OneOwner", what);
        }
        let now = self.telling.as_ref().map_or(u64::MAX, |it| it.number);
        let ends = self.epochs.ends.get(group).map(Vec::as_slice).unwrap_or_default();
        let next = (ends.partition_point(|it| *it <= now), beat.epoch);
        let last = self.epochs.told.insert(of, next);
        if let Some(last) = last.filter(|it| next < *it) {
            self.verify_order(false, group, "member told", (last.1, next.1));
        }
    }

    /// Whether a member of the classic protocol in a consumer group had this share.
    pub(super) fn was_dealt(
        &self,
        group: &GroupId,
        member: &MemberId,
        share: &BTreeSet<i32>,
    ) -> bool {
        let stood = self.epochs.stood.get(&(group.clone(), member.clone()));
        let numbers = |it: &Current| -> BTreeSet<i32> {
            let shared = it.assigned.iter().filter(|it| it.topic == self.shared);
            shared.map(|it| it.index.to_wire()).collect()
        };
        stood.into_iter().flatten().flatten().any(|it| numbers(it) == *share)
    }

    /// Whether a commit fits the consumer group in the leader's log; none where that has no such group.
    pub(super) fn may_commit(&self, caller: &Caller) -> Option<bool> {
        let key = |it| Key::Consumer(caller.group.clone(), it);
        let value = |it| self.head.get(&key(it)).and_then(|it| it.value.as_ref());
        value(ConsumerKey::Epoch)?;
        if caller.generation < 0 && caller.member.as_str().is_empty() {
            let is_member = |(key, it): (&Key, &WrittenRecord)| {
                let is_profile =
                    matches!(key, Key::Consumer(id, ConsumerKey::Member(_)) if *id == caller.group);
                is_profile && it.value.is_some()
            };
            return Some(!self.head.iter().any(is_member));
        }
        let current = ConsumerKey::Current(caller.member.clone());
        let change = Change::from_record(current.clone(), value(current)).unwrap();
        let Change::Current(_, Some(current)) = change else { return Some(false) };
        Some(current.epoch == Epoch(caller.generation))
    }

    /// Whether somebody is in the group, with an epoch or a generation that is its own.
    pub(crate) fn is_member(&self, group: &GroupId, member: &MemberId, generation: i32) -> bool {
        if let Some(it) = self.replay.describe_consumer(group) {
            let found = it.members.iter().find(|it| it.member == *member);
            return found.is_some_and(|it| {
                let may_be_behind = it.profile.classic.is_none() && 0 < generation;
                let is_behind = may_be_behind && it.current.previous_epoch.0 == generation;
                it.current.epoch.0 == generation || is_behind
            });
        }
        let is_current = self.replay.survey(group).is_some_and(|it| it.generation == generation);
        let members = self.replay.describe(group).map(|it| it.members).unwrap_or_default();
        is_current && members.iter().any(|it| it.member == *member)
    }

    /// A stable group has dealt out everything, each partition once.
    pub(super) fn verify_target(&mut self, group: &GroupId, it: &ConsumerDescription) {
        if it.state != ConsumerState::Stable {
            return;
        }
        let names = |topics: &BTreeSet<Arc<str>>| topics.contains(TOPIC);
        let mut dealt = PartitionSet::default();
        let mut wrong = None;
        for member in &it.members {
            let has_shared = member.target.iter().any(|it| it.topic == self.shared);
            let is_its = member.current.assigned == *member.target
                && (!has_shared || names(&member.profile.topics))
                && !member.target.overlaps(&dealt);
            wrong = wrong.or_else(|| (!is_its).then(|| member.clone()));
            dealt = dealt.union(&member.target);
        }
        let is_wanted = it.members.iter().any(|it| names(&it.profile.topics));
        let all = (0..PARTITIONS).filter_map(PartitionIndex::from_wire);
        let mut all = all.map(|index| PartitionId { topic: self.shared, index });
        let is_whole = !is_wanted || all.all(|it| dealt.contains(it));
        if wrong.is_some() || !is_whole {
            let what = format!("{group} is stable with {dealt:?}, wrong is {wrong:?}");
            self.fail("TargetCovers", what);
        }
    }
}
