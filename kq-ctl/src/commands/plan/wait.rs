//! `kq-ctl plan wait ID --for done|half|idle`

use std::str::FromStr;
use std::time::Duration;

use kq_proto::admin::v1;

use super::rows::{count, left_words, not_done, permille, under_way};
use crate::commands::waiting::{Subject, Wait, Waiting};
use crate::exit::{Exit, Failure};
use crate::output::Report;
use crate::schema::{Schema, WAIT};
use crate::session::{Access, Session};

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It has ended.
    Done,
    /// Half of its moves are done.
    Half,
    /// Nothing of it moves.
    Idle,
}

impl Condition {
    fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Half => "half",
            Self::Idle => "idle",
        }
    }
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = [Self::Done, Self::Half, Self::Idle];
        let found = all.into_iter().find(|it| it.word() == text);
        found.ok_or_else(|| "accepted: done, half, idle".to_owned())
    }
}

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// Id of the plan
    #[arg(value_name = "ID")]
    id: String,
    /// done, half (of its moves), idle (nothing moves)
    #[arg(long = "for", value_name = "CONDITION", default_value = "done")]
    condition: Condition,
    #[command(flatten)]
    wait: Wait,
}

pub(crate) fn schema(_: &Args) -> &'static Schema {
    &WAIT
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    until(&args.id, args.condition, args.wait.plan_bound(session), session).await
}

/// Waits for a plan. One that ended otherwise than it should is a no, not a wait without end.
pub(crate) async fn until(
    id: &str,
    condition: Condition,
    bound: Duration,
    session: &Session,
) -> Result<Report, Failure> {
    let cluster = session.cluster(Access::Read).await?;
    let waiting = Waiting {
        schema: &WAIT,
        field: "subject",
        condition: condition.word().to_owned(),
        subjects: vec![Subject {
            name: format!("plan {id}"),
            called: format!("plan {id}"),
            look: format!("kq-ctl plan status {id}"),
        }],
        resume: format!("the plan goes on: kq-ctl plan wait {id} --for {}", condition.word()),
    };
    let ended = std::cell::RefCell::new(v1::PlanStatus::default());
    let look = async || {
        let request = v1::GetPlanRequest { id: id.to_owned() };
        let plan = cluster.get_plan(request).await?.plan.unwrap_or_default();
        let lack = lack(condition, &plan);
        let done = permille(&plan);
        *ended.borrow_mut() = plan;
        Ok((done, vec![lack]))
    };
    let mut report = waiting.until_part(bound, session, 1_000, look).await?;
    let plan = ended.into_inner();
    if report.failures.is_empty()
        && let Some(why) = missed(condition, &plan)
    {
        report.note(format!("plan {id} is {}: kq-ctl plan status {id}", plan.state));
        report.items = waiting.row(0, Some(why)).into_iter().collect();
        report.exit = Some(Exit::No);
    }
    Ok(report)
}

/// Why what is waited for never comes true any more; none if it has.
fn missed(condition: Condition, plan: &v1::PlanStatus) -> Option<String> {
    let (done, all) = (count(plan, "done"), plan.move_count);
    let short = match condition {
        Condition::Done => plan.state == "cancelled" || not_done(plan) > 0,
        Condition::Half => done * 2 < all,
        Condition::Idle => false,
    };
    let left = all.saturating_sub(done);
    short.then(|| format!("it is {}: {left} of {all} moves are not done", plan.state))
}

fn lack(condition: Condition, plan: &v1::PlanStatus) -> Option<String> {
    let over = matches!(plan.state.as_str(), "done" | "cancelled");
    let met = match condition {
        Condition::Done => over,
        Condition::Half => over || plan.move_count <= count(plan, "done") * 2,
        Condition::Idle => over || under_way(plan) == 0,
    };
    (!met).then(|| {
        let (done, all) = (count(plan, "done"), plan.move_count);
        let paused = if plan.state == "paused" { ", the plan is paused" } else { "" };
        let words = format!("{done} of {all} moves are done, {} under way", under_way(plan));
        format!("{words}{}{paused}", left_words(plan))
    })
}
