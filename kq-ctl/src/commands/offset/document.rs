//! Plans of new offsets in a file: the document that `-o json` prints of them, whole.

use std::path::Path;

use kq_proto::admin::v1;
use serde_json::Value;

use super::rows::{Applied, count_changes, reset_row, sum_up};
use crate::cluster::Cluster;
use crate::commands::shared::{parse_id, word};
use crate::exit::Failure;
use crate::output::{Format, Report, View, render};
use crate::schema::OFFSET_RESET;
use crate::session::Session;

/// The document of plans.
pub(super) fn text(plans: &[(v1::ResetPlan, Applied)], session: &Session) -> String {
    let mut report = Report::new(&OFFSET_RESET);
    for (plan, applied) in plans {
        let done = applied.undo.is_some();
        report.extend(plan.rows.iter().map(|it| reset_row(&plan.group, it, done)));
    }
    sum_up(&mut report, plans);
    report.sum("changed_count", count_changes(plans));
    report.sum("dry_run", !plans.iter().any(|(_, applied)| applied.undo.is_some()));
    render(report, &View::plain(Format::Json), &session.envelope()).stdout
}

/// Keeps plans in a file, or prints them.
pub(super) fn keep(
    path: &Path,
    plans: &[v1::ResetPlan],
    session: &Session,
    report: &mut Report,
) -> Result<(), Failure> {
    let plans: Vec<_> = plans.iter().map(|it| (it.clone(), Applied::default())).collect();
    let text = text(&plans, session);
    if path == Path::new("-") {
        report.plain = Some(text);
        return Ok(());
    }
    std::fs::write(path, text)
        .map_err(|error| Failure::file("write", path, &error).hint("another --plan-out"))?;
    report.note(format!("kept in {0}: kq-ctl plan apply {0}", path.display()));
    Ok(())
}

/// Whether a file holds such plans, as far as it can be told.
pub(crate) fn is_one(path: &Path) -> bool {
    let document = std::fs::read_to_string(path).ok().and_then(|it| serde_json::from_str(&it).ok());
    document.is_some_and(|it: Value| kind(&it) == Some(OFFSET_RESET.kind))
}

fn kind(document: &Value) -> Option<&str> {
    document.get("kind").and_then(Value::as_str)
}

/// Reads them.
pub(crate) fn read(path: &Path) -> Result<Vec<v1::ResetPlan>, Failure> {
    const WRITERS: &str = "--plan-out FILE of kq-ctl offset reset writes one";
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::file("read", path, &error).hint(WRITERS))?;
    let wrong = |why: &str| {
        Failure::usage(format!("{} is no plan of offsets: {why}", path.display())).hint(WRITERS)
    };
    let document: Value = serde_json::from_str(&text).map_err(|error| wrong(&error.to_string()))?;
    if kind(&document) != Some(OFFSET_RESET.kind) {
        return Err(wrong("its kind is not OffsetReset"));
    }
    plans_of(&document).ok_or_else(|| wrong("something that every plan has is missing in it"))
}

/// Refuses plans of another cluster.
pub(crate) async fn check_cluster(
    plans: &[v1::ResetPlan],
    cluster: &dyn Cluster,
    path: &Path,
) -> Result<(), Failure> {
    let found = cluster.describe_cluster(v1::DescribeClusterRequest {}).await?.cluster_id;
    match plans.iter().find(|it| it.cluster_id != found) {
        Some(plan) => {
            let (path, made) = (path.display(), &plan.cluster_id);
            let message = format!("{path} was made for cluster {made}, and this is {found}");
            Err(Failure::new("kq.WRONG_CLUSTER", message).hint("--brokers or -C of that cluster"))
        }
        None => Ok(()),
    }
}

fn plans_of(document: &Value) -> Option<Vec<v1::ResetPlan>> {
    let items = document.get("items")?.as_array()?;
    let plans = document.get("summary")?.get("plans")?.as_array()?;
    let plans: Vec<_> = plans.iter().map(|it| plan_of(it, items)).collect::<Option<_>>()?;
    (!plans.is_empty()).then_some(plans)
}

fn plan_of(it: &Value, items: &[Value]) -> Option<v1::ResetPlan> {
    let group = text_of(it, "group")?;
    let own = items.iter().filter(|item| text_of(item, "group").as_ref() == Some(&group));
    let member = |id: &Value| {
        let member = id.as_str()?.to_owned();
        Some(v1::GroupMember { member, ..v1::GroupMember::default() })
    };
    let mut plan = v1::ResetPlan {
        id: text_of(it, "plan")?,
        cluster_id: text_of(it, "cluster_id")?,
        verb: text_of(it, "verb")?,
        generation: it
            .get("generation")
            .and_then(Value::as_i64)
            .and_then(|it| i32::try_from(it).ok()),
        live: it.get("live")?.as_bool()?,
        at_ms: time_of(it, "planned_at")?,
        rows: own.map(row_of).collect::<Option<_>>()?,
        reread: it.get("reread")?.as_u64()?,
        skip: it.get("skip")?.as_u64()?,
        members: it.get("members")?.as_array()?.iter().map(member).collect::<Option<_>>()?,
        typed: text_of(it, "to")?,
        coordinator: u32::try_from(it.get("coordinator")?.as_u64()?).ok()?,
        after: text_of(it, "after"),
        group,
        ..v1::ResetPlan::default()
    };
    let state = text_of(it, "state").unwrap_or_default();
    let named = |it: &v1::GroupState| word(it.as_str_name(), "GROUP_STATE_") == state;
    let states = (0..).map_while(|it| v1::GroupState::try_from(it).ok());
    plan.set_state(states.into_iter().find(named).unwrap_or_default());
    Some(plan)
}

fn row_of(it: &Value) -> Option<v1::ResetRow> {
    let id = match text_of(it, "topic_id") {
        Some(id) => match parse_id(&id).ok()?.by? {
            v1::topic_ref::By::Id(id) => id,
            v1::topic_ref::By::Name(_) => return None,
        },
        None => bytes::Bytes::new(),
    };
    let number = |name: &str| it.get(name).and_then(Value::as_u64);
    Some(v1::ResetRow {
        topic: text_of(it, "topic")?,
        topic_id: id,
        partition: u32::try_from(number("partition")?).ok()?,
        from: number("from"),
        to: number("to"),
        reread: number("reread")?,
        skip: number("skip")?,
        is_bound: it.get("is_bound")?.as_bool()?,
        from_at_ms: time_of(it, "from_time"),
        to_at_ms: time_of(it, "to_time"),
        note: text_of(it, "note").unwrap_or_default(),
        committed_at_ms: time_of(it, "committed_at"),
        metadata: text_of(it, "metadata"),
        leader_epoch: number("leader_epoch").and_then(|it| i32::try_from(it).ok()),
    })
}

fn text_of(value: &Value, field: &str) -> Option<String> {
    value.get(field)?.as_str().map(str::to_owned)
}

fn time_of(value: &Value, field: &str) -> Option<i64> {
    let at: jiff::Timestamp = value.get(field)?.as_str()?.parse().ok()?;
    Some(at.as_millisecond())
}
