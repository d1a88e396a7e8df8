//! The fence around a group that goes, or whose offsets an operator changes.
//!
//! ```text
//!   raised --------------------> lifted ---------------------------> gone
//!   all that is said is held     what was held is heard, one by one  nothing is held
//!      ^                              |
//!      '------------------------------' one of them was another change
//! ```
//! From the moment at which the change is on its way into the log until its end is known, nothing
//! else happens to the group: who speaks is held, and heard in the order of speaking when the fence
//! is lifted. So nobody fetches an offset that is about to be another, and a commit is either before
//! the change in the log or by someone who was not put out by it.
//!
//! A consumer group is what its log says, so what comes of a word may be decided only when what the
//! word before it had written is in the log or was refused. Words that come from outside find it so,
//! for the shell tells at once; those that were held wait for each other here.

use std::collections::VecDeque;

use super::{Entry, Shard};
use crate::canary;
use crate::group::{GroupId, Input, Now, Output};

/// What is said to a group while it must not be heard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Fence {
    /// The change's end is known: what is held is being heard.
    is_lifted: bool,
    held: VecDeque<Input>,
}

impl Shard {
    /// Whether what is committed is about to be something else, or nothing.
    pub fn is_fenced(&self, group: &GroupId) -> bool {
        self.fences.contains_key(group)
    }

    pub(super) fn raise_fence(&mut self, group: &GroupId) {
        self.fences.entry(group.clone()).or_default().is_lifted = false;
    }

    /// Keeps what is said to a fenced group for later; gives back what is not.
    pub(super) fn hold(&mut self, input: Input) -> Option<Input> {
        let fence = input.group().and_then(|it| self.fences.get_mut(it));
        match fence {
            Some(fence) if !canary::is("reset_without_fence") => {
                fence.held.push_back(input);
                None
            }
            _ => Some(input),
        }
    }

    /// The end of the change is known: what is held comes to what there is now.
    pub(super) fn lift_fence(&mut self, group: &GroupId) {
        if let Some(fence) = self.fences.get_mut(group) {
            fence.is_lifted = true;
        }
    }

    /// Hears what was held, in its order, as far as that can be decided by now.
    pub(super) fn hear_held(&mut self, group: &GroupId, now: Now, out: &mut Vec<Output>) {
        while let Some(input) = self.next_held(group) {
            self.hear(now, input, out);
        }
    }

    /// The fence is gone with the last that was held.
    fn next_held(&mut self, group: &GroupId) -> Option<Input> {
        let fence = self.fences.get(group).filter(|it| it.is_lifted)?;
        if fence.held.is_empty() {
            self.fences.remove(group);
            let deadline = self.groups.get(group).and_then(Entry::deadline);
            self.deadlines.arm(group, deadline);
            return None;
        }
        if self.is_writing(group) && !canary::is("held_heard_at_once") {
            return None;
        }
        self.fences.get_mut(group)?.held.pop_front()
    }

    /// Whether something of the group was written of which it is not known whether the log has it.
    fn is_writing(&self, group: &GroupId) -> bool {
        self.pending.values().any(|it| !it.is_appended && it.group == *group)
    }
}
