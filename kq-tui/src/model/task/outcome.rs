//! What became of it, and what to look at next.

use kq_proto::admin::v1;

use super::offsets::row;
use super::sheet::{Sheet, Weight};
use super::weigh::{changed_plan, elected, rate_words};
use super::{Aim, Stage, Task};
use crate::model::words::broker;
use crate::model::{Answer, Refusal, State, ctl};
use crate::text::plural;

impl Task {
    /// The cluster has done it, or not.
    pub(in crate::model) fn conclude(&mut self, answer: Answer, state: &State) {
        self.sheet = self.outcome(answer, state);
        self.stage = Stage::Ended;
        self.first = 0;
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "other calls have other answers")]
    fn outcome(&self, answer: Answer, state: &State) -> Sheet {
        let mut sheet = Sheet::default();
        match answer {
            Answer::Refused(refusal) => self.refused(&refusal, state, &mut sheet),
            Answer::ApplyPlan(it) => {
                sheet.say(Weight::Good, format!("plan {} runs", it.id));
                sheet.say(Weight::Head, "7 shows how far it is; P there throttles or cancels it");
                sheet.say(Weight::Dim, ctl::next(state, "plan status -w", &[&it.id]));
            }
            Answer::ElectLeaders(it) => election(&it, &mut sheet),
            Answer::ApplyReset(it) => reset(&it, state, &mut sheet),
            Answer::CordonBrokers(it) => {
                brokers(&it.brokers, "is given no new replicas any more", &mut sheet);
                sheet.errors(&it.errors);
                sheet.say(Weight::Head, "8 shows the event; D again ends the drain");
            }
            Answer::UncordonBrokers(it) => {
                brokers(&it.brokers, "is given new replicas again", &mut sheet);
                sheet.errors(&it.errors);
                sheet.say(Weight::Head, "8 shows the event; P plans what comes back to it");
            }
            answer => match (&self.aim, changed_plan(answer)) {
                (Aim::Steer(_), Some(plan)) => steered(&plan, state, &mut sheet),
                _ => sheet.say(Weight::Bad, "the answer is of another kind than the question"),
            },
        }
        sheet
    }
}

/// In a line, for whoever went away meanwhile.
pub(in crate::model) fn in_short(task: &Task) -> (String, bool) {
    let is_bad = task.sheet.lines.iter().any(|it| it.weight == Weight::Bad);
    let first = task.sheet.lines.iter().find(|it| !is_bad || it.weight == Weight::Bad);
    let words = first.map_or("", |it| it.text.as_str());
    (format!("{}: {words}", task.title()), is_bad)
}

impl Task {
    fn refused(&self, refusal: &Refusal, state: &State, sheet: &mut Sheet) {
        sheet.refused(&refusal.message, &refusal.hint);
        if refusal.code == "kq.STALE_PLAN" {
            sheet.say(Weight::Head, "nothing was done: the same key makes the plan anew");
        } else if refusal.is_unsure {
            sheet
                .say(Weight::Warn, format!("it may have been done all the same: {}", self.place()));
            if matches!(self.aim, Aim::Reset { .. }) {
                sheet.say(Weight::Dim, ctl::next(state, "offset undo", &[]));
            }
        } else {
            sheet.say(Weight::Head, "nothing was done");
        }
    }

    /// Where it is seen whether it was done.
    const fn place(&self) -> &'static str {
        match self.aim {
            Aim::Elect(_) => "look at 4, who leads, and 8 first",
            Aim::Drain(_) | Aim::Balance(_) | Aim::Steer(_) => "look at 7 and 8 first",
            Aim::Undrain(_) => "look at 2 and 8 first",
            Aim::Reset { .. } => "look at 6 first, and what can be taken back",
        }
    }
}

fn election(it: &v1::ElectLeadersResponse, sheet: &mut Sheet) {
    let is = |wanted| it.leaders.iter().filter(|it| it.outcome() == wanted).count();
    let count = |it: usize| plural(u64::try_from(it).unwrap_or(u64::MAX), "leader");
    let (now, late) = (is(v1::ElectionOutcome::Elected), is(v1::ElectionOutcome::HandingOver));
    let weight = if now == 0 { Weight::Head } else { Weight::Good };
    sheet.say(weight, format!("{} elected", count(now)));
    if late > 0 {
        sheet.say(
            Weight::Warn,
            format!("{} to be handed over once the old one has drained", count(late)),
        );
    }
    let same = is(v1::ElectionOutcome::Unchanged);
    if same > 0 {
        sheet.say(Weight::Warn, format!("{} as before", count(same)));
    }
    // Before the rows, below which nobody would look for them.
    sheet.errors(&it.errors);
    sheet.rows(&it.leaders, elected);
    sheet.say(Weight::Head, "8 shows the events; 4 who leads");
}

fn reset(it: &v1::ApplyResetResponse, state: &State, sheet: &mut Sheet) {
    let changes: Vec<_> = it.rows.iter().filter(|it| it.from != it.to).collect();
    let written = plural(u64::try_from(changes.len()).unwrap_or(u64::MAX), "offset");
    sheet.say(Weight::Good, format!("{written} written"));
    if !it.undo.is_empty() {
        let line = ctl::next(state, "offset undo", &[&it.undo]);
        sheet.say(Weight::Head, format!("to take it back: {line}"));
        sheet.say(
            Weight::Dim,
            "the cluster keeps what was there; 'offset undo' alone says how long",
        );
    }
    if it.expelled_count > 0 {
        let members = plural(it.expelled_count.into(), "member");
        sheet.say(Weight::Warn, format!("{members} put out; Enter on the group shows them back"));
    }
    it.notes.iter().for_each(|it| sheet.say(Weight::Warn, it));
    sheet.rows(&changes, |it| row(it, state));
    sheet.say(Weight::Head, "6 shows the group's lag; 8 the event");
}

fn brokers(changes: &[v1::BrokerChange], words: &str, sheet: &mut Sheet) {
    for it in changes {
        let so = if it.changed { "" } else { ", as before" };
        sheet.say(Weight::Good, format!("{} {words}{so}", broker(it.broker)));
    }
}

fn steered(plan: &v1::PlanStatus, state: &State, sheet: &mut Sheet) {
    sheet.say(Weight::Good, format!("plan {} is {}", plan.id, plan.state));
    sheet.say(Weight::Row, Sheet::item("rate", &rate_words(plan)));
    if matches!(plan.state.as_str(), "cancelling" | "cancelled") {
        let line = ctl::next(state, "plan rollback", &[&plan.id]);
        sheet.say(Weight::Head, format!("what is done stays; to put it back: {line}"));
        if plan.verb.contains("drain") {
            let words = "its broker is still given no new replicas: 2, then D on it, ends that";
            sheet.say(Weight::Warn, words);
        }
    }
    sheet.say(Weight::Head, "7 shows how far it is; 8 the event");
}
