//! The way of every command that moves more than one thing: a plan is made, shown, judged, confirmed
//! and started; or kept in a file, or thrown away after a dry run.

use std::time::Duration;

use kq_proto::admin::v1;
use kq_proto::admin::v1::plan_verdict::Outcome as Verdict;

use super::options::Outcome;
use super::{file, rows, wait};
use crate::cluster::Cluster;
use crate::exit::{Exit, Failure};
use crate::output::{Report, rfc3339};
use crate::schema::PLAN;
use crate::session::{Danger, Session};

/// Makes a plan for a goal and does with it what the flags say.
pub(crate) async fn carry_out(
    (goal, options): (v1::plan_goal::Goal, v1::PlanOptions),
    outcome: &Outcome,
    session: &Session,
) -> Result<Report, Failure> {
    let access = if outcome.plan_out.is_some() {
        crate::session::Access::Read
    } else {
        outcome.change.access()
    };
    let cluster = session.cluster(access).await?;
    let options = v1::PlanOptions { typed: session.command_line().to_owned(), ..options };
    let goal = v1::PlanGoal { goal: Some(goal) };
    let request = v1::ProposePlanRequest { goal: Some(goal), options: Some(options) };
    let plan = cluster.propose_plan(request).await?.plan.unwrap_or_default();
    finish(&plan, outcome, cluster.as_ref(), session).await
}

/// Shows a plan and does with it what the flags say.
pub(crate) async fn finish(
    plan: &v1::Plan,
    outcome: &Outcome,
    cluster: &dyn Cluster,
    session: &Session,
) -> Result<Report, Failure> {
    let mut report = shown(plan);
    if plan.moves.is_empty() && !plan.refused {
        let changed = match (plan.left_out.len(), plan.cordon_broker) {
            (0, Some(broker)) if outcome.plan_out.is_none() => {
                cordon((plan, broker), outcome, cluster, &mut report).await?
            }
            (0, _) => {
                report.note("nothing to move: it stands as asked already");
                0
            }
            (count, _) => {
                report.failures.push(none_left(count));
                0
            }
        };
        outcome.change.conclude(&mut report, changed);
        return Ok(report);
    }
    if let Some(path) = &outcome.plan_out {
        file::write(path, plan, session)?;
        report.note(format!("kept in {0}: kq-ctl plan apply {0}", path.display()));
    }
    if plan.refused {
        report.failures.push(refusal(plan));
        report.exit = Some(Exit::Refused);
        outcome.change.summary_of(&mut report, 0);
        return Ok(report);
    }
    if outcome.change.dry_run || outcome.plan_out.is_some() {
        report.note(rows::headline(plan));
        for line in rows::rate_words(plan) {
            report.note(line);
        }
        outcome.change.summary_of(&mut report, plan.moves.len());
        report.exit = outcome.change.exit(plan.moves.len());
        return Ok(report);
    }
    start(plan, outcome, (cluster, session), report).await
}

/// A broker that holds nothing is given nothing new either; how many brokers that changes.
async fn cordon(
    (plan, broker): (&v1::Plan, u32),
    outcome: &Outcome,
    cluster: &dyn Cluster,
    report: &mut Report,
) -> Result<usize, Failure> {
    let request = v1::CordonBrokersRequest {
        brokers: vec![broker],
        decommission: plan.decommission,
        intent: Some(outcome.change.intent()),
    };
    let answer = cluster.cordon_brokers(request).await?;
    report.failures.extend(answer.errors.into_iter().map(Failure::from));
    let changed = answer.brokers.iter().filter(|it| it.changed).count();
    let holds = if plan.held.is_empty() { "is empty" } else { "holds nothing else" };
    let gets = match (changed, outcome.change.dry_run) {
        (0, _) => "gets nothing new",
        (_, true) => "would get nothing new",
        (_, false) => "gets nothing new from now on",
    };
    report.note(format!("nothing to move: broker {broker} {holds}, and {gets}"));
    Ok(changed)
}

/// A plan from which everything was left out does nothing, and the goal is not reached.
fn none_left(count: usize) -> Failure {
    let message = format!("nothing is left to move: all {count} moves are left out");
    Failure::new("kq.INTERLOCK", message)
        .hint("mend what is said of each above, or name other partitions or brokers")
}

/// A plan as rows of moves.
pub(crate) fn shown(plan: &v1::Plan) -> Report {
    let mut report = Report::new(&PLAN);
    report.extend(plan.moves.iter().map(rows::move_row));
    rows::sum_up(&mut report, plan);
    for it in &plan.left_out {
        report.note(format!("left out: {}: {}", it.item, it.why));
    }
    for it in &plan.held {
        report.note(held_words(it));
    }
    for verdict in plan.verdicts.iter().filter(|it| it.outcome() == Verdict::Warn) {
        for it in verdict.findings.iter().filter(|it| !it.breaks).take(3) {
            report.note(format!("{} {}: {}", verdict.rule, it.subject, it.cause));
        }
    }
    report
}

/// What stays on a broker that is emptied, until when, and how it goes.
fn held_words(it: &v1::DeletedTopicHeld) -> String {
    let (topic, until) = (&it.topic, rfc3339(it.purge_at_ms));
    let replicas = if it.replica_count == 1 { "replica stays" } else { "replicas stay" };
    format!(
        "{count} {replicas} until {until}, when {topic}, which was deleted, is purged; at once: kq-ctl topic purge {topic}; to move it, too: kq-ctl topic restore {topic}, and then this again",
        count = it.replica_count,
    )
}

/// The rule that forbids a plan, the partitions, the cause, and what to do.
pub(crate) fn refusal(plan: &v1::Plan) -> Failure {
    let breaks = |it: &&v1::PlanVerdict| it.outcome() == Verdict::Break && !it.overridden;
    let first = plan.verdicts.iter().find(breaks);
    let rule = first.map_or("KQ-S000", |it| it.rule.as_str());
    let findings = first.map(|it| it.findings.as_slice()).unwrap_or_default();
    let next = findings.iter().flat_map(|it| &it.next).next().cloned().unwrap_or_default();
    let code = if rule == "KQ-S008" { "kq.STALE_PLAN" } else { rule };
    let (message, ways) = parted(&plan.refusal);
    let hint = ways.unwrap_or(next);
    let message =
        if message.is_empty() { format!("a rule forbids it: {rule}") } else { message.to_owned() };
    Failure::new(code, message).hint(hint)
}

/// What forbids a plan, and what to do instead, out of the words of a refusal.
fn parted(refusal: &str) -> (&str, Option<String>) {
    let text = refusal.trim_end();
    let text = text.strip_prefix("refused: ").unwrap_or(text);
    let ways = text.split_once("\ndo one of:").or_else(|| text.split_once("\ndo:"));
    match ways {
        Some((message, ways)) => (message, Some(ways.trim_matches('\n').trim_start().to_owned())),
        None => (text, None),
    }
}

/// Applies a plan; what a refusal says is to be done becomes its hint.
pub(crate) async fn apply(
    cluster: &dyn Cluster,
    request: v1::ApplyPlanRequest,
) -> Result<v1::ApplyPlanResponse, Failure> {
    cluster.apply_plan(request).await.map_err(|failure| match parted(&failure.message) {
        (message, Some(ways)) => Failure { message: message.to_owned(), hint: ways, ..failure },
        (_, None) => failure,
    })
}

/// Confirms a plan that nothing forbids and starts it.
pub(crate) async fn start(
    plan: &v1::Plan,
    outcome: &Outcome,
    (cluster, session): (&dyn Cluster, &Session),
    mut report: Report,
) -> Result<Report, Failure> {
    rows::headline(plan).lines().for_each(|line| session.say(line));
    for line in rows::rate_words(plan) {
        session.say(&line);
    }
    let danger = Danger { what: format!("apply plan {}", plan.id), word: None };
    session.consent(&outcome.change.consent, &danger).await?;
    let request = v1::ApplyPlanRequest {
        plan: Some(plan.clone()),
        overrides: plan.overrides.clone(),
        intent: Some(outcome.change.intent()),
    };
    let id = apply(cluster, request).await?.id;
    outcome.change.conclude(&mut report, plan.moves.len());
    match outcome.wait.wait {
        None => report
            .note(format!("plan {id} runs: kq-ctl plan status {id} -w; kq-ctl plan cancel {id}")),
        Some(bound) => {
            let bound = if bound.is_zero() { Duration::MAX } else { bound };
            let waited = wait::until(&id, wait::Condition::Done, bound, session).await?;
            report.exit = waited.exit.or(report.exit);
            report.failures.extend(waited.failures);
        }
    }
    Ok(report)
}
