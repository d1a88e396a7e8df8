//! `kq-ctl group ...`

mod consent;
pub(crate) mod delete;
pub(crate) mod describe;
pub(crate) mod lag;
pub(crate) mod list;
pub(crate) mod member;
pub(crate) mod named;
pub(crate) mod rebalance;
pub(crate) mod rows;
pub(crate) mod wait;

use super::verbs;

verbs! {
    /// List groups: where they stand and how far they are behind
    List(list) = "list",
    /// Show partitions, members or state of groups
    Describe(describe) = "describe",
    /// How far groups are behind and why; with --over end with 10 if it is too far
    Lag(lag) = "lag",
    /// Wait until groups meet a condition
    Wait(wait) = "wait",
    /// Have the members of a group share its partitions anew
    Rebalance(rebalance) = "rebalance",
    /// Delete groups without members, with their offsets
    Delete(delete) = "delete",
    /// Members of a group: list them, put them out
    Member(member) = "member",
}

impl Verb {
    /// As typed, with the verb below it where there is one.
    pub(crate) fn path(&self) -> &'static str {
        match self {
            Self::Member(args) => args.path(),
            Self::List(_)
            | Self::Describe(_)
            | Self::Lag(_)
            | Self::Wait(_)
            | Self::Rebalance(_)
            | Self::Delete(_) => self.name(),
        }
    }
}
