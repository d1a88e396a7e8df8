//! Plans: moves of replicas and leaders, with what they cost and what speaks against them, before
//! anything is moved.
//!
//! ```text
//!   Goal --targets--> moves --costs--> bytes, peak disk, time, spread
//!                       \----rules---> twelve verdicts, KQ-S001 to KQ-S012
//! ```
//! Pure, and always the same for the same image and the same facts. A plan is bound to the cluster
//! and to the partition epochs that it saw: [`judge`] refuses it once they have moved on.

mod balance;
#[cfg(test)]
mod balance_test;
#[cfg(test)]
mod copies_test;
mod cost;
#[cfg(test)]
mod ends_test;
mod facts;
mod flows;
mod goal;
mod moves;
mod orders;
mod rate_keys;
#[cfg(test)]
mod rate_keys_test;
mod reassign;
mod refusal;
mod rules;
mod sites;
mod step;
#[cfg(test)]
mod step_test;
#[cfg(test)]
mod storm_test;
mod targets;
#[cfg(test)]
mod targets_test;
mod view;
mod words;
#[cfg(test)]
mod world;

pub use crate::ids::PlanId;
pub use crate::metadata::Throttle;
pub use cost::{Bottleneck, PeakDisk, Spread, Summary};
pub use facts::{BrokerFacts, Measured, MeasuredRate, PartitionFacts, QuorumFacts, ReplicaFacts};
pub use flows::Direction;
pub use goal::{Goal, Objective, Options, Request, Scope};
pub use moves::{Cordoning, LeftOut, Move, Plan};
pub use orders::{
    OrderedMove, PlanChange, PlanOrder, auto_rate, links_left, refusal, unknown_plan,
};
pub(super) use orders::{change, start};
pub(super) use rate_keys::{RATE_KEYS, bounds_of_keys, follow_keys};
pub use reassign::Reassignment;
pub(super) use reassign::alter as reassign;
pub use rules::{Finding, Outcome, RuleId, UnknownRule, Verdict};
pub(super) use step::advance;

use std::collections::BTreeSet;

use super::error::ControlError;
use crate::catalogue::StaticConfig;
use crate::ids::PartitionId;
use crate::metadata::MetadataImage;
use view::View;

/// The plan that reaches a goal, with its costs and verdicts; an error when there is none.
///
/// A plan that breaks rules is returned all the same, so that its verdicts can be read: whether it
/// may be applied is [`Plan::is_refused`].
pub fn propose(
    request: &Request,
    image: &MetadataImage,
    fixed: &StaticConfig,
    measured: &Measured,
) -> Result<Plan, ControlError> {
    let view = View::new(image, fixed, measured);
    let (wanted, mut left_out) = targets::targets(&view, request)?;
    let (moves, over) = moves::bounded(&view, wanted, request.options.bytes_max);
    left_out.extend(over);
    let mut plan = Plan::new(&view, request, moves);
    if request.options.skip_unsafe {
        let unsafe_ones = plan.broken_partitions();
        let causes = plan.causes();
        let (kept, dropped) = split(plan.moves, &unsafe_ones);
        left_out.extend(dropped.into_iter().map(|it| LeftOut::by_rule(&it, &causes)));
        plan = Plan::new(&view, request, kept);
    }
    plan.left_out = left_out;
    plan.refusal = refusal::write(&view, request, &plan);
    Ok(plan)
}

/// Judges a plan again, on the image of now: what changed since it was made counts.
pub fn judge(
    plan: &Plan,
    image: &MetadataImage,
    fixed: &StaticConfig,
    measured: &Measured,
) -> Plan {
    let view = View::new(image, fixed, measured);
    let request = plan.as_request();
    let mut judged = Plan { verdicts: rules::judge(&view, plan), ..plan.clone() };
    judged.refusal = refusal::write(&view, &request, &judged);
    judged
}

/// The plan of an order, judged on the image of now and with what is measured now.
pub fn judge_order(
    order: &PlanOrder,
    image: &MetadataImage,
    fixed: &StaticConfig,
    measured: &Measured,
) -> Plan {
    let plan = Plan::of_order(&View::new(image, fixed, measured), order);
    judge(&plan, image, fixed, measured)
}

fn split(moves: Vec<Move>, out: &BTreeSet<PartitionId>) -> (Vec<Move>, Vec<Move>) {
    moves.into_iter().partition(|it| !out.contains(&it.partition))
}
