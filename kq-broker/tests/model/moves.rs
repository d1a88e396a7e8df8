//! The promises of reassignments, and of what acks=all demands while that changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use kq_broker::ids::{BrokerId, PartitionId};
use kq_broker::metadata::{
    MetadataImage, MetadataRecord, MoveState, PartitionImage, PlanStep, TopicImage,
};

use crate::log::ModelLog;
use crate::shell::rules_of;
use crate::tally::Count;
use crate::world::World;

/// Replicas in sync that acks=all demanded from one committed state on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Demand {
    applied: u64,
    replicas: usize,
}

/// What a topic demands: no more than its partition has replicas.
fn demanded(topic: &TopicImage, partition: &PartitionImage) -> usize {
    rules_of(topic).isr_min.min(partition.replicas.len())
}

impl World {
    /// What the controller committed just now, record by record.
    pub(crate) fn check_moves(&mut self, records: &[MetadataRecord], before: &MetadataImage) {
        let mut known: BTreeMap<PartitionId, Arc<PartitionImage>> = BTreeMap::new();
        let mut last = None;
        for record in records {
            if let MetadataRecord::PlanStepped(step) = record
                && !step.asked
            {
                self.count_step(step);
                last = Some(step.state);
            }
            if let MetadataRecord::PartitionChanged(change) = record {
                let of = PartitionId { topic: change.topic, index: change.index };
                let old = known.insert(of, Arc::new(change.now.clone()));
                if let Some(old) = old.or_else(|| before.partition(of).cloned()) {
                    self.check_copies(of, (&old, &change.now), last);
                }
            }
        }
        if let Some(of) = self.partition() {
            self.note_demand(of);
        }
    }

    fn count_step(&mut self, step: &PlanStep) {
        let tally = &mut self.checks.tally;
        match step.state {
            MoveState::Moving => {
                tally.one(Count::MovesBegun);
                self.checks.struck = false;
                return;
            }
            MoveState::Waiting | MoveState::Returning | MoveState::Skipped => return,
            MoveState::Done => tally.one(Count::MovesDone),
            MoveState::Returned => tally.one(Count::MovesUndone),
            MoveState::Failed => tally.one(Count::MovesFailed),
        }
        if std::mem::take(&mut self.checks.struck) {
            tally.one(Count::MovesStruck);
        }
        if !self.stormy {
            tally.one(Count::MovesLate);
        }
    }

    /// Something goes wrong; perhaps while a reassignment is under way.
    pub(crate) fn note_strike(&mut self) {
        let moves = self.partition().and_then(|of| self.control.image.plan_of(of));
        self.checks.struck |= moves.is_some_and(|(_, it)| it.state.is_under_way());
    }

    /// C5: a replica goes only when as many copies stay as the target asks for, or as acks=all
    /// demands when all goes back; or as many as there are. Who is in the ELR holds one.
    fn check_copies(
        &mut self,
        of: PartitionId,
        (old, new): (&PartitionImage, &PartitionImage),
        step: Option<MoveState>,
    ) {
        if old.replicas.iter().all(|id| new.replicas.contains(id)) {
            return;
        }
        let copies = |it: &PartitionImage| it.isr.len() + it.elr.len();
        let asked = match (step, self.control.image.any_topic(of.topic)) {
            (Some(MoveState::Done), _) | (_, None) => new.replicas.len(),
            (_, Some(topic)) => demanded(topic, new),
        };
        if copies(new) < asked.min(copies(old)) {
            self.fail("MovesKeepCopies", format!("{old:?} became {new:?} by {step:?}"));
        }
    }

    fn note_demand(&mut self, of: PartitionId) {
        let applied = self.control.image.applied();
        let Some(topic) = self.control.image.any_topic(of.topic) else { return };
        let Some(partition) = topic.partition(of.index) else { return };
        let replicas = demanded(topic, partition);
        let demands = self.checks.demands.entry(of).or_default();
        if demands.last().is_none_or(|it| it.replicas != replicas) {
            demands.push(Demand { applied, replicas });
        }
    }

    /// D1: a record is acknowledged only when as many in-sync replicas have it, and have it synced,
    /// as acks=all demanded: by the rule that its leader knew, or by one that came since. In sync is
    /// who was when its leader heard of it last, or is now. Of a topic that is gone nothing is left, nor
    /// of what a disk held that was replaced since.
    pub(crate) fn check_held_by_enough(&mut self, id: BrokerId, of: PartitionId, offset: u64) {
        let broker = self.brokers.get(&id);
        let Some(process) = broker.and_then(|it| it.process.as_ref()) else { return };
        let Some(image) = process.image.partition(of) else { return };
        if self.control.image.any_topic(of.topic).is_none() {
            return;
        }
        let applied = process.image.applied();
        let mut needed = usize::MAX;
        for it in self.checks.demands.get(&of).into_iter().flatten().rev() {
            needed = needed.min(it.replicas);
            if it.applied <= applied {
                break;
            }
        }
        let entry = broker.and_then(|it| it.disk.logs.get(&of)).and_then(|it| it.get(offset));
        let holds = |log: &ModelLog| {
            let end = if self.weather.page_cache { log.end() } else { log.synced() };
            offset < log.start() || (offset < end && log.get(offset) == entry)
        };
        let has = |id: &&BrokerId| {
            let Some(broker) = self.brokers.get(id) else { return false };
            broker.disk.logs.get(&of).is_some_and(holds) || broker.had_another_disk()
        };
        let mut in_sync = self.holders(of);
        in_sync.extend(&image.isr);
        in_sync.sort_unstable();
        in_sync.dedup();
        let held = in_sync.iter().filter(has).count();
        if held < needed {
            let what = format!("{id} acknowledges {offset}: {held} of {needed} have it");
            self.fail("AckedByEnough", what);
        }
    }
}
