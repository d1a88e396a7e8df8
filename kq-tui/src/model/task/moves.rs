//! A plan of moves, to be read: what goes where, what it costs, what speaks against it.

use std::fmt::Write as _;

use kq_proto::admin::v1;
use kq_proto::admin::v1::plan_verdict::Outcome as Verdict;

use super::ask::intent;
use super::sheet::{Sheet, Weight};
use super::weigh::Weighed;
use crate::model::Call;
use crate::model::words::broker;
use crate::text::{bytes_text, plural, span_text};

/// Findings of one rule that are read.
const FINDINGS_MAX: usize = 3;

/// The plan, and what carries it out.
pub(super) fn plan_sheet(plan: v1::Plan) -> Weighed {
    let mut sheet = Sheet::default();
    headline(&plan, &mut sheet);
    warnings(&plan, &mut sheet);
    sheet.rows(&plan.moves, one_move);
    let next = if plan.refused { None } else { carry_out(plan, &mut sheet) };
    (sheet, next)
}

fn carry_out(plan: v1::Plan, sheet: &mut Sheet) -> Option<(Call, usize)> {
    let intent = Some(intent(false));
    if !plan.moves.is_empty() {
        let count = plan.moves.len();
        let overrides = plan.overrides.clone();
        let request = v1::ApplyPlanRequest { plan: Some(plan), overrides, intent };
        return Some((Call::ApplyPlan(request), count));
    }
    if !plan.left_out.is_empty() {
        sheet.say(Weight::Bad, "nothing is left to move: all moves are left out");
        return None;
    }
    // A broker that holds nothing is given nothing new either.
    let brokers = vec![plan.cordon_broker?];
    let decommission = plan.decommission;
    let request = v1::CordonBrokersRequest { brokers, decommission, intent };
    Some((Call::CordonBrokers(request), 1))
}

fn headline(plan: &v1::Plan, sheet: &mut Sheet) {
    if plan.moves.is_empty() {
        sheet.say(Weight::Head, "nothing to move: it stands as asked already");
    } else {
        let summary = plan.summary.clone().unwrap_or_default();
        let words = format!(
            "{}   {}   {} to move",
            plural(count(plan.moves.len()), "move"),
            to_copy(plan, summary.bytes),
            plural(summary.leader_move_count.into(), "leader"),
        );
        sheet.say(Weight::Head, words);
        sheet.say(Weight::Head, pace(&summary, plan));
        for it in summary.peaks.iter().filter(|it| it.percent.is_some_and(|it| it > 80)) {
            let percent = it.percent.unwrap_or(0);
            let words = format!("the disks of {} get {percent}% full", broker(it.broker));
            sheet.say(Weight::Warn, words);
        }
    }
    if let Some(id) = plan.cordon_broker {
        let words = format!("{} is given no new replicas from then on", broker(id));
        sheet.say(Weight::Warn, words);
    }
}

/// How much is copied, as far as that is known of each move.
fn to_copy(plan: &v1::Plan, bytes: u64) -> String {
    let unknown = plan.moves.iter().filter(|it| it.bytes.is_none()).count();
    match unknown {
        0 => format!("{} to copy", bytes_text(bytes)),
        _ if unknown == plan.moves.len() => "not known how much to copy".to_owned(),
        _ => format!("{} to copy, and {} of unknown size", bytes_text(bytes), count(unknown)),
    }
}

fn count(it: usize) -> u64 {
    u64::try_from(it).unwrap_or(u64::MAX)
}

fn pace(summary: &v1::PlanSummary, plan: &v1::Plan) -> String {
    let eta = summary.eta_ms.map_or_else(|| "not known".to_owned(), span_text);
    let mut words = format!("ETA {eta}");
    if let (Some(id), Some(rate)) = (summary.bottleneck_broker, summary.bottleneck_bytes_per_second)
    {
        let (id, rate) = (broker(id), bytes_text(rate));
        let _ = write!(words, "   limit: {id} {}, {rate}/s", summary.bottleneck_direction);
    }
    if let Some(rate) = plan.bytes_per_second {
        let _ = write!(words, "   throttle {}/s into each broker", bytes_text(rate));
    } else {
        words.push_str("   no throttle");
    }
    words
}

fn warnings(plan: &v1::Plan, sheet: &mut Sheet) {
    if plan.refused {
        sheet.refused(&plan.refusal, "");
    }
    for verdict in &plan.verdicts {
        let weight = match verdict.outcome() {
            Verdict::Warn => Weight::Warn,
            // The refusal tells of the others.
            Verdict::Break if verdict.overridden || plan.refusal.is_empty() => Weight::Bad,
            Verdict::Break | Verdict::Pass | Verdict::Unspecified => continue,
        };
        for it in verdict.findings.iter().take(FINDINGS_MAX) {
            sheet.say(weight, format!("{} {}: {}", verdict.rule, it.subject, it.cause));
        }
    }
    for it in plan.left_out.iter().take(100) {
        sheet.say(Weight::Warn, format!("left out: {}: {}", it.item, it.why));
    }
    for it in &plan.held {
        let replicas = plural(it.replica_count.into(), "replica");
        let words = format!(
            "{replicas} of {} stay until it is purged; it was deleted: kq-ctl topic purge",
            it.topic
        );
        sheet.say(Weight::Warn, words);
    }
}

fn one_move(it: &v1::PlannedMove) -> String {
    let ids = |ids: &[u32]| ids.iter().map(|id| broker(*id)).collect::<Vec<_>>().join(" ");
    let name = format!("{}/{}", it.topic, it.partition);
    let mut words = format!("{} -> {}", ids(&it.from), ids(&it.to));
    let size = it.bytes.map_or_else(|| "size not known".to_owned(), bytes_text);
    let _ = write!(words, "   {size}");
    if let Some(eta) = it.eta_ms {
        let _ = write!(words, "   {}", span_text(eta));
    }
    if !it.rules.is_empty() {
        let _ = write!(words, "   {}", it.rules.join(" "));
    }
    Sheet::item(&name, &words)
}
