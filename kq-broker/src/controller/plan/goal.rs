//! What an operator asks of a plan: the goal, which partitions, within which bounds.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::RuleId;
use crate::ids::{BrokerId, PartitionId, PlanId};
use crate::metadata::Throttle;

/// Where replicas are to be in the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Goal {
    /// Each partition on these brokers, the preferred leader first.
    Assign(BTreeMap<PartitionId, Vec<BrokerId>>),
    /// All partitions in scope on these brokers: those that are named in this order, those of a whole
    /// topic take turns at who is first.
    To(Vec<BrokerId>),
    /// One broker in the place of another.
    Replace {
        /// Who leaves.
        old: BrokerId,
        /// Who comes.
        new: BrokerId,
    },
    /// One replica more, on this broker.
    Add(BrokerId),
    /// No replica on this broker, and one less where there was one.
    Remove(BrokerId),
    /// So many replicas of each partition.
    ReplicationFactor(usize),
    /// The load spread evenly with as few moves as it takes.
    Balance(Objective),
    /// No two replicas of a partition in one rack while another rack has none.
    Racks,
    /// Nothing on this broker, which gets no new replicas meanwhile.
    Drain {
        /// Which broker.
        broker: BrokerId,
        /// Only its leaders move; its replicas stay.
        leaders_only: bool,
    },
    /// Nothing on this broker ever again.
    Decommission(BrokerId),
    /// What a plan moved, back where it was.
    Undo(PlanId),
}

/// What is spread evenly.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Objective {
    /// Bytes of replicas.
    #[default]
    Bytes,
    /// Replicas.
    Count,
    /// Preferred leaders.
    Leaders,
}

/// Partitions by the name of their topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// The topic.
    pub topic: String,
    /// Which of its partitions; empty for all.
    pub partitions: Vec<u32>,
}

/// Bounds and choices that hold for every goal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Which partitions; empty for all.
    pub scope: Vec<Scope>,
    /// Where replicas may go; empty for everywhere.
    pub brokers: Vec<BrokerId>,
    /// Where they may not go.
    pub exclude: Vec<BrokerId>,
    /// How much may be copied.
    pub bytes_max: Option<u64>,
    /// How fast.
    pub throttle: Throttle,
    /// Moves at a time that one broker may receive.
    pub concurrency: u32,
    /// Moves at a time.
    pub batch: u32,
    /// Rules that are not to stop the plan.
    pub overrides: BTreeSet<RuleId>,
    /// Leaves out the moves that break rules, and plans the others.
    pub skip_unsafe: bool,
    /// How full a disk may get, in percent.
    pub disk_percent_max: u8,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            scope: Vec::new(),
            brokers: Vec::new(),
            exclude: Vec::new(),
            bytes_max: None,
            throttle: Throttle::Off,
            concurrency: 16,
            batch: 64,
            overrides: BTreeSet::new(),
            skip_unsafe: false,
            disk_percent_max: 90,
        }
    }
}

/// One question to the planner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is wanted.
    pub goal: Goal,
    /// Within which bounds.
    pub options: Options,
    /// The command as the operator typed it, for what is to be tried next; may be empty.
    pub typed: String,
}

impl Request {
    /// A goal with the usual bounds.
    pub fn new(goal: Goal) -> Self {
        Self { goal, options: Options::default(), typed: String::new() }
    }

    /// The command to run again.
    pub(super) fn same_command(&self) -> &str {
        if self.typed.is_empty() { "<same command>" } else { &self.typed }
    }
}

impl Goal {
    /// The verb that asks for it.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::Balance(Objective::Leaders) => "leader balance",
            Self::Balance(_) => "cluster rebalance",
            Self::Drain { .. } => "broker drain",
            Self::Decommission(_) => "broker decommission",
            Self::Undo(_) => "plan rollback",
            Self::Assign(_)
            | Self::To(_)
            | Self::Replace { .. }
            | Self::Add(_)
            | Self::Remove(_)
            | Self::ReplicationFactor(_)
            | Self::Racks => "partition reassign",
        }
    }

    /// Whether the planner chooses brokers, so that excluding one leads to another.
    pub(super) const fn chooses(&self) -> bool {
        !matches!(self, Self::Assign(_) | Self::To(_) | Self::Add(_) | Self::Undo(_))
    }
}
