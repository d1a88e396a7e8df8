//! Questions and orders of clients, as the planner takes them.

use std::collections::{BTreeMap, BTreeSet};

use kq_proto::admin::AdminError;
use kq_proto::admin::v1::{self, plan_goal::Goal as Asked, plan_throttle::Rate};

use super::super::error::{bad_argument, unknown_topic};
use super::SEE_PLANS;
use crate::controller::plan::{
    Cordoning, Goal, Objective, Options, OrderedMove, PlanOrder, Request, RuleId, Scope,
};
use crate::ids::{BrokerId, ClusterId, PartitionEpoch, PartitionId, PartitionIndex, TopicId};
use crate::metadata::{Lease, MetadataImage, Throttle};

pub(super) fn request(
    image: &MetadataImage,
    it: v1::ProposePlanRequest,
) -> Result<Request, AdminError> {
    let goal = it.goal.and_then(|it| it.goal);
    let goal = goal.ok_or_else(|| bad_argument("a plan needs a goal, and none is given"))?;
    let asked = it.options.unwrap_or_default();
    let typed = asked.typed.clone();
    Ok(Request { goal: the_goal(image, goal)?, options: options(asked)?, typed })
}

fn the_goal(image: &MetadataImage, goal: Asked) -> Result<Goal, AdminError> {
    Ok(match goal {
        Asked::Assign(it) => Goal::Assign(assignments(image, it)?),
        Asked::To(it) => Goal::To(brokers(it.brokers)),
        Asked::Replace(it) => Goal::Replace { old: BrokerId(it.old), new: BrokerId(it.new) },
        Asked::Add(id) => Goal::Add(BrokerId(id)),
        Asked::Remove(id) => Goal::Remove(BrokerId(id)),
        Asked::ReplicationFactor(factor) => Goal::ReplicationFactor(factor as usize),
        Asked::Balance(objective) => {
            Goal::Balance(match v1::plan_goal::Objective::try_from(objective) {
                Ok(v1::plan_goal::Objective::Count) => Objective::Count,
                Ok(v1::plan_goal::Objective::Leaders) => Objective::Leaders,
                Ok(v1::plan_goal::Objective::Bytes | v1::plan_goal::Objective::Unspecified) => {
                    Objective::Bytes
                }
                Err(_) => return Err(bad_argument(format!("{objective} is no objective"))),
            })
        }
        Asked::Racks(_) => Goal::Racks,
        Asked::Drain(it) => {
            Goal::Drain { broker: BrokerId(it.broker), leaders_only: it.leaders_only }
        }
        Asked::Decommission(id) => Goal::Decommission(BrokerId(id)),
        Asked::Rollback(id) => Goal::Undo(id.parse().map_err(|err: crate::ids::PlanIdError| {
            bad_argument(err.to_string())
                .hint(format!("the path of a file that --plan-out wrote, or an id: {SEE_PLANS}"))
        })?),
    })
}

fn assignments(
    image: &MetadataImage,
    it: v1::plan_goal::Assignments,
) -> Result<BTreeMap<PartitionId, Vec<BrokerId>>, AdminError> {
    let mut lists = BTreeMap::new();
    for it in it.partitions {
        let topic = image.topic_by_name(&it.topic);
        let topic =
            topic.ok_or_else(|| unknown_topic(format!("topic '{}' does not exist", it.topic)))?;
        let id = PartitionId { topic: topic.id, index: PartitionIndex(it.partition) };
        if lists.insert(id, brokers(it.brokers)).is_some() {
            return Err(bad_argument(format!("{}/{} is named twice", it.topic, it.partition))
                .hint("name each partition once"));
        }
    }
    Ok(lists)
}

fn options(it: v1::PlanOptions) -> Result<Options, AdminError> {
    let usual = Options::default();
    let scope = |it: v1::PlanScope| Scope { topic: it.topic, partitions: it.partitions };
    let disk = it.disk_percent_max.map(percent);
    let positive = |given: Option<u32>, usual: u32, what: &str| match given {
        Some(0) => Err(bad_argument(format!("{what} is 0: expected at least 1"))),
        given => Ok(given.unwrap_or(usual)),
    };
    Ok(Options {
        scope: it.scope.into_iter().map(scope).collect(),
        brokers: brokers(it.brokers),
        exclude: brokers(it.exclude_brokers),
        bytes_max: it.bytes_max,
        throttle: throttle(it.throttle)?,
        concurrency: positive(it.concurrency, usual.concurrency, "concurrency")?,
        batch: positive(it.batch, usual.batch, "batch")?,
        overrides: rules(&it.overrides)?,
        skip_unsafe: it.skip_unsafe,
        disk_percent_max: disk.transpose()?.unwrap_or(usual.disk_percent_max),
    })
}

fn percent(it: u32) -> Result<u8, AdminError> {
    u8::try_from(it).ok().filter(|it| (1..=100).contains(it)).ok_or_else(|| {
        bad_argument(format!("{it} is no bound for disks: expected 1 to 100 percent"))
    })
}

pub(super) fn throttle(it: Option<v1::PlanThrottle>) -> Result<Throttle, AdminError> {
    match it.and_then(|it| it.rate) {
        None | Some(Rate::Off(_)) => Ok(Throttle::Off),
        Some(Rate::Auto(_)) => Ok(Throttle::Auto),
        Some(Rate::BytesPerSecond(0)) => {
            Err(bad_argument("a throttle of 0 bytes a second never ends")
                .hint("kq-ctl plan pause holds a plan up; or a rate, as 50MiB/s"))
        }
        Some(Rate::BytesPerSecond(rate)) => Ok(Throttle::Rate(rate)),
    }
}

fn rules(texts: &[String]) -> Result<BTreeSet<RuleId>, AdminError> {
    let rule = |text: &String| {
        let rule: RuleId = text.parse().map_err(|err| bad_argument(format!("{err}")))?;
        if rule.may_be_overridden() {
            return Ok(rule);
        }
        Err(bad_argument(format!("{rule} cannot be overridden")).hint("make the plan again"))
    };
    texts.iter().map(rule).collect()
}

fn brokers(ids: Vec<u32>) -> Vec<BrokerId> {
    ids.into_iter().map(BrokerId).collect()
}

/// The order for a plan that was proposed.
pub(super) fn order(plan: v1::Plan, overrides: Vec<String>) -> Result<PlanOrder, AdminError> {
    let mut names = rules(&plan.overrides)?;
    names.extend(rules(&overrides)?);
    let ordered = |it: v1::PlannedMove| {
        let topic = uuid::Uuid::from_slice(&it.topic_id).map_err(|_| {
            bad_argument(format!("{}/{} has no topic id of 16 bytes", it.topic, it.partition))
        })?;
        Ok(OrderedMove {
            name: format!("{}/{}", it.topic, it.partition),
            partition: PartitionId { topic: TopicId(topic), index: PartitionIndex(it.partition) },
            to: brokers(it.to),
            epoch: PartitionEpoch(it.partition_epoch),
            bytes: it.bytes,
        })
    };
    let decommission = plan.decommission;
    let id =
        plan.id.parse().map_err(|err: crate::ids::PlanIdError| bad_argument(err.to_string()))?;
    Ok(PlanOrder {
        id,
        verb: plan.verb,
        cluster: (!plan.cluster_id.is_empty()).then_some(ClusterId(plan.cluster_id)),
        moves: plan.moves.into_iter().map(ordered).collect::<Result<_, AdminError>>()?,
        lease: Lease {
            throttle: throttle(plan.throttle)?,
            bytes_per_second: plan.bytes_per_second.filter(|it| *it > 0),
        },
        batch: plan.batch.max(1),
        concurrency: plan.concurrency.max(1),
        disk_percent_max: plan.disk_percent_max.map(percent).transpose()?,
        overrides: names.iter().map(ToString::to_string).collect(),
        cordon: plan.cordon_broker.map(|id| Cordoning { broker: BrokerId(id), decommission }),
        typed: plan.typed,
    })
}
