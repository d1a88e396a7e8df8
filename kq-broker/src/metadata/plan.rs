//! Plans that were started: which replicas move where, how far each has come, at what rate.
//!
//! ```text
//!   waiting --> moving --> done                    a plan: running <--> paused --> done
//!      |           \--> returning --> returned             \--> cancelling --> cancelled
//!      \--> skipped         (moving, returning) --> failed
//! ```
//! All that a controller needs to go on is here: when it dies, the next one goes on.

use std::fmt;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet, Vector};
use serde::{Deserialize, Serialize};

use super::image::MetadataImage;
use super::record::TimestampMs;
use crate::ids::{BrokerId, PartitionId, PlanId};

/// Plans that ended and are kept, with all their moves together.
const ENDED_PLANS_MAX: usize = 100;
/// Moves of ended plans that are kept; the newest ended plan stays whatever it has.
const ENDED_MOVES_MAX: usize = 50_000;

/// How long a leader is given before it is asked again to hand over.
pub const HANDOVER_RETRY_MS: i64 = 30_000;

/// How a plan stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PlanState {
    /// It goes on.
    #[default]
    Running,
    /// What moves goes on, nothing else begins.
    Paused,
    /// What moves goes back to where it was.
    Cancelling,
    /// Nothing is left to do.
    Done,
    /// It was cancelled, or what it moved went back, or nothing of it could be done; nothing is left
    /// to do.
    Cancelled,
}

/// How far one partition has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MoveState {
    /// It has not begun.
    #[default]
    Waiting,
    /// New replicas are being filled, or its leader hands over.
    Moving,
    /// It goes back to its old replicas.
    Returning,
    /// It is where it was to go.
    Done,
    /// It is back where it was.
    Returned,
    /// It never began.
    Skipped,
    /// It began and cannot end.
    Failed,
}

/// What an operator said of the rate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Throttle {
    /// As fast as it goes.
    #[default]
    Off,
    /// Four fifths of what the slowest broker can spare, as measured.
    Auto,
    /// Bytes a second.
    Rate(u64),
}

/// The rate at which each broker may fill replicas for a plan. It ends with the plan.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// As said.
    pub throttle: Throttle,
    /// In bytes a second; none for no bound.
    pub bytes_per_second: Option<u64>,
}

/// A plan as it begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanStart {
    /// Its name.
    pub id: PlanId,
    /// The verb that asked for it.
    pub verb: String,
    /// Its rate.
    pub lease: Lease,
    /// Moves at a time.
    pub batch: u32,
    /// Moves at a time that one broker may receive.
    pub concurrency: u32,
    /// Its moves, in the order in which they begin.
    pub moves: Vec<PlannedMove>,
}

/// One move as planned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlannedMove {
    /// Which partition.
    pub partition: PartitionId,
    /// Its replicas before.
    pub from: Vec<BrokerId>,
    /// Its replicas in the end.
    pub to: Vec<BrokerId>,
    /// Bytes that are copied; none when that was unknown.
    pub bytes: Option<u64>,
}

/// One move's new state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanStep {
    /// Of which plan.
    pub plan: PlanId,
    /// Which partition.
    pub partition: PartitionId,
    /// How far it has come.
    pub state: MoveState,
    /// Why, when that does not go without saying.
    pub why: String,
    /// Whether its leader was asked to hand over just now.
    pub asked: bool,
}

/// One plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanImage {
    /// Its name.
    pub id: PlanId,
    /// The verb that asked for it.
    pub verb: Arc<str>,
    /// How it stands.
    pub state: PlanState,
    /// Why it was started, in the operator's words.
    pub reason: Arc<str>,
    /// When it began.
    pub started_at: TimestampMs,
    /// When it ended.
    pub ended_at: Option<TimestampMs>,
    /// Its rate.
    pub lease: Lease,
    /// Moves at a time.
    pub batch: u32,
    /// Moves at a time that one broker may receive.
    pub concurrency: u32,
    moves: Vector<Arc<MoveImage>>,
    by_partition: OrdMap<PartitionId, usize>,
    waiting: OrdSet<usize>,
    moving: OrdSet<usize>,
}

/// One move of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveImage {
    /// What was planned.
    pub planned: PlannedMove,
    /// How far it has come.
    pub state: MoveState,
    /// Why, when that does not go without saying.
    pub why: Arc<str>,
    /// When it began.
    pub began_at: Option<TimestampMs>,
    /// When it ended.
    pub ended_at: Option<TimestampMs>,
    /// When its leader was last asked to hand over.
    pub asked_at: Option<TimestampMs>,
}

impl PlanState {
    /// Whether something may still happen.
    pub const fn is_active(self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Cancelling)
    }

    /// The name that scripts see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Cancelling => "cancelling",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }
}

impl MoveState {
    /// Whether replicas or leaders are on their way.
    pub const fn is_under_way(self) -> bool {
        matches!(self, Self::Moving | Self::Returning)
    }

    /// The name that scripts see.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Moving => "moving",
            Self::Returning => "returning",
            Self::Done => "done",
            Self::Returned => "returned",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

impl PlanImage {
    pub(super) fn new(start: &PlanStart, at: TimestampMs, reason: Arc<str>) -> Self {
        let mut plan = Self {
            id: start.id,
            verb: start.verb.as_str().into(),
            reason,
            started_at: at,
            lease: start.lease,
            batch: start.batch,
            concurrency: start.concurrency,
            ..Self::default()
        };
        for planned in &start.moves {
            plan.push(MoveImage::new(planned.clone()));
        }
        plan
    }

    /// Adds a move at the end.
    pub(super) fn push(&mut self, it: MoveImage) {
        let at = self.moves.len();
        self.by_partition.insert(it.planned.partition, at);
        self.index(at, it.state);
        self.moves.push_back(Arc::new(it));
    }

    fn index(&mut self, at: usize, state: MoveState) {
        self.waiting.remove(&at);
        self.moving.remove(&at);
        if state == MoveState::Waiting {
            self.waiting.insert(at);
        } else if state.is_under_way() {
            self.moving.insert(at);
        }
    }

    /// Takes a move on; false when the plan has no such move.
    pub(super) fn take_on(&mut self, step: &PlanStep, now: TimestampMs) -> bool {
        let Some(at) = self.by_partition.get(&step.partition).copied() else { return false };
        let Some(slot) = self.moves.get_mut(at) else { return false };
        let it = Arc::make_mut(slot);
        if it.state == MoveState::Waiting && step.state.is_under_way() {
            it.began_at = Some(now);
        }
        it.state = step.state;
        it.why = step.why.as_str().into();
        it.asked_at = if step.asked { Some(now) } else { it.asked_at };
        let under_way = step.state.is_under_way() || step.state == MoveState::Waiting;
        it.ended_at = (!under_way).then_some(now);
        self.index(at, step.state);
        true
    }

    /// Its moves, in the order in which they begin.
    pub fn moves(&self) -> impl Iterator<Item = &Arc<MoveImage>> {
        self.moves.iter()
    }

    /// How many moves it has.
    pub fn moves_total(&self) -> usize {
        self.moves.len()
    }

    /// The move of one partition.
    pub fn move_of(&self, partition: PartitionId) -> Option<&Arc<MoveImage>> {
        self.moves.get(*self.by_partition.get(&partition)?)
    }

    /// Moves that have not begun.
    pub fn waiting(&self) -> impl Iterator<Item = &Arc<MoveImage>> {
        self.waiting.iter().filter_map(|at| self.moves.get(*at))
    }

    /// Moves that have begun and not ended.
    pub fn under_way(&self) -> impl Iterator<Item = &Arc<MoveImage>> {
        self.moving.iter().filter_map(|at| self.moves.get(*at))
    }

    /// How many moves have not begun, and how many have begun and not ended.
    pub fn left(&self) -> (usize, usize) {
        (self.waiting.len(), self.moving.len())
    }

    /// When a leader is next asked to hand over that was asked before.
    fn deadline(&self) -> Option<TimestampMs> {
        let due = |it: &Arc<MoveImage>| Some(TimestampMs(it.asked_at?.0 + HANDOVER_RETRY_MS));
        self.under_way().filter_map(due).min()
    }
}

impl MoveImage {
    pub(super) fn new(planned: PlannedMove) -> Self {
        Self {
            planned,
            state: MoveState::Waiting,
            why: "".into(),
            began_at: None,
            ended_at: None,
            asked_at: None,
        }
    }

    /// Whether a leader that was asked to hand over may be asked again.
    pub fn may_ask(&self, now: TimestampMs) -> bool {
        self.asked_at.is_none_or(|at| now.0 >= at.0 + HANDOVER_RETRY_MS)
    }
}

impl PlannedMove {
    /// Brokers that get a replica.
    pub fn adding(&self) -> impl Iterator<Item = BrokerId> {
        self.to.iter().copied().filter(|id| !self.from.contains(id))
    }

    /// Brokers that lose theirs.
    pub fn removing(&self) -> impl Iterator<Item = BrokerId> {
        self.from.iter().copied().filter(|id| !self.to.contains(id))
    }
}

impl MetadataImage {
    /// A plan, also when it has ended and is still kept.
    pub fn plan(&self, id: PlanId) -> Option<&Arc<PlanImage>> {
        self.plans.get(&id)
    }

    /// All plans that are kept, in the order of their names.
    pub fn plans(&self) -> impl Iterator<Item = &Arc<PlanImage>> {
        self.plans.values()
    }

    /// Plans in which something may still happen, the oldest first.
    pub fn active_plans(&self) -> Vec<&Arc<PlanImage>> {
        let mut plans: Vec<_> = self.plans().filter(|it| it.state.is_active()).collect();
        plans.sort_by_key(|it| (it.started_at, it.id));
        plans
    }

    /// The active plan that moves a partition or is about to.
    pub fn plan_of(&self, partition: PartitionId) -> Option<(&Arc<PlanImage>, &Arc<MoveImage>)> {
        self.plans().filter(|it| it.state.is_active()).find_map(|plan| {
            let it = plan.move_of(partition)?;
            let open = it.state.is_under_way() || it.state == MoveState::Waiting;
            open.then_some((plan, it))
        })
    }

    /// Bytes a second that a broker may take in for replicas that are being added: the least of
    /// all leases. None for no bound.
    pub fn moves_bytes_per_second(&self) -> Option<u64> {
        let active = self.plans().filter(|it| it.state.is_active());
        active.filter_map(|it| it.lease.bytes_per_second).min()
    }

    /// When a plan must be looked at again.
    pub(super) fn plans_deadline(&self) -> Option<TimestampMs> {
        let active = self.plans().filter(|it| it.state.is_active());
        active.filter_map(|it| it.deadline()).min()
    }

    /// Forgets the plans that ended first, once too many are kept.
    pub(super) fn forget_plans(&mut self) {
        let mut ended: Vec<(TimestampMs, PlanId, usize)> =
            self.plans().filter_map(|it| Some((it.ended_at?, it.id, it.moves_total()))).collect();
        ended.sort_unstable_by(|a, b| b.cmp(a));
        let mut moves = 0;
        for (kept, (_, id, count)) in ended.into_iter().enumerate() {
            moves += count;
            if kept > 0 && (kept >= ENDED_PLANS_MAX || moves > ENDED_MOVES_MAX) {
                self.plans.remove(&id);
            }
        }
    }
}

impl fmt::Display for PlanState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for MoveState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.throttle, self.bytes_per_second) {
            (Throttle::Auto, Some(rate)) => write!(f, "auto, {rate} B/s"),
            (Throttle::Auto, None) => f.write_str("auto, nothing measured"),
            (Throttle::Off | Throttle::Rate(_), Some(rate)) => write!(f, "{rate} B/s"),
            (Throttle::Off | Throttle::Rate(_), None) => f.write_str("no throttle"),
        }
    }
}
