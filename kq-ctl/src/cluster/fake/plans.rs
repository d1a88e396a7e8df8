//! Plans of the cluster in memory. It can do one thing: replace a broker that holds replicas; with a
//! broker fenced a rule forbids that.

#![expect(
    clippy::unnecessary_wraps,
    clippy::needless_pass_by_value,
    reason = "every operation has the shape of a call that can fail"
)]

use kq_proto::admin::v1;
use kq_proto::admin::v1::plan_goal::Goal;

use super::{BEGINNING_MS, CLUSTER_ID, State, error, no_topic};
use crate::exit::Failure;

type Answer<T> = Result<T, Failure>;

const MIB: u64 = 1 << 20;

impl State {
    pub(crate) fn propose_plan(
        &mut self,
        request: v1::ProposePlanRequest,
    ) -> Answer<v1::ProposePlanResponse> {
        let options = request.options.unwrap_or_default();
        let goal = request.goal.and_then(|it| it.goal);
        if let Some(missing) = options.scope.iter().find(|it| !self.topics.contains_key(&it.topic))
        {
            return Err(no_topic(&missing.topic).into());
        }
        let mut moves = Vec::new();
        for (name, topic) in &self.topics {
            let scope = options.scope.iter().find(|it| it.topic == *name);
            if !options.scope.is_empty() && scope.is_none() {
                continue;
            }
            for (partition, _) in (0_u32..).zip(&topic.partitions) {
                if scope.is_some_and(|it| {
                    !it.partitions.is_empty() && !it.partitions.contains(&partition)
                }) {
                    continue;
                }
                let from: Vec<u32> = (1..=topic.replication_factor).collect();
                let to = wanted(goal.as_ref(), &from, (name, partition));
                if to != from {
                    moves.push(v1::PlannedMove {
                        topic: name.clone(),
                        partition,
                        leader: self.leader(name, topic, partition),
                        from,
                        to,
                        topic_id: topic.id.clone().into(),
                        partition_epoch: 4,
                        bytes: Some(512 * MIB),
                        eta_ms: Some(8_000),
                        rules: Vec::new(),
                    });
                }
            }
        }
        let cordons = match &goal {
            Some(Goal::Drain(it)) => Some(it.broker),
            Some(Goal::Decommission(id)) => Some(*id),
            _ => None,
        };
        let plan = v1::Plan {
            id: "8c1f".to_owned(),
            verb: verb(goal.as_ref()).to_owned(),
            cluster_id: CLUSTER_ID.to_owned(),
            moves,
            throttle: options.throttle,
            bytes_per_second: options.throttle.map(|_| 96 * MIB),
            batch: options.batch.unwrap_or(64),
            concurrency: options.concurrency.unwrap_or(16),
            overrides: options.overrides,
            cordon_broker: cordons,
            decommission: matches!(goal, Some(Goal::Decommission(_))),
            typed: options.typed,
            ..v1::Plan::default()
        };
        Ok(v1::ProposePlanResponse { plan: Some(self.judged(plan)) })
    }

    /// The plan with its costs and with what the rules say of it now.
    fn judged(&self, mut plan: v1::Plan) -> v1::Plan {
        let overridden = plan.overrides.iter().any(|it| it == "KQ-S001");
        let breaks = !self.fenced.is_empty() && !plan.moves.is_empty();
        let stale = plan.moves.iter().any(|it| it.partition_epoch != 4);
        let finding = v1::PlanFinding {
            subject: "orders/0".to_owned(),
            cause: "isr [1 2], min 2; replica 3 is fenced".to_owned(),
            breaks: true,
            next: vec!["kq-ctl topic wait orders --for in-sync".to_owned()],
        };
        let outcome = |breaks: bool| {
            if breaks { v1::plan_verdict::Outcome::Break } else { v1::plan_verdict::Outcome::Pass }
        };
        let verdict = |rule: &str, guards: &str, breaks: bool| v1::PlanVerdict {
            rule: rule.to_owned(),
            guards: guards.to_owned(),
            outcome: outcome(breaks).into(),
            overridden: overridden && rule == "KQ-S001",
            findings: if breaks { vec![finding.clone()] } else { Vec::new() },
        };
        plan.verdicts = vec![
            verdict("KQ-S001", "min.insync.replicas", breaks),
            verdict("KQ-S008", "stale plan", stale),
        ];
        plan.refused = (breaks && !overridden) || stale;
        if breaks && !overridden {
            plan.refusal = format!(
                "refused: 1 of {} moves break KQ-S001 (min.insync.replicas)\n  orders/0   isr [1 2], min 2; replica 3 is fenced\ndo one of:\n  kq-ctl topic wait orders --for in-sync && {}\n",
                plan.moves.len(),
                plan.typed
            );
        } else if stale {
            plan.refusal =
                "refused: KQ-S008 (stale plan)\n  orders/0   it is at epoch 4, the plan saw 3\n"
                    .to_owned();
        }
        let bytes: u64 = plan.moves.iter().filter_map(|it| it.bytes).sum();
        plan.summary = Some(v1::PlanSummary {
            bytes,
            eta_ms: Some(60_000),
            peaks: vec![v1::PeakDisk {
                broker: 2,
                lands_bytes: bytes,
                peak_bytes: Some(71 << 30),
                total_bytes: Some(100 << 30),
                percent: Some(71),
            }],
            bottleneck_broker: Some(2),
            bottleneck_direction: "send".to_owned(),
            bottleneck_bytes_per_second: Some(96 * MIB),
            bottleneck_measured: Some(120 * MIB),
            before: Some(v1::PlanSpread {
                bytes_percent: Some(31),
                leaders_percent: Some(9),
                ..v1::PlanSpread::default()
            }),
            after: Some(v1::PlanSpread {
                bytes_percent: Some(4),
                leaders_percent: Some(1),
                ..v1::PlanSpread::default()
            }),
            rates: vec![rate(None, 300, true), rate(Some(1), 120, false)],
            ..v1::PlanSummary::default()
        });
        plan
    }

    pub(crate) fn apply_plan(
        &mut self,
        request: v1::ApplyPlanRequest,
    ) -> Answer<v1::ApplyPlanResponse> {
        let intent = request.intent.unwrap_or_default();
        let mut plan = request.plan.unwrap_or_default();
        plan.overrides.extend(request.overrides);
        let plan = self.judged(plan);
        if plan.refused {
            let stale = plan.moves.iter().any(|it| it.partition_epoch != 4);
            let code = if stale { "kq.STALE_PLAN" } else { "kq.INTERLOCK" };
            let message = plan.refusal.lines().take(2).collect::<Vec<_>>().join("; ");
            return Err(error("", code, message, "make the plan anew").into());
        }
        let id = plan.id.clone();
        if !intent.dry_run {
            let count = u32::try_from(plan.moves.len()).unwrap();
            let row = v1::PlanStatus {
                id: plan.id.clone(),
                verb: plan.verb.clone(),
                state: "running".to_owned(),
                reason: intent.reason,
                started_at_ms: BEGINNING_MS,
                throttle: plan.throttle,
                batch: 64,
                concurrency: 16,
                move_count: count,
                moves_by_state: [("moving".to_owned(), count)].into(),
                bytes: u64::from(count) * 512 * MIB,
                bytes_left: Some(u64::from(count) * 384 * MIB),
                rate: Some(96 * MIB),
                eta_ms: Some(4_000),
                ..v1::PlanStatus::default()
            };
            self.plans.push((row, plan));
        }
        Ok(v1::ApplyPlanResponse { id })
    }

    pub(crate) fn list_plans(
        &mut self,
        request: v1::ListPlansRequest,
    ) -> Answer<v1::ListPlansResponse> {
        let active = |it: &v1::PlanStatus| it.ended_at_ms.is_none();
        let plans = self.plans.iter().map(|(row, _)| row.clone());
        Ok(v1::ListPlansResponse { plans: plans.filter(|it| request.all || active(it)).collect() })
    }

    fn find_plan(&mut self, id: &str) -> Result<&mut (v1::PlanStatus, v1::Plan), Failure> {
        let message = format!("no plan {id}");
        let missing =
            || Failure::from(error(id, "kq.UNKNOWN_PLAN", message, "kq-ctl plan list --all"));
        self.plans.iter_mut().find(|(row, _)| row.id == id).ok_or_else(missing)
    }

    pub(crate) fn get_plan(&mut self, request: v1::GetPlanRequest) -> Answer<v1::GetPlanResponse> {
        let (row, plan) = self.find_plan(&request.id)?;
        let over = row.ended_at_ms.is_some();
        let status = |it: &v1::PlannedMove| v1::MoveStatus {
            topic: it.topic.clone(),
            partition: it.partition,
            from: it.from.clone(),
            to: it.to.clone(),
            state: if over { "returned".to_owned() } else { "moving".to_owned() },
            bytes: it.bytes,
            bytes_moved: Some(128 * MIB),
            bytes_left: it.bytes.map(|bytes| if over { 0 } else { bytes - 128 * MIB }),
            began_at_ms: Some(BEGINNING_MS - 4_000),
            ..v1::MoveStatus::default()
        };
        let moves = plan.moves.iter().map(status).collect();
        Ok(v1::GetPlanResponse { plan: Some(row.clone()), moves })
    }

    /// Changes a plan, unless it is only tried.
    fn steer(
        &mut self,
        id: &str,
        intent: Option<&v1::Intent>,
        change: impl Fn(&mut v1::PlanStatus),
    ) -> Answer<v1::ChangePlanResponse> {
        let (standing, _) = self.find_plan(id)?;
        let mut row = standing.clone();
        change(&mut row);
        if !intent.is_some_and(|it| it.dry_run) {
            *standing = row.clone();
        }
        Ok(v1::ChangePlanResponse { plan: Some(row) })
    }

    pub(crate) fn pause_plan(
        &mut self,
        it: v1::ChangePlanRequest,
    ) -> Answer<v1::ChangePlanResponse> {
        self.steer(&it.id, it.intent.as_ref(), |row| row.state = "paused".to_owned())
    }

    pub(crate) fn resume_plan(
        &mut self,
        it: v1::ChangePlanRequest,
    ) -> Answer<v1::ChangePlanResponse> {
        self.steer(&it.id, it.intent.as_ref(), |row| row.state = "running".to_owned())
    }

    pub(crate) fn cancel_plan(
        &mut self,
        it: v1::ChangePlanRequest,
    ) -> Answer<v1::ChangePlanResponse> {
        self.steer(&it.id, it.intent.as_ref(), |row| {
            row.state = "cancelled".to_owned();
            row.ended_at_ms = Some(BEGINNING_MS);
            row.moves_by_state = [("returned".to_owned(), row.move_count)].into();
        })
    }

    pub(crate) fn throttle_plan(
        &mut self,
        it: v1::ThrottlePlanRequest,
    ) -> Answer<v1::ChangePlanResponse> {
        self.steer(&it.id, it.intent.as_ref(), |row| row.throttle = it.throttle)
    }
}

fn wanted(goal: Option<&Goal>, from: &[u32], (topic, partition): (&str, u32)) -> Vec<u32> {
    let swap = |old: u32, new: u32| {
        from.iter().map(|id| if *id == old { new } else { *id }).collect::<Vec<u32>>()
    };
    match goal {
        Some(Goal::Assign(it)) => {
            let found =
                it.partitions.iter().find(|it| it.topic == topic && it.partition == partition);
            found.map_or_else(|| from.to_vec(), |it| it.brokers.clone())
        }
        Some(Goal::To(it)) => it.brokers.clone(),
        Some(Goal::Replace(it)) => swap(it.old, it.new),
        Some(Goal::ReplicationFactor(count)) => (1..=*count).collect(),
        Some(Goal::Remove(id)) => from.iter().copied().filter(|it| it != id).collect(),
        Some(Goal::Drain(it)) => swap(it.broker, 4),
        Some(Goal::Decommission(id)) => swap(*id, 4),
        _ => from.to_vec(),
    }
}

fn verb(goal: Option<&Goal>) -> &'static str {
    match goal {
        Some(Goal::Drain(_)) => "broker drain",
        Some(Goal::Decommission(_)) => "broker decommission",
        Some(Goal::Balance(_)) => "cluster rebalance",
        _ => "partition reassign",
    }
}

/// What broker 4 takes in, of 8 MiB, 41 s ago.
fn rate(from: Option<u32>, mib: u64, probed: bool) -> v1::PlanRate {
    v1::PlanRate {
        broker: 4,
        from,
        bytes_per_second: mib * MIB,
        bytes: 8 * MIB,
        age_ms: 41_000,
        probed,
        now_bytes_per_second: Some(20 * MIB),
    }
}
