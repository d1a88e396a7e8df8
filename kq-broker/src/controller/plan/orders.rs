//! Plans as commands: started, paused, resumed, cancelled, given another rate.

use std::collections::{BTreeMap, BTreeSet};

use kq_proto::kafka::ErrorCode;
use serde::{Deserialize, Serialize};

use super::super::command::Reply;
use super::super::decide::Draft;
use super::super::error::{ControlError, Refused};
use super::facts::Measured;
use super::flows::{Flows, Rates};
use super::goal::{Goal, Options, Request};
use super::moves::{Cordoning, Move, Plan};
use super::rules::RuleId;
use super::view::View;
use crate::catalogue::StaticConfig;
use crate::ids::{BrokerId, ClusterId, PartitionEpoch, PartitionId, PlanId};
use crate::metadata::{
    Lease, MetadataImage, MetadataRecord, MoveState, PlanImage, PlanStart, PlanState, PlanStep,
    PlannedMove, Throttle,
};

/// Moves of one plan.
const MOVES_MAX: usize = 10_000;
/// Plans in which something may still happen.
const ACTIVE_PLANS_MAX: usize = 64;

/// A plan to be carried out, with all that it is bound to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanOrder {
    /// Its name.
    pub id: PlanId,
    /// The verb that asked for it.
    pub verb: String,
    /// The cluster it is for.
    pub cluster: Option<ClusterId>,
    /// Its moves, in the order in which they begin.
    pub moves: Vec<OrderedMove>,
    /// Its rate.
    pub lease: Lease,
    /// Moves at a time.
    pub batch: u32,
    /// Moves at a time that one broker may receive.
    pub concurrency: u32,
    /// How full a disk may get, in percent; none for the usual.
    #[serde(default)]
    pub disk_percent_max: Option<u8>,
    /// Rules that are not to stop it, by their ids.
    pub overrides: Vec<String>,
    /// The broker that gets no new replicas from now on.
    pub cordon: Option<Cordoning>,
    /// The command that asked for it, as typed.
    pub typed: String,
}

/// One move of an order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderedMove {
    /// Which partition.
    pub partition: PartitionId,
    /// Its replicas in the end.
    pub to: Vec<BrokerId>,
    /// The state that the plan saw.
    pub epoch: PartitionEpoch,
    /// Bytes that are copied, as far as known.
    pub bytes: Option<u64>,
    /// The name it had, `orders/3`, for the refusal once it is gone; may be empty.
    #[serde(default)]
    pub name: String,
}

/// What is to become of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlanChange {
    /// Nothing more begins.
    Pause,
    /// It goes on.
    Resume,
    /// What moves goes back, nothing more begins; what is done stays.
    Cancel,
    /// Another rate.
    Throttle(Lease),
}

impl Plan {
    /// The order that carries it out.
    pub fn order(&self) -> PlanOrder {
        let ordered = |it: &Move| OrderedMove {
            partition: it.partition,
            to: it.to.clone(),
            epoch: it.epoch,
            bytes: it.bytes,
            name: it.name.clone(),
        };
        PlanOrder {
            id: self.id,
            verb: self.verb.clone(),
            cluster: self.cluster.clone(),
            moves: self.moves.iter().map(ordered).collect(),
            lease: Lease { throttle: self.options.throttle, bytes_per_second: self.rate() },
            batch: self.options.batch,
            concurrency: self.options.concurrency,
            disk_percent_max: Some(self.options.disk_percent_max),
            overrides: self.options.overrides.iter().map(ToString::to_string).collect(),
            cordon: self.cordon,
            typed: self.typed.clone(),
        }
    }

    /// The plan of an order, on the image of now.
    pub(super) fn of_order(view: &View<'_>, order: &PlanOrder) -> Self {
        let overrides = order.overrides.iter().filter_map(|it| it.parse::<RuleId>().ok()).collect();
        let usual = Options::default();
        let options = Options {
            disk_percent_max: order.disk_percent_max.unwrap_or(usual.disk_percent_max),
            throttle: order.lease.throttle,
            batch: order.batch,
            concurrency: order.concurrency,
            overrides,
            ..usual
        };
        let lists = order.moves.iter().map(|it| (it.partition, it.to.clone())).collect();
        let request = Request { goal: Goal::Assign(lists), options, typed: order.typed.clone() };
        let moves = order.moves.iter().map(|it| the_move(view, it)).collect();
        let plan = Self::new(view, &request, moves);
        Self {
            id: order.id,
            verb: order.verb.clone(),
            cluster: order.cluster.clone(),
            cordon: order.cordon,
            leased: order.lease.bytes_per_second,
            ..plan
        }
    }
}

fn the_move(view: &View<'_>, it: &OrderedMove) -> Move {
    let mut next = Move {
        partition: it.partition,
        name: if it.name.is_empty() { it.partition.to_string() } else { it.name.clone() },
        to: it.to.clone(),
        epoch: it.epoch,
        bytes: it.bytes,
        ..Move::default()
    };
    if let Some((topic, now)) = view.find(it.partition) {
        next.name = format!("{}/{}", topic.name, it.partition.index);
        next.from = super::targets::settled(now);
        next.leader = now.leader;
    }
    next
}

/// What `--throttle auto` comes to for what is left of a plan.
pub fn auto_rate(
    plan: &PlanImage,
    image: &MetadataImage,
    fixed: &StaticConfig,
    measured: &Measured,
) -> Option<u64> {
    let view = View::new(image, fixed, measured);
    let throttle = Throttle::Auto;
    let PlanImage { batch, concurrency, .. } = *plan;
    let options = Options { throttle, concurrency, batch, ..Options::default() };
    let moves: Vec<Move> = left(plan).map(|it| the_move(&view, &it)).collect();
    Rates::of(&view, &Flows::of(&view, &moves, &options), throttle).auto()
}

/// Which brokers still copy from which for a plan.
pub fn links_left(
    plan: &PlanImage,
    image: &MetadataImage,
) -> BTreeMap<BrokerId, BTreeSet<BrokerId>> {
    let mut links: BTreeMap<BrokerId, BTreeSet<BrokerId>> = BTreeMap::new();
    for it in plan.under_way().chain(plan.waiting()) {
        let Some(leader) = image.any_partition(it.planned.partition).and_then(|it| it.leader)
        else {
            continue;
        };
        for to in it.planned.adding().filter(|_| it.planned.bytes != Some(0)) {
            links.entry(to).or_default().insert(leader);
        }
    }
    links
}

fn left(plan: &PlanImage) -> impl Iterator<Item = OrderedMove> {
    plan.under_way().chain(plan.waiting()).map(|it| OrderedMove {
        partition: it.planned.partition,
        to: it.planned.to.clone(),
        bytes: it.planned.bytes,
        ..OrderedMove::default()
    })
}

/// Starts a plan, unless a rule forbids it that needs no measuring; the others were judged by the
/// broker that was asked.
pub(in crate::controller) fn start(
    draft: &mut Draft<'_, '_>,
    order: &PlanOrder,
) -> Result<Reply, ControlError> {
    verify_bounds(draft, order)?;
    let measured = Measured { at: draft.now, ..Measured::default() };
    let view = View::new(&draft.image, &draft.settings.fixed, &measured);
    let plan =
        super::judge(&Plan::of_order(&view, order), &draft.image, &draft.settings.fixed, &measured);
    if plan.is_refused() {
        return Err(refusal(&plan));
    }
    let moves = plan.moves.iter().map(|it| PlannedMove {
        partition: it.partition,
        from: it.from.clone(),
        to: it.to.clone(),
        bytes: it.bytes,
    });
    let start = PlanStart {
        id: free_id(draft, order.id),
        verb: order.verb.clone(),
        lease: order.lease,
        batch: order.batch.max(1),
        concurrency: order.concurrency.max(1),
        moves: moves.collect(),
    };
    let id = start.id;
    if let Some(Cordoning { broker, decommission }) = order.cordon {
        super::super::broker::cordon(draft, broker, decommission)?;
    }
    draft.accept(vec![MetadataRecord::PlanStarted(start)])?;
    Ok(Reply::PlanStarted(id))
}

/// The refusal of a plan that breaks rules.
pub fn refusal(plan: &Plan) -> ControlError {
    let stale = plan.verdicts.iter().any(|it| it.rule == RuleId::S008 && it.refuses());
    let (code, refused) = if stale {
        (ErrorCode::InvalidUpdateVersion, Refused::StalePlan)
    } else {
        (ErrorCode::PolicyViolation, Refused::Interlock)
    };
    ControlError::new(code, plan.refusal.trim_end()).refused(refused)
}

fn verify_bounds(draft: &Draft<'_, '_>, order: &PlanOrder) -> Result<(), ControlError> {
    let refuse = |message: String| {
        Err(ControlError::new(ErrorCode::PolicyViolation, message)
            .hint("kq-ctl plan list shows what is under way; name fewer partitions at a time"))
    };
    let count = order.moves.len();
    if count > MOVES_MAX {
        return refuse(format!("{count} moves in one plan are more than {MOVES_MAX}"));
    }
    let active = draft.image.active_plans().len();
    if active >= ACTIVE_PLANS_MAX {
        return refuse(format!("{active} plans are under way, as many as there may be"));
    }
    let mut seen = std::collections::BTreeSet::new();
    for it in &order.moves {
        let distinct: std::collections::BTreeSet<_> = it.to.iter().collect();
        if it.to.is_empty() || distinct.len() < it.to.len() || !seen.insert(it.partition) {
            let message = format!("the plan has no valid list of replicas for {}", it.partition);
            return Err(ControlError::new(ErrorCode::InvalidReplicaAssignment, message)
                .hint("make the plan again"));
        }
    }
    Ok(())
}

/// The plan's own name, or the next that nobody has.
fn free_id(draft: &Draft<'_, '_>, wanted: PlanId) -> PlanId {
    let mut id = wanted;
    while draft.image.plan(id).is_some() {
        id = PlanId(id.0.wrapping_add(1));
    }
    id
}

pub(in crate::controller) fn change(
    draft: &mut Draft<'_, '_>,
    id: PlanId,
    change: PlanChange,
) -> Result<Reply, ControlError> {
    let plan = draft.image.plan(id).cloned().ok_or_else(|| unknown_plan(id))?;
    if !plan.state.is_active() {
        let message = format!("plan {id} is {} already", plan.state);
        return Err(ControlError::new(ErrorCode::NoReassignmentInProgress, message)
            .refused(Refused::PlanEnded)
            .hint(format!("kq-ctl plan rollback {id} puts back what it moved")));
    }
    let (state, lease) = match change {
        PlanChange::Pause if plan.state == PlanState::Running => (PlanState::Paused, plan.lease),
        PlanChange::Resume if plan.state == PlanState::Paused => (PlanState::Running, plan.lease),
        PlanChange::Pause | PlanChange::Resume => (plan.state, plan.lease),
        PlanChange::Cancel => (PlanState::Cancelling, plan.lease),
        PlanChange::Throttle(lease) => (plan.state, lease),
    };
    if (state, lease) != (plan.state, plan.lease) {
        draft.accept(vec![MetadataRecord::PlanChanged { plan: id, state, lease }])?;
    }
    if change == PlanChange::Cancel {
        let records = cancelled(&plan);
        if !records.is_empty() {
            draft.accept(records)?;
        }
    }
    Ok(Reply::PlanChanged(id))
}

/// What moves goes back, what has not begun never will.
fn cancelled(plan: &PlanImage) -> Vec<MetadataRecord> {
    let step = |partition, state, why: &str| {
        let why = why.to_owned();
        MetadataRecord::PlanStepped(PlanStep { plan: plan.id, partition, state, why, asked: false })
    };
    let back = plan.under_way().filter(|it| it.state == MoveState::Moving);
    let back = back.map(|it| step(it.planned.partition, MoveState::Returning, ""));
    let never = plan
        .waiting()
        .map(|it| step(it.planned.partition, MoveState::Skipped, "the plan was cancelled"));
    back.chain(never).collect()
}

/// The answer to a name that no plan has.
pub fn unknown_plan(id: PlanId) -> ControlError {
    ControlError::new(ErrorCode::ResourceNotFound, format!("there is no plan {id}"))
        .refused(Refused::UnknownPlan)
        .hint("see 'kq-ctl plan list --all' for the plans there are")
}
