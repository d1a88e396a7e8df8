//! `kq-ctl plan show FILE|ID --rules|--diff`

use std::path::Path;

use kq_proto::admin::v1;
use kq_proto::admin::v1::plan_verdict::Outcome as Verdict;

use super::{diff, file, flow, rows};
use crate::commands::offset;
use crate::exit::Failure;
use crate::output::{Cell, Report, row};
use crate::schema::{OFFSET_RESET, PLAN, PLAN_DIFF, PLAN_RULES, Schema};
use crate::session::{Access, Session};

#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Args {
    /// A file that --plan-out wrote, or the id of a plan that was started
    #[arg(value_name = "FILE|ID")]
    plan: String,
    /// What the rules said of it when it was made, instead of its moves; 'plan apply --dry-run' tells
    /// what they say now
    #[arg(long)]
    rules: bool,
    /// What it would change, or has changed, in the cluster as it stands now
    #[arg(long, conflicts_with = "rules")]
    diff: bool,
}

pub(crate) fn schema(args: &Args) -> &'static Schema {
    if args.diff {
        &PLAN_DIFF
    } else if args.rules {
        &PLAN_RULES
    } else if offset::document::is_one(Path::new(&args.plan)) {
        &OFFSET_RESET
    } else {
        &PLAN
    }
}

pub(crate) async fn run(args: &Args, session: &Session) -> Result<Report, Failure> {
    let path = Path::new(&args.plan);
    if !path.is_file() {
        if args.rules {
            return Err(Failure::usage("what the rules said is kept in files only")
                .hint(format!("kq-ctl plan status {}", args.plan)));
        }
        let cluster = session.cluster(Access::Read).await?;
        let answer = cluster.get_plan(v1::GetPlanRequest { id: args.plan.clone() }).await?;
        let plan = started(&answer);
        if args.diff {
            return diff::against(&plan, cluster.as_ref()).await;
        }
        return Ok(flow::shown(&plan));
    }
    if offset::document::is_one(path) {
        if args.rules || args.diff {
            let what = if args.rules { "--rules" } else { "--diff" };
            return Err(Failure::usage(format!(
                "{what} is for plans of moves, and this sets offsets"
            ))
            .hint(format!(
                "kq-ctl plan apply {} --dry-run tells how it stands now",
                path.display()
            )));
        }
        return offset::flow::show_file(path, session);
    }
    let plan = file::read(path)?;
    if args.diff {
        let cluster = session.cluster(Access::Read).await?;
        return diff::against(&plan, cluster.as_ref()).await;
    }
    if args.rules {
        return Ok(rules(&plan));
    }
    let mut report = flow::shown(&plan);
    report.note(rows::headline(&plan));
    if plan.refused {
        report.note(format!("refused when it was made: {}", flow::refusal(&plan).message));
    }
    Ok(report)
}

/// What a plan that was started still tells.
fn started(answer: &v1::GetPlanResponse) -> v1::Plan {
    let plan = answer.plan.clone().unwrap_or_default();
    let moves = answer.moves.iter().map(|it| v1::PlannedMove {
        topic: it.topic.clone(),
        partition: it.partition,
        from: it.from.clone(),
        to: it.to.clone(),
        bytes: it.bytes,
        ..v1::PlannedMove::default()
    });
    v1::Plan {
        id: plan.id,
        verb: plan.verb,
        moves: moves.collect(),
        summary: Some(v1::PlanSummary {
            bytes: plan.bytes,
            eta_ms: plan.eta_ms,
            ..v1::PlanSummary::default()
        }),
        throttle: plan.throttle,
        batch: plan.batch,
        concurrency: plan.concurrency,
        ..v1::Plan::default()
    }
}

fn rules(plan: &v1::Plan) -> Report {
    let mut report = Report::new(&PLAN_RULES);
    for verdict in &plan.verdicts {
        let outcome = match verdict.outcome() {
            Verdict::Unspecified | Verdict::Pass => "pass",
            Verdict::Warn => "warn",
            Verdict::Break if verdict.overridden => "overridden",
            Verdict::Break => "break",
        };
        let first = verdict.findings.first();
        report.push(row! {
            rule: &verdict.rule,
            outcome: outcome,
            guards: &verdict.guards,
            finding_count: verdict.findings.len(),
            subjects: Cell::list(verdict.findings.iter().map(|it| it.subject.as_str())),
            cause: first.map(|it| it.cause.clone()),
            next: first.and_then(|it| it.next.first().cloned()),
        });
    }
    report
}
