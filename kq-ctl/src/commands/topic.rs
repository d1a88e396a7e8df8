//! `kq-ctl topic ...`

pub(crate) mod alter;
pub(crate) mod compact;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod describe;
pub(crate) mod lag;
pub(crate) mod list;
pub(crate) mod offsets;
pub(crate) mod protect;
pub(crate) mod purge;
pub(crate) mod restore;
mod rows;
pub(crate) mod unprotect;
pub(crate) mod wait;

use super::verbs;

verbs! {
    /// List topics and how they are
    List(list) = "list",
    /// Describe topics: partitions, replicas, offsets, configuration
    Describe(describe) = "describe",
    /// Create topics
    Create(create) = "create",
    /// Change configuration, add partitions or replicas
    Alter(alter) = "alter",
    /// Delete topics; they can be restored until their time is up
    Delete(delete) = "delete",
    /// Bring deleted topics back with all their records
    Restore(restore) = "restore",
    /// Remove deleted topics for good
    Purge(purge) = "purge",
    /// Refuse deletion and purging until 'unprotect'
    Protect(protect) = "protect",
    /// Lift protection
    Unprotect(unprotect) = "unprotect",
    /// Compact topics now, once
    Compact(compact) = "compact",
    /// Find offsets at a position, partition by partition
    Offsets(offsets) = "offsets",
    /// How far the groups are behind that read topics
    Lag(lag) = "lag",
    /// Wait until topics are as they should be
    Wait(wait) = "wait",
}
