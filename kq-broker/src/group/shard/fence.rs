//! The fence around a group whose offsets are being changed by an operator.
//!
//! From the moment at which the change is on its way into the log until its end is known, nothing
//! else happens to the group: who speaks is held, and heard in the order of speaking when the fence
//! is lifted. So nobody fetches an offset that is about to be another, and a commit is either before
//! the change in the log or by someone who was not put out by it.

use super::Shard;
use crate::canary;
use crate::group::{GroupId, Input, Now, Output};

impl Shard {
    /// Whether what is committed is about to be something else.
    pub fn is_fenced(&self, group: &GroupId) -> bool {
        self.groups.get(group).is_some_and(|it| it.held.is_some())
    }

    pub(super) fn raise_fence(&mut self, group: &GroupId) {
        if let Some(entry) = self.groups.get_mut(group) {
            entry.held.get_or_insert_with(Vec::new);
        }
    }

    /// Keeps what is said to a fenced group for later; gives back what is not.
    pub(super) fn hold(&mut self, input: Input) -> Option<Input> {
        let held = input.group().and_then(|it| self.groups.get_mut(it)?.held.as_mut());
        match held {
            Some(held) if !canary::is("reset_without_fence") => {
                held.push(input);
                None
            }
            _ => Some(input),
        }
    }

    /// What was held is heard, in its order.
    pub(super) fn lift_fence(&mut self, group: &GroupId, now: Now, out: &mut Vec<Output>) {
        let Some(entry) = self.groups.get_mut(group) else { return };
        let held = entry.held.take();
        let deadline = entry.deadline();
        self.deadlines.arm(group, deadline);
        // Who was held comes to what is there now, which may be nothing.
        self.drop_if_deserted(group);
        for input in held.unwrap_or_default() {
            self.step(now, input, out);
        }
    }
}
