//! The way of every command that sets offsets: plans are made, shown, agreed to and written; or kept in
//! a file, or thrown away after a dry run. Each group has a plan of its own, which is done whole or not.

use std::path::{Path, PathBuf};

use kq_proto::admin::v1;

use super::export::csv;
use super::rows::{
    Applied, count_changes, headline, is_change, members_words, reset_row, sum_up, undo_note,
};
use super::{document, live, undo_file};
use crate::cli;
use crate::cluster::Cluster;
use crate::exit::{Exit, Failure, exit_of_batch};
use crate::output::Report;
use crate::schema::OFFSET_RESET;
use crate::session::{Access, Danger, Session};

/// What is done with a plan.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct Outcome {
    /// Keep the plan in a file instead of carrying it out, '-' for stdout; 'plan apply FILE' does that
    #[arg(long, value_name = "FILE")]
    pub(crate) plan_out: Option<PathBuf>,
    /// As Kafka's tool: the new offsets as CSV, which are set only with --yes
    #[arg(long, hide = true, conflicts_with = "plan_out")]
    pub(crate) export: bool,
    /// Leave partitions out whose new offset cannot be told, and set the others
    #[arg(long)]
    pub(crate) skip_unsafe: bool,
    #[command(flatten)]
    pub(crate) change: cli::Change,
}

impl Outcome {
    /// Nothing is to be changed.
    fn only_shows(&self) -> bool {
        let is_agreed = self.change.consent.yes || self.change.consent.confirm.is_some();
        self.change.dry_run || self.plan_out.is_some() || (self.export && !is_agreed)
    }

    pub(super) fn access(&self) -> Access {
        if self.only_shows() { Access::Read } else { self.change.access() }
    }
}

/// Carries plans out that were kept in a file.
pub(crate) async fn apply_file(
    path: &Path,
    change: &cli::Change,
    session: &Session,
) -> Result<Report, Failure> {
    let kept = document::read(path)?;
    let cluster = session.cluster(change.access()).await?;
    document::check_cluster(&kept, cluster.as_ref(), path).await?;
    let mut plans = Plans { sound: kept, ..Plans::default() };
    if change.dry_run {
        // Judged as it stands now: what changed since it was made is told.
        judge(&mut plans, cluster.as_ref()).await;
    }
    let outcome = Outcome { change: change.clone(), ..Outcome::default() };
    finish(plans, &outcome, (cluster.as_ref(), session)).await
}

/// Shows plans that were kept in a file, as a dry run showed them when they were made. Asks no cluster.
pub(crate) fn show_file(path: &Path, session: &Session) -> Result<Report, Failure> {
    let plans = document::read(path)?;
    let mut report = Report::new(&OFFSET_RESET);
    report.also = columns(&plans).to_vec();
    let planned: Vec<_> = plans.into_iter().map(|it| (it, Applied::default())).collect();
    tell(&mut report, &planned, session.now_ms());
    let change = cli::Change { dry_run: true, ..cli::Change::default() };
    change.summary_of(&mut report, count_changes(&planned));
    Ok(report)
}

async fn judge(plans: &mut Plans, cluster: &dyn Cluster) {
    for plan in std::mem::take(&mut plans.sound) {
        let intent = Some(v1::Intent { reason: String::new(), dry_run: true });
        let request = v1::ApplyResetRequest { plan: Some(plan.clone()), intent };
        match cluster.apply_reset(request).await {
            Ok(_) => plans.sound.push(plan),
            Err(failure) => plans.failures.push(failure.about(plan.group)),
        }
    }
}

/// What the table shows, by verb.
const RESET_COLUMNS: &[&str] = &["to", "reread", "skip", "to_time", "note"];
const RESET_COLUMNS_OF_MANY: &[&str] = &["group", "to", "reread", "skip", "to_time", "note"];
const DELETE_COLUMNS: &[&str] = &["status"];
const DELETE_COLUMNS_OF_MANY: &[&str] = &["group", "status"];

/// Plans that may be carried out, and why others may not.
#[derive(Default)]
pub(super) struct Plans {
    pub(super) sound: Vec<v1::ResetPlan>,
    /// Refused, and shown nevertheless by a dry run.
    pub(super) refused: Vec<v1::ResetPlan>,
    pub(super) failures: Vec<Failure>,
}

/// Makes plans and does with them what the flags say.
pub(super) async fn carry_out(
    requests: Vec<v1::ProposeResetRequest>,
    outcome: &Outcome,
    session: &Session,
) -> Result<Report, Failure> {
    let cluster = session.cluster(outcome.access()).await?;
    let mut plans = Plans::default();
    for request in requests {
        propose(request, outcome, (cluster.as_ref(), session), &mut plans).await;
    }
    finish(plans, outcome, (cluster.as_ref(), session)).await
}

/// Asks for one plan.
pub(super) async fn propose(
    request: v1::ProposeResetRequest,
    outcome: &Outcome,
    (cluster, session): (&dyn Cluster, &Session),
    plans: &mut Plans,
) {
    let group = request.group.clone();
    let answer = match cluster.propose_reset(request).await {
        Ok(answer) => answer,
        Err(failure) => {
            plans.failures.push(unknown_group(failure.about(group)));
            return;
        }
    };
    let plan = answer.plan.unwrap_or_default();
    let stops = !answer.errors.is_empty() && !outcome.skip_unsafe;
    let way = format!("{} --skip-unsafe leaves it out", session.command_line());
    for failure in answer.errors.into_iter().map(Failure::from) {
        if outcome.skip_unsafe {
            let item = failure.item.clone().unwrap_or_default();
            session.say(&format!("left out: {item}: {}", failure.message));
        } else {
            let hint = if failure.hint.is_empty() {
                way.clone()
            } else {
                format!("{}; or {way}", failure.hint)
            };
            plans.failures.push(failure.hint(hint));
        }
    }
    if plan.refused {
        plans.failures.push(refusal(&plan, session));
        plans.refused.push(plan);
    } else if !stops {
        plans.sound.push(plan);
    }
}

/// A group that is not there is made by Kafka's tool in silence: a typo would succeed.
fn unknown_group(failure: Failure) -> Failure {
    if failure.code == "kafka.GROUP_ID_NOT_FOUND" {
        return failure
            .hint("kq-ctl group list; for a group yet to come, the same with --new-group");
    }
    failure
}

/// Why a plan must not be applied, and what to do instead.
fn refusal(plan: &v1::ResetPlan, session: &Session) -> Failure {
    let failure = Failure::from(plan.refusal.clone().unwrap_or_default());
    if failure.code != "kafka.NON_EMPTY_GROUP" || plan.members.is_empty() {
        return unknown_group(failure.about(plan.group.clone()));
    }
    let count = plan.members.len();
    let are = if count == 1 { "member is" } else { "members are" };
    let who = members_words(&plan.members);
    let group = &plan.group;
    let hint = format!(
        "stop them, kq-ctl group wait {group} --for empty, then this again; or\n       {} --live",
        session.command_line()
    );
    let message = format!("{group}: {count} {are} at work: {who}");
    Failure::new(failure.code, message).about(group.clone()).hint(hint)
}

/// Shows plans and does with them what the flags say.
pub(super) async fn finish(
    mut plans: Plans,
    outcome: &Outcome,
    (cluster, session): (&dyn Cluster, &Session),
) -> Result<Report, Failure> {
    let mut report = Report::new(&OFFSET_RESET);
    report.failures = std::mem::take(&mut plans.failures);
    let mut shown = plans.sound.clone();
    if outcome.change.dry_run {
        shown.append(&mut plans.refused);
    }
    report.also = columns(&shown).to_vec();
    let planned: Vec<_> = shown.into_iter().map(|it| (it, Applied::default())).collect();
    if let Some(path) = outcome.plan_out.as_ref().filter(|_| !plans.sound.is_empty()) {
        document::keep(path, &plans.sound, session, &mut report)?;
    }
    if outcome.only_shows() {
        let changed = count_changes(&planned);
        tell(&mut report, &planned, session.now_ms());
        if outcome.export {
            as_csv(&mut report, planned.len(), session);
        }
        outcome.change.summary_of(&mut report, changed);
        report.exit = Some(if report.failures.is_empty() {
            outcome.change.exit(changed).unwrap_or(Exit::Done)
        } else {
            exit_of_batch(plans.sound.len(), &report.failures)
        });
        return Ok(report);
    }
    let idle = |it: &v1::ResetPlan| !it.rows.iter().any(is_change);
    let (idle, plans): (Vec<_>, Vec<_>) = plans.sound.into_iter().partition(idle);
    let mut done: Vec<_> = idle.into_iter().map(|it| (it, Applied::default())).collect();
    nothing_to_do(&mut report, &done);
    if !plans.is_empty() {
        agree(&plans, outcome, session).await?;
        apply(plans, outcome, (cluster, session), (&mut report, &mut done)).await;
    }
    show(&mut report, &done, true);
    let changed = count_changes(&done);
    outcome.change.conclude(&mut report, changed);
    if outcome.export {
        as_csv(&mut report, done.len(), session);
    }
    if report.failures.iter().any(|it| it.code == live::LATE) {
        report.exit = Some(Exit::Deadline);
    }
    Ok(report)
}

fn columns(plans: &[v1::ResetPlan]) -> &'static [&'static str] {
    let deletes = plans.iter().all(|it| it.verb == "delete") && !plans.is_empty();
    match (deletes, plans.len() > 1) {
        (true, true) => DELETE_COLUMNS_OF_MANY,
        (true, false) => DELETE_COLUMNS,
        (false, true) => RESET_COLUMNS_OF_MANY,
        (false, false) => RESET_COLUMNS,
    }
}

fn show(report: &mut Report, plans: &[(v1::ResetPlan, Applied)], done: bool) {
    for (plan, _) in plans {
        report.extend(plan.rows.iter().map(|it| reset_row(&plan.group, it, done)));
    }
    sum_up(report, plans);
}

/// What plans that are not carried out would do.
fn tell(report: &mut Report, plans: &[(v1::ResetPlan, Applied)], now_ms: i64) {
    show(report, plans, false);
    for line in plans.iter().flat_map(|(plan, _)| headline(plan, now_ms)) {
        report.note(line);
    }
    nothing_to_do(report, plans);
}

/// The new offsets as Kafka's tool prints them and `--from-file` reads them. Half of them would be
/// taken for all.
fn as_csv(report: &mut Report, groups: usize, session: &Session) {
    if report.failures.is_empty() && session.view.format.is_table() {
        report.plain = Some(csv(&report.items, "to", groups > 1));
    }
}

fn nothing_to_do(report: &mut Report, plans: &[(v1::ResetPlan, Applied)]) {
    for (plan, _) in plans.iter().filter(|(plan, _)| !plan.rows.iter().any(is_change)) {
        let what = if plan.verb == "delete" { "delete" } else { "reset" };
        let why = if plan.rows.is_empty() {
            "nothing is committed there"
        } else {
            "it stands there already"
        };
        report.note(format!("nothing to {what} of {}: {why}", plan.group));
    }
}

/// Tells what would happen, and asks.
async fn agree(
    plans: &[v1::ResetPlan],
    outcome: &Outcome,
    session: &Session,
) -> Result<(), Failure> {
    let given = &outcome.change.consent;
    if session.world.stdin_tty && !given.yes && given.confirm.is_none() {
        preview(plans, session);
    }
    for plan in plans {
        for line in headline(plan, session.now_ms()) {
            session.say(&line);
        }
    }
    let what = match plans {
        [one] => format!("apply plan {}", one.id),
        _ => format!("apply {} plans", plans.len()),
    };
    session.consent(&outcome.change.consent, &Danger { what, word: None }).await
}

/// Who is asked sees the rows before he answers, on stderr: stdout gets what was done.
fn preview(plans: &[v1::ResetPlan], session: &Session) {
    let view = crate::output::View::plain(crate::output::Format::Table);
    let mut report = Report::new(&OFFSET_RESET);
    report.also = columns(plans).to_vec();
    for plan in plans {
        report.extend(plan.rows.iter().map(|it| reset_row(&plan.group, it, false)));
    }
    let shown = crate::output::render(report, &view, &session.envelope());
    shown.stdout.lines().for_each(|line| session.say(line));
}

/// Writes plan after plan. What one is refused does not stop the others.
async fn apply(
    plans: Vec<v1::ResetPlan>,
    outcome: &Outcome,
    (cluster, session): (&dyn Cluster, &Session),
    (report, done): (&mut Report, &mut Vec<(v1::ResetPlan, Applied)>),
) {
    let alone = plans.len() == 1;
    for mut plan in plans {
        let file = undo_file::write(&plan, &Applied::default(), session);
        let request = v1::ApplyResetRequest {
            plan: Some(plan.clone()),
            intent: Some(outcome.change.intent()),
        };
        let began = session.now_ms();
        let answer = match cluster.apply_reset(request).await {
            Ok(answer) => answer,
            Err(failure) => {
                report.failures.push(unapplied(failure, &plan, session));
                continue;
            }
        };
        for row in &mut plan.rows {
            take_from(row, &answer.rows);
        }
        answer.notes.iter().for_each(|it| report.note(format!("{}: {it}", plan.group)));
        plan.notes.extend(answer.notes.iter().cloned());
        let mut applied = Applied {
            undo: Some(answer.undo.clone()).filter(|it| !it.is_empty()),
            undo_file: file.map(|it| it.display().to_string()),
            expelled_count: Some(answer.expelled_count).filter(|_| plan.live),
        };
        if undo_file::write(&plan, &applied, session).is_none() {
            applied.undo_file = None;
        }
        if plan.live && answer.expelled_count > 0 {
            live::rejoined(&plan, &answer, began, session, report).await;
        }
        if let Some(id) = &applied.undo {
            let until = live::undo_until(id, cluster).await;
            report.note(undo_note(&plan.group, id, until, alone));
        }
        done.push((plan, applied));
    }
}

/// Members may have committed since the plan was made: what was overwritten is what counts.
fn take_from(row: &mut v1::ResetRow, written: &[v1::ResetRow]) {
    let found = written.iter().find(|it| (&it.topic, it.partition) == (&row.topic, row.partition));
    let Some(found) = found else { return };
    row.from = found.from;
    row.metadata.clone_from(&found.metadata);
    row.leader_epoch = found.leader_epoch;
    row.committed_at_ms = found.committed_at_ms.or(row.committed_at_ms);
    (row.reread, row.skip) = (found.reread, found.skip);
}

fn unapplied(failure: Failure, plan: &v1::ResetPlan, session: &Session) -> Failure {
    let failure = failure.about(plan.group.clone());
    if failure.code != "kq.STALE_PLAN" {
        return failure;
    }
    let again = session.command_line();
    if again.contains(" plan apply ") {
        let (group, typed) = (&plan.group, &plan.typed);
        return failure
            .hint(format!("make the plan anew: kq-ctl offset reset {group} .. --to {typed}"));
    }
    failure.hint(again.to_owned())
}
