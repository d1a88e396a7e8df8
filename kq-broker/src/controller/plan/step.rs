//! The steps of plans that were started, decided anew after every command.
//!
//! ```text
//!   replicas [1,2,3], to be [1,2,4]
//!   begin    [1,2,3,4]  adding [4]  removing [3]      4 fetches, joins the ISR
//!   hand over, if the leader does not stay            drained, so that nothing is lost
//!   end      [1,2,4]                                  3 drops its replica
//! ```
//! A partition never has fewer copies of what is committed than the lesser of its target and what it
//! has: a replica goes only when those that were added are in sync and enough stay. Copies are the
//! ISR's and, while that is too small to commit anything, the ELR's. All state is in the image, so
//! whichever broker leads the quorum goes on.

use std::collections::BTreeMap;

use super::super::decide::Draft;
use super::super::election::epoch_after;
use super::super::error::ControlError;
use super::super::leader_policy::LeaderRules;
use crate::canary;
use crate::catalogue::ConfigSources;
use crate::ids::{BrokerId, PartitionId, PlanId};
use crate::metadata::{
    MetadataImage, MetadataRecord, MoveImage, MoveState, PartitionChange, PartitionImage,
    PlanImage, PlanState, PlanStep, PlannedMove, TimestampMs, TopicImage,
};

/// Moves on what can be moved on in every active plan.
pub(in crate::controller) fn advance(draft: &mut Draft<'_, '_>) -> Result<(), ControlError> {
    let active: Vec<PlanId> = draft.image.active_plans().iter().map(|it| it.id).collect();
    for id in active {
        advance_one(draft, id)?;
    }
    Ok(())
}

/// Begins a move in the place of one that was under way, whose replicas stay until this one ends if
/// they hold what is committed. It waits for no turn: somebody must bring that to an end.
pub(super) fn begin_in_place(
    draft: &mut Draft<'_, '_>,
    id: PlanId,
    partition: PartitionId,
) -> Result<(), ControlError> {
    let sources = ConfigSources::of_cluster(&draft.image, &draft.settings.fixed);
    let Some(plan) = draft.image.plan(id) else { return Ok(()) };
    let steps = Steps { image: &draft.image, plan, sources: &sources, now: draft.now };
    let stage = plan.move_of(partition).and_then(|it| steps.stage(it));
    let records = stage.map(|it| it.begin()).unwrap_or_default();
    draft.accept(records)
}

fn advance_one(draft: &mut Draft<'_, '_>, id: PlanId) -> Result<(), ControlError> {
    let sources = ConfigSources::of_cluster(&draft.image, &draft.settings.fixed);
    // What ends makes room for others, which may end at once: until nothing happens any more.
    let mut idle = 0;
    for decide in [on_the_way, beginnings].into_iter().cycle() {
        let Some(plan) = draft.image.plan(id) else { return Ok(()) };
        let steps = Steps { image: &draft.image, plan, sources: &sources, now: draft.now };
        let records = decide(&steps);
        idle = if records.is_empty() { idle + 1 } else { 0 };
        if idle == 2 {
            break;
        }
        if !records.is_empty() {
            draft.accept(records)?;
        }
    }
    let Some(plan) = draft.image.plan(id) else { return Ok(()) };
    if plan.left() != (0, 0) {
        return Ok(());
    }
    let state = ending(plan);
    draft.accept(vec![MetadataRecord::PlanChanged { plan: id, state, lease: plan.lease }])
}

/// How a plan ended. Kafka's tools take back single moves: what went back was cancelled as much as if
/// the plan had been, and a plan of which nothing is done is not done.
fn ending(plan: &PlanImage) -> PlanState {
    let ended = |state| plan.moves().any(|it| it.state == state);
    let nothing_done = plan.moves_total() > 0 && !ended(MoveState::Done);
    let cancelled = plan.state == PlanState::Cancelling;
    if cancelled || nothing_done || ended(MoveState::Returned) {
        PlanState::Cancelled
    } else {
        PlanState::Done
    }
}

/// What the steps of one plan go by.
struct Steps<'a> {
    image: &'a MetadataImage,
    plan: &'a PlanImage,
    sources: &'a ConfigSources,
    now: TimestampMs,
}

/// A move with its partition as it is.
struct Stage<'a> {
    steps: &'a Steps<'a>,
    it: &'a MoveImage,
    topic: &'a TopicImage,
    now: &'a PartitionImage,
}

/// What has begun: ends it where it can end.
fn on_the_way(steps: &Steps<'_>) -> Vec<MetadataRecord> {
    let mut records = Vec::new();
    for it in steps.plan.under_way() {
        match steps.stage(it) {
            None => records.push(steps.step(it, MoveState::Failed, "its topic is gone")),
            Some(stage) if it.state == MoveState::Returning => records.extend(stage.go_back()),
            Some(stage) => records.extend(stage.go_on()),
        }
    }
    records
}

/// What has not begun: begins as many as the plan's bounds allow.
fn beginnings(steps: &Steps<'_>) -> Vec<MetadataRecord> {
    if steps.plan.state != PlanState::Running {
        return Vec::new();
    }
    let mut receiving: BTreeMap<BrokerId, u32> = BTreeMap::new();
    for id in steps.plan.under_way().flat_map(|it| it.planned.adding()) {
        *receiving.entry(id).or_default() += 1;
    }
    let mut room = (steps.plan.batch as usize).saturating_sub(steps.plan.left().1);
    let mut records = Vec::new();
    for it in steps.plan.waiting() {
        if room == 0 {
            break;
        }
        let Some(stage) = steps.stage(it) else {
            records.push(steps.step(it, MoveState::Skipped, "its topic is gone"));
            continue;
        };
        if let Some(why) = stage.obstacle() {
            records.push(steps.step(it, MoveState::Skipped, &why));
            continue;
        }
        let full = |id| receiving.get(&id).is_some_and(|it| *it >= steps.plan.concurrency);
        let may_take = |id| steps.image.broker(id).is_some_and(|it| it.takes_replicas());
        if it.planned.adding().any(|id| full(id) || !may_take(id)) {
            continue;
        }
        for id in it.planned.adding() {
            *receiving.entry(id).or_default() += 1;
        }
        room -= 1;
        records.extend(stage.begin());
    }
    records
}

impl<'a> Steps<'a> {
    fn stage(&'a self, it: &'a MoveImage) -> Option<Stage<'a>> {
        let PartitionId { topic, index } = it.planned.partition;
        let topic = self.image.any_topic(topic)?;
        Some(Stage { steps: self, it, topic, now: topic.partition(index)? })
    }

    fn step(&self, it: &MoveImage, state: MoveState, why: &str) -> MetadataRecord {
        MetadataRecord::PlanStepped(PlanStep {
            plan: self.plan.id,
            partition: it.planned.partition,
            state,
            why: why.to_owned(),
            asked: false,
        })
    }
}

impl Stage<'_> {
    fn planned(&self) -> &PlannedMove {
        &self.it.planned
    }

    fn step(&self, state: MoveState) -> MetadataRecord {
        self.steps.step(self.it, state, "")
    }

    /// The partition as it comes next. Where a replica goes another leader epoch begins, though the
    /// leader stays: should the replica come back, and be empty then, the leader must not take what
    /// the old one asked for by word of the new one.
    fn change(&self, now: PartitionImage) -> MetadataRecord {
        let PartitionId { topic, index } = self.planned().partition;
        let old = self.now;
        let goes = |id: &BrokerId| !now.replicas.contains(id);
        let leader_epoch = if old.replicas.iter().any(goes) && !canary::is("removal_without_epoch")
        {
            epoch_after(old)
        } else {
            old.leader_epoch
        };
        let partition_epoch = old.partition_epoch.next();
        let now = PartitionImage { leader_epoch, partition_epoch, ..now };
        MetadataRecord::PartitionChanged(PartitionChange { topic, index, now })
    }

    fn rules(&self) -> LeaderRules {
        LeaderRules::of(self.steps.image, self.topic, self.steps.sources)
    }

    /// Why the move can no longer begin: it was planned for another partition than it is.
    fn obstacle(&self) -> Option<String> {
        if self.now.replicas != self.planned().from {
            return Some("its replicas have changed since".to_owned());
        }
        let unknown = |id: &BrokerId| self.steps.image.broker(*id).is_none();
        let gone = self.planned().adding().find(unknown)?;
        Some(format!("broker {gone} is no longer registered"))
    }

    fn begin(&self) -> Vec<MetadataRecord> {
        let planned = self.planned();
        let holds = |id: &BrokerId| self.now.isr.contains(id) || self.now.elr.contains(id);
        let mut next = self.now.clone();
        next.replicas
            .retain(|id| planned.from.contains(id) || planned.to.contains(id) || holds(id));
        let new = planned.to.iter().filter(|id| !self.now.replicas.contains(id));
        next.replicas.extend(new);
        let is_new = |id: &BrokerId| !planned.from.contains(id);
        next.adding = next.replicas.iter().copied().filter(is_new).collect();
        next.removing = planned.removing().collect();
        next.last_known = within(&next.last_known, &next.replicas);
        let mut records = vec![self.step(MoveState::Moving)];
        if next != *self.now {
            records.push(self.change(next));
        }
        records
    }

    /// Ends the move, or asks its leader to hand over first, or waits.
    fn go_on(&self) -> Vec<MetadataRecord> {
        let planned = self.planned();
        let Some(leader) = self.now.leader else { return Vec::new() };
        let stay = within(&self.now.isr, &planned.to);
        let added = planned.adding().all(|id| self.now.isr.contains(&id));
        let enough = self.copies(&planned.to) >= planned.to.len().min(self.copies_now());
        let ready = (added && enough) || canary::is("removed_before_added");
        if !ready || stay.is_empty() {
            return Vec::new();
        }
        // A plan that changes who is preferred means that one to lead.
        let keeps = planned.from.first() == planned.to.first() || self.is_frozen();
        if keeps && planned.to.contains(&leader) {
            return self.settle(&planned.to, stay, MoveState::Done);
        }
        match self.successor(&planned.to, &stay) {
            Some(to) if to == leader => self.settle(&planned.to, stay, MoveState::Done),
            Some(to) if !self.is_frozen() => self.hand_over(to),
            Some(_) | None => Vec::new(),
        }
    }

    /// Takes the partition back to its old replicas as soon as that costs no promise: never fewer
    /// copies than `min.insync.replicas`, if there are not fewer already.
    fn go_back(&self) -> Vec<MetadataRecord> {
        let planned = self.planned();
        let Some(leader) = self.now.leader else { return Vec::new() };
        let stay = within(&self.now.isr, &planned.from);
        let min_isr = self.rules().min_isr as usize;
        let needed = min_isr.min(self.copies_now()).min(planned.from.len());
        let enough = needed <= self.copies(&planned.from) || canary::is("goes_back_at_once");
        if !enough || stay.is_empty() {
            return Vec::new();
        }
        if planned.from.contains(&leader) {
            return self.settle(&planned.from, stay, MoveState::Returned);
        }
        match self.successor(&planned.from, &stay) {
            Some(to) => self.hand_over(to),
            None => Vec::new(),
        }
    }

    /// How many of these replicas hold all that is committed.
    fn copies(&self, replicas: &[BrokerId]) -> usize {
        let PartitionImage { isr, elr, .. } = self.now;
        let elr = if canary::is("moves_forget_elr") { &[][..] } else { elr };
        isr.iter().chain(elr).filter(|id| replicas.contains(id)).count()
    }

    fn copies_now(&self) -> usize {
        self.copies(&self.now.replicas)
    }

    /// The most wanted of those that stay.
    fn successor(&self, list: &[BrokerId], stay: &[BrokerId]) -> Option<BrokerId> {
        let image = self.steps.image;
        let order = self.rules().order(image, self.planned().partition.index, list);
        order.into_iter().find(|id| stay.contains(id) && image.may_lead(*id))
    }

    fn is_frozen(&self) -> bool {
        let freeze = self.steps.image.freeze_of(self.topic);
        freeze.is_some_and(|it| it.holds_at(self.steps.now))
    }

    /// Asks the leader to drain to `to`, and again after a while if it gave up.
    fn hand_over(&self, to: BrokerId) -> Vec<MetadataRecord> {
        if !self.it.may_ask(self.steps.now) {
            return Vec::new();
        }
        let mut records = vec![MetadataRecord::PlanStepped(PlanStep {
            plan: self.steps.plan.id,
            partition: self.planned().partition,
            state: self.it.state,
            why: String::new(),
            asked: true,
        })];
        if self.now.handover.is_none() {
            let mut next = self.now.clone();
            next.handover = Some(to);
            records.push(self.change(next));
        }
        records
    }

    /// The partition on `replicas` and nowhere else.
    fn settle(
        &self,
        replicas: &[BrokerId],
        isr: Vec<BrokerId>,
        state: MoveState,
    ) -> Vec<MetadataRecord> {
        let mut records = vec![self.step(state)];
        let next = PartitionImage {
            replicas: replicas.to_vec(),
            elr: within(&self.now.elr, replicas),
            last_known: within(&self.now.last_known, replicas),
            adding: Vec::new(),
            removing: Vec::new(),
            handover: self.now.handover.filter(|to| isr.contains(to)),
            isr,
            ..self.now.clone()
        };
        if next != *self.now {
            records.push(self.change(next));
        }
        records
    }
}

fn within(list: &[BrokerId], replicas: &[BrokerId]) -> Vec<BrokerId> {
    list.iter().copied().filter(|id| replicas.contains(id)).collect()
}
