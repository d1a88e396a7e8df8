//! What an operator has a consumer group do.

use super::ConsumerGroup;
use super::draft::{Decided, Draft, Env};
use crate::canary;
use crate::group::{GroupError, MemberId};

impl ConsumerGroup {
    /// Another epoch and another target, as if a member had changed its wishes.
    pub(crate) fn deal_anew(&self, env: Env<'_>) -> Result<Decided, GroupError> {
        let mut draft = Draft::of(self, env);
        draft.look_up_topics(true)?;
        draft.update_target();
        Ok(draft.finish())
    }

    /// Members go as if their sessions had ended.
    pub(crate) fn put_out(&self, ids: &[MemberId], env: Env<'_>) -> Decided {
        let mut draft = Draft::of(self, env);
        for id in ids {
            draft.remove(id);
        }
        if !canary::is("put_out_without_epoch") {
            let hash = draft.hash();
            // Without another epoch the others keep what they have.
            draft.bump(hash).ok();
        }
        draft.finish()
    }
}
