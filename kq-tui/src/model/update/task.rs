//! Keys and answers while something is done to the cluster.

use crate::model::keys::Action;
use crate::model::task::{COLUMNS_MIN, PLAN_AGE_MAX_MS, ROWS_MIN, Ready, Stage, Task, in_short};
use crate::model::{Answer, Effect, Overlay, State};

impl State {
    /// What concerns only tasks; false if it is another key.
    pub(super) fn scroll_task(&mut self, action: Action) -> bool {
        let page = usize::from(self.size.1.saturating_sub(9)).max(1);
        let Some(Overlay::Task(task)) = &mut self.overlay else { return false };
        let to = match action {
            Action::ChoiceUp => task.first.saturating_sub(1),
            Action::ChoiceDown => task.first.saturating_add(1),
            Action::PageUp => task.first.saturating_sub(page),
            Action::PageDown => task.first.saturating_add(page),
            _ => return false,
        };
        task.first = to.min(task.sheet.lines.len().saturating_sub(1));
        true
    }

    /// Enter.
    pub(super) fn accept_task(&mut self, mut task: Box<Task>) -> Vec<Effect> {
        let mut effects = Vec::new();
        match task.stage.clone() {
            Stage::How => {
                task.line.text().trim().clone_into(&mut task.how);
                effects = self.propose(&mut task);
            }
            Stage::Shown(ready) => effects = self.do_it(&mut task, ready),
            // What is on its way is not sent twice, and what has ended is read until Esc.
            Stage::Asked(_) | Stage::Acting(_) | Stage::Ended => {}
        }
        if matches!(task.stage, Stage::Asked(_) | Stage::Acting(_)) {
            task.line.clear();
            task.error = None;
        }
        self.overlay = Some(Overlay::Task(task));
        effects
    }

    /// The one place from which the cluster is changed: what it would do was shown, and the word typed.
    fn do_it(&mut self, task: &mut Task, ready: Ready) -> Vec<Effect> {
        let typed = task.line.text().trim();
        if typed != ready.word {
            let word = &ready.word;
            let other = if typed.is_empty() { "" } else { "that is another word; " };
            task.error = Some(format!("{other}type {word}, then Enter; Esc does nothing"));
            return Vec::new();
        }
        let age_ms = self.elapsed_ms(ready.since_ms);
        if age_ms > PLAN_AGE_MAX_MS {
            let age = crate::text::span_text(age_ms);
            task.error =
                Some(format!("the plan is {age} old: Esc, and the same key makes it anew"));
            return Vec::new();
        }
        if self.size.0 < COLUMNS_MIN || self.size.1 < ROWS_MIN {
            task.error = Some("the plan cannot be read at this size".to_owned());
            return Vec::new();
        }
        match self.call(*ready.call) {
            Ok((id, effect)) => {
                task.stage = Stage::Acting(id);
                vec![effect]
            }
            Err(why) => {
                task.error = Some(format!("nothing was done: {why}"));
                Vec::new()
            }
        }
    }

    /// Esc: what is only asked is asked no more; what is being done goes on, and is told when it ends.
    pub(super) fn leave_task(&mut self, task: Box<Task>) -> Vec<Effect> {
        match task.stage {
            Stage::Asked(id) => {
                self.say("nothing was done");
                vec![Effect::HangUp(id)]
            }
            Stage::Acting(id) => {
                self.say("it goes on; its end is shown when it comes");
                self.leaving.insert(id, task);
                Vec::new()
            }
            Stage::How | Stage::Shown(_) => {
                self.say("nothing was done");
                Vec::new()
            }
            Stage::Ended => Vec::new(),
        }
    }

    /// What has ended while it was not looked at is shown once nothing else lies above the screen: a key
    /// that was on its way must not wipe it off.
    pub(super) fn show_ended(&mut self) {
        if self.overlay.is_none() {
            self.overlay = self.ended.pop_front().map(Overlay::Task);
        }
    }

    /// Why the monitor should not end yet: how something ends that was begun would be told to nobody.
    /// Who asks again knows.
    pub(super) fn unfinished(&mut self) -> Option<String> {
        let (id, task) = self.leaving.first_key_value()?;
        if self.warned_of == Some(*id) {
            return None;
        }
        let words = format!("q again quits; not known how it ends: {}", task.title());
        self.warned_of = Some(*id);
        Some(words)
    }

    /// A call has an answer: of a task, or of what the screen looks at.
    pub(super) fn take_answer(&mut self, id: u64, answer: Answer) -> Vec<Effect> {
        if let Some(mut task) = self.leaving.remove(&id) {
            task.conclude(answer, self);
            let (words, is_failure) = in_short(&task);
            if is_failure {
                self.complain(words);
            } else {
                self.say(words);
            }
            self.ended.push_back(task);
            return Vec::new();
        }
        let waits = matches!(&self.overlay, Some(Overlay::Task(task)) if task.waits_for(id));
        if !waits {
            return self.take_look(id, answer);
        }
        if let Some(Overlay::Task(mut task)) = self.overlay.take() {
            match task.stage {
                Stage::Acting(_) => task.conclude(answer, self),
                Stage::How | Stage::Asked(_) | Stage::Shown(_) | Stage::Ended => {
                    task.weigh(answer, self);
                }
            }
            self.overlay = Some(Overlay::Task(task));
        }
        Vec::new()
    }

    /// Nobody will answer any more: whoever waits is told.
    pub(super) fn hang_up_all(&mut self, why: &str) {
        let waits = |it: &Overlay| match it {
            Overlay::Task(task) => match task.stage {
                Stage::Asked(id) | Stage::Acting(id) => Some(id),
                Stage::How | Stage::Shown(_) | Stage::Ended => None,
            },
            Overlay::Help(_) | Overlay::Palette(_) | Overlay::Line(_) => None,
        };
        let ids = self.overlay.as_ref().and_then(waits).into_iter();
        let ids: Vec<u64> = ids.chain(self.leaving.keys().copied()).collect();
        for id in ids {
            let mut refusal = crate::model::Refusal::unasked(why);
            refusal.is_unsure = true;
            self.take_answer(id, Answer::Refused(refusal));
        }
    }
}
