//! What the verbs share that change the course of a plan.

use kq_proto::admin::v1;

use super::rows::{allowed_words, started_row};
use crate::cli;
use crate::exit::Failure;
use crate::output::Report;
use crate::schema::PLAN_LIST;
use crate::session::{Danger, Session};

/// Which plan, and how it may be changed.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Steered {
    /// Id of the plan
    #[arg(value_name = "ID")]
    pub(super) id: String,
    #[command(flatten)]
    change: cli::Change,
}

/// What is to become of a plan.
#[derive(Debug, Clone, Copy)]
pub(super) enum Course {
    Pause,
    Resume,
    Cancel,
    Throttle(v1::PlanThrottle),
}

pub(super) async fn steer(
    it: &Steered,
    course: Course,
    danger: Option<Danger>,
    session: &Session,
) -> Result<Report, Failure> {
    let cluster = session.cluster(it.change.access()).await?;
    if let Some(danger) = danger.filter(|_| !it.change.dry_run) {
        session.consent(&it.change.consent, &danger).await?;
    }
    let before = cluster.get_plan(v1::GetPlanRequest { id: it.id.clone() }).await?;
    let before = before.plan.unwrap_or_default();
    let request = v1::ChangePlanRequest { id: it.id.clone(), intent: Some(it.change.intent()) };
    let answer = match course {
        Course::Pause => cluster.pause_plan(request).await?,
        Course::Resume => cluster.resume_plan(request).await?,
        Course::Cancel => cluster.cancel_plan(request).await?,
        Course::Throttle(throttle) => {
            let v1::ChangePlanRequest { id, intent } = request;
            let request = v1::ThrottlePlanRequest { id, throttle: Some(throttle), intent };
            cluster.throttle_plan(request).await?
        }
    };
    let plan = answer.plan.unwrap_or_default();
    let rate = |it: &v1::PlanStatus| (it.throttle, it.bytes_per_second);
    let changed = before.state != plan.state || rate(&before) != rate(&plan);
    let mut report = Report::new(&PLAN_LIST);
    report.push(started_row(&plan));
    report.sum("plan_count", 1_u32);
    report.exit = it.change.exit(usize::from(changed));
    if !changed && !it.change.dry_run && session.view.format.is_table() {
        report.note(format!("plan {} is as it was", plan.id));
    }
    if rate(&before) != rate(&plan) && session.view.format.is_table() {
        let (before, now) = (allowed_words(&before), allowed_words(&plan));
        report.note(format!("plan {}: {before} -> {now} into each broker", plan.id));
    }
    Ok(report)
}
