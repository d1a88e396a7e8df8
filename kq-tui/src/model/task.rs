//! Something that is done to the cluster, from its key to what became of it. The cluster is asked first
//! what it would do; that is shown; then a word has to be typed, and only then is it done.
//!
//! ```text
//!   key --> How --line--> Asked --plan--> Shown --the word, Enter--> Acting --answer--> Ended
//!             (R, P)        |               |                          |
//!            Esc: away   refused -> Ended  Esc: away, nothing done    Esc: away, it goes on
//! ```
//! Enter alone does nothing anywhere, and whatever cannot be done says why.

mod aim;
mod ask;
mod moves;
mod offsets;
mod outcome;
mod sheet;
mod weigh;

#[cfg(test)]
mod guard_test;
#[cfg(test)]
mod task_test;

use super::ctl::Deed;
use super::line::Line;
use super::{Call, Effect, Overlay, State};

pub use aim::Aim;
pub(super) use outcome::in_short;
pub use sheet::{Sheet, SheetLine, Weight};

/// Below this size nothing of a plan is seen.
pub const COLUMNS_MIN: u16 = 40;
/// Below this size nothing of a plan is seen.
pub const ROWS_MIN: u16 = 10;
/// A plan that was shown so long ago, in milliseconds, tells of a cluster as it was.
pub const PLAN_AGE_MAX_MS: u64 = 10 * 60_000;

/// Something that is to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// What it is done to.
    pub aim: Aim,
    /// How far it is.
    pub stage: Stage,
    /// What is typed: how it is to be done, or the word.
    pub line: Line,
    /// What is wrong with that, and what is accepted.
    pub error: Option<String>,
    /// What there is to read.
    pub sheet: Sheet,
    /// The first line of it that is seen.
    pub first: usize,
    /// How it is to be done, as it was typed.
    pub(super) how: String,
}

/// How far a task is.
#[derive(Debug, Clone, PartialEq)]
pub enum Stage {
    /// A line has to say how.
    How,
    /// The cluster is asked what it would do, by a call of this number.
    Asked(u64),
    /// The plan is read, and the word has to be typed.
    Shown(Ready),
    /// It is being done, by a call of this number.
    Acting(u64),
    /// It is done, or cannot be.
    Ended,
}

/// What is done once the word was typed.
#[derive(Debug, Clone, PartialEq)]
pub struct Ready {
    /// The word, safe to show, without spaces around it.
    pub word: String,
    /// When the plan was shown, by the uptime.
    pub(super) since_ms: u64,
    pub(super) call: Box<Call>,
}

impl Task {
    /// What stands above it: `PREFERRED ELECTION of orders/17`.
    pub fn title(&self) -> String {
        crate::text::safe(&self.aim.title()).into_owned()
    }

    /// Whether it waits for the answer to this call.
    pub(super) fn waits_for(&self, id: u64) -> bool {
        matches!(self.stage, Stage::Asked(it) | Stage::Acting(it) if it == id)
    }

    /// What stands before the line that is typed, if one is.
    pub fn label(&self) -> Option<String> {
        match &self.stage {
            Stage::How => Some(self.aim.how_label().to_owned()),
            Stage::Shown(ready) => Some(format!("type {} to do it", ready.word)),
            Stage::Asked(_) | Stage::Acting(_) | Stage::Ended => None,
        }
    }
}

impl State {
    /// Begins something, unless it cannot be.
    pub(super) fn open_task(&mut self, deed: Deed) -> Vec<Effect> {
        let aim = match Aim::of(self, deed) {
            Ok(aim) => aim,
            Err(why) => {
                self.complain(why);
                return Vec::new();
            }
        };
        let mut task = Task {
            stage: Stage::How,
            line: Line::default(),
            error: None,
            sheet: Sheet::default(),
            first: 0,
            how: String::new(),
            aim,
        };
        let mut effects = Vec::new();
        if task.aim.wants_how() {
            task.sheet = task.aim.ways();
        } else {
            effects = self.propose(&mut task);
        }
        self.overlay = Some(Overlay::Task(Box::new(task)));
        effects
    }

    /// Asks the cluster what it would do.
    pub(super) fn propose(&mut self, task: &mut Task) -> Vec<Effect> {
        let asked = task.aim.proposal(self, &task.how).and_then(|call| self.call(call));
        match asked {
            Ok((id, effect)) => {
                task.stage = Stage::Asked(id);
                task.sheet = Sheet::default();
                task.sheet.say(Weight::Dim, "the cluster is asked what it would do ..");
                vec![effect]
            }
            Err(why) => {
                task.error = Some(why);
                Vec::new()
            }
        }
    }

    /// The only way that a call leaves. An error in words if it must not: nothing is changed from here
    /// unless what is shown is what is now, and the context allows it.
    pub(super) fn call(&mut self, call: Call) -> Result<(u64, Effect), String> {
        if call.changes()
            && let Some(why) = self.unchangeable()
        {
            return Err(why);
        }
        self.effects += 1;
        Ok((self.effects, Effect::Call { id: self.effects, call: Box::new(call) }))
    }

    /// Why this is not the cluster that was looked at first.
    pub(super) fn strange_cluster(&self) -> Option<String> {
        let first = self.first_cluster.as_ref().filter(|_| !self.told_cluster.is_empty())?;
        let now = crate::text::safe(&self.told_cluster);
        let first_words = crate::text::safe(first);
        (*first != self.told_cluster).then(|| {
            format!("cluster {now} answers here now, and it was {first_words}: start kq-tui again")
        })
    }

    /// Why nothing may be changed from here now.
    pub(super) fn unchangeable(&self) -> Option<String> {
        if self.is_recording() {
            return Some("a recording cannot be changed".to_owned());
        }
        if self.settings.read_only {
            let context = crate::text::safe(&self.settings.context);
            return Some(if self.settings.read_only_asked {
                "kq-tui was started with --read-only: nothing is changed".to_owned()
            } else {
                format!("context {context} is read only")
            });
        }
        if let Some(why) = self.strange_cluster() {
            return Some(why);
        }
        let mode = self.mode();
        (!mode.is_now()).then(|| {
            let way = if matches!(mode, super::Mode::Lost { .. }) {
                "no broker tells what is now"
            } else {
                "L goes back"
            };
            format!("this is {}, not what is now; {way}", mode.word())
        })
    }
}
