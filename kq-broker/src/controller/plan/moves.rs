//! A plan as data: its moves, what was left out, and what it is bound to.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::cost::{self, Summary};
use super::flows::Flows;
use super::goal::{Goal, Options, Request};
use super::rules::{self, Finding, RuleId, Verdict};
use super::view::View;
use crate::ids::{BrokerId, ClusterId, PartitionEpoch, PartitionId, PlanId};
use crate::metadata::Throttle;

/// One partition's way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Move {
    /// Which partition.
    pub partition: PartitionId,
    /// As operators name it: `orders/3`.
    pub name: String,
    /// Its replicas now.
    pub from: Vec<BrokerId>,
    /// Its replicas in the end.
    pub to: Vec<BrokerId>,
    /// Who leads it now.
    pub leader: Option<BrokerId>,
    /// The state that the plan saw.
    pub epoch: PartitionEpoch,
    /// Bytes that are copied; none when its size is unknown.
    pub bytes: Option<u64>,
    /// How long that takes alone; none when size or rates are unknown.
    pub eta_ms: Option<u64>,
    /// The rules that it breaks or comes near to.
    pub rules: Vec<RuleId>,
}

/// A move that would reach the goal and is not in the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Which partition.
    pub partition: PartitionId,
    /// As operators name it.
    pub name: String,
    /// Why.
    pub why: String,
}

/// A broker that gets no new replicas from when the plan begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cordoning {
    /// Which broker.
    pub broker: BrokerId,
    /// For good.
    pub decommission: bool,
}

/// What is to be moved, what it costs and what speaks against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub id: PlanId,
    /// The verb that asked for it.
    pub verb: String,
    /// The cluster it is for.
    pub cluster: Option<ClusterId>,
    /// The moves, in the order in which they begin.
    pub moves: Vec<Move>,
    /// What it leaves out.
    pub left_out: Vec<LeftOut>,
    /// The bounds it runs within.
    pub options: Options,
    /// The broker that it empties.
    pub cordon: Option<Cordoning>,
    /// What it costs.
    pub summary: Summary,
    /// One for each rule, in their order.
    pub verdicts: Vec<Verdict>,
    /// Why it is refused and what to do, as an operator reads it; empty when it is not.
    pub refusal: String,
    /// The command that asked for it, as typed.
    pub typed: String,
    /// Whether the planner chose brokers for it.
    pub(super) chooses: bool,
    /// The rate that it was given when it was made; none while it is.
    pub(super) leased: Option<u64>,
}

impl Plan {
    pub(super) fn new(view: &View<'_>, request: &Request, moves: Vec<Move>) -> Self {
        let options = request.options.clone();
        let mut plan = Self {
            id: PlanId(identity(view, &moves)),
            verb: request.goal.verb().to_owned(),
            cluster: view.image.cluster_id().cloned(),
            summary: cost::summarize(view, &moves, &options),
            moves,
            left_out: Vec::new(),
            cordon: cordon(&request.goal),
            options,
            verdicts: Vec::new(),
            refusal: String::new(),
            typed: request.typed.clone(),
            chooses: request.goal.chooses(),
            leased: None,
        };
        for it in &mut plan.moves {
            let alone = Flows::of(view, std::slice::from_ref(it), &plan.options);
            it.eta_ms = alone.slowest(&plan.summary.rates).map(|(ms, _)| ms);
        }
        plan.verdicts = rules::judge(view, &plan);
        let mut hits: BTreeMap<PartitionId, Vec<RuleId>> = BTreeMap::new();
        for (rule, finding) in plan.findings() {
            if let Some(partition) = finding.partition {
                hits.entry(partition).or_default().push(rule);
            }
        }
        for it in &mut plan.moves {
            it.rules = hits.remove(&it.partition).unwrap_or_default();
        }
        plan
    }

    /// Whether a rule that was not overridden forbids it.
    pub fn is_refused(&self) -> bool {
        self.verdicts.iter().any(Verdict::refuses)
    }

    /// Partitions whose moves break a rule that was not overridden.
    pub(super) fn broken_partitions(&self) -> BTreeSet<PartitionId> {
        let refusing = self.verdicts.iter().filter(|it| it.refuses());
        refusing
            .flat_map(|it| &it.findings)
            .filter(|it| it.breaks)
            .filter_map(|it| it.partition)
            .collect()
    }

    /// The first cause for each partition that breaks a rule.
    pub(super) fn causes(&self) -> BTreeMap<PartitionId, (RuleId, String)> {
        let mut causes = BTreeMap::new();
        for (rule, finding) in self.findings().filter(|(_, it)| it.breaks) {
            if let Some(partition) = finding.partition {
                causes.entry(partition).or_insert_with(|| (rule, finding.cause.clone()));
            }
        }
        causes
    }

    fn findings(&self) -> impl Iterator<Item = (RuleId, &Finding)> {
        self.verdicts.iter().flat_map(|it| it.findings.iter().map(|finding| (it.rule, finding)))
    }

    /// The question that this plan answers, for judging it again.
    pub(super) fn as_request(&self) -> Request {
        let lists = self.moves.iter().map(|it| (it.partition, it.to.clone())).collect();
        Request {
            goal: Goal::Assign(lists),
            options: self.options.clone(),
            typed: self.typed.clone(),
        }
    }

    /// Which brokers copy from which: the links that bound it.
    pub fn links(&self) -> BTreeMap<BrokerId, BTreeSet<BrokerId>> {
        self.summary.flows.links()
    }

    /// The rate that its lease sets: bytes a second for each broker.
    pub fn rate(&self) -> Option<u64> {
        match self.options.throttle {
            Throttle::Off => None,
            Throttle::Rate(rate) => Some(rate),
            Throttle::Auto => self.leased.or(self.summary.rates.auto()),
        }
    }
}

impl Move {
    /// Brokers that get a replica.
    pub fn adding(&self) -> impl Iterator<Item = BrokerId> {
        self.to.iter().copied().filter(|id| !self.from.contains(id))
    }

    /// Brokers that lose theirs.
    pub fn removing(&self) -> impl Iterator<Item = BrokerId> {
        self.from.iter().copied().filter(|id| !self.to.contains(id))
    }

    /// Whether somebody else leads it in the end.
    pub fn moves_leader(&self) -> bool {
        self.to.first() != self.from.first()
            || self.leader.is_some_and(|leader| !self.to.contains(&leader))
    }
}

impl LeftOut {
    pub(super) fn by_rule(it: &Move, causes: &BTreeMap<PartitionId, (RuleId, String)>) -> Self {
        let why = causes.get(&it.partition).map(|(rule, cause)| format!("{rule}: {cause}"));
        Self { partition: it.partition, name: it.name.clone(), why: why.unwrap_or_default() }
    }
}

fn cordon(goal: &Goal) -> Option<Cordoning> {
    if let Goal::Drain { broker, leaders_only: false } = goal {
        return Some(Cordoning { broker: *broker, decommission: false });
    }
    if let Goal::Decommission(broker) = goal {
        return Some(Cordoning { broker: *broker, decommission: true });
    }
    None
}

/// Moves for the lists that are wanted, as far as the bound on bytes allows; a list that stands
/// already needs none.
pub(super) fn bounded(
    view: &View<'_>,
    wanted: Vec<(PartitionId, Vec<BrokerId>)>,
    bytes_max: Option<u64>,
) -> (Vec<Move>, Vec<LeftOut>) {
    let (mut moves, mut left_out) = (Vec::new(), Vec::new());
    let mut bytes = 0_u64;
    for (id, to) in wanted {
        let Some(it) = the_move(view, id, to) else { continue };
        bytes = bytes.saturating_add(it.bytes.unwrap_or(0));
        match bytes_max.filter(|max| bytes > *max) {
            Some(_) => {
                bytes = bytes.saturating_sub(it.bytes.unwrap_or(0));
                let why = "over the bound on moved bytes".to_owned();
                left_out.push(LeftOut { partition: id, name: it.name, why });
            }
            None => moves.push(it),
        }
    }
    (moves, left_out)
}

fn the_move(view: &View<'_>, partition: PartitionId, to: Vec<BrokerId>) -> Option<Move> {
    let (topic, now) = view.find(partition)?;
    // What moves already stands where it goes, and is judged by that.
    let from: Vec<BrokerId> =
        now.replicas.iter().copied().filter(|id| !now.adding.contains(id)).collect();
    if from == to && now.adding.is_empty() && now.removing.is_empty() {
        return None;
    }
    let mut it = Move {
        partition,
        name: format!("{}/{}", topic.name, partition.index),
        from,
        to,
        leader: now.leader,
        epoch: now.partition_epoch,
        ..Move::default()
    };
    let adds = it.adding().count() as u64;
    let bytes = view.measured.bytes(partition).map(|it| it.saturating_mul(adds));
    it.bytes = if adds == 0 { Some(0) } else { bytes };
    Some(it)
}

/// FNV-1a over what a plan does and saw, folded to two bytes: a name that can be typed.
fn identity(view: &View<'_>, moves: &[Move]) -> u32 {
    let mut hash = 0x811c_9dc5_u32;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
        }
    };
    add(view.image.cluster_id().map_or("", |it| it.0.as_str()).as_bytes());
    for it in moves {
        add(it.partition.topic.0.as_bytes());
        add(&it.partition.index.0.to_be_bytes());
        add(&it.epoch.0.to_be_bytes());
        for id in &it.to {
            add(&id.0.to_be_bytes());
        }
    }
    (hash ^ (hash >> 16)) & 0xffff
}
