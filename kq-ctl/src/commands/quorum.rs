//! `kq-ctl quorum ...`

pub(crate) mod add;
mod change;
pub(crate) mod remove;
pub(crate) mod status;
pub(crate) mod transfer;

use super::verbs;

verbs! {
    /// Who votes in the metadata quorum, who follows, how far each is
    Status(status) = "status",
    /// Give a broker that follows a vote
    Add(add) = "add",
    /// Take a broker's vote; refused if the majority would go
    Remove(remove) = "remove",
    /// Let another voter lead the quorum
    Transfer(transfer) = "transfer",
}
