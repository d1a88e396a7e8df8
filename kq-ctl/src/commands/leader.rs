//! `kq-ctl leader ...`

pub(crate) mod balance;
pub(crate) mod elect;
pub(crate) mod list;
pub(crate) mod policy;
pub(crate) mod transfer;
mod unclean;

use kq_proto::admin::v1;

use super::verbs;
use crate::output::{Cell, Row, Tone, row};

verbs! {
    /// How leadership is spread over the brokers
    List(list) = "list",
    /// Elect leaders: the preferred ones, or where nobody in sync is left any that lives
    Elect(elect) = "elect",
    /// Hand leadership over to a certain replica
    Transfer(transfer) = "transfer",
    /// Let preferred leaders lead again, so many at a time
    Balance(balance) = "balance",
    /// Who should lead, who may when nobody in sync is left, and when leaders stay put
    Policy(policy) = "policy",
}

impl Verb {
    /// As typed, with the verb below it where there is one.
    pub(crate) fn path(&self) -> &'static str {
        match self {
            Self::Policy(args) => args.path(),
            Self::List(_) | Self::Elect(_) | Self::Transfer(_) | Self::Balance(_) => self.name(),
        }
    }
}

/// A row of `LeaderElection`, with what vanishes by it in words.
pub(super) fn elected_row(it: &v1::ElectedLeader, loss: Option<&str>, dry_run: bool) -> Row {
    let status = match (it.outcome(), dry_run) {
        (v1::ElectionOutcome::Unspecified, _) => Cell::Null,
        (v1::ElectionOutcome::Unchanged, _) => Cell::State("unchanged", Tone::Plain),
        (_, true) => Cell::State("would_be_elected", Tone::Plain),
        (v1::ElectionOutcome::Elected, false) => Cell::State("elected", Tone::Good),
        (v1::ElectionOutcome::HandingOver, false) => Cell::State("handing_over", Tone::Warn),
    };
    row! {
        topic: &it.topic,
        partition: it.partition,
        old_leader: it.old_leader,
        new_leader: it.new_leader,
        status: status,
        loss: loss,
    }
}

/// Whether an election changed something, or would.
pub(super) fn is_change(it: &v1::ElectedLeader) -> bool {
    it.outcome() != v1::ElectionOutcome::Unchanged
}
