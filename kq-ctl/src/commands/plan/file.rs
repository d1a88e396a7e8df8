//! A plan in a file: the document that `-o json` prints of it, whole. It can be read, compared and
//! carried out later, on the cluster it was made for, as long as nothing in it has changed there.

use std::path::Path;

use kq_proto::admin::v1;
use kq_proto::admin::v1::plan_verdict::Outcome as Verdict;
use serde_json::Value;

use super::flow::shown;
use super::options::throttle;
use crate::commands::shared::parse_id;
use crate::exit::Failure;
use crate::output::{Format, View, render};
use crate::session::Session;

/// Writes a plan.
pub(super) fn write(path: &Path, plan: &v1::Plan, session: &Session) -> Result<(), Failure> {
    let view = View::plain(Format::Json);
    let mut report = shown(plan);
    report.notes.clear();
    let rendered = render(report, &view, &session.envelope());
    std::fs::write(path, rendered.stdout)
        .map_err(|error| Failure::file("write", path, &error).hint("another --plan-out"))
}

/// Reads one.
pub(super) fn read(path: &Path) -> Result<v1::Plan, Failure> {
    let unread = |error: std::io::Error| {
        Failure::file("read", path, &error)
            .hint("--plan-out FILE of a command that plans writes one")
    };
    let text = std::fs::read_to_string(path).map_err(unread)?;
    let wrong = |why: &str| {
        Failure::usage(format!("{} is no plan: {why}", path.display()))
            .hint("--plan-out FILE of a command that plans writes one")
    };
    let document: Value = serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))?;
    if document.get("kind").and_then(Value::as_str) != Some("Plan") {
        return Err(wrong("its kind is not Plan"));
    }
    plan_of(&document).ok_or_else(|| wrong("something that every plan has is missing in it"))
}

fn plan_of(document: &Value) -> Option<v1::Plan> {
    let summary = document.get("summary")?;
    let items = document.get("items")?.as_array()?;
    let rate = summary.get("throttle").and_then(Value::as_str).map(throttle);
    let cost = |field: &str| summary.get(field).and_then(Value::as_u64);
    Some(v1::Plan {
        id: text(summary, "id")?,
        verb: text(summary, "verb")?,
        typed: text(summary, "command").unwrap_or_default(),
        cluster_id: text(summary, "cluster_id")?,
        moves: items.iter().map(move_of).collect::<Option<_>>()?,
        verdicts: each(summary, "verdicts", verdict_of)?,
        throttle: rate.transpose().ok()?,
        bytes_per_second: cost("bytes_per_second"),
        concurrency: number(summary, "concurrency")?,
        batch: number(summary, "batch")?,
        disk_percent_max: number(summary, "disk_percent_max"),
        overrides: texts(summary.get("overrides")?)?,
        cordon_broker: number(summary, "cordons"),
        decommission: flag(summary, "decommissions"),
        refused: flag(summary, "refused"),
        refusal: text(summary, "refusal").unwrap_or_default(),
        summary: Some(v1::PlanSummary {
            bytes: cost("bytes")?,
            eta_ms: cost("eta_ms"),
            unknown_size_count: number(summary, "unknown_size_count")?,
            rates: each(summary, "rates", rate_of).unwrap_or_default(),
            ..v1::PlanSummary::default()
        }),
        ..v1::Plan::default()
    })
}

fn move_of(item: &Value) -> Option<v1::PlannedMove> {
    let id = parse_id(item.get("topic_id")?.as_str()?).ok()?;
    let Some(v1::topic_ref::By::Id(topic_id)) = id.by else { return None };
    Some(v1::PlannedMove {
        topic: text(item, "topic")?,
        topic_id,
        partition: number(item, "partition")?,
        from: numbers(item.get("from")?)?,
        to: numbers(item.get("to")?)?,
        leader: number(item, "leader"),
        partition_epoch: number(item, "partition_epoch")?,
        bytes: item.get("bytes").and_then(Value::as_u64),
        eta_ms: item.get("eta_ms").and_then(Value::as_u64),
        rules: texts(item.get("rules")?)?,
    })
}

fn rate_of(it: &Value) -> Option<v1::PlanRate> {
    let count = |field: &str| it.get(field).and_then(Value::as_u64);
    Some(v1::PlanRate {
        broker: number(it, "broker")?,
        from: number(it, "from"),
        bytes_per_second: count("bytes_per_second")?,
        bytes: count("measured_bytes")?,
        age_ms: count("age_ms")?,
        probed: it.get("how")?.as_str()? == "probe",
        now_bytes_per_second: count("now_bytes_per_second"),
    })
}

fn verdict_of(it: &Value) -> Option<v1::PlanVerdict> {
    let outcome = match it.get("outcome")?.as_str()? {
        "warn" => Verdict::Warn,
        "break" => Verdict::Break,
        _ => Verdict::Pass,
    };
    Some(v1::PlanVerdict {
        rule: text(it, "rule")?,
        guards: text(it, "guards")?,
        outcome: outcome.into(),
        overridden: flag(it, "overridden"),
        findings: each(it, "findings", finding_of)?,
    })
}

fn finding_of(it: &Value) -> Option<v1::PlanFinding> {
    Some(v1::PlanFinding {
        subject: text(it, "subject")?,
        cause: text(it, "cause")?,
        breaks: flag(it, "breaks"),
        next: texts(it.get("next")?)?,
    })
}

fn each<T>(value: &Value, field: &str, one: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    value.get(field)?.as_array()?.iter().map(one).collect()
}

fn text(value: &Value, field: &str) -> Option<String> {
    value.get(field)?.as_str().map(str::to_owned)
}

fn flag(value: &Value, field: &str) -> bool {
    value.get(field).and_then(Value::as_bool).unwrap_or(false)
}

fn number(value: &Value, field: &str) -> Option<u32> {
    u32::try_from(value.get(field)?.as_u64()?).ok()
}

fn numbers(value: &Value) -> Option<Vec<u32>> {
    value.as_array()?.iter().map(|it| u32::try_from(it.as_u64()?).ok()).collect()
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|it| it.as_str().map(str::to_owned)).collect()
}
