//! What the cluster would do, to be read; and what is done once the word was typed, if anything may be.

use kq_proto::admin::v1;

use super::ask::{elect, intent, steer};
use super::moves::plan_sheet;
use super::offsets::reset_sheet;
use super::sheet::{Sheet, SheetLine, Weight};
use super::{Aim, Ready, Stage, Task};
use crate::model::words::broker;
use crate::model::{Answer, Call, State, ctl};
use crate::text::{bytes_text, plural, safe};

/// What there is to read, and what may be done: a call that concerns so many things.
pub(super) type Weighed = (Sheet, Option<(Call, usize)>);

impl Task {
    /// The cluster has told what it would do.
    pub(in crate::model) fn weigh(&mut self, answer: Answer, state: &State) {
        let (mut sheet, next) = self.read(answer, state);
        let choice = state.choice();
        if let Some(words) = choice.words() {
            let line = SheetLine { weight: Weight::Warn, text: words };
            if choice.hidden > 0 {
                // What is not among it is to be known before the rest is read.
                sheet.lines.insert(0, line);
            } else {
                sheet.lines.push(SheetLine { weight: Weight::Dim, ..line });
            }
        }
        if next.is_some() {
            sheet.ctl(&ctl::of_task(state, &self.aim, &self.how));
        }
        self.stage = match next {
            None => Stage::Ended,
            Some((call, count)) => {
                // What a protected context holds has to be named by the context.
                let settings = &state.settings;
                let context = safe(settings.context.trim());
                // No word is nothing: then Enter alone would do it.
                let word = if settings.protected && !context.is_empty() {
                    sheet.say(Weight::Warn, format!("context {context} is protected"));
                    context.into_owned()
                } else {
                    self.aim.word(count)
                };
                let since_ms = state.uptime_ms;
                Stage::Shown(Ready { word, since_ms, call: Box::new(call) })
            }
        };
        self.sheet = sheet;
        self.first = 0;
    }

    fn read(&self, answer: Answer, state: &State) -> Weighed {
        match (&self.aim, answer) {
            (_, Answer::Refused(refusal)) => {
                let mut sheet = Sheet::default();
                // Nobody answered what was only a question: there is nothing to look for.
                let hint = if refusal.is_unsure { "" } else { refusal.hint.as_str() };
                sheet.refused(&refusal.message, hint);
                sheet.say(Weight::Head, "nothing was done: this only asked");
                (sheet, None)
            }
            (_, Answer::ProposePlan(answer)) => plan_sheet(answer.plan.unwrap_or_default()),
            (_, Answer::ProposeReset(answer)) => reset_sheet(answer, state),
            (_, Answer::ElectLeaders(answer)) => election(&answer),
            (Aim::Undrain(id), Answer::UncordonBrokers(answer)) => undrain(*id, &answer, state),
            (Aim::Steer(plan), answer) => steering(plan, answer, &self.how),
            _ => {
                let mut sheet = Sheet::default();
                sheet.say(Weight::Bad, "the answer is of another kind than the question");
                (sheet, None)
            }
        }
    }
}

impl Sheet {
    /// Why something does not go, and what to try.
    pub(super) fn refused(&mut self, message: &str, hint: &str) {
        self.say(
            Weight::Bad,
            if message.is_empty() { "refused, without a word why" } else { message },
        );
        for line in hint.lines() {
            self.say(Weight::Head, format!("try: {}", line.trim()));
        }
    }

    pub(super) fn errors(&mut self, errors: &[v1::ItemError]) {
        for it in errors.iter().take(100) {
            self.refused(&format!("{}: {}", it.item, it.message), &it.hint);
        }
    }
}

fn leader(id: Option<u32>) -> String {
    id.map_or_else(|| "none".to_owned(), broker)
}

/// One partition of an election.
pub(super) fn elected(it: &v1::ElectedLeader) -> String {
    let words = format!("{} -> {}", leader(it.old_leader), leader(it.new_leader));
    let late = match it.outcome() {
        v1::ElectionOutcome::HandingOver => "   when the new one holds everything",
        v1::ElectionOutcome::Unspecified
        | v1::ElectionOutcome::Elected
        | v1::ElectionOutcome::Unchanged => "",
    };
    Sheet::item(&format!("{}/{}", it.topic, it.partition), &format!("{words}{late}"))
}

fn election(answer: &v1::ElectLeadersResponse) -> Weighed {
    let mut sheet = Sheet::default();
    let (same, moved): (Vec<_>, Vec<_>) =
        answer.leaders.iter().partition(|it| it.outcome() == v1::ElectionOutcome::Unchanged);
    let count = |it: usize| plural(u64::try_from(it).unwrap_or(u64::MAX), "leader");
    if moved.is_empty() {
        sheet.say(Weight::Head, "nothing to do: no leader would move");
    } else {
        sheet.say(Weight::Head, format!("{} would move", count(moved.len())));
    }
    sheet.errors(&answer.errors);
    sheet.rows(&moved, |it| elected(it));
    if !same.is_empty() {
        sheet.say(Weight::Dim, format!("{} as preferred already", count(same.len())));
    }
    let places: Vec<_> = moved.iter().map(|it| (it.topic.clone(), it.partition)).collect();
    let call = elect(&places, Some(intent(false)));
    (sheet, (!places.is_empty()).then_some((call, places.len())))
}

fn undrain(id: u32, answer: &v1::UncordonBrokersResponse, state: &State) -> Weighed {
    let mut sheet = Sheet::default();
    sheet.errors(&answer.errors);
    let is_emptying = |it: &&v1::PlanStatus| {
        let is_over = matches!(it.state.as_str(), "done" | "cancelled");
        !is_over && (it.verb.contains("drain") || it.verb.contains("decommission"))
    };
    for it in state.facts.plans.iter().filter(is_emptying) {
        let words = format!(
            "plan {} ({}) is {} and goes on taking replicas off: 7, then P, cancels it",
            it.id, it.verb, it.state
        );
        sheet.say(Weight::Warn, words);
    }
    let changes = answer.brokers.iter().any(|it| it.changed);
    if changes {
        let words = format!("{} would be given new replicas again", broker(id));
        sheet.say(Weight::Head, words);
        sheet.say(Weight::Dim, "what has moved away does not come back by itself: P plans that");
    } else if answer.errors.is_empty() {
        sheet.say(Weight::Head, "nothing to do: it is given new replicas already");
    }
    let intent = Some(intent(false));
    let call = Call::UncordonBrokers(v1::UncordonBrokersRequest { brokers: vec![id], intent });
    (sheet, changes.then_some((call, 1)))
}

/// The rate of a plan in words: `auto, 96.0 MB/s`.
pub(super) fn rate_words(it: &v1::PlanStatus) -> String {
    use v1::plan_throttle::Rate;
    let each = it.bytes_per_second.map(|it| format!("{}/s into each broker", bytes_text(it)));
    match (it.throttle.and_then(|it| it.rate), each) {
        (Some(Rate::Auto(_)), Some(each)) => format!("auto, {each}"),
        (Some(Rate::Auto(_)), None) => "auto".to_owned(),
        (Some(Rate::BytesPerSecond(rate)), _) => format!("{}/s into each broker", bytes_text(rate)),
        (Some(Rate::Off(_)) | None, _) => "as fast as it goes".to_owned(),
    }
}

/// The plan that a call about one has answered with.
#[expect(clippy::wildcard_enum_match_arm, reason = "other calls have other answers")]
pub(super) fn changed_plan(answer: Answer) -> Option<v1::PlanStatus> {
    match answer {
        Answer::PausePlan(it)
        | Answer::ResumePlan(it)
        | Answer::CancelPlan(it)
        | Answer::ThrottlePlan(it) => it.plan,
        _ => None,
    }
}

/// What a plan comes to. Asked for a state, a broker that changes nothing tells of the plan as it is;
/// asked for a rate, with the rate as it would be.
fn steering(before: &v1::PlanStatus, answer: Answer, how: &str) -> Weighed {
    let mut sheet = Sheet::default();
    let Some(plan) = changed_plan(answer) else {
        sheet.say(Weight::Bad, "the answer says nothing of the plan");
        return (sheet, None);
    };
    let state = match how.trim() {
        "pause" => "paused",
        "resume" => "running",
        "cancel" => "cancelling",
        _ => plan.state.as_str(),
    };
    sheet.say(Weight::Head, how);
    let is_same = plan.state == state && rate_words(before) == rate_words(&plan);
    if is_same {
        sheet.say(Weight::Warn, "it is so already");
    }
    sheet.say(Weight::Row, Sheet::item("state", &format!("{} -> {state}", plan.state)));
    let (now, then) = (rate_words(before), rate_words(&plan));
    let rates = if now == then { now } else { format!("{now} -> {then}") };
    sheet.say(Weight::Row, Sheet::item("rate", &rates));
    let count = |state: &str| plan.moves_by_state.get(state).copied().unwrap_or(0);
    let (done, moving) = (count("done"), count("moving"));
    sheet.say(Weight::Row, Sheet::item("moves", &format!("{done} of {} done", plan.move_count)));
    if state == "cancelling" && !is_same {
        let words = format!("{moving} that move go back to where they were; {done} done stay");
        sheet.say(Weight::Warn, words);
    }
    match steer(&before.id, how, false) {
        Ok(call) => (sheet, Some((call, 1))),
        Err(why) => {
            sheet.say(Weight::Bad, why);
            (sheet, None)
        }
    }
}
