//! What became of it, and what to look at next.

use kq_proto::admin::v1;

use super::offsets::row;
use super::sheet::{Sheet, Weight};
use super::weigh::{changed_plan, elected, rate_words};
use super::{Aim, Stage, Task};
use crate::model::words::broker;
use crate::model::{Answer, Refusal, State};
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
            Answer::Refused(refusal) => refused(&refusal, &mut sheet),
            Answer::ApplyPlan(it) => {
                sheet.say(Weight::Good, format!("plan {} runs", it.id));
                sheet.say(Weight::Head, "7 shows how far it is; P there throttles or cancels it");
                sheet.say(Weight::Dim, format!("kq-ctl plan status {} -w", it.id));
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
                (Aim::Steer(_), Some(plan)) => steered(&plan, &mut sheet),
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

fn refused(refusal: &Refusal, sheet: &mut Sheet) {
    sheet.refused(&refusal.message, &refusal.hint);
    if refusal.code == "kq.STALE_PLAN" {
        sheet.say(Weight::Head, "nothing was done: the same key makes the plan anew");
    } else if refusal.is_unsure {
        sheet.say(Weight::Warn, "it may have been done all the same: look at 7 and 8 first");
    } else {
        sheet.say(Weight::Head, "nothing was done");
    }
}

fn election(it: &v1::ElectLeadersResponse, sheet: &mut Sheet) {
    let is = |wanted| it.leaders.iter().filter(|it| it.outcome() == wanted).count();
    let count = |it: usize| plural(u64::try_from(it).unwrap_or(u64::MAX), "leader");
    let elected_count = is(v1::ElectionOutcome::Elected);
    let late = is(v1::ElectionOutcome::HandingOver);
    sheet.say(Weight::Good, format!("{} elected", count(elected_count)));
    if late > 0 {
        sheet.say(
            Weight::Warn,
            format!("{} to be handed over once the old one has drained", count(late)),
        );
    }
    sheet.rows(&it.leaders, elected);
    sheet.errors(&it.errors);
    sheet.say(Weight::Head, "8 shows the events; 4 who leads");
}

fn reset(it: &v1::ApplyResetResponse, state: &State, sheet: &mut Sheet) {
    let changes: Vec<_> = it.rows.iter().filter(|it| it.from != it.to).collect();
    let written = plural(u64::try_from(changes.len()).unwrap_or(u64::MAX), "offset");
    sheet.say(Weight::Good, format!("{written} written"));
    if !it.undo.is_empty() {
        sheet.say(Weight::Head, format!("to take it back: kq-ctl offset undo {}", it.undo));
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

fn steered(plan: &v1::PlanStatus, sheet: &mut Sheet) {
    sheet.say(Weight::Good, format!("plan {} is {}", plan.id, plan.state));
    sheet.say(Weight::Row, Sheet::item("rate", &rate_words(plan)));
    if matches!(plan.state.as_str(), "cancelling" | "cancelled") {
        let words = format!("what is done stays; to put it back: kq-ctl plan rollback {}", plan.id);
        sheet.say(Weight::Head, words);
    }
    sheet.say(Weight::Head, "7 shows how far it is; 8 the event");
}
