//! `--fix safe`: what can harm nothing and can be undone is done, all else is shown.

use std::collections::BTreeMap;

use kq_proto::admin::v1;

use super::{Args, sum_up};
use crate::cluster::Cluster;
use crate::commands::cluster::severity_cell;
use crate::commands::leader::elect::elect;
use crate::commands::place::{Place, expand};
use crate::exit::{Exit, Failure};
use crate::output::{Cell, Report, Row, Tone, row};
use crate::schema::{DOCTOR_FIX, LEADER_ELECTION};
use crate::session::{Danger, Session};

/// The one check whose fix is known here to be what the broker calls safe.
const PREFERRED: &str = "D007";

/// What became of a finding.
struct Outcome {
    status: Cell,
    changed: bool,
    /// The commands that take it back.
    undo: Vec<String>,
}

impl Outcome {
    /// Nothing was done: it is the operator's to decide.
    fn left() -> Self {
        Self { status: Cell::State("left", Tone::Plain), changed: false, undo: Vec::new() }
    }
}

pub(super) async fn run(
    args: &Args,
    mut answer: v1::DoctorResponse,
    cluster: &dyn Cluster,
    session: &Session,
) -> Result<Report, Failure> {
    let (safe, mut left): (Vec<v1::Finding>, Vec<v1::Finding>) =
        std::mem::take(&mut answer.findings).into_iter().partition(is_safe);
    if !args.change.dry_run && !safe.is_empty() {
        let danger = Danger { what: words_of(&safe), word: None };
        session.consent(&args.change.consent, &danger).await?;
    }
    let grave = left.iter().any(|it| args.bar() <= it.severity());
    answer.omitted_count = shorten(&mut left, args.per_check);
    let mut report = Report::new(&DOCTOR_FIX);
    let mut changed = 0;
    for it in &safe {
        let outcome = lead_again(it, args, cluster, session, &mut report).await?;
        changed += usize::from(outcome.changed);
        report.push(fixed_row(it, outcome));
    }
    report.extend(left.iter().map(|it| fixed_row(it, Outcome::left())));
    report.sum("left_count", left.len());
    sum_up(&mut report, &answer);
    args.change.conclude(&mut report, changed);
    if safe.is_empty() && session.view.format.is_table() {
        report.note(if left.is_empty() {
            super::nothing_found(answer.checks.len())
        } else {
            "nothing that was found can be mended without a decision of yours".to_owned()
        });
    }
    if grave && report.failures.is_empty() {
        report.exit = Some(Exit::No);
    }
    Ok(report)
}

fn is_safe(it: &v1::Finding) -> bool {
    it.safe && it.check == PREFERRED
}

/// What is about to be done, in the words of a question.
fn words_of(safe: &[v1::Finding]) -> String {
    const NAMED: usize = 5;
    let mut names: Vec<&str> = safe.iter().take(NAMED).map(|it| it.subject.as_str()).collect();
    if NAMED < safe.len() {
        names.push("..");
    }
    let topics = if safe.len() == 1 { "topic" } else { "topics" };
    format!("let preferred leaders of {} {topics} lead again: {}", safe.len(), names.join(", "))
}

/// Keeps at most so many findings of one check; tells how many are not shown.
fn shorten(findings: &mut Vec<v1::Finding>, per_check: u32) -> u32 {
    let (mut seen, mut omitted): (BTreeMap<String, u32>, u32) = (BTreeMap::new(), 0);
    findings.retain(|it| {
        let count = seen.entry(it.check.clone()).or_default();
        *count += 1;
        let kept = per_check == 0 || *count <= per_check;
        omitted += u32::from(!kept);
        kept
    });
    omitted
}

/// Has the preferred leaders of one topic elected.
async fn lead_again(
    it: &v1::Finding,
    args: &Args,
    cluster: &dyn Cluster,
    session: &Session,
    report: &mut Report,
) -> Result<Outcome, Failure> {
    let topic = Place { topic: it.subject.clone(), partitions: Vec::new() };
    let (partitions, errors) = expand(&[topic], cluster).await?;
    let mut intent = args.change.intent();
    if intent.reason.is_empty() {
        "kq-ctl doctor --fix safe".clone_into(&mut intent.reason);
    }
    let request = v1::ElectLeadersRequest {
        r#type: v1::ElectionType::Preferred.into(),
        intent: Some(intent),
        ..v1::ElectLeadersRequest::default()
    };
    let mut elected = Report::new(&LEADER_ELECTION);
    elected.fail(errors);
    elect(&request, &partitions, cluster, session, &mut elected).await;
    let moved: Vec<&Row> =
        elected.items.iter().filter(|row| status_of(row) != "unchanged").collect();
    let late = moved.iter().any(|row| status_of(row) == "handing_over");
    let status = match () {
        () if !elected.failures.is_empty() => Cell::State("failed", Tone::Bad),
        () if moved.is_empty() => Cell::State("unchanged", Tone::Plain),
        () if args.change.dry_run => Cell::State("would_be_done", Tone::Plain),
        () if late => Cell::State("handing_over", Tone::Warn),
        () => Cell::State("done", Tone::Good),
    };
    let outcome = Outcome {
        status,
        changed: !moved.is_empty(),
        undo: moved.iter().filter_map(|row| undo_of(row)).collect(),
    };
    report.failures.append(&mut elected.failures);
    for note in elected.notes {
        if !report.notes.contains(&note) {
            report.note(note);
        }
    }
    Ok(outcome)
}

fn status_of(row: &Row) -> String {
    row.get("status").map(Cell::raw).unwrap_or_default()
}

fn undo_of(row: &Row) -> Option<String> {
    let cell = |name| row.get(name).map(Cell::raw).filter(|it| !it.is_empty());
    let (topic, partition, old) = (cell("topic")?, cell("partition")?, cell("old_leader")?);
    Some(format!("kq-ctl leader transfer {topic}/{partition} --to {old}"))
}

fn fixed_row(it: &v1::Finding, outcome: Outcome) -> Row {
    row! {
        check: &it.check,
        severity: severity_cell(it.severity()),
        subject: &it.subject,
        what: &it.what,
        evidence: Cell::text_or_null(it.evidence.as_str()),
        status: outcome.status,
        fix: Cell::text_or_null(it.fix.as_str()),
        undo: Cell::list(outcome.undo),
    }
}
