//! What operators do while things go wrong: they move replicas, change their mind about it, and
//! change what acks=all demands.

use std::collections::BTreeSet;

use kq_broker::controller::plan::{OrderedMove, PlanChange, PlanOrder, Reassignment, RuleId};
use kq_broker::controller::{
    AlterOp, Command, ConfigAlteration, ConfigTarget, ElectionKind, IncrementalAlter, PartitionRef,
    TopicRef,
};
use kq_broker::ids::{BrokerId, PlanId};
use kq_broker::metadata::{Lease, PlanState, TimestampMs};

use crate::control::TOPIC;
use crate::event::{Event, Undo};
use crate::faults::FaultKind;
use crate::tally::Count;
use crate::world::{World, trace};

/// Replicas of the partition, at most.
const REPLICAS_MAX: u64 = 4;

impl World {
    /// Asks for the partition on other brokers; sometimes that is taken back soon, or undone by
    /// another one.
    pub(crate) fn reassign(&mut self) {
        let Some(to) = self.other_replicas() else { return };
        self.reassign_to(to);
        let (soon, very_soon) = (self.rng.within(1, 4_000), self.rng.within(1, 1_000));
        match self.rng.below(10) {
            0..3 => self.schedule(soon, Event::Undo(Undo::Reassigned)),
            3..5 => self.schedule(very_soon, Event::Undo(Undo::Moved)),
            _ => {}
        }
    }

    /// To where it was before, there and back in little time.
    pub(crate) fn reassign_back(&mut self) {
        let Some(of) = self.partition() else { return };
        let Some((plan, it)) = self.control.image.plan_of(of) else {
            let plans = self.control.image.plans().filter_map(|it| it.move_of(of));
            let last = plans.max_by_key(|it| it.ended_at).map(|it| it.planned.from.clone());
            if let Some(from) = last {
                self.reassign_to(from);
            }
            return;
        };
        trace!(self, "plan {} is {:?} still", plan.id, it.state);
    }

    fn reassign_to(&mut self, to: Vec<BrokerId>) {
        let plan_of_its_own = self.rng.percent(30);
        let command = if plan_of_its_own { self.plan_of(to) } else { Some(kafkas_way(Some(&to))) };
        if let Some(command) = command {
            self.operate(&command);
        }
    }

    /// Some brokers, registered but not always alive; oftener than not as many as there are now.
    fn other_replicas(&mut self) -> Option<Vec<BrokerId>> {
        let now = self.partition().and_then(|of| self.control.image.partition(of))?.replicas.len();
        let mut known: Vec<BrokerId> = self.control.image.brokers().map(|it| it.id).collect();
        // A disk that nobody knows to be empty must not hold the only copy.
        let least = if self.weather.faults.contains(&FaultKind::Wipe) { 2 } else { 1 };
        let most = REPLICAS_MAX.min(known.len() as u64);
        let wanted = if self.rng.percent(60) { now as u64 } else { self.rng.within(least, most) };
        let mut to = Vec::new();
        for _ in 0..wanted.clamp(least, most) {
            let at = usize::try_from(self.rng.below(known.len() as u64)).unwrap_or(0);
            to.push(known.swap_remove(at));
        }
        Some(to)
    }

    /// The same as a plan, bound to the state that its maker sees.
    fn plan_of(&mut self, to: Vec<BrokerId>) -> Option<Command> {
        let partition = self.partition()?;
        let epoch = self.control.image.partition(partition)?.partition_epoch;
        let id = PlanId(u32::try_from(self.rng.below(1 << 16)).unwrap_or(0));
        let mut overrides: BTreeSet<RuleId> = RuleId::ALL.iter().copied().collect();
        overrides.remove(&RuleId::S007);
        let order = PlanOrder {
            id,
            verb: "plan apply".to_owned(),
            cluster: self.control.image.cluster_id().cloned(),
            moves: vec![OrderedMove { partition, to, epoch, ..OrderedMove::default() }],
            lease: Lease::default(),
            batch: 1,
            concurrency: 1,
            overrides: overrides.iter().map(ToString::to_string).collect(),
            ..PlanOrder::default()
        };
        Some(Command::StartPlan { order, validate_only: false })
    }

    /// Holds up what moves, lets it go on or takes it back.
    pub(crate) fn change_plan(&mut self) {
        let active = self.control.image.active_plans().first().map(|it| it.id);
        let changes = [PlanChange::Pause, PlanChange::Resume, PlanChange::Cancel];
        let change = self.rng.pick(&changes).unwrap_or(PlanChange::Cancel);
        match active.filter(|_| self.rng.percent(70)) {
            Some(plan) => {
                self.operate(&Command::ChangePlan { plan, change, validate_only: false });
            }
            None => self.take_back(),
        }
    }

    /// Kafka's way to call a reassignment off.
    pub(crate) fn take_back(&mut self) {
        self.operate(&kafkas_way(None));
    }

    /// Nobody leaves a plan paused for ever.
    pub(crate) fn resume_plans(&mut self) {
        let paused = self.control.image.active_plans();
        let paused = paused.iter().filter(|it| it.state == PlanState::Paused);
        let paused: Vec<PlanId> = paused.map(|it| it.id).collect();
        for plan in paused {
            let change = PlanChange::Resume;
            self.operate(&Command::ChangePlan { plan, change, validate_only: false });
        }
    }

    /// Demands more or fewer replicas in sync for acks=all.
    pub(crate) fn change_min_isr(&mut self) {
        let Some(value) = self.rng.pick(&self.weather.isr_mins.clone()) else { return };
        let Some(before) = self.control.min_isr() else { return };
        let alteration = ConfigAlteration {
            key: "min.insync.replicas".to_owned(),
            op: AlterOp::Set,
            value: Some(value.to_string()),
        };
        let target = ConfigTarget::Topic(TOPIC.to_owned());
        let resources = vec![IncrementalAlter { target, alterations: vec![alteration] }];
        self.operate(&Command::IncrementalAlterConfigs { resources, validate_only: false });
        match self.control.min_isr() {
            Some(now) if before < now => self.checks.tally.one(Count::MinIsrRaised),
            Some(now) if now < before => self.checks.tally.one(Count::MinIsrLowered),
            Some(_) | None => {}
        }
    }

    pub(crate) fn move_leader(&mut self, to: BrokerId) {
        let reference = PartitionRef { topic: TopicRef::Name(TOPIC.to_owned()), index: 0 };
        self.operate(&Command::ElectLeaders {
            kind: ElectionKind::Preferred,
            partitions: Some(vec![reference]),
            designate: Some(to),
            validate_only: false,
        });
    }

    pub(crate) fn delete_topic(&mut self) {
        let topics = vec![TopicRef::Name(TOPIC.to_owned())];
        self.operate(&Command::DeleteTopics { topics, keep_for_ms: None, validate_only: false });
    }

    /// What the time makes due.
    pub(crate) fn tick_controller(&mut self) {
        let wall = TimestampMs(self.control.wall(self.now));
        if self.control.image.next_deadline().is_some_and(|at| at <= wall) {
            self.operate(&Command::Tick);
        }
    }

    /// Operators hear of refusals and leave it at that; without a controller they ask in vain.
    fn operate(&mut self, command: &Command) {
        if self.control.up {
            let _ = self.submit(command);
        }
    }
}

/// Kafka's request: to these brokers, or back.
fn kafkas_way(to: Option<&[BrokerId]>) -> Command {
    let replicas = to.map(|to| to.iter().map(|id| id.to_wire()).collect());
    let partitions = vec![Reassignment { topic: TOPIC.to_owned(), index: 0, replicas }];
    Command::AlterReassignments { partitions, allow_factor_change: true }
}
