//! Proposed plans, as clients see them.

use kq_proto::admin::v1::{self, plan_throttle::Rate, plan_verdict};

use super::super::answer::id_bytes;
use super::super::shape::count;
use crate::controller::plan::{
    Finding, LeftOut, Measured, MeasuredRate, Move, Outcome, PeakDisk, Plan, RuleId, Spread,
    Summary, Verdict,
};
use crate::ids::BrokerId;
use crate::metadata::{MetadataImage, Throttle};

pub(super) fn plan(image: &MetadataImage, it: &Plan, measured: &Measured) -> v1::Plan {
    let left_out = |it: &LeftOut| v1::LeftOutMove { item: it.name.clone(), why: it.why.clone() };
    v1::Plan {
        id: it.id.to_string(),
        verb: it.verb.clone(),
        cluster_id: it.cluster.as_ref().map(|it| it.0.clone()).unwrap_or_default(),
        moves: it.moves.iter().map(|it| planned_move(image, it)).collect(),
        left_out: it.left_out.iter().map(left_out).collect(),
        summary: Some(summary(it, measured)),
        verdicts: it.verdicts.iter().map(verdict).collect(),
        throttle: Some(throttle(it.options.throttle)),
        bytes_per_second: it.rate(),
        batch: it.options.batch,
        concurrency: it.options.concurrency,
        overrides: it.options.overrides.iter().map(ToString::to_string).collect(),
        cordon_broker: it.cordon.map(|it| it.broker.0),
        decommission: it.cordon.is_some_and(|it| it.decommission),
        refused: it.is_refused(),
        refusal: it.refusal.clone(),
        typed: it.typed.clone(),
        disk_percent_max: Some(it.options.disk_percent_max.into()),
        held: it.cordon.map(|it| held(image, it.broker)).unwrap_or_default(),
    }
}

/// The deleted topics of which a broker holds something.
fn held(image: &MetadataImage, broker: BrokerId) -> Vec<v1::DeletedTopicHeld> {
    let topics = image.hidden_topics().map(|topic| v1::DeletedTopicHeld {
        topic: topic.name.to_string(),
        replica_count: count(
            topic.partitions.iter().filter(|it| it.replicas.contains(&broker)).count(),
        ),
        purge_at_ms: topic.soft_deletion.as_ref().map_or(0, |it| it.purge_at.0),
    });
    topics.filter(|it| it.replica_count > 0).collect()
}

pub(super) fn throttle(it: Throttle) -> v1::PlanThrottle {
    let rate = match it {
        Throttle::Off => Rate::Off(v1::plan_throttle::Unlimited {}),
        Throttle::Auto => Rate::Auto(v1::plan_throttle::Auto {}),
        Throttle::Rate(rate) => Rate::BytesPerSecond(rate),
    };
    v1::PlanThrottle { rate: Some(rate) }
}

pub(super) fn ids(list: &[BrokerId]) -> Vec<u32> {
    list.iter().map(|id| id.0).collect()
}

fn planned_move(image: &MetadataImage, it: &Move) -> v1::PlannedMove {
    let topic = image.any_topic(it.partition.topic);
    v1::PlannedMove {
        topic: topic.map(|it| it.name.to_string()).unwrap_or_default(),
        topic_id: id_bytes(it.partition.topic),
        partition: it.partition.index.0,
        from: ids(&it.from),
        to: ids(&it.to),
        leader: it.leader.map(|id| id.0),
        partition_epoch: it.epoch.0,
        bytes: it.bytes,
        eta_ms: it.eta_ms,
        rules: it.rules.iter().map(ToString::to_string).collect(),
    }
}

fn summary(plan: &Plan, measured: &Measured) -> v1::PlanSummary {
    let it: &Summary = &plan.summary;
    let peak = |it: &PeakDisk| v1::PeakDisk {
        broker: it.broker.0,
        lands_bytes: it.lands,
        peak_bytes: it.peak,
        total_bytes: it.total,
        percent: it.percent(),
    };
    let bottleneck = it.bottleneck;
    v1::PlanSummary {
        move_count: count(plan.moves.len()),
        bytes: it.bytes,
        unknown_size_count: count(it.unknown_sizes),
        leader_move_count: count(it.leader_moves),
        peaks: it.peaks.iter().map(peak).collect(),
        eta_ms: it.eta_ms,
        bottleneck_broker: bottleneck.map(|it| it.broker.0),
        bottleneck_direction: bottleneck.map(|it| it.direction.to_string()).unwrap_or_default(),
        bottleneck_bytes_per_second: bottleneck.map(|it| it.rate),
        bottleneck_measured: bottleneck.and_then(|it| it.measured),
        before: Some(spread(it.before)),
        after: Some(spread(it.after)),
        rates: rates(plan, measured),
    }
}

/// The rates that bear on a plan.
fn rates(plan: &Plan, measured: &Measured) -> Vec<v1::PlanRate> {
    let links = plan.links();
    let bears = |it: &&MeasuredRate| {
        let from = links.get(&it.broker);
        from.is_some_and(|from| it.from.is_none_or(|id| from.contains(&id)))
    };
    let told = |it: &MeasuredRate| v1::PlanRate {
        broker: it.broker.0,
        from: it.from.map(|id| id.0),
        bytes_per_second: it.bytes_per_second,
        bytes: it.bytes,
        age_ms: it.age_ms,
        probed: it.probed,
        now_bytes_per_second: measured.broker(it.broker).in_now,
    };
    measured.rates.iter().filter(bears).map(told).collect()
}

fn spread(it: Spread) -> v1::PlanSpread {
    v1::PlanSpread {
        bytes_percent: it.bytes_percent,
        replicas_percent: it.replicas_percent,
        leaders_percent: it.leaders_percent,
        rack_breach_count: it.rack_breaches,
    }
}

fn verdict(it: &Verdict) -> v1::PlanVerdict {
    let rule: RuleId = it.rule;
    let outcome = match it.outcome() {
        Outcome::Pass => plan_verdict::Outcome::Pass,
        Outcome::Warn => plan_verdict::Outcome::Warn,
        Outcome::Break => plan_verdict::Outcome::Break,
    };
    v1::PlanVerdict {
        rule: rule.to_string(),
        guards: rule.guards().to_owned(),
        outcome: outcome.into(),
        overridden: it.overridden,
        findings: it.findings.iter().map(finding).collect(),
    }
}

fn finding(it: &Finding) -> v1::PlanFinding {
    v1::PlanFinding {
        subject: it.subject.clone(),
        cause: it.cause.clone(),
        breaks: it.breaks,
        next: it.next.clone(),
    }
}
